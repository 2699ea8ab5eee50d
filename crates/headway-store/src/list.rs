//! Finding jobs without their documents.

use std::fmt;
use std::str::FromStr;

use headway_protocol::{JobId, JobStatus, Owner, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Stored;

/// What a job can be found by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facets {
    /// Its status.
    pub status: JobStatus,
    /// Its kind.
    pub kind: String,
    /// Its session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Its owner.
    pub owner: Owner,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ended, while it is ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// When somebody has to look at it, at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
}

/// Which jobs, and how many. Members that are absent do not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only this tenant's.
    pub tenant: Option<String>,
    /// Only this subject's.
    pub subject: Option<String>,
    /// Only with one of these statuses; empty: any.
    pub statuses: Vec<JobStatus>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only of this session.
    pub session: Option<String>,
    /// Only with this tag.
    pub tag: Option<String>,
    /// Only those after this one in the order of the list.
    pub after: Option<PageKey>,
    /// At most so many, at least 1.
    pub limit: usize,
}

impl ListQuery {
    /// Whether a job with these facets fits, leaving `after` and `limit` aside.
    pub fn fits(&self, facets: &Facets) -> bool {
        let same = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        (self.statuses.is_empty() || self.statuses.contains(&facets.status))
            && same(&self.tenant, Some(&facets.owner.tenant))
            && same(&self.subject, facets.owner.subject.as_deref())
            && same(&self.kind, Some(&facets.kind))
            && same(&self.session, facets.session.as_deref())
            && self.tag.as_ref().is_none_or(|tag| facets.tags.contains(tag))
    }
}

/// A place in a list of jobs: the creation time and id of the last job seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PageKey {
    /// When that job was created.
    pub created_at: Timestamp,
    /// Its id.
    pub id: JobId,
}

impl fmt::Display for PageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.created_at.as_millis(), self.id)
    }
}

/// A text that is no place in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`page` is not one that a list gave as `next`")]
pub struct NotAPageKey;

impl FromStr for PageKey {
    type Err = NotAPageKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (millis, id) = text.split_once('.').ok_or(NotAPageKey)?;
        let millis = millis.parse().map_err(|_| NotAPageKey)?;
        let id = id.parse().map_err(|_| NotAPageKey)?;
        Ok(Self { created_at: Timestamp::from_millis(millis), id })
    }
}

/// A page of jobs.
#[derive(Clone, Debug)]
pub struct ListPage {
    /// The jobs, newest first.
    pub jobs: Vec<Stored>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<PageKey>,
}

/// A job that somebody has to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The job.
    pub job: JobId,
    /// Since when.
    pub due_at: Timestamp,
}
