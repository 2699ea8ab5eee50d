//! What every handle and task of a node's sign-in share, and how it keeps in step with the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use headway_access::{Caller, Credential};
use headway_protocol::{Secret, Timestamp};
use headway_store::{Clock, Entry, ExpectedEntry, PutEntry, Store, StoreError};
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::audit::{Failures, Places};
use crate::collection::{self, KNOWN};
use crate::guess::{Guesses, Suspects};
use crate::jwt::{Keeper, Tokens};
use crate::known::Known;
use crate::metrics::Metrics;
use crate::ring::Ring;
use crate::{Error, Options};

/// What every handle and task share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Held for look-ups and folds only, never while waiting.
    pub(crate) known: RwLock<Known>,
    pub(crate) tokens: Option<Tokens>,
    pub(crate) keeper: Option<Keeper>,
    pub(crate) admin: Option<Admin>,
    pub(crate) anyone: Arc<Caller>,
    pub(crate) guesses: Mutex<Guesses>,
    pub(crate) suspects: Mutex<Suspects>,
    pub(crate) failures: Mutex<Failures>,
    pub(crate) places: Places,
    pub(crate) metrics: Metrics,
    pub(crate) epoch: watch::Sender<u64>,
    pub(crate) stop: CancellationToken,
    /// Held while reading, so that there is one reader.
    look: tokio::sync::Mutex<Look>,
    /// How many times reading has begun.
    looks: AtomicU64,
}

/// How far the store was read.
#[derive(Debug, Default)]
struct Look {
    /// Up to which revision each of [`KNOWN`] was.
    read_to: [u64; KNOWN.len()],
    /// Whether the last reading came to its end.
    is_whole: bool,
}

/// The configured key.
pub(crate) struct Admin {
    bytes: usize,
    /// Of the key, keyed with chance of this process: two compare in constant time.
    hash: blake3::Hash,
    hash_key: [u8; 32],
    /// Tells sessions that came from another configured key.
    pub(crate) mark: u32,
    pub(crate) caller: Arc<Caller>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Admin {
    fn new(key: &Secret) -> Self {
        let hash_key = rand::random();
        let key = key.expose().as_bytes();
        let mark = blake3::derive_key("headway 2026-11 mark of the configured key", key);
        let [a, b, c, d, ..] = mark;
        Self {
            bytes: key.len(),
            hash: blake3::keyed_hash(&hash_key, key),
            hash_key,
            mark: u32::from_le_bytes([a, b, c, d]),
            caller: Arc::new(Caller { credential: Credential::AdminKey, ..Caller::anyone() }),
        }
    }

    /// Whether it is this text. How long the key is, is no secret.
    pub(crate) fn is(&self, text: &str) -> bool {
        text.len() == self.bytes && blake3::keyed_hash(&self.hash_key, text.as_bytes()) == self.hash
    }
}

impl Shared {
    pub(crate) fn new(
        options: Options,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        options.check()?;
        let metrics = Metrics::default();
        let tokens = options.jwt.clone().map(Tokens::new).transpose()?;
        let keeper = match &options.jwt {
            Some(jwt) => Keeper::new(&jwt.keys, &metrics)?,
            None => None,
        };
        Ok(Self {
            admin: options.admin_key.as_ref().map(Admin::new),
            guesses: Mutex::new(Guesses::new(options.guesses)),
            options,
            store,
            clock,
            known: RwLock::default(),
            tokens,
            keeper,
            anyone: Arc::new(Caller::anyone()),
            suspects: Mutex::default(),
            failures: Mutex::default(),
            places: Places::new(),
            metrics,
            epoch: watch::Sender::new(0),
            stop: CancellationToken::new(),
            look: tokio::sync::Mutex::default(),
            looks: AtomicU64::new(0),
        })
    }

    /// Reads everything that is kept in memory, and makes what tokens are signed with if there is
    /// none. A store with damaged entries is refused.
    pub(crate) async fn load(&self, now: Timestamp) -> Result<(), Error> {
        self.catch_up(Damage::Refuse).await?;
        if self.known.read().ring.signs().is_some() {
            return Ok(());
        }
        match self.write_ring(&Ring::first(now), ExpectedEntry::Absent, Vec::new()).await {
            // Another node was faster.
            Err(Error::Contended) => Ok(self.catch_up(Damage::Refuse).await?),
            written => written,
        }
    }

    pub(crate) async fn write_ring(
        &self,
        ring: &Ring,
        expected: ExpectedEntry,
        mut with: Vec<PutEntry>,
    ) -> Result<(), Error> {
        let put = PutEntry::new(collection::SIGNING, collection::RING, ring)?.expecting(expected);
        with.push(put);
        self.write(with).await
    }

    /// Puts entries, and takes in at once what concerns this node. When it is dropped in between, the
    /// next look takes it in.
    pub(crate) async fn write(&self, puts: Vec<PutEntry>) -> Result<(), Error> {
        let own: Vec<PutEntry> = puts.clone();
        let revisions = self.store.put_entries(puts).await?;
        let mut known = self.known.write();
        let mut ends = false;
        for (put, revision) in own.into_iter().zip(revisions) {
            let PutEntry { collection, key, value, expected: _ } = put;
            if let Some(value) = value {
                ends |= known.fold(&Entry { collection, key, value, revision })?;
            }
        }
        drop(known);
        if ends {
            self.tell();
        }
        Ok(())
    }

    /// Tells those who keep streams open to look again at who may stay.
    fn tell(&self) {
        self.epoch.send_modify(|epoch| *epoch += 1);
    }

    /// Takes in what others have changed since the last look. Of many who ask at once, one looks for
    /// all.
    pub(crate) async fn catch_up(&self, damage: Damage) -> Result<(), StoreError> {
        let asked = self.looks.load(Ordering::SeqCst);
        let mut look = self.look.lock().await;
        if look.is_whole && self.looks.load(Ordering::SeqCst) != asked {
            // A look that began after this one was asked for is over by now.
            return Ok(());
        }
        self.looks.fetch_add(1, Ordering::SeqCst);
        look.is_whole = false;
        for (collection, read_to) in KNOWN.iter().zip(look.read_to.iter_mut()) {
            loop {
                let entries =
                    self.store.changed_entries(collection, *read_to, collection::PAGE).await?;
                self.fold(&entries, damage)?;
                *read_to = entries.last().map_or(*read_to, |entry| entry.revision);
                if entries.len() < collection::PAGE {
                    break;
                }
            }
        }
        look.is_whole = true;
        Ok(())
    }

    fn fold(&self, entries: &[Entry], damage: Damage) -> Result<(), StoreError> {
        let mut ends = false;
        for some in entries.chunks(FOLDED_AT_ONCE) {
            let mut known = self.known.write();
            for entry in some {
                match (known.fold(entry), damage) {
                    (Ok(more), _) => ends |= more,
                    (Err(error), Damage::Refuse) => return Err(error),
                    (Err(error), Damage::PassOver) => {
                        tracing::error!(%error, "an entry of sign-in");
                    }
                }
            }
        }
        if ends {
            self.tell();
        }
        Ok(())
    }
}

/// Entries that are taken in while nobody can be let in: a fraction of a millisecond.
const FOLDED_AT_ONCE: usize = 64;

/// What to do with an entry that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// Refuse the store: a node does not start without knowing whom to keep out.
    Refuse,
    /// Say so and go on: the others' changes still count.
    PassOver,
}
