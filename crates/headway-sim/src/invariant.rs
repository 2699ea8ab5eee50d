//! What must hold of every stream, by name.

use std::fmt;

/// A promise of the stream. Each is a sentence of the protocol's section on watchers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// "`update`: merge patch of the document; apply only when `prev` is the cursor held": on an
    /// unbroken connection it always is.
    UpdateFits,
    /// "`snapshot`: the document": what its reader holds at a cursor is what the log folds to there.
    StateIsTrue,
    /// "A position in one job's log": the cursors of a job's state frames rise, and stay in one log
    /// until a gap names another.
    CursorRises,
    /// "Events are kept: in order, each once per cursor, never skipped without a `gap`", and each is
    /// the one that the log has at its cursor.
    EventsWhole,
    /// "Replay and live join without loss": a state frame's cursor promises that every wanted event
    /// up to it was sent before, so that whoever comes back with it misses nothing.
    EventsBeforeState,
    /// "Status changes are kept": no state frame passes over one, unless a gap or the events of the
    /// subscription told of it.
    StatusNotSkipped,
    /// "`end` always arrives; the terminal state was sent; nothing follows for this attempt".
    EndComes,
    /// "`gap`: `job, from, to, reason`, then a `snapshot`": its reason is so, nothing is missing
    /// before `from`, and the snapshot shows `to`.
    GapIsTrue,
    /// "A slow or throttled watcher gets the newest state": once all is quiet, everybody holds it.
    NewestAtLast,
    /// "`subscribed`: `recovered`": whoever was told so gets everything after its cursor.
    ResumeMissesNothing,
    /// "`min_interval_ms` limits state frames per job; status changes and `end` are not held back".
    IntervalKept,
    /// "A slow watcher never gets a backlog": what a session asks for and keeps is bounded.
    Bounded,
    /// "What a caller may not see is as if it did not exist", and nobody gets what it did not ask
    /// for.
    NothingOfOthers,
    /// "`result` / `error`: `id` of the client message it answers": each is answered once; `hello`
    /// comes first, and nothing after `closing`.
    AnswersCome,
    /// "A `heartbeat` message when nothing else was sent for `heartbeat_ms`".
    HeartbeatComes,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::UpdateFits,
        Self::StateIsTrue,
        Self::CursorRises,
        Self::EventsWhole,
        Self::EventsBeforeState,
        Self::StatusNotSkipped,
        Self::EndComes,
        Self::GapIsTrue,
        Self::NewestAtLast,
        Self::ResumeMissesNothing,
        Self::IntervalKept,
        Self::Bounded,
        Self::NothingOfOthers,
        Self::AnswersCome,
        Self::HeartbeatComes,
    ];

    /// Its name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UpdateFits => "update-fits",
            Self::StateIsTrue => "state-is-true",
            Self::CursorRises => "cursor-rises",
            Self::EventsWhole => "events-whole",
            Self::EventsBeforeState => "events-before-state",
            Self::StatusNotSkipped => "status-not-skipped",
            Self::EndComes => "end-comes",
            Self::GapIsTrue => "gap-is-true",
            Self::NewestAtLast => "newest-at-last",
            Self::ResumeMissesNothing => "resume-misses-nothing",
            Self::IntervalKept => "interval-kept",
            Self::Bounded => "bounded",
            Self::NothingOfOthers => "nothing-of-others",
            Self::AnswersCome => "answers-come",
            Self::HeartbeatComes => "heartbeat-comes",
        }
    }

    /// That it was broken, and how.
    pub fn broken(self, how: impl Into<String>) -> Violation {
        Violation { invariant: self, how: how.into() }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// How, for people.
    pub how: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.how)
    }
}

impl std::error::Error for Violation {}
