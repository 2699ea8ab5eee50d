//! The address of a stream that cannot be spoken to: everything that is watched is in it.

use headway_protocol::frame::EventFilter;
use headway_protocol::{Cursor, JobId};

use crate::watch::Selector;

/// Which stream, and its parameters in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The job whose own stream it is; `None`: the one of many.
    pub(crate) job: Option<JobId>,
    pub(crate) query: Vec<(&'static str, String)>,
}

/// What a stream has to bring beside its selectors.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) events: Option<EventFilter>,
    pub(crate) min_interval_ms: Option<u64>,
}

impl Wanted {
    /// Whether events of any type are wanted.
    pub(crate) fn has_events(&self) -> bool {
        match &self.events {
            Some(EventFilter::All(all)) => *all,
            Some(EventFilter::Types(types)) => !types.is_empty(),
            None => false,
        }
    }
}

impl Address {
    /// The stream of these selectors, each with the position to go on from. That of one job goes on
    /// where it was. Of several jobs each begins with a snapshot; where events are wanted, those
    /// after its position come before it.
    pub(crate) fn new(selectors: &[(Selector, Option<Cursor>)], wanted: &Wanted) -> Self {
        let mut query = Vec::new();
        let job = if let [(Selector::Job { id, .. }, held)] = selectors {
            query.extend(held.map(|held| ("last_event_id", held.to_string())));
            Some(id.clone())
        } else {
            query.extend(selectors.iter().map(|(selector, _)| parameter(selector)));
            let positions = selectors.iter().filter_map(|(selector, held)| place(selector, *held));
            let positions: Vec<_> = positions.collect();
            if wanted.has_events() && !positions.is_empty() {
                query.push(("cursor", positions.join(",")));
            }
            None
        };
        match &wanted.events {
            Some(EventFilter::All(all)) => query.push(("events", all.to_string())),
            Some(EventFilter::Types(types)) => query.push(("events", types.join(","))),
            None => {}
        }
        let interval = wanted.min_interval_ms;
        query.extend(interval.map(|interval| ("min_interval_ms", interval.to_string())));
        Self { job, query }
    }
}

/// The name that the server makes for a selector where names cannot be chosen, such as `job:a`,
/// `tag:x`, `all`.
pub(crate) fn name(selector: &Selector) -> String {
    match parameter(selector) {
        ("all", _) => "all".to_owned(),
        (word, value) => format!("{word}:{value}"),
    }
}

/// A selector as a parameter.
fn parameter(selector: &Selector) -> (&'static str, String) {
    match selector {
        Selector::Job { id, .. } => ("job", id.to_string()),
        Selector::Session(session) => ("session", session.clone()),
        Selector::Tag(tag) => ("tag", tag.clone()),
        Selector::All => ("all", "true".to_owned()),
    }
}

/// A position in a list of them.
fn place(selector: &Selector, held: Option<Cursor>) -> Option<String> {
    match selector {
        Selector::Job { id, .. } => Some(format!("{id}@{}", held?)),
        Selector::Session(_) | Selector::Tag(_) | Selector::All => None,
    }
}

/// The place of the selector that goes by a name of the server's; where it is the only one, a job's
/// is just its id.
pub(crate) fn called<'a>(
    mut selectors: impl Iterator<Item = &'a Selector>,
    called: &str,
) -> Option<usize> {
    selectors.position(|selector| {
        name(selector) == called || selector.named().is_some_and(|id| id.as_str() == called)
    })
}
