//! Revoking.

use headway_access::{Act, On, authorize};
use headway_protocol::Timestamp;
use headway_protocol::access::RevocationRequest;
use headway_store::PutEntry;

use super::{check_name, invalid};
use crate::api_key::KeyText;
use crate::audit::{self, Actor, Deed};
use crate::collection::REVOCATIONS;
use crate::presented::Form;
use crate::revocation::{PER_TENANT, Revocation};
use crate::{Error, Handle, watch_token};

impl Handle {
    /// Ends what somebody of the caller's tenant holds. It is over for this node when this answers,
    /// and for the others within [`Options::poll_every_ms`](crate::Options::poll_every_ms).
    ///
    /// A subject loses what was made for it, or by it, up to now; what is made later holds. A token
    /// is not looked up: an id that nobody has is taken as well.
    pub async fn revoke(
        &self,
        by: Actor<'_>,
        request: &RevocationRequest,
        now: Timestamp,
    ) -> Result<(), Error> {
        let tenant = by.caller.tenant();
        authorize(by.caller, Act::Administer, On::Tenant(tenant))?;
        let RevocationRequest { subject, token, key } = request;
        let id;
        let (revocation, target) = match (subject, token, key) {
            (Some(subject), None, None) => {
                check_name("subject", subject)?;
                (Revocation::of_subject(tenant, subject, now), subject)
            }
            (None, Some(token), None) => {
                id = id_of_token(token, tenant)?;
                check_name("token", &id)?;
                (Revocation::of_token(tenant, &id, now), &id)
            }
            (None, None, Some(key)) => {
                let id = KeyText::read(key).map_or(key.as_str(), KeyText::id);
                return self.revoke_key(by, id, now).await;
            }
            (_, _, _) => return Err(invalid("subject", "give one of `subject`, `token`, `key`")),
        };
        if self.shared.known.read().revocations.count_of(tenant) >= PER_TENANT {
            return Err(Error::Full {
                what: "revocations",
                remedy: "they are forgotten after 90 days; revoke subjects rather than tokens",
            });
        }
        let deed = Deed { by, what: "revoke", target: Some(target), outcome: "done" };
        let line = audit::put(&self.shared.places.entry(deed, now))?;
        let put = PutEntry::new(REVOCATIONS, revocation.entry_key(), &revocation)?;
        self.shared.write(vec![put, line]).await
    }
}

/// The id of a token that is to be revoked, by its id or whole. A secret must not end up in the audit
/// log, nor its holder believe that it is over when something else was revoked.
fn id_of_token(text: &str, tenant: &str) -> Result<String, Error> {
    let detail = match Form::of(text) {
        Form::Other => return Ok(text.to_owned()),
        Form::WatchToken => match watch_token::id_of(text, tenant) {
            Some(id) => return Ok(id),
            None => "`token` is no watch token of this tenant: give its `id`",
        },
        Form::Key => "`token` is an API key: give it as `key`",
        Form::Jwt => {
            "`token` is a token of the identity provider: give its `jti`, or the `subject`"
        }
    };
    Err(invalid("token", detail))
}
