//! Somebody whose sign-in was checked.

use std::collections::BTreeSet;

use headway_protocol::{Action, JobId, Owner, Timestamp};

use crate::scope::Scopes;

/// Somebody whose sign-in was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who they are: what they create belongs to this owner.
    pub owner: Owner,
    /// What they may do.
    pub scopes: Scopes,
    /// What of their tenant they see.
    pub reach: Reach,
    /// How they have signed in.
    pub credential: Credential,
    /// Until when it holds; `None`: until it is revoked.
    pub expires_at: Option<Timestamp>,
    /// The browser session that it came by, if any, with which it ends. Its name is no secret.
    pub session: Option<String>,
}

/// What of its tenant a caller sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every job.
    Tenant,
    /// Jobs of its own subject; none without one.
    Own,
    /// Jobs that are listed.
    Listed(Box<Listed>),
}

/// What a watch token is for: a job is seen when it is named, or belongs to a session or carries a
/// tag that is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Jobs by name, which need not exist yet.
    pub jobs: BTreeSet<JobId>,
    /// Jobs by session.
    pub sessions: BTreeSet<String>,
    /// Jobs by tag.
    pub tags: BTreeSet<String>,
    /// What may be asked of them, if the scopes include control.
    pub actions: BTreeSet<Action>,
    /// Only those of this subject, when whoever made the token saw no others.
    pub of_subject: Option<String>,
}

/// How somebody has signed in: what a revocation is held against, and what the audit log tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Not at all; the node asks nobody.
    None,
    /// By the key that the configuration holds.
    AdminKey,
    /// By an API key.
    Key {
        /// Its id, which is no secret.
        id: String,
    },
    /// By a token of an identity provider.
    Jwt {
        /// Its `jti`, if it has one.
        id: Option<String>,
        /// Its `iat`; 0 when it does not say, so that any revocation of its subject ends it.
        issued_at: Timestamp,
    },
    /// By a watch token.
    Token {
        /// Its id, which is no secret.
        id: String,
        /// When it was made.
        issued_at: Timestamp,
        /// The API key that made it, with which it ends.
        by_key: Option<String>,
        /// The subject that made it, with whose revocation it ends.
        by_subject: Option<String>,
    },
}

impl Credential {
    /// The kind in a word: `none`, `admin_key`, `key`, `jwt`, `token`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::AdminKey => "admin_key",
            Self::Key { .. } => "key",
            Self::Jwt { .. } => "jwt",
            Self::Token { .. } => "token",
        }
    }

    /// Its id, if it has one.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::None | Self::AdminKey => None,
            Self::Key { id } | Self::Token { id, .. } => Some(id),
            Self::Jwt { id, .. } => id.as_deref(),
        }
    }
}

impl Caller {
    /// Everybody, on a node that asks nobody to sign in.
    pub fn anyone() -> Self {
        Self {
            owner: Owner::default(),
            scopes: Scopes::ALL,
            reach: Reach::Tenant,
            credential: Credential::None,
            expires_at: None,
            session: None,
        }
    }

    /// Somebody who has not said who they are yet: sees and may nothing.
    pub fn nobody() -> Self {
        Self { scopes: Scopes::NONE, reach: Reach::Listed(Box::default()), ..Self::anyone() }
    }

    /// Whether it is somebody who has not said who they are yet.
    pub fn is_nobody(&self) -> bool {
        self.scopes.is_empty() && self.credential == Credential::None
    }

    /// Whether what belongs to this caller may go on as the other's: of nobody as anybody's, of
    /// somebody only as their own. What each may do is no matter here.
    pub fn may_become(&self, other: &Self) -> bool {
        self.is_nobody() || self.owner == other.owner
    }

    /// Whether the rule says the same of both, whatever it is asked.
    pub fn may_the_same_as(&self, other: &Self) -> bool {
        self.owner == other.owner && self.scopes == other.scopes && self.reach == other.reach
    }

    /// The tenant.
    pub fn tenant(&self) -> &str {
        &self.owner.tenant
    }

    /// Whose jobs a list of all that they see has: of one subject, or `None` for anybody's.
    /// `Some(None)` within a [`Reach::Own`] without a subject means that there are none.
    pub fn lists_only(&self) -> Option<Option<&str>> {
        match &self.reach {
            Reach::Tenant => None,
            Reach::Own => Some(self.owner.subject.as_deref()),
            Reach::Listed(listed) => {
                listed.of_subject.as_ref().map(|subject| Some(subject.as_str()))
            }
        }
    }
}
