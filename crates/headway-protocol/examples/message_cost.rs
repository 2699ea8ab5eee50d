//! What messages and patches cost, for `cargo xtask instructions`: without arguments the names of
//! the operations, with a name and a number that operation so many times.

#![expect(clippy::print_stdout, reason = "it is a program")]

use std::hint::black_box;
use std::process::ExitCode;

use headway_protocol::patch::{apply, compose};
use headway_protocol::report::SequencedReport;
use headway_protocol::{ClientMessage, Cursor};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An operation: its name, and what does it so many times.
type Operation = (&'static str, fn(u32));

const PING: &str = r#"{"type":"ping","at":1768037400000}"#;
const SUBSCRIBE: &str = r#"{"type":"subscribe","id":"1","job":"job_01jh2v8cdmf4xt5n8c0s3g7qwe","cursor":"00005f3a-425","events":["log"]}"#;
const REPORT: &str =
    r#"{"type":"progress","done":425,"total":1000,"message":"row 425 of 1000","seq":425}"#;
const DOCUMENT: &str = r#"{"id":"job_01jh2v8cdmf4xt5n8c0s3g7qwe","kind":"import","status":"running",
    "attempt":1,"owner":{"tenant":"default"},"progress":{"percent":42.5,"done":425,"total":1000},
    "message":"row 425 of 1000","steps":{"load":{"status":"completed"},"save":{"status":"running",
    "progress":{"percent":12.5}}},"cursor":"00005f3a-425"}"#;
const PATCH: &str = r#"{"progress":{"percent":42.6,"done":426},"message":"row 426 of 1000",
    "steps":{"save":{"progress":{"percent":13.0}}},"cursor":"00005f3a-426"}"#;

const OPERATIONS: &[Operation] = &[
    ("a client's ping understood", |count| read::<ClientMessage>(count, PING)),
    ("a subscription understood", |count| read::<ClientMessage>(count, SUBSCRIBE)),
    ("a report understood", |count| read::<SequencedReport>(count, REPORT)),
    ("a cursor read", |count| repeat(count, || black_box("00005f3a-425").parse::<Cursor>())),
    ("a patch applied to a document", |count| {
        let (mut document, patch) = (value(DOCUMENT), value(PATCH));
        repeat(count, || apply(&mut document, black_box(&patch)));
    }),
    ("two patches joined", |count| {
        let (mut joined, later) = (value(PATCH), value(PATCH));
        repeat(count, || compose(&mut joined, black_box(&later)));
    }),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() {
        for (name, _) in OPERATIONS {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    }
    let [name, count] = &*words else { return ExitCode::FAILURE };
    let operation = OPERATIONS.iter().find(|(known, _)| known == name);
    let (Some((_, operation)), Ok(count)) = (operation, count.parse()) else {
        return ExitCode::FAILURE;
    };
    operation(count);
    ExitCode::SUCCESS
}

fn repeat<T>(count: u32, mut operation: impl FnMut() -> T) {
    for _ in 0..count {
        black_box(operation());
    }
}

fn read<T: DeserializeOwned>(count: u32, text: &str) {
    repeat(count, || serde_json::from_slice::<T>(black_box(text.as_bytes())));
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
