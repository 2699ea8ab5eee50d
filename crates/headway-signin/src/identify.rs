//! Who is it that comes, and may those who came stay.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use headway_access::{Caller, Credential};
use headway_protocol::Timestamp;
use headway_store::{EntryError, ExpectedEntry, PutEntry};

use crate::api_key::KeyText;
use crate::audit::Failure;
use crate::guess::Neighbourhood;
use crate::jwt::Seen;
use crate::known::Known;
use crate::presented::{Form, PRESENTED_BYTES, Presented};
use crate::session::{self, HeldSession, Over};
use crate::shared::{Damage, Shared};
use crate::stored::StoredCaller;
use crate::{Ended, Handle, Refused, collection, ticket, watch_token};

/// To what uses of keys are noted, in milliseconds.
const KEY_USE_STEP_MS: u64 = 60_000;

/// The longest that somebody waits for the store before they are told to come again.
const PATIENCE: Duration = Duration::from_secs(2);

/// When to come again while the store does not answer.
const COME_AGAIN_MS: u64 = 1_000;

impl Handle {
    /// Says who comes with this. It reads and writes nothing but memory, waits for nothing, and may
    /// be called on a thread that serves connections.
    ///
    /// [`Refused::NotKnownYet`] means that only
    /// [`identify_patiently`](Self::identify_patiently) can tell.
    pub fn identify(
        &self,
        presented: Presented<'_>,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<Arc<Caller>, Refused> {
        let shared = &*self.shared;
        if !shared.options.asks() {
            return Ok(Arc::clone(&shared.anyone));
        }
        let from = Neighbourhood::of(from);
        let checked = shared.check(presented, from, now);
        shared.settle(presented, from, now, checked)
    }

    /// The same, and waits where [`identify`](Self::identify) cannot tell: for what other nodes
    /// have changed in the last moment, for one reading of the identity provider's keys, for a ticket
    /// to be used up. It takes some seconds at most, and never answers
    /// [`Refused::NotKnownYet`].
    ///
    /// Cancel safety: a ticket may be used up.
    pub async fn identify_patiently(
        &self,
        presented: Presented<'_>,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<Arc<Caller>, Refused> {
        match self.identify(presented, from, now) {
            Err(Refused::NotKnownYet) => {}
            told => return told,
        }
        let shared = &*self.shared;
        let from = Neighbourhood::of(from);
        let found_out = match presented {
            Presented::Nothing => Err(Refused::Missing),
            Presented::Ticket(text) => shared.use_up(text, now).await,
            Presented::Bearer(text) if Form::of(text) == Form::Jwt => {
                match shared.read_keys(now).await {
                    Ok(true) => shared.check(presented, from, now),
                    Ok(false) => Err(Refused::Invalid),
                    Err(refused) => Err(refused),
                }
            }
            Presented::Bearer(_) | Presented::Cookie(_) => match shared.look_again().await {
                Ok(()) => shared.check(presented, from, now),
                Err(refused) => Err(refused),
            },
        };
        let settled = match found_out {
            Err(Refused::NotKnownYet) => Err(Refused::Invalid),
            other => other,
        };
        shared.settle(presented, from, now, settled)
    }

    /// Whether somebody who was let in may stay: a few look-ups in memory. It counts as a use of
    /// the session, so whoever keeps a stream open asks now and then, and not only when
    /// [`watch_changes`](Self::watch_changes) tells.
    pub fn stands(&self, caller: &Caller, now: Timestamp) -> Result<(), Ended> {
        if !self.shared.options.asks() {
            return Ok(());
        }
        let known = self.shared.known.read();
        if let Some(name) = &caller.session {
            let held = known.sessions.get(name).ok_or(Ended::Revoked)?;
            self.shared.check_session(held, now)?;
            held.last_use.note(now, session::USE_STEP_MS);
        }
        known.stands(caller, now)
    }
}

impl Shared {
    fn check(
        &self,
        presented: Presented<'_>,
        from: Neighbourhood,
        now: Timestamp,
    ) -> Result<Arc<Caller>, Refused> {
        let text = presented.text();
        if text.len() > PRESENTED_BYTES {
            return Err(Refused::Invalid);
        }
        let modes = self.options.modes;
        match presented {
            Presented::Nothing => Err(Refused::Missing),
            Presented::Bearer(_) => {
                if let Some(admin) = self.admin.as_ref().filter(|admin| admin.is(text)) {
                    return Ok(Arc::clone(&admin.caller));
                }
                match Form::of(text) {
                    Form::Key if modes.keys => self.check_key(text, now),
                    Form::WatchToken => self.check_watch_token(text, now),
                    Form::Jwt if modes.jwt => self.check_jwt(text, from, now),
                    Form::Key | Form::Jwt | Form::Other => Err(Refused::Invalid),
                }
            }
            Presented::Cookie(_) => self.check_cookie(text, now),
            Presented::Ticket(_) => match ticket::entry_key(text) {
                Some((_, ends_at)) if now >= ends_at => Err(Refused::Expired),
                Some(_) => Err(Refused::NotKnownYet),
                None => Err(Refused::Invalid),
            },
        }
    }

    /// A key is looked up by its id before anything is hashed.
    fn check_key(&self, text: &str, now: Timestamp) -> Result<Arc<Caller>, Refused> {
        let key = KeyText::read(text).ok_or(Refused::Invalid)?;
        let known = self.known.read();
        let held = known.keys.get(key.id()).ok_or(Refused::NotKnownYet)?;
        if key.hash() != held.hash {
            return Err(Refused::Invalid);
        }
        known.stands(&held.caller, now)?;
        held.last_use.note(now, KEY_USE_STEP_MS);
        Ok(Arc::clone(&held.caller))
    }

    fn check_watch_token(&self, text: &str, now: Timestamp) -> Result<Arc<Caller>, Refused> {
        let known = self.known.read();
        let claims = watch_token::check(text, &known.ring, now)?;
        let mark = self.admin.as_ref().map(|admin| admin.mark);
        if claims.by_admin.is_some() && claims.by_admin != mark {
            return Err(Refused::Revoked);
        }
        let caller = claims.caller();
        stands_here(&known, &caller, now)?;
        Ok(Arc::new(caller))
    }

    fn check_jwt(
        &self,
        text: &str,
        from: Neighbourhood,
        now: Timestamp,
    ) -> Result<Arc<Caller>, Refused> {
        let tokens = self.tokens.as_ref().ok_or(Refused::Invalid)?;
        let caller = match tokens.look(text) {
            Seen::Before(caller) => caller,
            Seen::New(hash) => {
                let wait = self.guesses.lock().wait(from, now);
                if let Some(retry_after_ms) = wait
                    && !self.may_suspect(now)
                {
                    return Err(Refused::TooManyTries { retry_after_ms });
                }
                tokens.check(text, hash, now).inspect_err(|fault| {
                    self.metrics.count_fault(fault.word());
                    tracing::debug!(%fault, "a token of the identity provider is refused");
                })?
            }
        };
        self.known.read().stands(&caller, now)?;
        Ok(caller)
    }

    fn check_cookie(&self, text: &str, now: Timestamp) -> Result<Arc<Caller>, Refused> {
        let name = session::name_of(text).ok_or(Refused::Invalid)?;
        let known = self.known.read();
        let held = known.sessions.get(&name).ok_or(Refused::NotKnownYet)?;
        self.check_session(held, now)?;
        stands_here(&known, &held.caller, now)?;
        held.last_use.note(now, session::USE_STEP_MS);
        Ok(Arc::clone(&held.caller))
    }

    fn check_session(&self, held: &HeldSession, now: Timestamp) -> Result<(), Ended> {
        match held.over(now, self.options.session_idle_ms) {
            Some(Over::SignedOut) => return Err(Ended::Revoked),
            Some(Over::Expired) => return Err(Ended::Expired),
            None => {}
        }
        let came_from_key = held.caller.credential == Credential::AdminKey;
        let mark = self.admin.as_ref().map(|admin| admin.mark);
        if came_from_key && held.record.admin_mark != mark {
            // The configured key is another one now, or none.
            return Err(Ended::Revoked);
        }
        Ok(())
    }

    /// Counts what came of a check, and answers for it.
    fn settle(
        &self,
        presented: Presented<'_>,
        from: Neighbourhood,
        now: Timestamp,
        checked: Result<Arc<Caller>, Refused>,
    ) -> Result<Arc<Caller>, Refused> {
        let kind = presented.kind();
        let refused = match checked {
            Ok(caller) => {
                self.metrics.count_check(caller.credential.kind(), "done");
                return Ok(caller);
            }
            Err(Refused::Missing) => return Err(Refused::Missing),
            Err(refused @ (Refused::Invalid | Refused::NotKnownYet)) => {
                let mut guesses = self.guesses.lock();
                match (refused, guesses.wait(from, now)) {
                    (Refused::NotKnownYet, None) => return Err(refused),
                    // The only way to tell a ticket is to ask the store.
                    (Refused::NotKnownYet, Some(_))
                        if kind == "ticket" && self.may_suspect(now) =>
                    {
                        return Err(refused);
                    }
                    (_, Some(retry_after_ms)) => Refused::TooManyTries { retry_after_ms },
                    (_, None) => {
                        guesses.spend(from, now);
                        refused
                    }
                }
            }
            Err(
                refused @ (Refused::Expired
                | Refused::Revoked
                | Refused::TooManyTries { .. }
                | Refused::Unavailable { .. }),
            ) => refused,
        };
        self.metrics.count_check(kind, refused.kind());
        self.failures.lock().count(Failure { from, kind, why: refused.kind() });
        Err(refused)
    }

    /// Whether there is time for an expensive check for an address that is over its limit.
    fn may_suspect(&self, now: Timestamp) -> bool {
        self.suspects.lock().take(now)
    }

    async fn look_again(&self) -> Result<(), Refused> {
        match tokio::time::timeout(PATIENCE, self.catch_up(Damage::PassOver)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Refused::Unavailable { retry_after_ms: COME_AGAIN_MS }),
        }
    }

    async fn read_keys(&self, now: Timestamp) -> Result<bool, Refused> {
        match (&self.keeper, &self.tokens) {
            (Some(keeper), Some(tokens)) => keeper.read_for_unknown(tokens, now).await,
            (_, _) => Ok(false),
        }
    }

    /// Uses a ticket up, for all nodes: of two who bring it, one removes it.
    async fn use_up(&self, text: &str, now: Timestamp) -> Result<Arc<Caller>, Refused> {
        let (key, _) = ticket::entry_key(text).ok_or(Refused::Invalid)?;
        let unavailable = Refused::Unavailable { retry_after_ms: COME_AGAIN_MS };
        let used = async {
            let Some(entry) = self.store.entry(collection::TICKETS, &key).await? else {
                return Ok(None);
            };
            let removal = PutEntry::removal(collection::TICKETS, key.as_str())
                .expecting(ExpectedEntry::Revision(entry.revision));
            match self.store.put_entries(vec![removal]).await {
                Ok(_) => Ok(Some(entry.parse::<StoredCaller>()?)),
                Err(EntryError::Conflict { .. }) => Ok(None),
                Err(EntryError::Store(error)) => Err(error),
            }
        };
        let stored = match tokio::time::timeout(PATIENCE, used).await {
            Ok(Ok(stored)) => stored.ok_or(Refused::Invalid)?,
            Ok(Err(_)) | Err(_) => return Err(unavailable),
        };
        let caller = Caller::from(stored);
        let mut stands = self.stands_with_session(&caller, now);
        if stands == Err(Refused::NotKnownYet) {
            self.look_again().await?;
            stands = self.stands_with_session(&caller, now);
        }
        match stands {
            Ok(()) => Ok(Arc::new(caller)),
            // What it came from is nowhere any more.
            Err(Refused::NotKnownYet) => Err(Refused::Revoked),
            Err(refused) => Err(refused),
        }
    }

    /// Whether somebody may come in whom this server has put down with a ticket: by a browser's
    /// session only for as long as that lasts.
    fn stands_with_session(&self, caller: &Caller, now: Timestamp) -> Result<(), Refused> {
        let known = self.known.read();
        if let Some(name) = &caller.session {
            let held = known.sessions.get(name).ok_or(Refused::NotKnownYet)?;
            self.check_session(held, now)?;
        }
        stands_here(&known, caller, now)
    }
}

/// Whether a caller may come in, as far as this node can tell: a key that it has not heard of may
/// be one that another node made a moment ago.
fn stands_here(known: &Known, caller: &Caller, now: Timestamp) -> Result<(), Refused> {
    let key = match &caller.credential {
        Credential::Key { id } => Some(id),
        Credential::Token { by_key, .. } => by_key.as_ref(),
        Credential::None | Credential::AdminKey | Credential::Jwt { .. } => None,
    };
    if key.is_some_and(|key| !known.keys.contains_key(key)) {
        return Err(Refused::NotKnownYet);
    }
    Ok(known.stands(caller, now)?)
}
