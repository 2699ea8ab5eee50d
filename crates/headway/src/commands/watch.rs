//! `headway watch`.

use std::collections::{BTreeMap, BTreeSet};

use headway_client::{Applied, JobsQuery, Selector, WatchOptions, Watched};
use headway_protocol::JobId;
use headway_protocol::frame::{EventFilter, ServerMessage};

use super::client;
use super::serve::listen;
use crate::arguments::{Common, WatchArguments};
use crate::display::{self, Display};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{output, text};

/// How often a connection is tried again in a row, over each transport.
const ATTEMPTS: u32 = 50;

pub(crate) async fn run(common: &Common, arguments: WatchArguments) -> Result<Exit, Failure> {
    let client = client(common)?;
    // A name that does not exist is told at once, with the server's own words.
    for id in &arguments.ids {
        client.job(id).await?;
    }
    let mut selectors: Vec<_> = arguments.ids.iter().cloned().map(Selector::job).collect();
    let mut expected: BTreeSet<JobId> = arguments.ids.iter().cloned().collect();
    if let Some(session) = &arguments.session {
        let query = JobsQuery { session: Some(session.clone()), ..JobsQuery::default() };
        let jobs = client.jobs(&query).await?.jobs;
        expected.extend(jobs.into_iter().filter(|job| !job.status.is_terminal()).map(|job| job.id));
        selectors.push(Selector::Session(session.clone()));
    }
    if let (Some(session), true) = (&arguments.session, expected.is_empty()) {
        output::complain(&format!("no job of session {session} is open: waiting for the next one"));
    }
    let options = WatchOptions {
        events: arguments.events.then_some(EventFilter::All(true)),
        attempts: Some(ATTEMPTS),
        min_interval_ms: None,
    };
    let mut stop = listen()?;
    let mut display = (!common.json).then(Display::new);
    let mut watch = client.watch(selectors, options);
    let mut jobs: BTreeMap<JobId, Watched> = BTreeMap::new();
    let mut worst = Exit::Success;
    loop {
        let message = tokio::select! {
            message = watch.next() => message,
            _ = stop.recv() => return Ok(Exit::Interrupted),
        };
        let Some(message) = message else { break };
        let message = message?;
        if common.json {
            output::json(&message);
        }
        let Some(id) = job_of(&message) else {
            if let ServerMessage::Error { message, .. } = &message {
                output::complain(message);
                worst = worst.max(Exit::CouldNotRun);
            }
            continue;
        };
        let watched = jobs.entry(id.clone()).or_default();
        if watched.apply(&message) == Applied::Changed && Exit::of_watched(watched).is_none() {
            expected.insert(id.clone());
        }
        if let (ServerMessage::Event { event, .. }, Some(display)) = (&message, &display) {
            display.say(&format!("{id}  {}", text::plain(&event.to_string())));
        }
        let Some(job) = watched.job() else { continue };
        if let Some(display) = &mut display {
            display.update(&job);
        }
        // A batch that its budget paused does not go on by itself.
        let over = watched.has_ended() || Exit::of(&job) == Some(Exit::Budget);
        if over && expected.remove(id) {
            worst = worst.max(Exit::of(&job).unwrap_or(Exit::Success));
            if let Some(display) = &display {
                display.say(&display::verdict(&job));
            }
            if expected.is_empty() {
                break;
            }
        }
    }
    if let Some(display) = &display {
        display.finish();
    }
    Ok(worst)
}

fn job_of(message: &ServerMessage) -> Option<&JobId> {
    match message {
        ServerMessage::Snapshot { job, .. }
        | ServerMessage::Update { job, .. }
        | ServerMessage::Event { job, .. }
        | ServerMessage::Gap { job, .. }
        | ServerMessage::End { job, .. } => Some(job),
        ServerMessage::Hello { .. }
        | ServerMessage::Subscribed { .. }
        | ServerMessage::Heartbeat { .. }
        | ServerMessage::Result { .. }
        | ServerMessage::Error { .. }
        | ServerMessage::Pong { .. }
        | ServerMessage::Closing { .. }
        | ServerMessage::Unknown => None,
    }
}
