//! Which events a watcher wants.

use std::sync::Arc;

use headway_protocol::frame::EventFilter;

/// What a lane asks for, the union over its subscriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Wanted {
    /// No events.
    #[default]
    Nothing,
    /// Events of these types.
    Types(Arc<[String]>),
    /// All events.
    Everything,
}

impl Wanted {
    pub(super) fn wants(&self, word: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Types(types) => types.iter().any(|wanted| wanted == word),
            Self::Everything => true,
        }
    }

    /// What a subscription asked for.
    pub(super) fn of(asked: Option<EventFilter>) -> Self {
        match asked {
            None | Some(EventFilter::All(false)) => Self::Nothing,
            Some(EventFilter::All(true)) => Self::Everything,
            Some(EventFilter::Types(types)) if types.is_empty() => Self::Nothing,
            Some(EventFilter::Types(types)) => Self::Types(types.into()),
        }
    }

    /// What both want together.
    pub(super) fn and(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Everything, _) | (_, Self::Everything) => Self::Everything,
            (Self::Nothing, other) => other.clone(),
            (own, Self::Nothing) => own,
            (Self::Types(own), Self::Types(more)) => {
                let added = more.iter().filter(|word| !own.contains(word));
                Self::Types(own.iter().chain(added).cloned().collect())
            }
        }
    }
}
