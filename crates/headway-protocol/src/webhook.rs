//! Webhooks: where what happens to a job is announced, and what could not be announced.
//!
//! A delivery is a request as [Standard Webhooks] 1.0 says, whose body is a [CloudEvents] 1.0 event
//! in JSON: see [`JobEvent`].
//!
//! [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
//! [CloudEvents]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{JobId, Secret, Timestamp};

/// Where a job's life is announced.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// An http or https address of at most 2,048 bytes, without a user and a password.
    pub url: String,
    /// What is announced; the four ends of a job unless said: `completed`, `failed`, `cancelled` and
    /// `expired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<WebhookEvent>>,
    /// What deliveries are signed with: `whsec_` and 24 to 64 bytes in base64. Unless said, the
    /// server's own. It is in no document.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "Secret::serialize_exposed_option"
    )]
    pub secret: Option<Secret>,
}

impl Webhook {
    /// Whether an event is announced.
    pub fn wants(&self, event: WebhookEvent) -> bool {
        self.events.as_ref().map_or(event.is_end(), |events| events.contains(&event))
    }
}

impl PartialEq for Webhook {
    fn eq(&self, other: &Self) -> bool {
        let Self { url, events, secret } = self;
        let exposed = |secret: &Option<Secret>| secret.as_ref().map(|own| own.expose().to_owned());
        *url == other.url && *events == other.events && exposed(secret) == exposed(&other.secret)
    }
}

/// What happened to a job, as webhooks announce it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WebhookEvent {
    /// Its work began.
    Started,
    /// It stands still.
    Paused,
    /// It goes on.
    Resumed,
    /// It succeeded.
    Completed,
    /// It did not.
    Failed,
    /// It was stopped.
    Cancelled,
    /// Its time ran out.
    Expired,
    /// A new attempt was asked for.
    Retried,
    /// A share of its budget is spent.
    BudgetWarning,
}

impl WebhookEvent {
    /// Every event.
    pub const ALL: &[Self] = &[
        Self::Started,
        Self::Paused,
        Self::Resumed,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::Expired,
        Self::Retried,
        Self::BudgetWarning,
    ];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Retried => "retried",
            Self::BudgetWarning => "budget_warning",
        }
    }

    /// Whether a job that it happened to has ended.
    pub const fn is_end(self) -> bool {
        match self {
            Self::Completed | Self::Failed | Self::Cancelled | Self::Expired => true,
            Self::Started | Self::Paused | Self::Resumed | Self::Retried | Self::BudgetWarning => {
                false
            }
        }
    }

    /// The CloudEvents `type`: `io.headway.job.completed.v1`.
    pub fn event_type(self) -> String {
        format!("io.headway.job.{self}.v1")
    }
}

impl fmt::Display for WebhookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The body of a delivery: a CloudEvents 1.0 event in structured JSON, media type
/// `application/cloudevents+json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobEvent<D> {
    /// `1.0`.
    pub specversion: String,
    /// Names the event, and is the `webhook-id` of all its deliveries.
    pub id: String,
    /// `/api/v1/jobs`.
    pub source: String,
    /// `io.headway.job.<event>.v1`.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it happened.
    pub time: Timestamp,
    /// The job's name.
    pub subject: JobId,
    /// `application/json`.
    pub datacontenttype: String,
    /// Whether `data` has lost its largest members because the event would be too large to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headwayshortened: Option<bool>,
    /// The job's document as of the event.
    pub data: D,
}

/// The name of a new event: `msg_`, in the order of time, from the milliseconds of its making and 80
/// random bits.
pub fn event_id(millis: u64, random: u128) -> String {
    crate::id::timed("msg_", millis, random)
}

/// A delivery that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeadLetter {
    /// The event's name; also its `webhook-id`.
    pub id: String,
    /// The job.
    pub job: JobId,
    /// Where it was to go, without the query.
    pub url: String,
    /// What happened to the job.
    pub event: WebhookEvent,
    /// Why it was given up.
    pub reason: DeadReason,
    /// How often it was sent.
    pub attempts: u32,
    /// The status of the last answer; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_status: Option<u16>,
    /// Why the last attempt failed.
    pub last_error: String,
    /// When the event happened.
    pub created_at: Timestamp,
    /// When it was given up.
    pub failed_at: Timestamp,
}

/// Why a delivery was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeadReason {
    /// Every attempt failed.
    Exhausted,
    /// The endpoint said that it is gone (410), now or to an earlier delivery.
    Gone,
    /// The server may not reach that address.
    AddressRefused,
    /// There is nothing to sign it with.
    NoSecret,
}

impl DeadReason {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Gone => "gone",
            Self::AddressRefused => "address_refused",
            Self::NoSecret => "no_secret",
        }
    }
}

/// A page of dead letters, oldest event first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DeadLetterPage {
    /// The letters.
    pub dead_letters: Vec<DeadLetter>,
    /// Ask with this as `after` for the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_their_own_words() {
        for event in WebhookEvent::ALL {
            let text = serde_json::to_string(event).unwrap();
            assert_eq!(text, format!("\"{event}\""));
            assert_eq!(serde_json::from_str::<WebhookEvent>(&text).unwrap(), *event);
        }
        assert_eq!(WebhookEvent::BudgetWarning.event_type(), "io.headway.job.budget_warning.v1");
        for reason in [
            DeadReason::Exhausted,
            DeadReason::Gone,
            DeadReason::AddressRefused,
            DeadReason::NoSecret,
        ] {
            let text = serde_json::to_string(&reason).unwrap();
            assert_eq!(text, format!("\"{}\"", reason.as_str()));
        }
    }

    #[test]
    fn ends_are_announced_unless_said() {
        let webhook: Webhook = serde_json::from_str(r#"{"url":"https://example.org"}"#).unwrap();
        let wanted: Vec<_> =
            WebhookEvent::ALL.iter().filter(|event| webhook.wants(**event)).collect();
        assert_eq!(wanted.len(), 4);
        assert!(wanted.iter().all(|event| event.is_end()));
        let text = r#"{"url":"https://example.org","events":["started"],"secret":"whsec_x"}"#;
        let webhook: Webhook = serde_json::from_str(text).unwrap();
        assert!(webhook.wants(WebhookEvent::Started) && !webhook.wants(WebhookEvent::Completed));
        assert!(!format!("{webhook:?}").contains("whsec_x"));
        // It rests with its job, and is sent by clients.
        assert_eq!(serde_json::to_string(&webhook).unwrap(), text);
        assert_eq!(serde_json::from_str::<Webhook>(text).unwrap(), webhook);
    }

    #[test]
    fn names_of_events_are_in_the_order_of_time() {
        let (first, second) =
            (event_id(1_768_037_400_000, u128::MAX), event_id(1_768_037_400_001, 0));
        assert!(first < second && first.starts_with("msg_") && first.len() == 30);
        assert!(!first.contains('.'), "a signature's parts are told apart by dots");
    }
}
