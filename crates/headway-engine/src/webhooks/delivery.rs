//! One delivery, from its first attempt to its end: a state machine without I/O.
//!
//! ```text
//!             2xx                                  replay
//!   queued ────────► delivered            ┌──────────────────────────┐
//!    ▲  │                                 ▼                          │
//!    └──┘ any other answer, or none:   queued ── no wait is left ─► dead letter
//!         after the next wait               └── 410, no address ──►
//! ```
//!
//! Time and chance are arguments.

use headway_protocol::webhook::{DeadLetter, DeadReason, WebhookEvent};
use headway_protocol::{JobId, Secret, Timestamp};
use serde::{Deserialize, Serialize};

/// The waits before all attempts but the first, in milliseconds, that the specification gives as an
/// example: ten attempts in three days.
pub(crate) const RETRIES_MS: [u64; 9] = [
    5_000,
    5 * 60_000,
    30 * 60_000,
    2 * 3_600_000,
    5 * 3_600_000,
    10 * 3_600_000,
    14 * 3_600_000,
    20 * 3_600_000,
    24 * 3_600_000,
];

/// How much longer a wait may be by chance, as a share of it: receivers that were away are not all
/// asked again at the same moment.
const JITTER: f64 = 0.2;

/// A delivery as it rests in the queue.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Delivery {
    /// The event's name.
    pub(super) id: String,
    /// Whose job it is.
    pub(super) tenant: String,
    /// The job.
    pub(super) job: JobId,
    /// Where it goes; it may hold a secret.
    pub(super) url: String,
    /// What happened.
    pub(super) event: WebhookEvent,
    /// When that was.
    pub(super) happened_at: Timestamp,
    /// Attempts begun.
    pub(super) attempts: u32,
    /// What became of the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failed: Option<Failed>,
}

/// What is sent, as it rests beside its delivery.
#[derive(Serialize, Deserialize)]
pub(super) struct Message {
    /// When it was written.
    pub(super) written_at: Timestamp,
    /// The body, to the byte.
    pub(super) body: String,
    /// What signs it instead of the node's keys.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "Secret::serialize_exposed_option"
    )]
    pub(super) secret: Option<Secret>,
}

/// A delivery that was given up, as it rests.
#[derive(Serialize, Deserialize)]
pub(super) struct Dead {
    pub(super) delivery: Delivery,
    pub(super) reason: DeadReason,
    pub(super) failed_at: Timestamp,
}

/// Why an attempt failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failed {
    /// The answer's status, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    /// In words; nothing of the address but its host, and nothing of the answer's body.
    pub(super) error: String,
}

/// What an attempt met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An answer.
    Answered {
        /// Its status.
        status: u16,
        /// How long it asked to be left alone, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// None.
    Unanswered(String),
    /// An address that may not be reached.
    Refused(String),
    /// Nothing to sign with, so that nothing was sent.
    Unsigned,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is done.
    Delivered,
    /// It is sent again.
    Again(Timestamp, Failed),
    /// It is given up.
    Dead(DeadReason, Failed),
}

impl Delivery {
    /// What follows from an attempt that has been counted. `retries_ms` are the waits before the
    /// second attempt and so on; `chance` is between 0 and 1.
    pub(super) fn after(
        &self,
        outcome: Outcome,
        now: Timestamp,
        retries_ms: &[u64],
        chance: f64,
    ) -> Next {
        let (failed, asked_ms) = match outcome {
            Outcome::Answered { status: 200..=299, .. } => return Next::Delivered,
            Outcome::Answered { status: status @ 410, .. } => {
                let error = "the endpoint says that it is gone".to_owned();
                return Next::Dead(DeadReason::Gone, Failed { status: Some(status), error });
            }
            Outcome::Refused(error) => {
                return Next::Dead(DeadReason::AddressRefused, Failed { status: None, error });
            }
            Outcome::Unsigned => {
                let error = "there is no secret to sign it with".to_owned();
                return Next::Dead(DeadReason::NoSecret, Failed { status: None, error });
            }
            Outcome::Answered { status, retry_after_ms } => {
                let asked = retry_after_ms.filter(|_| matches!(status, 429 | 502..=504));
                (Failed { status: Some(status), error: in_words(status) }, asked)
            }
            Outcome::Unanswered(error) => (Failed { status: None, error }, None),
        };
        let begun = usize::try_from(self.attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        match retries_ms.get(begun) {
            Some(wait) => {
                let wait = wait.saturating_add(share(*wait, chance)).max(asked_ms.unwrap_or(0));
                Next::Again(now.plus(wait), failed)
            }
            None => Next::Dead(DeadReason::Exhausted, failed),
        }
    }
}

impl Dead {
    /// As an operator sees it.
    pub(super) fn letter(&self) -> DeadLetter {
        let Self { delivery, reason, failed_at } = self;
        let failed = delivery.failed.clone().unwrap_or_default();
        DeadLetter {
            id: delivery.id.clone(),
            job: delivery.job.clone(),
            url: super::shown(&delivery.url),
            event: delivery.event,
            reason: *reason,
            attempts: delivery.attempts,
            last_status: failed.status,
            last_error: failed.error,
            created_at: delivery.happened_at,
            failed_at: *failed_at,
        }
    }
}

fn in_words(status: u16) -> String {
    match status {
        300..=399 => format!("the endpoint answered {status}: redirects are not followed"),
        _ => format!("the endpoint answered {status}"),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a wait that is far below what a float holds exactly"
)]
fn share(wait_ms: u64, chance: f64) -> u64 {
    (wait_ms as f64 * JITTER * chance.clamp(0.0, 1.0)) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_768_000_000_000);

    fn delivery(attempts: u32) -> Delivery {
        Delivery {
            id: "msg_1".to_owned(),
            tenant: "default".to_owned(),
            job: "job_1".parse().unwrap(),
            url: "https://example.org/hook?key=secret".to_owned(),
            event: WebhookEvent::Completed,
            happened_at: NOW,
            attempts,
            failed: None,
        }
    }

    fn answered(status: u16) -> Outcome {
        Outcome::Answered { status, retry_after_ms: None }
    }

    fn asking(status: u16, seconds: u64) -> Outcome {
        Outcome::Answered { status, retry_after_ms: Some(seconds * 1_000) }
    }

    /// What follows, in words: `in 5000`, `dead gone`.
    fn check(attempts: u32, outcome: &Outcome, expected: &str) {
        let words = match delivery(attempts).after(outcome.clone(), NOW, &RETRIES_MS, 0.0) {
            Next::Delivered => "delivered".to_owned(),
            Next::Again(at, _) => format!("in {}", at.since(NOW)),
            Next::Dead(reason, _) => format!("dead {}", reason.as_str()),
        };
        assert_eq!(words, expected, "attempt {attempts}: {outcome:?}");
    }

    #[test]
    fn an_outcome_leads_on() {
        let unanswered = || Outcome::Unanswered("no connection".to_owned());
        for status in [200, 204, 299] {
            check(1, &answered(status), "delivered");
            check(10, &answered(status), "delivered");
        }
        for status in [100, 301, 307, 400, 401, 404, 409, 422, 429, 500, 502, 503, 504] {
            check(1, &answered(status), "in 5000");
            check(2, &answered(status), "in 300000");
            check(9, &answered(status), "in 86400000");
            check(10, &answered(status), "dead exhausted");
        }
        check(1, &unanswered(), "in 5000");
        check(4, &unanswered(), "in 7200000");
        check(10, &unanswered(), "dead exhausted");
        check(11, &unanswered(), "dead exhausted");
        check(1, &answered(410), "dead gone");
        check(1, &Outcome::Refused("it is loopback".to_owned()), "dead address_refused");
        check(1, &Outcome::Unsigned, "dead no_secret");
        // What a server asks for is kept, and a wait is never shorter than the schedule's.
        check(1, &asking(429, 60), "in 60000");
        check(1, &asking(503, 60), "in 60000");
        check(2, &asking(503, 60), "in 300000");
        check(1, &asking(404, 60), "in 5000");
        check(10, &asking(429, 60), "dead exhausted");
    }

    #[test]
    fn the_waits_are_those_of_the_specification() {
        let since_start: Vec<u64> = RETRIES_MS
            .iter()
            .scan(0, |sum, wait| {
                *sum += wait / 1_000;
                Some(*sum)
            })
            .collect();
        let table = [5, 305, 2_105, 9_305, 27_305, 63_305, 113_705, 185_705, 272_105];
        assert_eq!(since_start, table);
    }

    #[test]
    fn a_dead_letter_shows_no_secret() {
        let Next::Dead(reason, failed) = delivery(10).after(answered(500), NOW, &RETRIES_MS, 0.0)
        else {
            panic!("attempts are left");
        };
        let delivery = Delivery { failed: Some(failed), ..delivery(10) };
        let letter = Dead { delivery, reason, failed_at: NOW }.letter();
        assert_eq!(letter.url, "https://example.org/hook");
        assert_eq!((letter.last_status, letter.attempts), (Some(500), 10));
    }

    proptest! {
        /// Every delivery ends, and chance lengthens a wait by a fifth at the most.
        #[test]
        fn every_delivery_comes_to_an_end(
            statuses in prop::collection::vec(prop_oneof![Just(410_u16), 300_u16..600], 12),
            chance in 0.0..1.0_f64,
        ) {
            let mut now = NOW;
            let mut ended = false;
            for (attempt, status) in (1_u32..).zip(statuses) {
                match delivery(attempt).after(answered(status), now, &RETRIES_MS, chance) {
                    Next::Delivered => prop_assert!(false, "{status} is no success"),
                    Next::Again(at, _) => {
                        let wait = RETRIES_MS[attempt as usize - 1];
                        prop_assert!((wait..=wait + wait / 5).contains(&at.since(now)));
                        now = at;
                    }
                    Next::Dead(..) => {
                        ended = true;
                        break;
                    }
                }
            }
            prop_assert!(ended);
        }
    }
}
