//! What every reader of Headway does with bytes that nobody vouches for.
//!
//! Each public function is one target: it takes any bytes and panics when a reader breaks a promise.
//! "It does not crash" is the least of them; a target also says what must be true of everything that
//! was read, and compares with another implementation where there is one. `seeds/` has inputs that
//! are worth beginning with, one folder for each target. `cargo xtask fuzz` builds and runs them all.
//!
//! Readers that are private to their crate are compiled in here from their own files, as they are.
#![allow(clippy::missing_panics_doc, clippy::panic, clippy::unwrap_used, missing_docs)]

pub mod compatible;
pub mod compression;
pub mod executor_lines;
pub mod gateway;
pub mod handshake;
pub mod items;
pub mod merge_patch;
pub mod messages;
pub mod presented;
pub mod printed;
pub mod rate_card;
pub mod record;
pub mod request_head;
pub mod retry_after;
pub mod websocket;
pub mod words;

/// Which paths are a watcher's; the gateway's own answer needs all of its routes.
mod stream {
    pub(crate) mod opening {
        /// As in the gateway.
        #[derive(Debug)]
        #[allow(dead_code, reason = "named by the reader, which does not look inside")]
        pub(crate) enum Address {
            Job(String),
            Many,
            Compatible(String),
        }

        impl Address {
            pub(crate) fn of_path(path: &str, compatible: bool) -> Option<Self> {
                let name = |before: &str, after: &str| {
                    Some(path.strip_prefix(before)?.strip_suffix(after)?.to_owned())
                };
                if path == "/api/v1/stream" {
                    return Some(Self::Many);
                }
                if let Some(id) = name("/api/v1/jobs/", "/stream") {
                    return Some(Self::Job(id));
                }
                let formats = [("/api/v1/analyze/", "/stream"), ("/progress/ws/", "")];
                let formats = formats.into_iter().chain([("/ws/progress/", "")]);
                let mut named = formats.filter(|_| compatible);
                named.find_map(|(before, after)| name(before, after)).map(Self::Compatible)
            }
        }
    }
}

/// What the gateway's readers say when they refuse something.
mod problem {
    use headway_protocol::{Problem, ProblemCode};

    /// As in the gateway, without the headers of its answer.
    #[derive(Debug)]
    pub(crate) struct Refusal(Problem);

    impl Refusal {
        pub(crate) fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
            Self(Problem::new(code, detail))
        }

        pub(crate) fn invalid(field: &str, detail: impl Into<String>) -> Self {
            Self(Problem::new(ProblemCode::Invalid, detail).at_field(field))
        }

        pub(crate) fn problem(&self) -> &Problem {
            &self.0
        }
    }

    impl From<Problem> for Refusal {
        fn from(problem: Problem) -> Self {
            Self(problem)
        }
    }
}

/// What the gateway's readers need of its routes.
mod routes {
    /// As in the gateway, without what people are told of it.
    #[derive(Debug)]
    pub(crate) struct Parameter {
        pub(crate) name: &'static str,
    }
}

/// What the gateway's readers need of its front: who is let in, and moments.
mod front {
    pub(crate) use crate::wheel;

    pub(crate) mod admission {
        /// As in the gateway.
        #[derive(Debug)]
        pub(crate) enum Limit {
            Body,
        }

        /// As in the gateway, where hits are counted.
        #[derive(Debug)]
        pub(crate) struct Admission;

        impl Admission {
            pub(crate) fn hit(&self, _: Limit) {}
        }
    }
}

/// What the store's reader of records tells when they are damaged.
mod failure {
    /// As in the store, whose other failures need a database.
    #[derive(Debug)]
    pub(crate) enum Failure {
        Damaged(String),
    }
}

#[allow(dead_code, unused_imports, unreachable_pub, reason = "a part of the engine, of which only its door is used")]
#[rustfmt::skip]
#[path = "../../crates/headway-engine/src/input/mod.rs"]
mod input;

mod executor;

#[allow(dead_code, reason = "a part of the store")]
#[rustfmt::skip]
#[path = "../../crates/headway-store-embedded/src/codec.rs"]
mod codec;

#[allow(dead_code, reason = "a part of the program")]
#[rustfmt::skip]
#[path = "../../crates/headway/src/commands/run/recogniser.rs"]
mod recogniser;

#[allow(dead_code, reason = "a part of the gateway")]
#[rustfmt::skip]
#[path = "../../crates/headway-gateway/src/front/head.rs"]
mod head;

#[allow(dead_code, reason = "a part of the gateway")]
#[rustfmt::skip]
#[path = "../../crates/headway-gateway/src/front/wheel.rs"]
mod wheel;

#[allow(dead_code, reason = "a part of the gateway")]
#[rustfmt::skip]
#[path = "../../crates/headway-gateway/src/body.rs"]
mod body;

#[allow(dead_code, reason = "a part of the gateway")]
#[rustfmt::skip]
#[path = "../../crates/headway-gateway/src/headers.rs"]
mod headers;

#[allow(dead_code, reason = "a part of the gateway")]
#[rustfmt::skip]
#[path = "../../crates/headway-gateway/src/query.rs"]
mod query;

#[allow(dead_code, reason = "a part of the gateway")]
#[rustfmt::skip]
#[path = "../../crates/headway-gateway/src/handlers/reports.rs"]
mod reports;

#[allow(dead_code, reason = "a part of the gateway")]
#[rustfmt::skip]
#[path = "../../crates/headway-gateway/src/stream/selection.rs"]
mod selection;

#[allow(dead_code, unreachable_pub, reason = "a part of the engine")]
#[rustfmt::skip]
#[path = "../../crates/headway-engine/src/outgoing/retry_after.rs"]
mod asked_wait;

#[allow(dead_code, unreachable_pub, reason = "a part of sign-in")]
#[rustfmt::skip]
#[path = "../../crates/headway-signin/src/api_key.rs"]
mod api_key;

#[allow(dead_code, unreachable_pub, reason = "a part of sign-in")]
#[rustfmt::skip]
#[path = "../../crates/headway-signin/src/base62.rs"]
mod base62;

#[allow(dead_code, unreachable_pub, reason = "a part of sign-in")]
#[rustfmt::skip]
#[path = "../../crates/headway-signin/src/collection.rs"]
mod collection;

#[allow(dead_code, unreachable_pub, reason = "a part of sign-in")]
#[rustfmt::skip]
#[path = "../../crates/headway-signin/src/key_record.rs"]
mod key_record;

#[allow(dead_code, unreachable_pub, reason = "a part of sign-in")]
#[rustfmt::skip]
#[path = "../../crates/headway-signin/src/error.rs"]
mod refusal;

#[allow(dead_code, unreachable_pub, reason = "a part of sign-in")]
#[rustfmt::skip]
#[path = "../../crates/headway-signin/src/ring.rs"]
mod ring;

#[allow(dead_code, unreachable_pub, reason = "a part of sign-in")]
#[rustfmt::skip]
#[path = "../../crates/headway-signin/src/session.rs"]
mod session;

#[allow(dead_code, unreachable_pub, reason = "a part of sign-in")]
#[rustfmt::skip]
#[path = "../../crates/headway-signin/src/stored.rs"]
mod stored;

#[allow(dead_code, unreachable_pub, reason = "a part of sign-in")]
#[rustfmt::skip]
#[path = "../../crates/headway-signin/src/ticket.rs"]
mod ticket;

#[allow(dead_code, unreachable_pub, reason = "a part of sign-in")]
#[rustfmt::skip]
#[path = "../../crates/headway-signin/src/watch_token.rs"]
mod watch_token;

use refusal::Refused;
