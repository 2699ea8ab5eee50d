//! What was made of a job in other words than the stream's own.
//!
//! A message of a [`Dialect`] tells a whole state, so it needs the document of the position that it
//! is about. That is the newest, but for changes of status that were passed since: their documents
//! are kept for a while, so that a watcher who looks late still hears of each change.
//!
//! Owner: the topic, which has none of it until somebody speaks a dialect.

use std::collections::VecDeque;
use std::sync::Arc;

use headway_protocol::{Cursor, JobId, Timestamp};
use serde_json::Value;

use super::ring::Ring;
use crate::dialect::{Dialect, Telling};
use crate::frame::Frame;

/// Messages that are kept for others who are told the same: a few distances of a few dialects.
const MESSAGES: usize = 8;

/// Documents at changes of status that are kept for those who are behind: the changes of an
/// ordinary life. Whoever is further behind is told of the newest state alone.
const MOMENTS: usize = 8;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Retold {
    messages: VecDeque<Kept>,
    moments: VecDeque<(u64, Value)>,
}

#[derive(Debug)]
struct Kept {
    dialect: Arc<Dialect>,
    about: About,
    frame: Frame,
}

/// What a message is about; two that are about the same are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct About {
    /// Events after this position come along; `None`: the newest. Always `None` for a dialect
    /// without events.
    pub(crate) since: Option<u64>,
    /// The position whose state is told.
    pub(crate) to: u64,
    /// When what is new was decided; `None` for somebody to whom all of it is new.
    pub(crate) at: Option<Timestamp>,
}

impl Retold {
    /// The document of a change of status that is about to be passed.
    pub(super) fn keep(&mut self, position: u64, document: &Value) {
        if self.moments.len() == MOMENTS {
            self.moments.pop_front();
        }
        self.moments.push_back((position, document.clone()));
    }

    /// The newest document is about to be another: what nobody can be told any more goes.
    pub(super) fn move_on(&mut self) {
        let Self { messages, moments } = self;
        messages.retain(|kept| moments.iter().any(|(position, _)| *position == kept.about.to));
    }

    /// The message about something of a job whose newest document and position are given; `None`
    /// when the document that it is about is not there any more.
    pub(super) fn tell(
        &mut self,
        dialect: &Arc<Dialect>,
        about: About,
        (job, newest, document): (&JobId, Cursor, &Value),
        ring: &Ring,
    ) -> Option<Frame> {
        let same = |kept: &&Kept| kept.about == about && Arc::ptr_eq(&kept.dialect, dialect);
        // Nearly always it is the newest.
        if let Some(kept) = self.messages.iter().rev().find(same) {
            return Some(kept.frame.clone());
        }
        let document = if about.to == newest.offset {
            document
        } else {
            let moment = self.moments.iter().find(|(position, _)| *position == about.to);
            &moment?.1
        };
        let cursor = Cursor { offset: about.to, ..newest };
        let (events, missed) = match dialect.events {
            0 => (Vec::new(), 0),
            most => ring.raw_events(about.since, about.to, most),
        };
        let events: Vec<_> = events
            .into_iter()
            .map(|(offset, event)| (Cursor { offset, ..newest }, event))
            .collect();
        let text = (dialect.tell)(&Telling { document, cursor, events: &events, missed });
        let frame = Frame::retold(job, cursor, about.at, text);
        if self.messages.len() == MESSAGES {
            self.messages.pop_front();
        }
        let dialect = Arc::clone(dialect);
        self.messages.push_back(Kept { dialect, about, frame: frame.clone() });
        Some(frame)
    }
}
