//! The stream's messages, the same JSON on every transport.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::command::Action;
use crate::{Cursor, Job, JobId, JobStatus, Secret, Timestamp};

/// The version that `hello` names and the WebSocket subprotocol stands for.
pub const VERSION: u32 = 1;

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "headway.v1";

/// What the server sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The first message of a connection.
    Hello {
        /// The connection's name, for logs.
        connection: String,
        /// The protocol's version.
        version: u32,
        /// A `heartbeat` comes when nothing else was sent for so long.
        heartbeat_ms: u64,
        /// The largest message that the server reads, in bytes.
        max_message_bytes: u64,
        /// The most subscriptions of one connection.
        max_subscriptions: u32,
    },
    /// A subscription stands.
    Subscribed {
        /// The subscription.
        id: String,
        /// Whether the stream goes on at the cursor that was given, without a gap.
        recovered: bool,
        /// Whether a cursor was given.
        was_recovering: bool,
    },
    /// The whole state of a job.
    Snapshot {
        /// The job.
        job: JobId,
        /// The position that it shows.
        cursor: Cursor,
        /// The document.
        state: Box<Job>,
    },
    /// What changed in a job.
    Update {
        /// The job.
        job: JobId,
        /// The position after the change.
        cursor: Cursor,
        /// The position before; apply the patch only when it is the one held.
        prev: Cursor,
        /// A merge patch (RFC 7396) of the document.
        patch: Value,
    },
    /// Something that happened in a job, for subscriptions that asked.
    Event {
        /// The job.
        job: JobId,
        /// The position after the event.
        cursor: Cursor,
        /// The event.
        event: Value,
    },
    /// Events are missing here; a `snapshot` follows.
    Gap {
        /// The job.
        job: JobId,
        /// The position after which events are missing.
        from: Cursor,
        /// The position from which the stream goes on.
        to: Cursor,
        /// Why.
        reason: GapReason,
    },
    /// The job's attempt is over and its last state was sent; nothing follows.
    End {
        /// The job.
        job: JobId,
        /// The position of the end.
        cursor: Cursor,
        /// How it ended.
        status: JobStatus,
    },
    /// Nothing happened; the connection lives.
    Heartbeat {
        /// The server's time.
        at: Timestamp,
    },
    /// A client's message was carried out.
    Result {
        /// The message that it answers.
        id: String,
        /// What came of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<Value>,
    },
    /// A client's message was refused.
    Error {
        /// The message that it answers, when that could be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// A word for programs.
        code: String,
        /// What, where, and what to do.
        message: String,
    },
    /// The answer to a client's `ping`.
    Pong {
        /// What the ping carried.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Value>,
    },
    /// The server is about to close the connection.
    Closing {
        /// Why.
        reason: ClosingReason,
        /// When to come back, in milliseconds from now.
        retry_ms: u64,
    },
    /// A type that this version does not know; readers pass over it.
    #[serde(other)]
    Unknown,
}

/// Why events are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The log no longer reaches back so far.
    Retention,
    /// The watcher was too slow.
    Slow,
    /// The cursor belongs to another log.
    Epoch,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Why the server closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClosingReason {
    /// The server stops; another will take over.
    ServerShuttingDown,
    /// The token's time ran out.
    TokenExpired,
    /// What its caller had signed in with was revoked.
    Revoked,
    /// Nobody has said in time who the connection is for.
    Unauthenticated,
    /// The watcher reads too slowly.
    Slow,
    /// Too many messages that could not be understood.
    TooManyErrors,
    /// Nothing was subscribed for too long.
    Idle,
    /// Too many messages, for too long.
    RateLimited,
    /// What was asked for is watched by too many connections.
    TooManyConnections,
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

/// What a client sends on a WebSocket.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// Watch a job, or all jobs of a session, a tag or everything.
    Subscribe(Subscribe),
    /// Stop watching.
    Unsubscribe {
        /// The subscription.
        id: String,
    },
    /// Ask something of a job.
    Command {
        /// The message's name; the answer carries it.
        id: String,
        /// The job.
        job: JobId,
        /// What is asked.
        action: Action,
    },
    /// Renew the connection's token.
    Auth {
        /// The token.
        #[serde(serialize_with = "Secret::serialize_exposed")]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        token: Secret,
    },
    /// Are you there?
    Ping {
        /// Comes back in the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Value>,
    },
}

/// A subscription: exactly one of `job`, `session`, `tag` and `all`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Subscribe {
    /// The subscription's name, chosen by the client, 1 to 128 characters.
    pub id: String,
    /// One job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// All jobs of a session, also those that come later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// All jobs with a tag, also those that come later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// All jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
    /// With `job`: the position that the client holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// Which events come beside the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<EventFilter>,
    /// The shortest time between two state frames of one job, in milliseconds; 100 unless said. Of
    /// a job whose kind is configured with a longer one, that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_interval_ms: Option<u64>,
}

/// Which events come beside the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected true, false or an array of types of events")]
pub enum EventFilter {
    /// All, or none.
    All(bool),
    /// Those of these types.
    Types(Vec<String>),
}

impl EventFilter {
    /// Whether events of this type are wanted.
    pub fn wants(&self, type_word: &str) -> bool {
        match self {
            Self::All(all) => *all,
            Self::Types(types) => types.iter().any(|wanted| wanted == type_word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_type_is_passed_over() {
        let message: ServerMessage =
            serde_json::from_str(r#"{"type":"weather","sunny":true}"#).unwrap();
        assert_eq!(message, ServerMessage::Unknown);
    }

    #[test]
    fn a_later_reason_to_close_is_read_as_one_that_is_not_known() {
        let told = |reason: &str| {
            let text = format!(r#"{{"type":"closing","reason":"{reason}","retry_ms":1}}"#);
            serde_json::from_str::<ServerMessage>(&text).unwrap()
        };
        let closing = |reason| ServerMessage::Closing { reason, retry_ms: 1 };
        assert_eq!(told("revoked"), closing(ClosingReason::Revoked));
        assert_eq!(told("weather"), closing(ClosingReason::Unknown));
    }

    #[test]
    fn a_token_is_sent_and_never_shown() {
        let text = r#"{"type":"auth","token":"hunter2"}"#;
        let message: ClientMessage = serde_json::from_str(text).unwrap();
        assert!(!format!("{message:?}").contains("hunter2"));
        assert_eq!(serde_json::to_string(&message).unwrap(), text);
    }

    #[test]
    fn a_filter_is_a_bool_or_a_list() {
        let subscribe: ClientMessage =
            serde_json::from_str(r#"{"type":"subscribe","id":"1","all":true,"events":["log"]}"#)
                .unwrap();
        let ClientMessage::Subscribe(subscribe) = subscribe else { panic!("{subscribe:?}") };
        let filter = subscribe.events.unwrap();
        assert!(filter.wants("log") && !filter.wants("partial"));
    }
}
