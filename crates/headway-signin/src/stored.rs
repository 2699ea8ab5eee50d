//! A caller as it rests in the store, with a session or a ticket.
//!
//! These types only grow, by members that may be absent (`docs/adr/0003-reading-old-records.md`).

use std::collections::BTreeSet;

use headway_access::{Caller, Credential, Listed, Reach, Scopes};
use headway_protocol::{Action, JobId, Owner, Timestamp};
use serde::{Deserialize, Serialize};

/// A caller as it rests in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredCaller {
    owner: Owner,
    scopes: Scopes,
    reach: StoredReach,
    credential: StoredCredential,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredReach {
    Tenant,
    Own,
    Listed(StoredListed),
}

/// What a watch token is for, in a token and in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StoredListed {
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    jobs: BTreeSet<JobId>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    sessions: BTreeSet<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    tags: BTreeSet<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<Action>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of_subject: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredCredential {
    None,
    AdminKey,
    Key {
        id: String,
    },
    Jwt {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        issued_at: Timestamp,
    },
    Token {
        id: String,
        issued_at: Timestamp,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_key: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_subject: Option<String>,
    },
}

impl From<&Caller> for StoredCaller {
    fn from(caller: &Caller) -> Self {
        let Caller { owner, scopes, reach, credential, expires_at, session } = caller;
        Self {
            owner: owner.clone(),
            scopes: *scopes,
            reach: match reach {
                Reach::Tenant => StoredReach::Tenant,
                Reach::Own => StoredReach::Own,
                Reach::Listed(listed) => StoredReach::Listed(listed.as_ref().into()),
            },
            credential: match credential.clone() {
                Credential::None => StoredCredential::None,
                Credential::AdminKey => StoredCredential::AdminKey,
                Credential::Key { id } => StoredCredential::Key { id },
                Credential::Jwt { id, issued_at } => StoredCredential::Jwt { id, issued_at },
                Credential::Token { id, issued_at, by_key, by_subject } => {
                    StoredCredential::Token { id, issued_at, by_key, by_subject }
                }
            },
            expires_at: *expires_at,
            session: session.clone(),
        }
    }
}

impl From<StoredCaller> for Caller {
    fn from(stored: StoredCaller) -> Self {
        let StoredCaller { owner, scopes, reach, credential, expires_at, session } = stored;
        Self {
            owner,
            scopes,
            reach: match reach {
                StoredReach::Tenant => Reach::Tenant,
                StoredReach::Own => Reach::Own,
                StoredReach::Listed(listed) => Reach::Listed(Box::new(listed.into())),
            },
            credential: match credential {
                StoredCredential::None => Credential::None,
                StoredCredential::AdminKey => Credential::AdminKey,
                StoredCredential::Key { id } => Credential::Key { id },
                StoredCredential::Jwt { id, issued_at } => Credential::Jwt { id, issued_at },
                StoredCredential::Token { id, issued_at, by_key, by_subject } => {
                    Credential::Token { id, issued_at, by_key, by_subject }
                }
            },
            expires_at,
            session,
        }
    }
}

impl From<&Listed> for StoredListed {
    fn from(listed: &Listed) -> Self {
        let Listed { jobs, sessions, tags, actions, of_subject } = listed.clone();
        Self { jobs, sessions, tags, actions: actions.into_iter().collect(), of_subject }
    }
}

impl From<StoredListed> for Listed {
    fn from(stored: StoredListed) -> Self {
        let StoredListed { jobs, sessions, tags, actions, of_subject } = stored;
        Self { jobs, sessions, tags, actions: actions.into_iter().collect(), of_subject }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_comes_back_as_it_was() {
        let listed = Listed {
            jobs: BTreeSet::from(["job_1".parse().unwrap()]),
            sessions: BTreeSet::from(["s".to_owned()]),
            tags: BTreeSet::from(["t".to_owned()]),
            actions: BTreeSet::from([Action::Cancel]),
            of_subject: Some("ada".to_owned()),
        };
        let token = Credential::Token {
            id: "wt".to_owned(),
            issued_at: Timestamp::from_millis(5),
            by_key: Some("k".to_owned()),
            by_subject: Some("ada".to_owned()),
        };
        let jwt = Credential::Jwt { id: None, issued_at: Timestamp::from_millis(7) };
        let end = Some(Timestamp::from_millis(9));
        let callers = [
            Caller::anyone(),
            Caller { credential: Credential::AdminKey, ..Caller::anyone() },
            Caller {
                reach: Reach::Own,
                credential: Credential::Key { id: "k".to_owned() },
                ..Caller::anyone()
            },
            Caller { credential: jwt, session: Some("x".to_owned()), ..Caller::anyone() },
            Caller {
                scopes: Scopes::NONE,
                reach: Reach::Listed(Box::new(listed)),
                credential: token,
                expires_at: end,
                ..Caller::anyone()
            },
        ];
        for caller in callers {
            let text = serde_json::to_string(&StoredCaller::from(&caller)).unwrap();
            let back: StoredCaller = serde_json::from_str(&text).unwrap();
            assert_eq!(Caller::from(back), caller, "{text}");
        }
    }

    #[test]
    fn what_the_first_version_wrote_is_read() {
        let text = r#"{"owner":{"tenant":"acme","subject":"ada"},"scopes":["watch"],
            "reach":{"listed":{"tags":["t"]}},
            "credential":{"jwt":{"issued_at":"2026-01-10T09:30:00.000Z"}}}"#;
        let caller = Caller::from(serde_json::from_str::<StoredCaller>(text).unwrap());
        assert_eq!(caller.tenant(), "acme");
        assert_eq!(caller.credential.kind(), "jwt");
    }
}
