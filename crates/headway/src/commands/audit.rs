//! `headway audit`.

use headway_client::{AuditFormat, AuditQuery, Client};
use headway_protocol::access::AuditEntry;

use super::client;
use crate::arguments::{AuditArguments, Common};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::table::Table;

/// Entries that people are shown unless they say.
const SHOWN: u64 = 50;
/// Entries of one request.
const PAGE: u64 = 500;

pub(crate) async fn run(common: &Common, arguments: &AuditArguments) -> Result<Exit, Failure> {
    let client = client(common)?;
    if arguments.csv {
        return export(&client, arguments).await;
    }
    let mut left = arguments.limit.unwrap_or(if common.json { u64::MAX } else { SHOWN });
    let mut query = AuditQuery { what: arguments.what.clone(), ..AuditQuery::default() };
    let mut table = Table::new(&["AT", "WHO", "BY", "FROM", "WHAT", "TARGET", "OUTCOME"]);
    while left > 0 {
        query.limit = u32::try_from(left.min(PAGE)).ok();
        let page = client.audit(&query).await?;
        left = left.saturating_sub(page.entries.len() as u64);
        for entry in &page.entries {
            if common.json {
                output::json(entry);
            } else {
                table.row(&row(entry));
            }
        }
        match page.next {
            Some(next) => query.before = Some(next),
            None => break,
        }
    }
    if !common.json {
        for line in table.lines() {
            output::line(&line);
        }
    }
    Ok(Exit::Success)
}

/// CSV as the server writes it, so that a spreadsheet has the same columns from everywhere.
async fn export(client: &Client, arguments: &AuditArguments) -> Result<Exit, Failure> {
    let query = AuditQuery { what: arguments.what.clone(), ..AuditQuery::default() };
    client.export_audit(&query, AuditFormat::Csv, &mut output::Stdout).await?;
    Ok(Exit::Success)
}

fn row(entry: &AuditEntry) -> [String; 7] {
    let who = match &entry.owner {
        Some(owner) => match &owner.subject {
            Some(subject) => format!("{subject}@{}", owner.tenant),
            None => format!("@{}", owner.tenant),
        },
        None => "-".to_owned(),
    };
    let by = match (&entry.credential, &entry.credential_id) {
        (Some(kind), Some(id)) => format!("{kind} {id}"),
        (Some(kind), None) => kind.clone(),
        (None, _) => "-".to_owned(),
    };
    let outcome = match entry.times {
        1 => entry.outcome.clone(),
        times => format!("{} ({times} times)", entry.outcome),
    };
    let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    [
        entry.at.to_string(),
        who,
        by,
        dash(&entry.address),
        entry.what.clone(),
        dash(&entry.target),
        outcome,
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(entry: serde_json::Value, expected: [&str; 7]) {
        let entry: AuditEntry = serde_json::from_value(entry).unwrap();
        assert_eq!(row(&entry), expected);
    }

    #[test]
    fn an_entry_is_a_row() {
        let at = "2026-01-10T09:30:00.000Z";
        check(
            json!({
                "id": "1", "at": at, "owner": {"tenant": "acme", "subject": "maya"},
                "credential": "key", "credential_id": "k1", "address": "::1", "what": "key.create",
                "target": "k2", "outcome": "done",
            }),
            [at, "maya@acme", "key k1", "::1", "key.create", "k2", "done"],
        );
        check(
            json!({
                "id": "2", "at": at, "what": "sign_in", "outcome": "unauthenticated", "times": 20,
            }),
            [at, "-", "-", "-", "sign_in", "-", "unauthenticated (20 times)"],
        );
    }
}
