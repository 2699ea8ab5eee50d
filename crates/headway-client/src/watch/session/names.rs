//! Names of subscriptions on the wire, and what each stands for.

use std::collections::BTreeMap;

use headway_protocol::JobId;

/// What is subscribed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A selector, by its place.
    Selected(usize),
    /// A job that a selector brought, by its name.
    LookedUp(JobId),
}

/// The names that stand on the present connection.
///
/// **Invariant:** a name is used once, so that an answer that comes late is never taken for that to
/// another question.
#[derive(Debug, Default)]
pub(crate) struct Names {
    subjects: BTreeMap<u64, Subject>,
    taken: u64,
}

impl Names {
    /// A new name for something.
    pub(crate) fn take(&mut self, subject: Subject) -> String {
        self.taken += 1;
        self.subjects.insert(self.taken, subject);
        self.taken.to_string()
    }

    /// What a name stands for; from now on for nothing.
    pub(crate) fn drop(&mut self, name: &str) -> Option<Subject> {
        self.subjects.remove(&name.parse().ok()?)
    }

    /// Drops the names of some subjects, and says which they were.
    pub(crate) fn withdraw(&mut self, which: impl Fn(&Subject) -> bool) -> Vec<String> {
        let gone = self.subjects.extract_if(.., |_, subject| which(subject));
        gone.map(|(name, _)| name.to_string()).collect()
    }

    /// The connection is another: none of them stands.
    pub(crate) fn clear(&mut self) {
        self.subjects.clear();
    }
}
