//! JSON that comes from clients and producers, and what a client reads of a server.
//!
//! What is read says itself again: its JSON reads as the same value. So nothing that is stored or
//! passed on is refused or changed by its next reader.

use std::fmt::Debug;

use headway_protocol::batch::BatchOptions;
use headway_protocol::report::SequencedReport;
use headway_protocol::request::{CommandRequest, CreateJob};
use headway_protocol::{ClientMessage, Event, Job, ServerMessage};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

/// A message of a watcher.
pub fn client_message(bytes: &[u8]) {
    read::<ClientMessage>(bytes);
}

/// A message of a server, as the client reads it; documents and events are parts of it.
pub fn server_message(bytes: &[u8]) {
    read::<ServerMessage>(bytes);
    read::<Job>(bytes);
    read::<Event>(bytes);
}

/// Events of a producer: one, an array of them, or one a line.
pub fn report(bytes: &[u8]) {
    read::<SequencedReport>(bytes);
    if let Ok(events) = serde_json::from_slice::<Vec<&RawValue>>(bytes) {
        for event in events {
            read::<SequencedReport>(event.get().as_bytes());
        }
    }
    for line in bytes.split(|byte| *byte == b'\n') {
        read::<SequencedReport>(line);
    }
}

/// Other bodies of requests.
pub fn request(bytes: &[u8]) {
    read::<CreateJob>(bytes);
    read::<CommandRequest>(bytes);
    read::<BatchOptions>(bytes);
}

fn read<T: Serialize + DeserializeOwned + Debug>(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<T>(bytes) else { return };
    let said = serde_json::to_value(&value).expect("what was read can be said");
    let again: T = serde_json::from_value(said.clone())
        .unwrap_or_else(|error| panic!("{said} is not read again: {error}"));
    let said_again: Value = serde_json::to_value(&again).expect("and again");
    assert_eq!(said, said_again);
}
