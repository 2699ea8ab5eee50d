//! API keys: making, listing and revoking them.

use headway_access::{Act, Caller, On, Role, Scope, Scopes, authorize};
use headway_protocol::access::{KeyInfo, KeyPage, KeyRequest, NewKey};
use headway_protocol::{Owner, Timestamp};
use headway_store::{ExpectedEntry, PutEntry, Store};

use super::{TRIES, check_name, invalid};
use crate::api_key::FreshKey;
use crate::audit::{self, Actor, Deed, Places};
use crate::collection::KEYS;
use crate::key_record::KeyRecord;
use crate::shared::Damage;
use crate::{Error, Handle};

/// The most keys of one tenant, with those that were revoked lately, and of all.
const PER_TENANT: usize = 10_000;
const IN_ALL: usize = 100_000;

/// The longest name, characters.
const NAME_CHARACTERS: usize = 128;

/// How long a key may last, in milliseconds: a second to ten years. Without an end it has none.
const LASTS_MS: std::ops::RangeInclusive<u64> = 1_000..=10 * 366 * 24 * 3_600_000;

/// The most keys of one page.
const PAGE: usize = 1_000;

impl Handle {
    /// Makes an API key. The answer is the only place where it is ever shown.
    pub async fn create_key(
        &self,
        by: Actor<'_>,
        request: &KeyRequest,
        now: Timestamp,
    ) -> Result<NewKey, Error> {
        let tenant = request.tenant.as_deref().unwrap_or(by.caller.tenant());
        // Whoever may administer has every scope to give.
        authorize(by.caller, Act::Administer, On::Tenant(tenant))?;
        let fresh = FreshKey::make(now);
        let record = plan(request, tenant, &fresh, now)?;
        self.ensure_room(tenant)?;
        let deed = Deed { by, what: "key.create", target: Some(&fresh.id), outcome: "done" };
        let line = self.shared.places.entry(deed, now);
        self.shared.write(vec![put(&fresh.id, &record)?, audit::put(&line)?]).await?;
        Ok(NewKey { info: record.info(&fresh.id, None, None), key: fresh.text })
    }

    fn ensure_room(&self, tenant: &str) -> Result<(), Error> {
        let known = self.shared.known.read();
        let of_tenant = || known.keys.values().filter(|key| key.record.owner.tenant == tenant);
        if known.keys.len() >= IN_ALL || of_tenant().count() >= PER_TENANT {
            return Err(Error::Full {
                what: "API keys",
                remedy: "revoke those that nobody uses; they are forgotten after 90 days",
            });
        }
        Ok(())
    }

    /// A page of the keys of tenants that the caller looks after, oldest first: those after the id
    /// `after`, at most `limit` (1 to 1,000; 0 is 100).
    pub fn keys(&self, by: &Caller, after: Option<&str>, limit: usize) -> Result<KeyPage, Error> {
        authorize(by, Act::Administer, On::Tenant(by.tenant()))?;
        let limit = match limit {
            0 => 100,
            limit => limit.min(PAGE),
        };
        let known = self.shared.known.read();
        let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let mut keys: Vec<KeyInfo> = known
            .keys
            .range::<str, _>((from, std::ops::Bound::Unbounded))
            .filter(|(_, held)| {
                authorize(by, Act::Administer, On::Tenant(&held.record.owner.tenant)).is_ok()
            })
            .take(limit + 1)
            .map(|(id, held)| {
                held.record.info(id, known.key_ended_at(&held.record), held.last_use.at())
            })
            .collect();
        let is_last = keys.len() <= limit;
        keys.truncate(limit);
        let next = keys.last().map(|key| key.id.clone()).filter(|_| !is_last);
        Ok(KeyPage { keys, next })
    }

    /// Revokes an API key, with the tokens that it made and the sessions that came from it. It
    /// is over for this node when this answers, and for the others within
    /// [`Options::poll_every_ms`](crate::Options::poll_every_ms). Revoking again does nothing.
    pub async fn revoke_key(&self, by: Actor<'_>, id: &str, now: Timestamp) -> Result<(), Error> {
        authorize(by.caller, Act::Administer, On::Anything)?;
        for _ in 0..TRIES {
            let held = self.shared.known.read().keys.get(id).cloned();
            let Some(held) = held else {
                // Another node may have made it just now.
                self.shared.catch_up(Damage::PassOver).await?;
                if self.shared.known.read().keys.contains_key(id) {
                    continue;
                }
                return Err(Error::NoSuchKey);
            };
            let tenant = &held.record.owner.tenant;
            if authorize(by.caller, Act::Administer, On::Tenant(tenant)).is_err() {
                return Err(Error::NoSuchKey);
            }
            if held.record.revoked_at.is_some() {
                return Ok(());
            }
            let record = KeyRecord { revoked_at: Some(now), ..held.record };
            let change =
                PutEntry::new(KEYS, id, &record)?.expecting(ExpectedEntry::Revision(held.revision));
            let deed = Deed { by, what: "key.revoke", target: Some(id), outcome: "done" };
            let line = self.shared.places.entry(deed, now);
            match self.shared.write(vec![change, audit::put(&line)?]).await {
                Err(Error::Contended) => self.shared.catch_up(Damage::PassOver).await?,
                written => return written,
            }
        }
        Err(Error::Contended)
    }
}

/// Makes an API key in a store that no node is running on: the first one, or one for somebody who
/// has locked themselves out. Whoever can write the store's files may do so.
pub async fn create_offline_key(
    store: &dyn Store,
    request: &KeyRequest,
    now: Timestamp,
) -> Result<NewKey, Error> {
    let node = Owner::default();
    let tenant = request.tenant.as_deref().unwrap_or(&node.tenant);
    let fresh = FreshKey::make(now);
    let record = plan(request, tenant, &fresh, now)?;
    let mut line = Places::new().nobody("key.create", "done", now);
    line.target = Some(fresh.id.clone());
    store.put_entries(vec![put(&fresh.id, &record)?, audit::put(&line)?]).await?;
    Ok(NewKey { info: record.info(&fresh.id, None, None), key: fresh.text })
}

fn put(id: &str, record: &KeyRecord) -> Result<PutEntry, Error> {
    Ok(PutEntry::new(KEYS, id, record)?.expecting(ExpectedEntry::Absent))
}

/// What is kept of a key that was asked for.
fn plan(
    request: &KeyRequest,
    tenant: &str,
    fresh: &FreshKey,
    now: Timestamp,
) -> Result<KeyRecord, Error> {
    let KeyRequest { name, scopes, role, tenant: _, subject, own_only, ttl_ms } = request;
    let length = name.chars().count();
    if !(1..=NAME_CHARACTERS).contains(&length) || name.chars().any(char::is_control) {
        let detail = "`name` has 1 to 128 characters and no control characters";
        return Err(invalid("name", detail));
    }
    check_name("tenant", tenant)?;
    if let Some(subject) = subject {
        check_name("subject", subject)?;
    }
    if *own_only && subject.is_none() {
        let detail = "`own_only` needs a `subject`: whose jobs the key is to see";
        return Err(invalid("subject", detail));
    }
    let scopes = scopes_of(scopes, role.as_deref())?;
    if *own_only && scopes.contains(Scope::Admin) {
        let detail = "the scope admin is for a whole tenant: leave `own_only` out, or the scope";
        return Err(invalid("own_only", detail));
    }
    if ttl_ms.is_some_and(|ttl| !LASTS_MS.contains(&ttl)) {
        let detail = "`ttl_ms` is a time from 1,000 milliseconds to ten years; \
                      leave it out for a key without an end";
        return Err(invalid("ttl_ms", detail));
    }
    Ok(KeyRecord {
        name: name.clone(),
        owner: Owner { tenant: tenant.to_owned(), subject: subject.clone() },
        scopes,
        own_only: *own_only,
        hash: fresh.hash.to_hex().to_string(),
        created_at: now,
        expires_at: ttl_ms.map(|ttl| now.plus(ttl)),
        revoked_at: None,
    })
}

fn scopes_of(scopes: &[String], role: Option<&str>) -> Result<Scopes, Error> {
    match (scopes, role) {
        ([], None) => Err(invalid(
            "scopes",
            "give `scopes` (watch, report, control, admin) or a `role` (viewer, operator, admin)",
        )),
        ([], Some(role)) => Role::named(role).map(Role::scopes).ok_or_else(|| {
            let detail = "`role` is viewer, operator or admin";
            invalid("role", detail)
        }),
        (_, Some(_)) => Err(invalid("role", "give `scopes` or a `role`, not both")),
        (scopes, None) => scopes
            .iter()
            .map(|word| word.parse::<Scope>())
            .collect::<Result<Scopes, _>>()
            .map_err(|error| invalid("scopes", error.to_string())),
    }
}
