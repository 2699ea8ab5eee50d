//! Watch tokens as text: `hwt_`, the name of the secret that signed it, what it says, and the
//! signature, with dots between.
//!
//! It is no JWT on purpose. A JWT says itself how it is to be checked, and two kinds of JWT on one
//! door are told apart by what the bearer wrote into them. This form begins as nothing else does, has
//! one way to be checked, and no library takes it for a token of somebody else.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use headway_access::{Caller, Credential, Listed, Reach, Scope, Scopes};
use headway_protocol::{Owner, Secret, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Refused;
use crate::ring::{Ring, Signature};
use crate::stored::StoredListed;

/// What every watch token begins with.
pub(crate) const PREFIX: &str = "hwt_";

/// What a watch token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) id: String,
    pub(crate) tenant: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
    #[serde(flatten)]
    pub(crate) listed: StoredListed,
    /// Milliseconds since the epoch.
    pub(crate) issued: u64,
    /// Milliseconds since the epoch.
    pub(crate) ends: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by_subject: Option<String>,
    /// A mark of the configured key that made it, with which it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by_admin: Option<u32>,
}

impl Claims {
    /// The token; `None` when there is nothing to sign with.
    pub(crate) fn sign(&self, ring: &Ring) -> Option<Secret> {
        let said = serde_json::to_vec(self).ok()?;
        let body = format!("{PREFIX}{}.{}", ring.signs()?, BASE64_URL_SAFE_NO_PAD.encode(said));
        let signature = ring.sign(&body)?;
        Some(Secret::new(format!("{body}.{signature}")))
    }

    /// Who comes with it.
    pub(crate) fn caller(self) -> Caller {
        let listed = Listed::from(self.listed);
        let mut scopes = Scopes::from_iter([Scope::Watch]);
        if !listed.actions.is_empty() {
            scopes = scopes.or(Scopes::from_iter([Scope::Control]));
        }
        Caller {
            owner: Owner { tenant: self.tenant, subject: self.subject },
            scopes,
            reach: Reach::Listed(Box::new(listed)),
            credential: Credential::Token {
                id: self.id,
                issued_at: Timestamp::from_millis(self.issued),
                by_key: self.by_key,
                by_subject: self.by_subject,
            },
            expires_at: Some(Timestamp::from_millis(self.ends)),
            session: None,
        }
    }
}

/// The claims of a token, genuine or not.
fn claims(text: &str) -> Option<Claims> {
    let (body, _signature) = text.rsplit_once('.')?;
    let (_key, said) = body.strip_prefix(PREFIX)?.split_once('.')?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(said).ok()?).ok()
}

/// The id of a token that says it is of a tenant, genuine or not: to revoke it takes no proof.
pub(crate) fn id_of(text: &str, tenant: &str) -> Option<String> {
    claims(text).filter(|claims| claims.tenant == tenant).map(|claims| claims.id)
}

/// Checks a token that begins with [`PREFIX`]. Whether it was revoked is another question.
pub(crate) fn check(text: &str, ring: &Ring, now: Timestamp) -> Result<Claims, Refused> {
    let (body, signature) = text.rsplit_once('.').ok_or(Refused::Invalid)?;
    let (key, said) =
        body.strip_prefix(PREFIX).and_then(|body| body.split_once('.')).ok_or(Refused::Invalid)?;
    match ring.check(key, body, signature) {
        Signature::Genuine => {}
        Signature::Wrong => return Err(Refused::Invalid),
        Signature::Unknown => return Err(Refused::NotKnownYet),
    }
    let said = BASE64_URL_SAFE_NO_PAD.decode(said).map_err(|_| Refused::Invalid)?;
    let claims: Claims = serde_json::from_slice(&said).map_err(|_| Refused::Invalid)?;
    if now.as_millis() >= claims.ends { Err(Refused::Expired) } else { Ok(claims) }
}

#[cfg(test)]
mod tests;
