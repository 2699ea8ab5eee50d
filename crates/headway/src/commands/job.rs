//! `headway job`.

use std::collections::VecDeque;

use headway_client::{Client, JobsQuery};
use headway_protocol::request::{CommandRequest, HistoryEvent, HistoryPage, JobPage};
use headway_protocol::{Action, Job, JobId};

use super::client;
use crate::arguments::{Common, JobCommand, ListArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::Table;
use crate::{display, output};

/// Events of one page of a history.
const PAGE: u32 = 1_000;

pub(crate) async fn run(common: &Common, command: JobCommand) -> Result<Exit, Failure> {
    match command {
        JobCommand::List(arguments) => list(common, arguments).await,
        JobCommand::Get { id } => {
            let job = client(common)?.job(&id).await?;
            if common.json {
                output::json(&job);
            } else {
                output::pretty(&job);
            }
            Ok(Exit::Success)
        }
        JobCommand::Events { id, tail: Some(wanted), .. } => {
            newest_events(common, &id, wanted).await
        }
        JobCommand::Events { id, limit, tail: None } => events(common, &id, limit).await,
        JobCommand::Cancel { id } => {
            ask(common, &id, Action::Cancel, CommandRequest::default()).await
        }
        JobCommand::Pause { id } => {
            ask(common, &id, Action::Pause, CommandRequest::default()).await
        }
        JobCommand::Resume { id, budget } => {
            let request = CommandRequest { max_budget: budget, ..CommandRequest::default() };
            ask(common, &id, Action::Resume, request).await
        }
        JobCommand::Retry { id } => {
            ask(common, &id, Action::Retry, CommandRequest::default()).await
        }
    }
}

async fn ask(
    common: &Common,
    id: &JobId,
    action: Action,
    request: CommandRequest,
) -> Result<Exit, Failure> {
    let job = client(common)?.command(id, action, &request).await?;
    show(common, &job);
    Ok(Exit::Success)
}

fn show(common: &Common, job: &Job) {
    if common.json { output::json(job) } else { output::line(&display::sentence(job)) }
}

async fn list(common: &Common, arguments: ListArguments) -> Result<Exit, Failure> {
    let query = JobsQuery {
        status: arguments.status,
        kind: arguments.kind,
        session: arguments.session,
        tag: arguments.tag,
        text: arguments.text,
        page: arguments.page,
        limit: Some(arguments.limit),
    };
    let page = found(&client(common)?, &query, arguments.limit).await?;
    if common.json {
        output::json(&page);
        return Ok(Exit::Success);
    }
    let mut table = Table::new(&["ID", "STATUS", "PROGRESS", "KIND", "NAME", "CREATED"]);
    for job in &page.jobs {
        let progress = match (job.progress.percent, job.items) {
            (_, Some(items)) => format!("{}/{}", items.finished(), items.total),
            (Some(percent), None) => format!("{:.1} %", percent.value()),
            (None, None) => "-".to_owned(),
        };
        table.row(&[
            job.id.to_string(),
            job.status.to_string(),
            progress,
            job.kind.clone(),
            job.name.clone().unwrap_or_default(),
            job.created_at.to_string(),
        ]);
    }
    for line in table.lines() {
        output::line(&line);
    }
    if let Some(next) = page.next {
        output::say(&format!("more: --page {next}"));
    }
    Ok(Exit::Success)
}

/// A page of jobs. A search looks through so many jobs at a time: it goes on until it has found as
/// many as are wanted, or there are no more.
async fn found(client: &Client, query: &JobsQuery, wanted: u32) -> Result<JobPage, Failure> {
    let mut page = client.jobs(query).await?;
    while query.text.is_some()
        && page.next.is_some()
        && let Some(left) = u32::try_from(page.jobs.len()).ok().and_then(|n| wanted.checked_sub(n))
        && left > 0
    {
        let query = JobsQuery { page: page.next.take(), limit: Some(left), ..query.clone() };
        let following = client.jobs(&query).await?;
        page.jobs.extend(following.jobs);
        page.next = following.next;
    }
    Ok(page)
}

async fn events(common: &Common, id: &JobId, limit: Option<u64>) -> Result<Exit, Failure> {
    let client = client(common)?;
    let mut left = limit.unwrap_or(u64::MAX);
    let mut after = None;
    while left > 0 {
        let most = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
        let page = client.history(id, after, Some(most)).await?;
        if after.is_none() {
            say_where_it_begins(&page);
        }
        left = left.saturating_sub(page.events.len() as u64);
        for event in &page.events {
            show_event(common, event);
        }
        match page.next {
            Some(next) if Some(next) != after && !page.events.is_empty() => after = Some(next),
            Some(_) | None => break,
        }
    }
    Ok(Exit::Success)
}

/// The newest events, so many, oldest first.
async fn newest_events(common: &Common, id: &JobId, wanted: u32) -> Result<Exit, Failure> {
    let client = client(common)?;
    let mut found = VecDeque::new();
    let mut left = wanted;
    let mut page = client.history_before(id, None, Some(left.min(PAGE))).await?;
    loop {
        left = left.saturating_sub(u32::try_from(page.events.len()).unwrap_or(u32::MAX));
        for event in page.events.drain(..).rev() {
            found.push_front(event);
        }
        match page.previous {
            Some(before) if left > 0 => {
                page = client.history_before(id, Some(before), Some(left.min(PAGE))).await?;
            }
            Some(_) => break,
            None => {
                say_where_it_begins(&page);
                break;
            }
        }
    }
    for event in &found {
        show_event(common, event);
    }
    Ok(Exit::Success)
}

fn say_where_it_begins(page: &HistoryPage) {
    if let Some(trimmed) = page.trimmed_to {
        output::say(&format!("the log begins after {trimmed}: what was before is not kept"));
    }
}

fn show_event(common: &Common, event: &HistoryEvent) {
    if common.json {
        output::json(event);
        return;
    }
    let member = |name| event.event.get(name).and_then(serde_json::Value::as_str);
    let what = member("type").unwrap_or("?");
    let mut rest = event.event.clone();
    if let Some(members) = rest.as_object_mut() {
        members.remove("at");
        members.remove("type");
    }
    output::line(&format!("{}  {what:<14} {rest}", member("at").unwrap_or("")));
}
