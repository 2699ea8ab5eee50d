//! What a watch has seen: no I/O, no clock.
//!
//! **Invariants:** of one job, state messages pass only in a chain (each update's `prev` is the
//! position held); each event passes once; a job whose end was seen is not subscribed again.

use std::collections::{HashMap, HashSet};

use headway_protocol::frame::{EventFilter, ServerMessage, Subscribe};
use headway_protocol::{Cursor, JobId};

use super::{Selector, Subscriptions, WatchOptions};

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The reader gets it.
    Pass,
    /// The reader has it already.
    Skip,
    /// Something is missing before it: subscribe again from the position held.
    Hole,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    state: Option<Cursor>,
    event: Option<Cursor>,
    ended: bool,
}

/// What a watch has seen of each of its jobs.
#[derive(Debug)]
pub(crate) struct Session {
    selectors: Vec<Selector>,
    events: Option<EventFilter>,
    min_interval_ms: Option<u64>,
    jobs: HashMap<JobId, Seen>,
    /// Jobs that the server would not let be watched.
    refused: HashSet<JobId>,
}

impl Session {
    pub(crate) fn new(selectors: Vec<Selector>, options: &WatchOptions) -> Self {
        let mut jobs = HashMap::new();
        for selector in &selectors {
            if let Selector::Job { id, cursor } = selector {
                let seen = Seen { state: *cursor, event: *cursor, ended: false };
                jobs.insert(id.clone(), seen);
            }
        }
        Self {
            selectors,
            events: options.events.clone(),
            min_interval_ms: options.min_interval_ms,
            jobs,
            refused: HashSet::new(),
        }
    }

    /// A new connection: subscriptions that cannot carry a position begin with a snapshot again.
    pub(crate) fn begin_connection(&mut self) {
        let named: HashSet<_> = self
            .selectors
            .iter()
            .filter_map(|selector| match selector {
                Selector::Job { id, .. } => Some(id.clone()),
                Selector::Session(_) | Selector::Tag(_) | Selector::All => None,
            })
            .collect();
        for (job, seen) in &mut self.jobs {
            if !named.contains(job) {
                seen.state = None;
            }
        }
    }

    /// Whether only jobs are watched and nothing more comes of any of them.
    pub(crate) fn is_finished(&self) -> bool {
        self.selectors.iter().all(|selector| match selector {
            Selector::Job { id, .. } => self.is_over(id),
            Selector::Session(_) | Selector::Tag(_) | Selector::All => false,
        })
    }

    fn is_over(&self, job: &JobId) -> bool {
        self.refused.contains(job) || self.jobs.get(job).is_some_and(|seen| seen.ended)
    }

    /// The single job that is watched, if it is one, with the position held.
    pub(crate) fn single(&self) -> Option<(&JobId, Option<Cursor>)> {
        match self.selectors.as_slice() {
            [Selector::Job { id, .. }] => Some((id, self.jobs.get(id).and_then(|seen| seen.state))),
            _ => None,
        }
    }

    /// What to subscribe to now; the place in the list of selectors is the subscription's name.
    pub(crate) fn subscriptions(&self) -> Subscriptions {
        let mut list = Vec::new();
        for (place, selector) in self.selectors.iter().enumerate() {
            let mut subscribe = Subscribe {
                id: place.to_string(),
                events: self.events.clone(),
                min_interval_ms: self.min_interval_ms,
                ..Subscribe::default()
            };
            match selector {
                Selector::Job { id, .. } => {
                    if self.is_over(id) {
                        continue;
                    }
                    subscribe.job = Some(id.clone());
                    subscribe.cursor = self.jobs.get(id).and_then(|seen| seen.state);
                }
                Selector::Session(session) => subscribe.session = Some(session.clone()),
                Selector::Tag(tag) => subscribe.tag = Some(tag.clone()),
                Selector::All => subscribe.all = Some(true),
            }
            list.push(subscribe);
        }
        list
    }

    pub(crate) fn handle_message(&mut self, message: &ServerMessage) -> Verdict {
        match message {
            ServerMessage::Snapshot { job, cursor, .. } => {
                let seen = self.jobs.entry(job.clone()).or_default();
                seen.state = Some(*cursor);
                seen.ended = false;
                Verdict::Pass
            }
            ServerMessage::Update { job, cursor, prev, .. } => {
                let seen = self.jobs.entry(job.clone()).or_default();
                match seen.state {
                    Some(held) if held == *prev => {
                        seen.state = Some(*cursor);
                        seen.ended = false;
                        Verdict::Pass
                    }
                    Some(held) if is_at_most(*cursor, held) => Verdict::Skip,
                    Some(_) | None => Verdict::Hole,
                }
            }
            ServerMessage::Event { job, cursor, .. } => {
                let seen = self.jobs.entry(job.clone()).or_default();
                if seen.event.is_some_and(|held| is_at_most(*cursor, held)) {
                    return Verdict::Skip;
                }
                seen.event = Some(*cursor);
                Verdict::Pass
            }
            ServerMessage::Gap { job, to, .. } => {
                self.jobs.entry(job.clone()).or_default().event = Some(*to);
                Verdict::Pass
            }
            ServerMessage::End { job, .. } => {
                let seen = self.jobs.entry(job.clone()).or_default();
                let repeated = std::mem::replace(&mut seen.ended, true);
                if repeated { Verdict::Skip } else { Verdict::Pass }
            }
            ServerMessage::Error { id, .. } => {
                let place = id.as_ref().and_then(|id| id.parse::<usize>().ok());
                if let Some(Selector::Job { id, .. }) =
                    place.and_then(|place| self.selectors.get(place))
                {
                    self.refused.insert(id.clone());
                }
                Verdict::Pass
            }
            ServerMessage::Hello { .. }
            | ServerMessage::Subscribed { .. }
            | ServerMessage::Heartbeat { .. }
            | ServerMessage::Result { .. }
            | ServerMessage::Pong { .. }
            | ServerMessage::Closing { .. } => Verdict::Pass,
            ServerMessage::Unknown => Verdict::Skip,
        }
    }
}

fn is_at_most(cursor: Cursor, held: Cursor) -> bool {
    cursor.epoch == held.epoch && cursor.offset <= held.offset
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn update(prev: u64, offset: u64) -> ServerMessage {
        serde_json::from_value(json!({
            "type": "update", "job": "a", "patch": {},
            "prev": format!("0000000a-{prev}"), "cursor": format!("0000000a-{offset}"),
        }))
        .unwrap()
    }

    fn event(offset: u64) -> ServerMessage {
        serde_json::from_value(json!({
            "type": "event", "job": "a", "event": {}, "cursor": format!("0000000a-{offset}"),
        }))
        .unwrap()
    }

    fn end(job: &str) -> ServerMessage {
        serde_json::from_value(json!({
            "type": "end", "job": job, "cursor": "0000000a-9", "status": "completed",
        }))
        .unwrap()
    }

    fn session(held: Option<&str>) -> Session {
        let selector = Selector::Job {
            id: "a".parse().unwrap(),
            cursor: held.map(|held| held.parse().unwrap()),
        };
        Session::new(vec![selector], &WatchOptions::default())
    }

    #[test]
    fn updates_pass_in_a_chain() {
        let mut session = session(Some("0000000a-3"));
        assert_eq!(session.handle_message(&update(3, 5)), Verdict::Pass);
        assert_eq!(session.handle_message(&update(3, 5)), Verdict::Skip);
        assert_eq!(session.handle_message(&update(6, 7)), Verdict::Hole);
        let subscriptions = session.subscriptions();
        assert_eq!(subscriptions[0].cursor.unwrap().offset, 5, "comes back from what was seen");
    }

    #[test]
    fn replayed_events_pass_once() {
        let mut session = session(Some("0000000a-3"));
        assert_eq!(session.handle_message(&event(4)), Verdict::Pass);
        assert_eq!(session.handle_message(&event(4)), Verdict::Skip);
        assert_eq!(session.handle_message(&event(5)), Verdict::Pass);
    }

    #[test]
    fn finishes_with_its_last_job() {
        let selectors =
            ["a", "b"].map(|id| Selector::job(id.parse().unwrap())).into_iter().collect();
        let mut session = Session::new(selectors, &WatchOptions::default());
        session.handle_message(&end("a"));
        assert!(!session.is_finished());
        assert_eq!(session.subscriptions().len(), 1, "an ended job is not asked for again");
        let refused = r#"{"type":"error","id":"1","code":"not_found","message":"no such job"}"#;
        session.handle_message(&serde_json::from_str(refused).unwrap());
        assert!(session.is_finished());
    }

    #[test]
    fn a_session_never_finishes_and_starts_from_snapshots_again() {
        let mut session =
            Session::new(vec![Selector::Session("s".into())], &WatchOptions::default());
        let snapshot = json!({
            "type": "snapshot", "job": "a", "cursor": "0000000a-3",
            "state": {
                "id": "a", "kind": "k", "status": "running", "attempt": 1,
                "owner": {"tenant": "default"}, "cursor": "0000000a-3",
                "created_at": "2026-01-10T09:30:00.000Z", "updated_at": "2026-01-10T09:30:00.000Z",
            },
        });
        session.handle_message(&serde_json::from_value(snapshot).unwrap());
        session.handle_message(&end("a"));
        assert!(!session.is_finished());
        session.begin_connection();
        assert_eq!(session.handle_message(&update(3, 5)), Verdict::Hole);
    }
}
