//! A node's sign-in, a store and a clock for tests.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use headway_access::Caller;
use headway_protocol::access::{KeyRequest, TokenRequest};
use headway_protocol::{Secret, Timestamp};
use headway_signin::{Actor, Handle, JwtAlgorithm, JwtKeys, JwtOptions, Modes, Options};
use headway_store::memory::MemoryStore;
use headway_store::{Clock, EntryQuery, Store};

pub(crate) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// Time that only the test moves.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn starting_at(moment: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(moment.as_millis())))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        at(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) struct Node {
    pub(crate) handle: Handle,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<TestClock>,
    options: Options,
}

impl Node {
    pub(crate) async fn start(options: Options) -> Self {
        let store: Arc<MemoryStore> = Arc::default();
        Self::on(options, store, TestClock::starting_at(at(1_800_000_000_000))).await
    }

    pub(crate) async fn on(options: Options, store: Arc<dyn Store>, clock: Arc<TestClock>) -> Self {
        let ticking: Arc<dyn Clock> = Arc::clone(&clock) as _;
        let handle = Handle::start(options.clone(), Arc::clone(&store), ticking).await.unwrap();
        Self { handle, store, clock, options }
    }

    /// Another node, or the same after a restart, over the same store.
    pub(crate) async fn another(&self) -> Self {
        Self::on(self.options.clone(), Arc::clone(&self.store), Arc::clone(&self.clock)).await
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn advance(&self, millis: u64) {
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
    }

    pub(crate) async fn token(&self, by: &Caller, request: &TokenRequest) -> Secret {
        self.handle.create_token(actor(by), request, self.now()).await.unwrap().token
    }

    /// Everything that rests in the store, as text.
    pub(crate) async fn everything(&self) -> String {
        let mut text = String::new();
        for name in ["keys", "uses", "revocations", "sessions", "signing", "tickets", "audit"] {
            let query = EntryQuery { limit: 1_000, ..EntryQuery::default() };
            let collection = format!("signin.{name}");
            for entry in self.store.entries(&collection, &query).await.unwrap() {
                writeln!(text, "{collection} {} {}", entry.key, entry.value).unwrap();
            }
        }
        text
    }
}

pub(crate) fn actor(caller: &Caller) -> Actor<'_> {
    Actor { caller, address: Some(HERE) }
}

pub(crate) fn keys() -> Options {
    Options { modes: Modes { keys: true, jwt: false }, ..Options::default() }
}

pub(crate) fn key_request(scopes: &[&str]) -> KeyRequest {
    KeyRequest {
        name: "a key".to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        ..KeyRequest::default()
    }
}

pub(crate) fn shared_secret() -> JwtOptions {
    let keys = JwtKeys::Secret(Secret::new("s".repeat(32)));
    JwtOptions::new("https://issuer.example", "headway", keys, JwtAlgorithm::Hs256)
}
