//! Revoking.

use headway_access::{Act, On, authorize};
use headway_protocol::Timestamp;
use headway_protocol::access::RevocationRequest;
use headway_store::PutEntry;

use super::{check_name, invalid};
use crate::audit::{self, Actor, Deed};
use crate::collection::REVOCATIONS;
use crate::revocation::{PER_TENANT, Revocation};
use crate::{Error, Handle};

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
        let (revocation, target) = match (subject, token, key) {
            (Some(subject), None, None) => {
                check_name("subject", subject)?;
                (Revocation::of_subject(tenant, subject, now), subject)
            }
            (None, Some(token), None) => {
                check_name("token", token)?;
                (Revocation::of_token(tenant, token, now), token)
            }
            (None, None, Some(key)) => return self.revoke_key(by, key, now).await,
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
