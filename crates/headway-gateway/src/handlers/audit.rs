//! The audit log: read by pages, or exported whole.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::stream;
use headway_access::Caller;
use headway_protocol::access::AuditEntry;
use headway_signin::{Actor, AuditQuery, Deed, Error};

use super::json;
use crate::accept;
use crate::app::{App, Shared};
use crate::door::Entry;
use crate::front::admission::Limit;
use crate::problem::{Answer, Refusal};
use crate::query::Query;

/// Entries of a page, unless the request says; and at the most.
const PAGE: (usize, usize) = (100, 1_000);

const CSV_HEADER: [&str; 11] = [
    "id",
    "at",
    "tenant",
    "subject",
    "credential",
    "credential_id",
    "address",
    "what",
    "target",
    "outcome",
    "times",
];

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Page,
    Lines,
    Csv,
}

/// `GET /audit`.
pub(crate) async fn read(
    State(app): State<App>,
    entry: Entry,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    let format = match query.one("format")? {
        None if accept::lines(&headers).is_ok_and(|lines| lines) => Format::Lines,
        None | Some("json") => Format::Page,
        Some("jsonl") => Format::Lines,
        Some("csv") => Format::Csv,
        Some(_) => return Err(Refusal::invalid("format", "`format` must be json, jsonl or csv")),
    };
    let asked = AuditQuery {
        before: query.one("before")?.map(str::to_owned),
        what: query.one("what")?.map(str::to_owned),
        limit: query.limit(PAGE.0, PAGE.1)?,
        ..AuditQuery::default()
    };
    let media = match format {
        Format::Page => {
            return json(StatusCode::OK, &app.door.signin.audit(&entry.caller, &asked).await?);
        }
        Format::Lines => "application/x-ndjson",
        Format::Csv => "text/csv; charset=utf-8",
    };
    let asked = AuditQuery { limit: PAGE.1, ..asked };
    let media = HeaderValue::from_static(media);
    let body = export(app, Arc::clone(&entry.caller), asked, format);
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, media)], body).into_response())
}

/// The log from a place on, page by page as they are asked for.
fn export(app: App, caller: Arc<Caller>, query: AuditQuery, format: Format) -> Body {
    let mut head = Vec::new();
    if format == Format::Csv {
        row(&mut head, CSV_HEADER.map(str::to_owned));
    }
    let begin = (app, caller, Some(query), head);
    Body::from_stream(stream::try_unfold(begin, move |(app, caller, query, head)| async move {
        let Some(mut query) = query else { return Ok::<_, Error>(None) };
        app.is_not_revoked(&caller)?;
        let page = app.door.signin.audit(&caller, &query).await.inspect_err(|error| {
            tracing::error!(error = error as &dyn std::error::Error, "the audit log broke off");
        })?;
        let mut text = head;
        for entry in page.entries {
            write(&mut text, entry, format);
        }
        query.before.clone_from(&page.next);
        let next = page.next.map(|_| query);
        Ok(Some((Bytes::from(text), (app, caller, next, Vec::new()))))
    }))
}

fn write(text: &mut Vec<u8>, entry: AuditEntry, format: Format) {
    if format != Format::Csv {
        if let Ok(line) = serde_json::to_vec(&entry) {
            text.extend_from_slice(&line);
            text.push(b'\n');
        }
        return;
    }
    let (tenant, subject) = entry.owner.map(|owner| (owner.tenant, owner.subject)).unzip();
    let word = Option::unwrap_or_default;
    row(
        text,
        [
            entry.id,
            entry.at.to_string(),
            word(tenant),
            word(subject.flatten()),
            word(entry.credential),
            word(entry.credential_id),
            word(entry.address),
            entry.what,
            word(entry.target),
            entry.outcome,
            entry.times.to_string(),
        ],
    );
}

/// A line of CSV (RFC 4180). What a spreadsheet would take for a formula is led by an apostrophe.
fn row(text: &mut Vec<u8>, cells: [String; CSV_HEADER.len()]) {
    let cells = cells.map(|cell| {
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        if formula { format!("'{cell}") } else { cell }
    });
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(text);
    if let Err(error) = writer.write_record(cells) {
        tracing::error!(%error, "a line of the audit log could not be written");
    }
}

impl Shared {
    /// Writes down what somebody did, or tried and was refused with a code; waits until it is
    /// durable. Of somebody who is refused again and again some lines are written, and the rest is
    /// counted. A log that cannot be written does not undo what was done: it is told to whoever runs
    /// the node.
    pub(crate) async fn audit(
        &self,
        by: Actor<'_>,
        what: &str,
        target: Option<&str>,
        refused: Option<String>,
    ) {
        if refused.is_some() && !self.door.quotas.notes_refusal(by.caller, by.address) {
            self.admission.hit(Limit::AuditedRefusals);
            return;
        }
        let outcome = refused.as_deref().unwrap_or("done");
        let deed = Deed { by, what, target, outcome };
        if let Err(error) = self.door.signin.record(deed, self.hub.now()).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, what, "the audit log could not be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_a_cell_whatever_is_in_it() {
        let mut text = Vec::new();
        let mut cells = [const { String::new() }; CSV_HEADER.len()];
        cells[0] = "a,\"b\"".to_owned();
        cells[1] = "=1+1".to_owned();
        row(&mut text, cells);
        assert_eq!(text, b"\"a,\"\"b\"\"\",'=1+1,,,,,,,,,\r\n");
    }
}
