//! What the gateway reads of a request: its query, and the events in its body.

use axum::http::HeaderMap;
use headway_protocol::report::SequencedReport;

use crate::body::Form;
use crate::query::Query;
use crate::reports::reports;
use crate::routes::Parameter;
use crate::selection::{Selection, write_positions};

/// The parameters of a stream of many jobs.
const KNOWN: [&str; 11] = [
    "job",
    "session",
    "tag",
    "all",
    "cursor",
    "last_event_id",
    "events",
    "min_interval_ms",
    "wait_ms",
    "token",
    "ticket",
];

/// A query, and what it asks to watch: what is taken is known, and positions are written as they were
/// read.
pub fn address(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let known = KNOWN.map(|name| Parameter { name });
    let Ok(query) = Query::parse(text, &known) else { return };
    let headers = HeaderMap::new();
    let Ok(selection) = Selection::optional(&query, &headers) else { return };
    if let Ok(job) = "job_of_ours".parse() {
        // The same members are read for one job; what they mean may differ, whether they can be read
        // must not, but for the cursor, which is a list in one case only.
        let one = Selection::one(job, &query, &headers);
        let listed =
            query.one("cursor").is_ok_and(|cursor| cursor.is_some_and(|it| it.contains('@')));
        assert!(one.is_ok() || listed, "{text}");
    }
    let (subscriptions, positions) = selection.into_parts();
    for subscription in &subscriptions {
        assert!(subscription.id.chars().count() <= 128, "{text}");
        let named = [subscription.job.is_some(), subscription.session.is_some()];
        let named =
            named.into_iter().chain([subscription.tag.is_some(), subscription.all.is_some()]);
        assert_eq!(named.filter(|is| *is).count(), 1, "{text}: each names one thing");
    }
    if positions.is_empty() {
        return;
    }
    let written = write_positions(positions.iter().map(|(job, cursor)| (job, *cursor)));
    let again = Query::parse(&format!("cursor={}", written.replace('%', "%25")), &known);
    let again = again.and_then(|query| Selection::optional(&query, &headers));
    let (_, again) = again.expect("what was written is read").into_parts();
    assert_eq!(again, positions);
}

/// A body of events in each of its forms: as an array and one a line they are the same events, and a
/// mistake is told with the index of its event.
pub fn report_body(bytes: &[u8]) {
    for form in [Form::Json, Form::Lines] {
        match reports(bytes, form) {
            Ok(events) => held_alike(&events),
            Err(refusal) => {
                let problem = refusal.problem();
                assert!([400, 413, 422].contains(&problem.status), "{problem:?}");
                assert!(!problem.detail.is_empty(), "{problem:?}");
            }
        }
    }
}

fn held_alike(events: &[SequencedReport]) {
    let texts: Vec<String> = events
        .iter()
        .map(|event| serde_json::to_string(event).expect("an event is JSON"))
        .collect();
    let array = reports(format!("[{}]", texts.join(",")).as_bytes(), Form::Json);
    let lines = reports(texts.join("\n").as_bytes(), Form::Lines);
    let told = |events: &[SequencedReport]| format!("{events:?}");
    assert_eq!(told(&array.expect("as an array")), told(events));
    assert_eq!(told(&lines.expect("as lines")), told(events));
}
