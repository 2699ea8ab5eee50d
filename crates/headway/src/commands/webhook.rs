//! `headway webhook`.

use headway_protocol::webhook::DeadLetter;

use super::client;
use crate::arguments::{Common, WebhookCommand};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::table::Table;

pub(crate) async fn run(common: &Common, command: WebhookCommand) -> Result<Exit, Failure> {
    match command {
        WebhookCommand::Dead { limit, after } => dead(common, limit, after.as_deref()).await,
        WebhookCommand::Replay { id: Some(id), .. } => {
            client(common)?.replay_dead_letter(&id).await?;
            output::say(&format!("{id} is delivered again"));
            Ok(Exit::Success)
        }
        WebhookCommand::Replay { id: None, .. } => {
            let count = client(common)?.replay_dead_letters().await?;
            output::say(&format!("{count} are delivered again"));
            Ok(Exit::Success)
        }
        WebhookCommand::Drop { id } => {
            client(common)?.remove_dead_letter(&id).await?;
            output::say(&format!("{id} is forgotten"));
            Ok(Exit::Success)
        }
    }
}

async fn dead(common: &Common, limit: u32, after: Option<&str>) -> Result<Exit, Failure> {
    let page = client(common)?.dead_letters(after, Some(limit)).await?;
    if common.json {
        output::json(&page);
        return Ok(Exit::Success);
    }
    if page.dead_letters.is_empty() && after.is_none() {
        output::say("there are none: every webhook was delivered, or is still being tried");
        return Ok(Exit::Success);
    }
    let mut table = Table::new(&["ID", "JOB", "EVENT", "WHY", "TRIES", "SINCE", "URL"]);
    for letter in &page.dead_letters {
        table.row(&[
            letter.id.clone(),
            letter.job.to_string(),
            letter.event.to_string(),
            why(letter),
            letter.attempts.to_string(),
            letter.failed_at.to_string(),
            letter.url.clone(),
        ]);
    }
    for line in table.lines() {
        output::line(&line);
    }
    if let Some(next) = page.next {
        output::say(&format!("more: --after {next}"));
    }
    Ok(Exit::Success)
}

fn why(letter: &DeadLetter) -> String {
    match letter.last_status {
        Some(status) => format!("{} ({status})", letter.reason.as_str()),
        None => format!("{}: {}", letter.reason.as_str(), letter.last_error),
    }
}
