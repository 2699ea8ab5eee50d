//! Watch tokens: lending some of what one sees to somebody else, for a while.

use std::collections::BTreeSet;

use headway_access::{Act, Credential, Denial, Listed, On, Reach, Scope, authorize};
use headway_protocol::Timestamp;
use headway_protocol::access::{NewToken, TokenRequest};
use headway_store::ExpectedEntry;

use super::{TRIES, check_name, invalid};
use crate::audit::{self, Actor, Deed};
use crate::shared::Damage;
use crate::watch_token::Claims;
use crate::{Error, Handle, base62};

/// The most names of each kind in one token.
const NAMES: usize = 64;

/// The longest token, bytes: it travels in headers and addresses.
const TOKEN_BYTES: usize = 4_096;

/// How long a token lasts, in milliseconds, and how long unless it is said.
const LASTS_MS: std::ops::RangeInclusive<u64> = 1_000..=2_592_000_000;
const LASTS_USUALLY_MS: u64 = 15 * 60_000;

impl Handle {
    /// Makes a watch token. Nobody lends more than they have: who sees only their own jobs lends only
    /// those, actions take the scope `control`, and a token ends no later than what it was made
    /// with.
    pub async fn create_token(
        &self,
        by: Actor<'_>,
        request: &TokenRequest,
        now: Timestamp,
    ) -> Result<NewToken, Error> {
        let mark = self.shared.admin.as_ref().map(|admin| admin.mark);
        let by_admin = mark.filter(|_| by.caller.credential == Credential::AdminKey);
        let claims = Claims { by_admin, ..plan(by, request, now)? };
        let expires_at = Timestamp::from_millis(claims.ends);
        let token = claims.sign(&self.shared.known.read().ring).ok_or(Error::Contended)?;
        if token.expose().len() > TOKEN_BYTES {
            return Err(invalid(
                "jobs",
                format!(
                    "so many names make a token of more than {TOKEN_BYTES} bytes: \
                     name a session or a tag that the jobs share"
                ),
            ));
        }
        let deed = Deed { by, what: "token.create", target: Some(&claims.id), outcome: "done" };
        let line = self.shared.places.entry(deed, now);
        self.shared.write(vec![audit::put(&line)?]).await?;
        Ok(NewToken { token, id: claims.id, expires_at })
    }

    /// Signs watch tokens with a new secret from now on. Those of the secret before hold until they
    /// end, or until the next turn.
    pub async fn rotate_signing_key(&self, by: Actor<'_>, now: Timestamp) -> Result<(), Error> {
        authorize(by.caller, Act::Operate, On::Anything)?;
        for _ in 0..TRIES {
            let (ring, revision) = {
                let known = self.shared.known.read();
                (known.ring.turned(now), known.ring_revision)
            };
            let deed = Deed { by, what: "signing_key.rotate", target: None, outcome: "done" };
            let line = audit::put(&self.shared.places.entry(deed, now))?;
            let expected = ExpectedEntry::Revision(revision);
            match self.shared.write_ring(&ring, expected, vec![line]).await {
                Err(Error::Contended) => self.shared.catch_up(Damage::PassOver).await?,
                written => return written,
            }
        }
        Err(Error::Contended)
    }
}

/// What a token that was asked for is to say.
fn plan(by: Actor<'_>, request: &TokenRequest, now: Timestamp) -> Result<Claims, Error> {
    let caller = by.caller;
    authorize(caller, Act::Share, On::Anything)?;
    let TokenRequest { jobs, sessions, tags, actions, subject, ttl_ms } = request;
    if !actions.is_empty() && !caller.scopes.contains(Scope::Control) {
        return Err(Denial::Scope(Scope::Control).into());
    }
    if jobs.is_empty() && sessions.is_empty() && tags.is_empty() {
        return Err(invalid("jobs", "name at least one of `jobs`, `sessions` or `tags`"));
    }
    let counts = [("jobs", jobs.len()), ("sessions", sessions.len()), ("tags", tags.len())];
    if let Some((field, _)) = counts.iter().find(|(_, count)| *count > NAMES) {
        return Err(invalid(field, format!("`{field}` has at most {NAMES} names")));
    }
    for session in sessions {
        check_name("sessions", session)?;
    }
    for tag in tags {
        check_name("tags", tag)?;
    }
    let ttl_ms = ttl_ms.unwrap_or(LASTS_USUALLY_MS);
    if !LASTS_MS.contains(&ttl_ms) {
        let detail = "`ttl_ms` is a time from 1,000 to 2,592,000,000 milliseconds (30 days)";
        return Err(invalid("ttl_ms", detail));
    }
    let own = caller.owner.subject.as_deref();
    let subject = match caller.reach {
        Reach::Tenant => subject.as_deref(),
        Reach::Own | Reach::Listed(_) => subject.as_deref().or(own),
    };
    if let Some(subject) = subject {
        check_name("subject", subject)?;
    }
    // Whoever sees only their own jobs makes no token in the name of others.
    if caller.reach != Reach::Tenant {
        authorize(caller, Act::Share, On::Subject(subject))?;
    }
    let listed = Listed {
        jobs: jobs.iter().cloned().collect(),
        sessions: sessions.iter().cloned().collect(),
        tags: tags.iter().cloned().collect(),
        actions: actions.iter().copied().collect::<BTreeSet<_>>(),
        of_subject: match caller.reach {
            Reach::Tenant => None,
            Reach::Own | Reach::Listed(_) => own.map(str::to_owned),
        },
    };
    let ends = caller.expires_at.map_or(now.plus(ttl_ms), |end| end.min(now.plus(ttl_ms)));
    Ok(Claims {
        id: format!("wt{}", base62::random(16)),
        tenant: caller.tenant().to_owned(),
        subject: subject.map(str::to_owned),
        listed: (&listed).into(),
        issued: now.as_millis(),
        ends: ends.as_millis(),
        by_key: match &caller.credential {
            Credential::Key { id } => Some(id.clone()),
            Credential::None
            | Credential::AdminKey
            | Credential::Jwt { .. }
            | Credential::Token { .. } => None,
        },
        by_subject: own.map(str::to_owned),
        by_admin: None,
    })
}
