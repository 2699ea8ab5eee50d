//! Sessions of browsers: signing in and out.

use std::net::IpAddr;
use std::sync::Arc;

use headway_access::{Caller, Credential};
use headway_protocol::access::{Identity, SignInRequest};
use headway_protocol::{Secret, Timestamp};
use headway_store::{ExpectedEntry, PutEntry};

use super::invalid;
use crate::audit::{self, Actor, Deed};
use crate::collection::SESSIONS;
use crate::known::Known;
use crate::session::{self, Holder, PER_SUBJECT, SessionRecord};
use crate::{Error, Handle, Presented};

/// The most sessions that a node knows: each is one record in memory.
const IN_ALL: usize = 100_000;

/// The most of one tenant, so that none takes the places of all others: also those that have ended,
/// until every node has seen it.
const PER_TENANT: usize = IN_ALL / 4;

/// Somebody who has just signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// What the browser is to hold in a cookie, and presents as [`Presented::Cookie`]. It is shown
    /// this once.
    pub cookie: Secret,
    /// Who it is, and until when.
    pub identity: Identity,
    /// The same as a caller.
    pub caller: Arc<Caller>,
}

impl Handle {
    /// Signs a person in with a key or a token, and gives their browser something to hold instead.
    /// The session ends with that key or token at the latest. Of 32 sessions of one subject, the
    /// oldest ends when there is another.
    pub async fn sign_in(
        &self,
        request: &SignInRequest,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<SignedIn, Error> {
        if !self.asks() {
            let detail = "this server asks nobody to sign in: everything is open already";
            return Err(invalid("key", detail));
        }
        let presented = match (&request.key, &request.token) {
            (Some(one), None) | (None, Some(one)) => one.expose(),
            (None, None) | (Some(_), Some(_)) => {
                return Err(invalid("key", "give `key` or `token`, one of them"));
            }
        };
        let caller = self.identify_patiently(Presented::Bearer(presented), from, now).await?;
        self.open_session(&caller, from, now).await
    }

    async fn open_session(
        &self,
        caller: &Caller,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<SignedIn, Error> {
        let cookie = session::make();
        let name = session::name_of(cookie.expose()).ok_or(Error::Contended)?;
        let ends_at = now.plus(self.shared.options.session_ttl_ms);
        let ends_at = caller.expires_at.map_or(ends_at, |end| end.min(ends_at));
        let caller =
            Caller { expires_at: Some(ends_at), session: Some(name.clone()), ..caller.clone() };
        let admin_mark = match caller.credential {
            Credential::AdminKey => self.shared.admin.as_ref().map(|admin| admin.mark),
            Credential::None
            | Credential::Key { .. }
            | Credential::Jwt { .. }
            | Credential::Token { .. } => None,
        };
        let record = SessionRecord {
            caller: (&caller).into(),
            created_at: now,
            ends_at,
            admin_mark,
            ended_at: None,
        };
        let put = PutEntry::new(SESSIONS, name, &record)?.expecting(ExpectedEntry::Absent);
        let by = Actor { caller: &caller, address: Some(from) };
        let deed = Deed { by, what: "sign_in", target: None, outcome: "done" };
        let line = audit::put(&self.shared.places.entry(deed, now))?;
        let mut puts = vec![put, line];
        puts.extend(self.oldest_to_end(&caller, now)?);
        self.shared.write(puts).await?;
        Ok(SignedIn { cookie, identity: self.identity(&caller), caller: Arc::new(caller) })
    }

    /// What ends the oldest session of somebody who has as many as one may have.
    fn oldest_to_end(&self, caller: &Caller, now: Timestamp) -> Result<Option<PutEntry>, Error> {
        let holder = Holder::of(caller);
        let idle = self.shared.options.session_idle_ms;
        let known = self.shared.known.read();
        ensure_room(&known, caller.tenant())?;
        let live = || {
            (known.sessions.iter())
                .filter(|(_, held)| held.holder() == holder && held.over(now, idle).is_none())
        };
        if live().count() < PER_SUBJECT {
            return Ok(None);
        }
        let oldest = live().min_by_key(|(_, held)| held.record.created_at);
        let Some((name, held)) = oldest else { return Ok(None) };
        let record = SessionRecord { ended_at: Some(now), ..held.record.clone() };
        Ok(Some(PutEntry::new(SESSIONS, name.as_str(), &record)?))
    }

    /// Ends the session that a caller came by, and the streams that were opened with it. Whoever came
    /// by something else stays as they are.
    pub async fn sign_out(&self, by: Actor<'_>, now: Timestamp) -> Result<(), Error> {
        let Some(name) = by.caller.session.as_deref() else { return Ok(()) };
        let record = {
            let known = self.shared.known.read();
            let held = known.sessions.get(name).filter(|held| held.record.ended_at.is_none());
            held.map(|held| SessionRecord { ended_at: Some(now), ..held.record.clone() })
        };
        let Some(record) = record else { return Ok(()) };
        let deed = Deed { by, what: "sign_out", target: None, outcome: "done" };
        let line = audit::put(&self.shared.places.entry(deed, now))?;
        self.shared.write(vec![PutEntry::new(SESSIONS, name, &record)?, line]).await
    }
}

fn ensure_room(known: &Known, tenant: &str) -> Result<(), Error> {
    let of_tenant = || known.sessions.values().filter(|held| held.caller.tenant() == tenant);
    if known.sessions.len() >= IN_ALL || of_tenant().count() >= PER_TENANT {
        return Err(Error::Full {
            what: "sessions",
            remedy: "they end by themselves; sign out where nobody is",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use headway_protocol::Owner;

    use super::*;
    use crate::session::HeldSession;

    #[test]
    fn one_tenant_leaves_room_for_others() {
        let of = |tenant: &str| {
            let owner = Owner { tenant: tenant.to_owned(), subject: None };
            let record = SessionRecord {
                caller: (&Caller { owner, ..Caller::anyone() }).into(),
                created_at: Timestamp::default(),
                ends_at: Timestamp::default(),
                admin_mark: None,
                ended_at: None,
            };
            HeldSession::new(record, 1, Arc::default())
        };
        let mut known = Known::default();
        let greedy = of("greedy");
        known.sessions.extend((1..PER_TENANT).map(|n| (n.to_string(), greedy.clone())));
        ensure_room(&known, "greedy").unwrap();
        known.sessions.insert("last".to_owned(), of("greedy"));
        assert!(matches!(ensure_room(&known, "greedy"), Err(Error::Full { .. })));
        ensure_room(&known, "modest").unwrap();
    }
}
