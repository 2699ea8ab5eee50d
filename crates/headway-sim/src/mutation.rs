//! Deliberate mistakes, so that the checker is known to see them.

use headway_protocol::Cursor;
use serde_json::Value;

use crate::invariant::Invariant;

/// A mistake of the store, of whoever writes frames to the wire, or of whoever checks tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    /// News of a record carry an empty patch.
    LosesAPatch,
    /// A read answers without one of its records.
    SkipsARecord,
    /// A log whose beginning is forgotten is said to be whole.
    HidesTheTrim,
    /// A read answers a record's events in another order.
    ReadsAnotherEvent,
    /// An update never leaves.
    DropsAnUpdate,
    /// An update leaves twice.
    RepeatsAnUpdate,
    /// An update says more than happened.
    AltersAPatch,
    /// An event never leaves.
    DropsAnEvent,
    /// An event leaves twice.
    RepeatsAnEvent,
    /// An event leaves after the frame that follows it.
    DelaysAnEvent,
    /// An end never leaves.
    DropsAnEnd,
    /// An end leaves twice.
    RepeatsAnEnd,
    /// A gap never leaves.
    DropsAGap,
    /// A gap begins later than what was sent.
    MovesAGap,
    /// An answer never leaves.
    DropsAnAnswer,
    /// A heartbeat never leaves.
    DropsAHeartbeat,
    /// A frame leaves with another tenant's document.
    MixesTenants,
    /// A ring is never heard.
    DropsARing,
    /// State frames come without regard to their interval.
    HurriesTheClock,
    /// Nobody asks whose a job is within its tenant.
    SkipsTheSubject,
    /// After a renewal everything goes on as before.
    SkipsTheRenewal,
    /// Somebody else's token is taken.
    TakesAnyToken,
    /// A connection goes on when its sign-in has ended.
    OutlivesItsToken,
}

impl Mutation {
    /// All of them, each with the invariants that it breaks, the one that it breaks most first.
    pub const ALL: [(Self, &'static [Invariant]); 23] = [
        (Self::LosesAPatch, &[Invariant::StateIsTrue, Invariant::StatusNotSkipped]),
        (Self::SkipsARecord, &[Invariant::NewestAtLast, Invariant::Bounded]),
        (Self::HidesTheTrim, &[Invariant::NewestAtLast, Invariant::Bounded]),
        (Self::ReadsAnotherEvent, &[Invariant::EventsWhole]),
        (Self::DropsAnUpdate, &[Invariant::UpdateFits, Invariant::EndComes]),
        (Self::RepeatsAnUpdate, &[Invariant::UpdateFits]),
        (Self::AltersAPatch, &[Invariant::StateIsTrue]),
        (Self::DropsAnEvent, &[Invariant::EventsWhole, Invariant::ResumeMissesNothing]),
        (Self::RepeatsAnEvent, &[Invariant::EventsWhole]),
        (Self::DelaysAnEvent, &[Invariant::EventsBeforeState, Invariant::EventsWhole]),
        (Self::DropsAnEnd, &[Invariant::EndComes]),
        (Self::RepeatsAnEnd, &[Invariant::EndComes]),
        (Self::DropsAGap, &[Invariant::StatusNotSkipped, Invariant::CursorRises]),
        (Self::MovesAGap, &[Invariant::GapIsTrue]),
        (Self::DropsAnAnswer, &[Invariant::AnswersCome, Invariant::NothingOfOthers]),
        (Self::DropsAHeartbeat, &[Invariant::HeartbeatComes]),
        (Self::MixesTenants, &[Invariant::NothingOfOthers]),
        (Self::DropsARing, &[Invariant::NewestAtLast]),
        (Self::HurriesTheClock, &[Invariant::IntervalKept]),
        (Self::SkipsTheSubject, &[Invariant::NothingOfOthers]),
        (Self::SkipsTheRenewal, &[Invariant::NothingOfOthers, Invariant::NewestAtLast]),
        (Self::TakesAnyToken, &[Invariant::NothingOfOthers]),
        (Self::OutlivesItsToken, &[Invariant::NothingOfOthers]),
    ];

    /// Whether it happens between the hub and its reader.
    pub(crate) const fn is_on_the_wire(self) -> bool {
        match self {
            Self::LosesAPatch
            | Self::SkipsARecord
            | Self::HidesTheTrim
            | Self::ReadsAnotherEvent => false,
            Self::DropsAnUpdate
            | Self::RepeatsAnUpdate
            | Self::AltersAPatch
            | Self::DropsAnEvent
            | Self::RepeatsAnEvent
            | Self::DelaysAnEvent
            | Self::DropsAnEnd
            | Self::RepeatsAnEnd
            | Self::DropsAGap
            | Self::MovesAGap
            | Self::DropsAnAnswer
            | Self::DropsAHeartbeat
            | Self::MixesTenants
            | Self::DropsARing
            | Self::HurriesTheClock
            | Self::SkipsTheSubject
            | Self::SkipsTheRenewal
            | Self::TakesAnyToken
            | Self::OutlivesItsToken => true,
        }
    }

    /// What leaves in the place of a frame.
    pub(crate) fn frames(self, frame: Vec<u8>) -> Vec<Vec<u8>> {
        let Ok(mut value) = serde_json::from_slice::<Value>(&frame) else { return vec![frame] };
        let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
        match (self, kind) {
            (Self::DropsAnUpdate, "update")
            | (Self::DropsAnEvent, "event")
            | (Self::DropsAnEnd, "end")
            | (Self::DropsAGap, "gap")
            | (Self::DropsAnAnswer, "result" | "subscribed" | "pong")
            | (Self::DropsAHeartbeat, "heartbeat") => Vec::new(),
            (Self::RepeatsAnUpdate, "update")
            | (Self::RepeatsAnEvent, "event")
            | (Self::RepeatsAnEnd, "end") => vec![frame.clone(), frame],
            (Self::AltersAPatch, "update") => {
                if let Some(Value::Object(patch)) = value.get_mut("patch") {
                    patch.insert("phase".to_owned(), Value::from("made up"));
                }
                vec![value.to_string().into_bytes()]
            }
            (Self::MixesTenants, "snapshot") => {
                if let Some(tenant) = value.pointer_mut("/state/owner/tenant") {
                    *tenant = Value::from("somebody else");
                }
                vec![value.to_string().into_bytes()]
            }
            (Self::MovesAGap, "gap") => {
                let from = value.get("from").and_then(Value::as_str).unwrap_or_default();
                if let Ok(Cursor { epoch, offset }) = from.parse() {
                    let later = Cursor { epoch, offset: offset.saturating_add(1_000_000) };
                    if let Some(from) = value.get_mut("from") {
                        *from = Value::from(later.to_string());
                    }
                }
                vec![value.to_string().into_bytes()]
            }
            _ => vec![frame],
        }
    }
}
