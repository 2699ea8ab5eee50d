//! What somebody may see, in the simulation's own words: the rule that the server asks is not asked
//! here, so that a mistake in it cannot hide.

use std::sync::Arc;

use headway_access::{Caller, Credential, Listed, Reach, Scopes};
use headway_protocol::frame::Subscribe;
use headway_protocol::{JobId, Owner, Timestamp};
use serde_json::Value;

use crate::chance::Chance;
use crate::producer::{SESSIONS, SUBJECTS, TAGS};

/// Somebody, and what they may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    tenant: String,
    subject: Option<String>,
    sees: Sees,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Sees {
    /// Nothing: they have not said who they are.
    Nothing,
    /// Their tenant.
    Everything,
    /// What is of their subject.
    Own,
    /// What is listed.
    Listed(Listed),
}

impl Viewer {
    /// Somebody who sees a whole tenant.
    pub fn of_tenant(tenant: &str) -> Self {
        Self { tenant: tenant.to_owned(), subject: None, sees: Sees::Everything }
    }

    /// Somebody of a subject, who sees their whole tenant.
    pub(crate) fn of_subject(tenant: &str, subject: Option<&str>) -> Self {
        Self { subject: subject.map(str::to_owned), ..Self::of_tenant(tenant) }
    }

    /// The same before they have said who they are.
    pub(crate) fn unknown(&self) -> Self {
        Self { sees: Sees::Nothing, ..self.clone() }
    }

    /// Whether they have not said who they are.
    pub(crate) fn is_unknown(&self) -> bool {
        self.sees == Sees::Nothing
    }

    /// Whether they are the same person, whatever each may see.
    pub(crate) fn is_same_person(&self, other: &Self) -> bool {
        (&self.tenant, &self.subject) == (&other.tenant, &other.subject)
    }

    /// Somebody else of the same tenant.
    pub(crate) fn other(&self) -> Self {
        let other = SUBJECTS.iter().find(|name| self.subject.as_deref() != Some(name));
        Self { subject: other.map(|name| (*name).to_owned()), ..self.clone() }
    }

    /// The same with another reach, by chance.
    pub(crate) fn draw(&self, jobs: &[JobId], chance: &mut Chance) -> Self {
        let sees = match chance.below(4) {
            0 => Sees::Everything,
            1 | 2 if self.subject.is_some() => Sees::Own,
            1 if chance.one_in(6) => Sees::Own,
            _ => {
                let word = |word: &&str| (*word).to_owned();
                let mut some = |words: &[&str]| -> Vec<String> {
                    words.iter().filter(|_| chance.one_in(2)).map(word).collect()
                };
                let (sessions, tags) = (some(&SESSIONS), some(&TAGS));
                let jobs = jobs.iter().filter(|_| chance.one_in(2)).cloned().collect();
                let of_subject = if chance.one_in(3) { chance.pick(&SUBJECTS) } else { None };
                Sees::Listed(Listed {
                    jobs,
                    sessions: sessions.into_iter().collect(),
                    tags: tags.into_iter().collect(),
                    of_subject: of_subject.map(word),
                    ..Listed::default()
                })
            }
        };
        Self { sees, ..self.clone() }
    }

    /// As the server knows them.
    pub(crate) fn caller(&self, expires_at: Option<Timestamp>) -> Arc<Caller> {
        let reach = match &self.sees {
            Sees::Nothing => return Arc::new(Caller::nobody()),
            Sees::Everything => Reach::Tenant,
            Sees::Own => Reach::Own,
            Sees::Listed(listed) => Reach::Listed(Box::new(listed.clone())),
        };
        let owner = Owner { tenant: self.tenant.clone(), subject: self.subject.clone() };
        let credential = Credential::Key { id: "simulated".to_owned() };
        let scopes = Scopes::ALL;
        Arc::new(Caller { owner, scopes, reach, credential, expires_at, ..Caller::anyone() })
    }

    /// Whether they may see a job with this document.
    pub(crate) fn sees(&self, job: &JobId, document: &Value) -> bool {
        let text = |path: &str| document.pointer(path).and_then(Value::as_str);
        if text("/owner/tenant") != Some(&self.tenant) {
            return false;
        }
        let subject = text("/owner/subject");
        match &self.sees {
            Sees::Nothing => false,
            Sees::Everything => true,
            Sees::Own => subject.is_some() && subject == self.subject.as_deref(),
            Sees::Listed(lists) => {
                let tags = document.get("tags").and_then(Value::as_array);
                let mut tags = tags.into_iter().flatten().filter_map(Value::as_str);
                let named = lists.jobs.contains(job)
                    || text("/session").is_some_and(|session| lists.sessions.contains(session))
                    || tags.any(|tag| lists.tags.contains(tag));
                named && (lists.of_subject.is_none() || lists.of_subject.as_deref() == subject)
            }
        }
    }

    /// Whether they may ask for this, whatever there is.
    pub(crate) fn may_ask(&self, subscribe: &Subscribe) -> bool {
        match &self.sees {
            Sees::Nothing => false,
            Sees::Everything | Sees::Own => true,
            Sees::Listed(lists) => {
                subscribe.job.is_some()
                    || subscribe.session.as_ref().is_some_and(|name| lists.sessions.contains(name))
                    || subscribe.tag.as_ref().is_some_and(|name| lists.tags.contains(name))
            }
        }
    }
}
