//! Looking back: how a job came to be what it is, and what became of a batch's items.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails where a test would")]

mod support;

use headway_protocol::request::{JobRecord, RecordPage};
use headway_protocol::{Cursor, Timestamp, patch};
use headway_store::Store as _;
use serde_json::{Value, json};
use support::{Server, refusal};

async fn records(server: &Server, query: &str) -> RecordPage {
    server.get(&format!("/api/v1/jobs/a/records?{query}")).await.json().await.unwrap()
}

/// All records, page by page.
async fn all_records(server: &Server, limit: usize) -> Vec<JobRecord> {
    let mut found = Vec::new();
    let mut query = format!("limit={limit}");
    loop {
        let page = records(server, &query).await;
        assert!(page.records.len() <= limit && !page.records.is_empty());
        found.extend(page.records);
        let Some(next) = page.next else {
            assert_eq!(found.last().unwrap().cursor, page.cursor);
            return found;
        };
        assert_eq!(found.last().unwrap().cursor, next);
        query = format!("limit={limit}&after={next}");
    }
}

#[tokio::test]
async fn the_records_of_a_job_give_each_of_its_documents_again() {
    let server = Server::start().await;
    let mut documents = vec![server.job("a").await];
    for done in 1..=7 {
        let logs = json!([{"type":"progress","done":done},{"type":"log","message":"more"}]);
        server.report("a", logs).await;
        documents.push(server.document("a").await);
    }
    for limit in [1, 3, 1_000] {
        let found = all_records(&server, limit).await;
        let mut document = Value::Null;
        let mut held = Cursor { offset: 0, ..found[0].prev };
        let mut moment = Timestamp::default();
        let mut seen = Vec::new();
        for record in found {
            assert_eq!(record.prev, held, "one follows the other");
            assert!(record.at >= moment);
            (held, moment) = (record.cursor, record.at);
            patch::apply(&mut document, &record.patch);
            seen.push(document.clone());
        }
        assert_eq!(seen, documents);
    }
    let text = server.get("/api/v1/jobs/a/records").await.text().await.unwrap();
    for hidden in ["private", "producers", "settings", "more"] {
        assert!(!text.contains(hidden), "{hidden} is in {text}");
    }
    let elsewhere = refusal(server.get("/api/v1/jobs/a/records?after=00000000-1").await).await;
    assert_eq!((elsewhere.0, elsewhere.2.as_deref()), (422, Some("after")));
    let none = refusal(server.get("/api/v1/jobs/b/records").await).await;
    assert_eq!(none.0, 404);
    let beyond = refusal(server.get("/api/v1/jobs/a/records?limit=1001").await).await;
    assert_eq!((beyond.0, beyond.2.as_deref()), (422, Some("limit")));
    server.stop().await;
}

#[tokio::test]
async fn a_page_of_large_records_ends_at_about_a_mebibyte() {
    let server = Server::start().await;
    server.job("a").await;
    for n in 0..90 {
        let text = format!("{n}-{}", "x".repeat(15_000));
        server.report("a", json!({"type":"progress","metadata":{"text":text}})).await;
    }
    let page = records(&server, "limit=1000").await;
    let bytes: usize = page.records.iter().map(|record| record.patch.to_string().len()).sum();
    assert!(page.next.is_some() && (1_000_000..1_100_000).contains(&bytes), "{bytes}");
    assert_eq!(all_records(&server, 1_000).await.len(), 91);
    server.stop().await;
}

#[tokio::test]
async fn records_say_where_the_log_begins_now() {
    let server = Server::start().await;
    server.job("a").await;
    for done in 1..=20 {
        server.report("a", json!({"type":"progress","done":done})).await;
    }
    let whole = records(&server, "").await;
    assert_eq!(whole.trimmed_to, None);
    let before = whole.records[15].cursor.offset;
    let begin = server.store.trim(&"a".parse().unwrap(), before).await.unwrap().unwrap();
    let page = records(&server, "").await;
    assert_eq!(page.trimmed_to, Some(Cursor { offset: begin, ..page.cursor }));
    assert_eq!(page.records, whole.records[16..]);
    server.stop().await;
}
