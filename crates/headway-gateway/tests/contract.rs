//! The contract as files: what is committed is what the program offers. `HEADWAY_UPDATE=1` writes
//! the files anew. The corpus is written by hand: every reader of the protocol must read it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails where a test would"
)]

use std::path::PathBuf;

use headway_protocol::{ClientMessage, ServerMessage};
use serde_json::{Map, Value};

fn schema() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schema")
}

#[expect(clippy::disallowed_methods, reason = "a switch of this test, not of the program")]
fn check(name: &str, made: &Value) {
    let path = schema().join(name);
    if std::env::var("HEADWAY_UPDATE").is_ok_and(|value| value == "1") {
        std::fs::write(&path, format!("{made:#}\n")).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let committed: Value = serde_json::from_str(&committed).unwrap_or_default();
    assert!(
        committed == *made,
        "schema/{name} is not what the program offers: look at the change, then run this test \
         with HEADWAY_UPDATE=1"
    );
}

#[test]
fn the_openapi_document_is_committed() {
    check("openapi.json", &headway_gateway::openapi::document());
}

#[test]
fn the_messages_are_committed() {
    check("messages.json", &headway_gateway::openapi::messages());
}

#[test]
fn every_reference_of_the_openapi_document_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    found.push(reference.clone());
                }
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    for document in [headway_gateway::openapi::document(), headway_gateway::openapi::messages()] {
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 20, "{found:?}");
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }
}

fn corpus(name: &str) -> Vec<Map<String, Value>> {
    let text = std::fs::read_to_string(schema().join("corpus").join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Every member that was read comes out again as it went in; what a version does not know is
/// passed over.
#[test]
fn the_corpus_of_server_messages_is_read() {
    let mut words = Vec::new();
    for case in corpus("server.json") {
        let frame = &case["frame"];
        let message: ServerMessage = serde_json::from_value(frame.clone())
            .unwrap_or_else(|error| panic!("{case:?} {error}"));
        let unknown = case.get("unknown") == Some(&Value::Bool(true));
        assert_eq!(matches!(message, ServerMessage::Unknown), unknown, "{case:?}");
        if !unknown {
            let printed = serde_json::to_value(&message).unwrap();
            let expected = case.get("read_as").unwrap_or(frame);
            assert_eq!(&printed, expected, "{}", case["about"]);
            words.push(printed["type"].as_str().unwrap().to_owned());
        }
    }
    for kind in headway_hub::FrameKind::ALL {
        assert!(words.iter().any(|word| word == kind.as_str()), "no {} in it", kind.as_str());
    }
}

#[test]
fn the_corpus_of_client_messages_is_read_or_refused() {
    for case in corpus("client.json") {
        let read = serde_json::from_value::<ClientMessage>(case["message"].clone());
        let refused = case.get("refused") == Some(&Value::Bool(true));
        assert_eq!(read.is_err(), refused, "{case:?}: {read:?}");
    }
}
