//! The one rule.

use headway_protocol::{Action, JobId, Owner, Problem, ProblemCode};

use crate::caller::{Caller, Listed, Reach};
use crate::scope::Scope;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// See something.
    Watch,
    /// Report on a job.
    Report,
    /// Create a job or a batch, or have one estimated.
    Create,
    /// Command a job.
    Command(Action),
    /// Make a watch token for somebody else.
    Share,
    /// Look after the tenant.
    Administer,
    /// Look after the node: what is not one tenant's.
    Operate,
}

impl Act {
    /// Every act.
    pub const ALL: &'static [Self] = &[
        Self::Watch,
        Self::Report,
        Self::Create,
        Self::Command(Action::Cancel),
        Self::Command(Action::Pause),
        Self::Command(Action::Resume),
        Self::Command(Action::Retry),
        Self::Share,
        Self::Administer,
        Self::Operate,
    ];

    /// Its name in a description.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Report => "report",
            Self::Create => "create",
            Self::Command(action) => action.as_str(),
            Self::Share => "share",
            Self::Administer => "administer",
            Self::Operate => "operate",
        }
    }

    /// The scope that it needs.
    pub const fn scope(self) -> Scope {
        match self {
            Self::Watch | Self::Share => Scope::Watch,
            Self::Report | Self::Create => Scope::Report,
            Self::Command(_) => Scope::Control,
            Self::Administer | Self::Operate => Scope::Admin,
        }
    }
}

/// A job, as far as the rule needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobView<'a> {
    /// Its name.
    pub id: &'a str,
    /// Whose it is.
    pub owner: &'a Owner,
    /// Its session.
    pub session: Option<&'a str>,
    /// Its tags.
    pub tags: &'a [String],
}

/// What it is to be done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On<'a> {
    /// Nothing in particular yet: whether the caller may do such a thing at all.
    Anything,
    /// A job that there is.
    Job(JobView<'a>),
    /// A job by its name, before it is known whether there is one.
    JobNamed(&'a JobId),
    /// All jobs of a session.
    Session(&'a str),
    /// All jobs with a tag.
    Tag(&'a str),
    /// All jobs that the caller sees.
    All,
    /// Something that belongs to a subject (a job that is to be made), or to the tenant.
    Subject(Option<&'a str>),
    /// Something that belongs to a tenant.
    Tenant(&'a str),
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The caller does not see it: as if it did not exist.
    #[error("there is no such thing")]
    Hidden,
    /// A scope is missing.
    #[error("this needs the scope `{0}`: sign in with a key or token that has it")]
    Scope(Scope),
    /// The token allows some actions, and not this one.
    #[error("this token does not allow to {0}: ask for one that lists the action")]
    Action(Action),
    /// The token lists what it is for, and this is not among it.
    #[error("this token is for certain jobs, sessions or tags: name one of those")]
    NotListed,
    /// Only who sees the whole tenant may do it.
    #[error("this is only for those who see their whole tenant")]
    WholeTenant,
    /// Only an administrator of the tenant that looks after the node may do it.
    #[error("this is only for administrators of the node")]
    Node,
}

impl Denial {
    /// What is told.
    pub fn problem(self) -> Problem {
        let code = match self {
            Self::Hidden => ProblemCode::NotFound,
            Self::Scope(_) | Self::Action(_) | Self::NotListed | Self::WholeTenant | Self::Node => {
                ProblemCode::Forbidden
            }
        };
        Problem::new(code, self.to_string())
    }
}

/// The tenant whose administrators look after the node.
const NODE_TENANT: &str = "default";

/// Says whether a caller may do something.
///
/// What depends on the caller alone is judged before what depends on the thing, so that a refusal
/// tells nothing of things that the caller does not see: whoever lacks a scope is told so whether
/// or not there is such a job.
pub fn authorize(caller: &Caller, act: Act, on: On<'_>) -> Result<(), Denial> {
    may_at_all(caller, act)?;
    match on {
        On::Anything => Ok(()),
        On::Job(job) => sees(caller, job),
        On::JobNamed(job) => match &caller.reach {
            Reach::Tenant | Reach::Own => Ok(()),
            // Whether it is in a session or carries a tag that is listed is not known yet.
            Reach::Listed(listed) if !listed.sessions.is_empty() || !listed.tags.is_empty() => {
                Ok(())
            }
            Reach::Listed(listed) => seen(listed.jobs.contains(job)),
        },
        On::Session(session) => names(caller, |listed| listed.sessions.contains(session)),
        On::Tag(tag) => names(caller, |listed| listed.tags.contains(tag)),
        On::All => names(caller, |_| false),
        On::Subject(subject) => match &caller.reach {
            Reach::Tenant => Ok(()),
            Reach::Own if subject.is_some() && subject == caller.owner.subject.as_deref() => Ok(()),
            Reach::Own | Reach::Listed(_) => Err(Denial::WholeTenant),
        },
        On::Tenant(tenant) if tenant == caller.tenant() => Ok(()),
        On::Tenant(_) => is_operator(caller),
    }
}

/// Whether the caller may do such a thing at all.
fn may_at_all(caller: &Caller, act: Act) -> Result<(), Denial> {
    let needed = act.scope();
    if !caller.scopes.contains(needed) {
        return Err(Denial::Scope(needed));
    }
    match (act, &caller.reach) {
        (Act::Command(action), Reach::Listed(listed)) if !listed.actions.contains(&action) => {
            Err(Denial::Action(action))
        }
        // A token that was lent is not lent on, and makes nothing.
        (Act::Create | Act::Share, Reach::Listed(_)) => Err(Denial::NotListed),
        (Act::Administer | Act::Operate, Reach::Own | Reach::Listed(_)) => Err(Denial::WholeTenant),
        (Act::Operate, Reach::Tenant) => is_operator(caller),
        (
            Act::Watch | Act::Report | Act::Create | Act::Command(_) | Act::Share | Act::Administer,
            Reach::Tenant | Reach::Own | Reach::Listed(_),
        ) => Ok(()),
    }
}

fn is_operator(caller: &Caller) -> Result<(), Denial> {
    let operates = caller.scopes.contains(Scope::Admin)
        && caller.reach == Reach::Tenant
        && caller.tenant() == NODE_TENANT;
    if operates { Ok(()) } else { Err(Denial::Node) }
}

fn sees(caller: &Caller, job: JobView<'_>) -> Result<(), Denial> {
    let JobView { id, owner, session, tags } = job;
    let subject = owner.subject.as_deref();
    let within = match &caller.reach {
        Reach::Tenant => true,
        Reach::Own => subject.is_some() && subject == caller.owner.subject.as_deref(),
        Reach::Listed(listed) => lists(listed, id, session, tags) && of_subject(listed, subject),
    };
    seen(owner.tenant == caller.tenant() && within)
}

fn lists(listed: &Listed, id: &str, session: Option<&str>, tags: &[String]) -> bool {
    listed.jobs.iter().any(|job| job.as_str() == id)
        || session.is_some_and(|session| listed.sessions.contains(session))
        || tags.iter().any(|tag| listed.tags.contains(tag))
}

fn of_subject(listed: &Listed, subject: Option<&str>) -> bool {
    listed.of_subject.as_deref().is_none_or(|only| subject == Some(only))
}

/// Whether a selector may be used. Which of its jobs are then seen is judged for each.
fn names(caller: &Caller, listed_names: impl FnOnce(&Listed) -> bool) -> Result<(), Denial> {
    match &caller.reach {
        Reach::Tenant | Reach::Own => Ok(()),
        Reach::Listed(listed) if listed_names(listed) => Ok(()),
        Reach::Listed(_) => Err(Denial::NotListed),
    }
}

fn seen(visible: bool) -> Result<(), Denial> {
    if visible { Ok(()) } else { Err(Denial::Hidden) }
}

#[cfg(test)]
mod tests;
