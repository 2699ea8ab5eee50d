//! Sign-in: bodies of requests and replies about keys, tokens, people's sessions and the audit log.
//!
//! Scopes are the words `watch`, `report`, `control`, `admin`; roles are `viewer`, `operator`,
//! `admin`. Ids of keys and tokens are no secrets; keys, tokens and tickets are, and each is in one
//! answer only.

use serde::{Deserialize, Serialize};

use crate::{Action, JobId, Owner, Secret, Timestamp};

/// Makes an API key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// What people call it, 1 to 128 characters.
    pub name: String,
    /// What it may do; at least one of `watch`, `report`, `control`, `admin`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Instead of scopes: `viewer`, `operator` or `admin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Its tenant; the caller's unless said. Another one takes an administrator of the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Who uses it. What it creates belongs to this subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Whether it sees only jobs of its subject, rather than all of its tenant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_only: bool,
    /// How long it holds, in milliseconds; until it is revoked unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
}

/// What is known of an API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyInfo {
    /// Its id, which is also the beginning of the key.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its tenant and subject.
    pub owner: Owner,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Whether it sees only jobs of its subject.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_only: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// A new API key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewKey {
    /// The key, `hw_…`. It is shown this once and kept nowhere.
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub key: Secret,
    /// What is known of it.
    #[serde(flatten)]
    pub info: KeyInfo,
}

/// A page of API keys, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyPage {
    /// The keys.
    pub keys: Vec<KeyInfo>,
    /// Passed as `after`, gives the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Makes a watch token: for jobs that are named, or belong to a session or carry a tag that is
/// named, at least one in all and at most 64 of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct TokenRequest {
    /// Jobs by name, which need not exist yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobId>,
    /// Jobs by session.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<String>,
    /// Jobs by tag.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What may be asked of them; nothing unless said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// For whom it is: counts for the limits of this subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// How long it holds, in milliseconds: 1,000 to 2,592,000,000 (30 days); 15 minutes unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
}

/// A new watch token.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewToken {
    /// The token. It is shown this once and kept nowhere.
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub token: Secret,
    /// Its id, by which it is revoked.
    pub id: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Ends what somebody holds, at once and wherever it is used: give one member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RevocationRequest {
    /// Everything that a subject holds and that was made before now: keys, tokens, sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// A watch token, or an identity provider's by its `jti`, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// An API key by id, with the tokens that it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Signs a person in, with a key or with an identity provider's token: give one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SignInRequest {
    /// An API key.
    #[serde(
        serialize_with = "Secret::serialize_exposed_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub key: Option<Secret>,
    /// A token of the identity provider (`OpenID` Connect), or a watch token.
    #[serde(
        serialize_with = "Secret::serialize_exposed_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub token: Option<Secret>,
}

/// Who somebody is, as the server sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Identity {
    /// Whether the server asks anybody to sign in.
    pub sign_in: bool,
    /// The tenant and the subject.
    pub owner: Owner,
    /// What they may do.
    pub scopes: Vec<String>,
    /// The role that these scopes fill: `viewer`, `operator` or `admin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What they see: `tenant`, `own` or `listed`.
    pub sees: String,
    /// What a watch token is for, when they see what is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<Listed>,
    /// How they have signed in: `none`, `key`, `admin_key`, `jwt` or `token`.
    pub credential: String,
    /// When that ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// What a watch token is for: a job is seen when it is named, or belongs to a session or carries a
/// tag that is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Listed {
    /// Jobs by name, which need not exist yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobId>,
    /// Jobs by session.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<String>,
    /// Jobs by tag.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What may be asked of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
}

/// A ticket: opens one stream, once, where no header can be sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewTicket {
    /// Passed as `?ticket=`.
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub ticket: Secret,
    /// When it ends: within a minute.
    pub expires_at: Timestamp,
}

/// Something that was done, or tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditEntry {
    /// Its place in the log: later entries have larger ones.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Who: the tenant and the subject; absent for somebody who could not sign in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// How they had signed in: `none`, `key`, `admin_key`, `jwt`, `token`; absent for nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// The id of that key or token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_id: Option<String>,
    /// From which address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What: `job.cancel`, `job.pause`, `job.resume`, `job.retry`, `key.create`, `key.revoke`,
    /// `token.create`, `revoke`, `sign_in`, `sign_out`, `webhook.replay`, …
    pub what: String,
    /// To what: a job's, key's or token's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What came of it: `done`, or the code of the refusal.
    pub outcome: String,
    /// How often, when tries of one kind were written down together.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub times: u64,
}

fn once() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_once(times: &u64) -> bool {
    *times == 1
}

/// A page of the audit log, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditPage {
    /// The entries.
    pub entries: Vec<AuditEntry>,
    /// Passed as `before`, gives the next page; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
