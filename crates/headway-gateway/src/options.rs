//! What a gateway is told before it starts.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use headway_protocol::Secret;
use headway_tls::Acceptor;
use ipnet::IpNet;

use crate::page::Page;

/// What a gateway is told before it starts. The defaults are the protocol's.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether it may listen beyond loopback although nobody has to sign in. The names that it is
    /// asked by are then not checked.
    pub insecure: bool,
    /// What a request has to show, as a bearer's token, that brings a command line to an engine which
    /// takes them; `None`: nothing. A node that was started for one command has one, so that other
    /// users of the machine cannot have it run what they like.
    pub exec_key: Option<Secret>,
    /// The largest body of a request that is no upload, in bytes.
    pub body_bytes: usize,
    /// The largest upload, in bytes. Uploads are streamed.
    pub upload_bytes: u64,
    /// Its certificate and key; `None`: it speaks without TLS.
    pub tls: Option<Arc<Acceptor>>,
    /// Threads that serve watchers; `None`: as many as there are cores.
    pub threads: Option<usize>,
    /// Whether this machine's own names are the only ones that are answered while nobody is asked to
    /// sign in, and which pages of other origins may ask.
    pub site: Site,
    /// What is shown at `/`, to everybody; a page without files says that there is none.
    pub page: Page,
    /// The formats of older progress services.
    pub compatible: Compatible,
    /// What one may have of everything.
    pub limits: Limits,
    /// How long a connection may take to say what it wants.
    pub head_timeout: Duration,
    /// How long a body may keep its reader waiting, beside what its bytes take at 1 KiB a second.
    pub body_within: Duration,
    /// How often a WebSocket is pinged.
    pub ping_every: Duration,
    /// How long it may stay without a pong before it is closed.
    pub pong_within: Duration,
    /// How long a write may stand still before its connection is closed.
    pub write_within: Duration,
    /// How long connections have to end once the gateway stops; what remains is cut.
    pub drain_within: Duration,
}

/// Which pages may use the server, beside its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Origins such as `https://app.example`; `*` lets every page ask.
    pub origins: Vec<String>,
    /// Names that the server answers to beside those of this machine, without a port, while nobody
    /// is asked to sign in.
    pub hosts: Vec<String>,
}

/// The formats of older progress services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compatible {
    /// Whether they are served.
    pub enabled: bool,
    /// The kind of jobs that an analysis is.
    pub analysis_kind: String,
    /// How long a session whose jobs have all ended is known.
    pub session_ttl: Duration,
    /// How long a watcher of an analysis hears nothing before a heartbeat comes.
    pub analysis_heartbeat: Duration,
    /// How long a watcher of jobs by name may say nothing before a heartbeat comes.
    pub client_silence: Duration,
}

impl Default for Compatible {
    fn default() -> Self {
        Self {
            enabled: true,
            analysis_kind: "analysis".to_owned(),
            session_ttl: Duration::from_hours(1),
            analysis_heartbeat: Duration::from_secs(2),
            client_silence: Duration::from_secs(30),
        }
    }
}

/// So many a second, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// In a second.
    pub per_second: NonZeroU32,
    /// At once, after a pause.
    pub burst: NonZeroU32,
}

/// The limits on connections and on what they say. The defaults are the protocol's.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections in all, whatever they are for; at least 1.
    pub connections: usize,
    /// Connections of one address, or of one network of 64 bits with IPv6. Addresses of this
    /// machine have no limit: there a proxy stands for everybody.
    pub connections_per_address: usize,
    /// Watchers of one subject.
    pub connections_per_subject: usize,
    /// Watchers of one tenant; `None`: as many as there may be in all.
    pub connections_per_tenant: Option<usize>,
    /// Jobs and batches that one key, or one person, may make. Where nobody signs in there is no such
    /// limit.
    pub jobs: Pace,
    /// The same for all of a tenant.
    pub jobs_of_tenant: Option<Pace>,
    /// The same for everybody together.
    pub jobs_in_all: Option<Pace>,
    /// Keys, tokens, tickets and browser sessions that one key, person or address may ask for: each
    /// is a durable write. Where nobody signs in there is no such limit.
    pub grants: Pace,
    /// Requests of one key, person, or address of somebody without a name.
    pub requests: Option<Pace>,
    /// The same for all of a tenant.
    pub requests_of_tenant: Option<Pace>,
    /// Memory of the process, in bytes, beyond nine tenths of which no new work is taken.
    pub memory_bytes: Option<u64>,
    /// How long a WebSocket may take to say who it is for, when its request did not.
    pub sign_in_within: Duration,
    /// Messages that a watcher may send in a second; at least 1. Whoever sends more is read more
    /// slowly, and sent away when that does not end.
    pub messages_per_second: u32,
    /// Messages that it may send at once; at least 1.
    pub message_burst: u32,
    /// How long it may go on sending more before it is sent away.
    pub flood_within: Duration,
    /// How long a WebSocket may stay without a subscription.
    pub idle_within: Duration,
    /// Proxies that are believed when they tell for whom they ask (`X-Forwarded-For`). They have no
    /// limit of their own.
    pub trusted_proxies: Vec<IpNet>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 256,
            connections_per_subject: 64,
            connections_per_tenant: None,
            jobs: Pace::new(100, 200),
            jobs_of_tenant: None,
            jobs_in_all: None,
            grants: Pace::new(100, 200),
            requests: None,
            requests_of_tenant: None,
            memory_bytes: None,
            sign_in_within: Duration::from_secs(5),
            messages_per_second: 20,
            message_burst: 40,
            flood_within: Duration::from_secs(30),
            idle_within: Duration::from_mins(5),
            trusted_proxies: Vec::new(),
        }
    }
}

impl Options {
    /// Threads that serve watchers.
    pub(crate) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(cores).max(1)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4323)),
            insecure: false,
            exec_key: None,
            body_bytes: 1024 * 1024,
            upload_bytes: 1024 * 1024 * 1024,
            tls: None,
            threads: None,
            site: Site::default(),
            page: Page::default(),
            compatible: Compatible::default(),
            limits: Limits::default(),
            head_timeout: Duration::from_secs(5),
            body_within: Duration::from_secs(30),
            ping_every: Duration::from_secs(30),
            pong_within: Duration::from_mins(1),
            write_within: Duration::from_mins(1),
            drain_within: Duration::from_secs(10),
        }
    }
}
