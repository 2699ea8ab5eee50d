//! The way in.

use std::sync::Arc;

use headway_access::{Act, Caller, On, Reach, Role, Scopes, authorize};
use headway_protocol::Timestamp;
use headway_protocol::access::{self, AuditPage, Identity};
use headway_store::{Clock, Store};
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio_util::sync::DropGuard;

use crate::audit::{self, AuditQuery, Deed};
use crate::shared::Shared;
use crate::{Error, Options, service};

/// The way into a node's sign-in. Cheap to clone; every clone is the same.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
    /// Ends the tasks with the last handle.
    _stop: Arc<DropGuard>,
}

impl Handle {
    /// Reads what the store knows, and starts the tasks that keep in step with it and with the
    /// identity provider. They run until [`close`](Self::close), or until the last handle
    /// is dropped.
    ///
    /// Fails when the options cannot be used, a file they name cannot be read, or the store
    /// does not answer or is damaged. An identity provider that does not answer is asked again
    /// later.
    pub async fn start(
        options: Options,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let shared = Arc::new(Shared::new(options, store, clock)?);
        shared.load(shared.clock.now()).await?;
        service::start(&shared).await?;
        let stop = shared.stop.clone().drop_guard();
        Ok(Self { shared, _stop: Arc::new(stop) })
    }

    /// Whether anybody is asked to sign in. When not, everybody is
    /// [`Caller::anyone`](headway_access::Caller::anyone).
    pub fn asks(&self) -> bool {
        self.shared.options.asks()
    }

    /// Tells when somebody may have lost something: whoever keeps streams open then asks
    /// [`stands`](Self::stands) for each. It moves on this node when a revocation is durable, and
    /// on others within the time of [`Options::poll_every_ms`].
    pub fn watch_changes(&self) -> watch::Receiver<u64> {
        self.shared.epoch.subscribe()
    }

    /// The number that [`watch_changes`](Self::watch_changes) tells, for those who look rather than
    /// wait.
    pub fn epoch(&self) -> u64 {
        *self.shared.epoch.borrow()
    }

    /// Who a caller is, in the words of the protocol.
    pub fn identity(&self, caller: &Caller) -> Identity {
        Identity {
            sign_in: self.asks(),
            owner: caller.owner.clone(),
            scopes: words(caller.scopes),
            role: Role::of(caller.scopes).map(|role| role.as_str().to_owned()),
            sees: match caller.reach {
                Reach::Tenant => "tenant",
                Reach::Own => "own",
                Reach::Listed(_) => "listed",
            }
            .to_owned(),
            listed: match &caller.reach {
                Reach::Tenant | Reach::Own => None,
                Reach::Listed(listed) => Some(access::Listed {
                    jobs: listed.jobs.iter().cloned().collect(),
                    sessions: listed.sessions.iter().cloned().collect(),
                    tags: listed.tags.iter().cloned().collect(),
                    actions: listed.actions.iter().copied().collect(),
                }),
            },
            credential: caller.credential.kind().to_owned(),
            expires_at: caller.expires_at,
        }
    }

    /// Writes a deed into the audit log; it is durable when this answers.
    pub async fn record(&self, deed: Deed<'_>, now: Timestamp) -> Result<(), Error> {
        let entry = self.shared.places.entry(deed, now);
        self.shared.write(vec![audit::put(&entry)?]).await
    }

    /// A page of the audit log, newest first: of tenants that the caller looks after, and for
    /// administrators of the node also what nobody did who had signed in. An export is page after
    /// page. A page may be shorter than was asked for, also empty, and there is more as long as it
    /// says `next`.
    pub async fn audit(&self, by: &Caller, query: &AuditQuery) -> Result<AuditPage, Error> {
        authorize(by, Act::Administer, On::Tenant(by.tenant()))?;
        let sees_nobodys = authorize(by, Act::Operate, On::Anything).is_ok();
        let (entries, next) = audit::page(&*self.shared.store, query, |entry| {
            entry.owner.as_ref().map_or(sees_nobodys, |owner| {
                authorize(by, Act::Administer, On::Tenant(&owner.tenant)).is_ok()
            })
        })
        .await?;
        Ok(AuditPage { entries, next })
    }

    /// Registers what sign-in counts. No label names a tenant, a subject or a key.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.shared.metrics.register(registry);
    }

    /// Writes down what is only in memory yet (uses of keys, refused sign-ins), and ends the tasks.
    /// Nobody is signed in or out by it.
    pub async fn close(&self) -> Result<(), Error> {
        self.shared.stop.cancel();
        service::write_down(&self.shared, self.shared.clock.now()).await
    }
}

pub(crate) fn words(scopes: Scopes) -> Vec<String> {
    scopes.iter().map(|scope| scope.as_str().to_owned()).collect()
}
