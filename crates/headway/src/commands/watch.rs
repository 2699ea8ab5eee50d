//! `headway watch`.

use std::collections::{BTreeMap, BTreeSet};

use headway_client::{Applied, Client, JobsQuery, Selector, Watch, WatchOptions, Watched};
use headway_protocol::frame::{EventFilter, ServerMessage};
use headway_protocol::{Job, JobId};

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
    let mut watching = Watching {
        watch: client.watch(selectors, options),
        client,
        named: arguments.ids.into_iter().collect(),
        expected,
        untold: BTreeSet::new(),
        jobs: BTreeMap::new(),
        json: common.json,
        display: (!common.json).then(Display::new),
        worst: Exit::Success,
    };
    tokio::select! {
        exit = watching.run() => exit,
        _ = stop.recv() => Ok(Exit::Interrupted),
    }
}

/// What is watched, and what has become of it so far.
struct Watching {
    client: Client,
    watch: Watch,
    /// Jobs that were named.
    named: BTreeSet<JobId>,
    /// Jobs whose ends are waited for.
    expected: BTreeSet<JobId>,
    /// Jobs that were open when the stream lost sight of them, and of which it has told nothing since.
    untold: BTreeSet<JobId>,
    jobs: BTreeMap<JobId, Watched>,
    json: bool,
    display: Option<Display>,
    worst: Exit,
}

impl Watching {
    /// Watches until nothing more is waited for.
    ///
    /// Cancel safety: dropping it only stops looking.
    async fn run(&mut self) -> Result<Exit, Failure> {
        while let Some(message) = self.watch.next().await {
            let message = message?;
            if self.json {
                output::json(&message);
            }
            let is_less = if let Some(id) = job_of(&message) {
                self.take(id, &message)
            } else if let ServerMessage::Error { id, message, .. } = &message {
                self.refused(id.as_deref(), message).await
            } else {
                false
            };
            if is_less && self.expected.is_empty() {
                self.settle().await;
                // What is open after all is on the stream that stands.
                self.expected = std::mem::take(&mut self.untold);
                if self.expected.is_empty() {
                    break;
                }
            }
        }
        // The stream says no more: the documents have the last word.
        self.untold.append(&mut self.expected);
        self.settle().await;
        for id in &self.untold {
            output::complain(&format!("the stream ended before {id} did"));
            self.worst = self.worst.max(Exit::CouldNotRun);
        }
        if let Some(display) = &self.display {
            display.finish();
        }
        Ok(self.worst)
    }

    /// Takes a message about a job. Whether its end is no longer waited for.
    fn take(&mut self, id: &JobId, message: &ServerMessage) -> bool {
        let watched = self.jobs.entry(id.clone()).or_default();
        if watched.apply(message) == Applied::Changed {
            self.untold.remove(id);
            if Exit::of_watched(watched).is_none() {
                self.expected.insert(id.clone());
            }
        }
        if let (ServerMessage::Event { event, .. }, Some(display)) = (message, &self.display) {
            display.say(&format!("{id}  {}", text::plain(&event.to_string())));
        }
        let Some(job) = watched.job() else { return false };
        // A batch that its budget paused does not go on by itself.
        let over = watched.has_ended() || Exit::of(&job) == Some(Exit::Budget);
        if let Some(display) = &mut self.display {
            display.update(&job);
        }
        let is_less = over && self.expected.remove(id);
        if is_less {
            self.verdict(&job);
        }
        is_less
    }

    /// Something is not served. Whether an end is no longer waited for.
    async fn refused(&mut self, about: Option<&str>, message: &str) -> bool {
        let job: Option<JobId> = about.and_then(|about| about.strip_prefix("job:")?.parse().ok());
        match job {
            // A selector brought it: its document tells what the stream did not.
            Some(id) if !self.named.contains(&id) => {
                let is_less = self.expected.remove(&id);
                if is_less && self.is_open(&id).await {
                    self.untold.insert(id);
                }
                is_less
            }
            job => {
                output::complain(message);
                self.worst = self.worst.max(Exit::CouldNotRun);
                job.is_some_and(|id| self.expected.remove(&id))
            }
        }
    }

    /// Asks for what the stream did not tell; what is open remains.
    async fn settle(&mut self) {
        for id in std::mem::take(&mut self.untold) {
            if self.is_open(&id).await {
                self.untold.insert(id);
            }
        }
    }

    /// Whether a job goes on, by its document; takes note of its end.
    async fn is_open(&mut self, id: &JobId) -> bool {
        match self.client.job(id).await {
            Ok(job) if Exit::of(&job).is_none() => true,
            Ok(job) => {
                if let Some(display) = &mut self.display {
                    display.update(&job);
                }
                self.verdict(&job);
                false
            }
            Err(error) => {
                output::complain(&Failure::from(error).to_string());
                self.worst = self.worst.max(Exit::CouldNotRun);
                false
            }
        }
    }

    fn verdict(&mut self, job: &Job) {
        self.worst = self.worst.max(Exit::of(job).unwrap_or(Exit::Success));
        if let Some(display) = &self.display {
            display.say(&display::verdict(job));
        }
    }
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
