//! What a node is told before it starts: flags above the environment above one TOML file above the
//! defaults. Reading it changes nothing, so that a wrong configuration never half-starts anything.
//!
//! **Invariant:** a secret is a [`Secret`] from the moment it is read; what prints a configuration
//! has no way to its text.

mod access;
mod browser;
mod environment;
mod file;
mod key;
mod kinds;
mod print;
mod secret;
mod sign_in;
#[cfg(test)]
mod tests;
mod tls;
mod value;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use headway_core::rates::RateCard;
use headway_engine::{Kind, Retention};
use headway_gateway::{Compatible, Limits, Pace};
use headway_protocol::Secret;
use ipnet::IpNet;

pub(crate) use browser::Browser;
pub(crate) use environment::Environment;
use key::KEYS;
pub(crate) use print::{print, schema};
pub(crate) use tls::Tls;
use value::{Origin, Value};

use crate::arguments::ServeArguments;

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub(crate) struct ConfigurationError {
    place: String,
    message: String,
}

impl ConfigurationError {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

/// What is in effect, with where each value comes from.
#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    values: BTreeMap<&'static str, (Value, Origin)>,
    kinds: BTreeMap<String, (Kind, Origin)>,
    /// Where each member of a kind stands, by its path, such as `kinds.score.executor.url`.
    places: BTreeMap<String, Origin>,
}

/// What is in effect, as the parts of a node take it.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) data: PathBuf,
    pub(crate) rates_file: Option<PathBuf>,
    pub(crate) rates: RateCard,
    pub(crate) insecure: bool,
    pub(crate) allow_exec: bool,
    /// What requests show that bring a command line; never configured.
    pub(crate) exec_key: Option<Secret>,
    pub(crate) allow_hosts: Vec<String>,
    pub(crate) allow_request_hosts: Vec<String>,
    pub(crate) work_dir: PathBuf,
    pub(crate) tls: Option<Tls>,
    pub(crate) grace: Duration,
    pub(crate) log_filter: String,
    pub(crate) log_json: bool,
    pub(crate) heartbeat_ms: u64,
    pub(crate) min_interval_ms: u64,
    pub(crate) max_subscriptions: u32,
    pub(crate) max_running: usize,
    pub(crate) body_bytes: usize,
    pub(crate) upload_bytes: u64,
    pub(crate) message_bytes: u64,
    pub(crate) session_connections: usize,
    pub(crate) threads: Option<usize>,
    pub(crate) limits: Limits,
    pub(crate) compatible: Compatible,
    pub(crate) sign_in: headway_signin::Options,
    pub(crate) browser: Browser,
    pub(crate) webhooks: Webhooks,
    /// What is allowed and yet seldom wanted: told to whoever starts the node.
    pub(crate) warnings: Vec<String>,
    pub(crate) head_within: Duration,
    pub(crate) body_within: Duration,
    pub(crate) write_within: Duration,
    pub(crate) retention: Retention,
    pub(crate) kinds: BTreeMap<String, Kind>,
}

/// How webhooks are signed, and what is kept of those that could not be delivered.
#[derive(Clone, Debug)]
pub(crate) struct Webhooks {
    /// The newest first; all of them sign.
    pub(crate) secrets: Vec<Secret>,
    pub(crate) dead_for: Duration,
}

impl Configuration {
    /// Reads every layer. `file` is the configuration file, if there is one.
    pub(crate) fn read(
        file: Option<&Path>,
        environment: &Environment,
        flags: &ServeArguments,
    ) -> Result<Self, ConfigurationError> {
        let mut values = BTreeMap::new();
        for key in KEYS {
            if let Some(default) = key.default_value() {
                values.insert(key.path, (default, Origin::Default));
            }
        }
        let (mut kinds, mut places) = (BTreeMap::new(), BTreeMap::new());
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|error| {
                ConfigurationError::new(path.display().to_string(), error.to_string())
            })?;
            let read = file::parse(path, &text)?;
            values.extend(read.values);
            kinds = read.kinds;
            places = read.places;
        }
        for key in KEYS {
            let Some(name) = key.environment else { continue };
            if let Some(text) = environment.get(name) {
                let value =
                    key.parse(text).map_err(|message| ConfigurationError::new(name, message))?;
                values.insert(key.path, (value, Origin::Environment(name)));
            }
        }
        values.extend(flag_values(flags));
        Ok(Self { values, kinds, places })
    }

    /// Checks what is in effect and gives it its types. Reads the rate card, the certificate and
    /// its key, and looks for the programs and folders of kinds.
    pub(crate) fn settings(&self) -> Result<Settings, ConfigurationError> {
        let listen_text = self.text("listen");
        let listen: SocketAddr = listen_text.parse().map_err(|_| {
            self.wrong(
                "listen",
                format!("`{listen_text}` is not ADDRESS:PORT, such as 127.0.0.1:4323"),
            )
        })?;
        let sign_in = self.sign_in()?;
        self.check_reach(listen, &sign_in)?;
        let asks = sign_in.asks();
        let store = self.text("store");
        if store != "embedded" {
            return Err(self.wrong(
                "store",
                format!("`{store}` is not a store of this version: use `embedded`"),
            ));
        }
        let rates_file = self.optional_text("rates").map(PathBuf::from);
        let rates = match &rates_file {
            Some(path) => {
                crate::rate_card::read(path).map_err(|message| self.wrong("rates", message))?
            }
            None => RateCard::default(),
        };
        let log_json = match self.text("log.format").as_str() {
            "json" => true,
            "text" => false,
            other => {
                return Err(self.wrong(
                    "log.format",
                    format!("`{other}` is not a form of log lines: use `text` or `json`"),
                ));
            }
        };
        Ok(Settings {
            listen,
            data: PathBuf::from(self.text("data")),
            rates_file,
            rates,
            insecure: self.flag("insecure"),
            allow_exec: self.flag("allow_exec"),
            exec_key: None,
            allow_hosts: self.list("allow_hosts"),
            allow_request_hosts: self.list("allow_request_hosts"),
            work_dir: PathBuf::from(self.text("work_dir")),
            tls: self.tls()?,
            grace: Duration::from_millis(self.whole("grace_ms")),
            log_filter: self.text("log.filter"),
            log_json,
            heartbeat_ms: self.whole("stream.heartbeat_ms"),
            min_interval_ms: self.whole("stream.min_interval_ms"),
            max_subscriptions: u32::try_from(self.whole("stream.max_subscriptions"))
                .unwrap_or(u32::MAX),
            max_running: self.count("limits.max_running"),
            body_bytes: self.count("limits.body_bytes"),
            message_bytes: self.whole("limits.message_bytes"),
            session_connections: self.count("limits.connections_per_session"),
            threads: self
                .values
                .contains_key("stream.threads")
                .then(|| self.count("stream.threads")),
            limits: self.limits()?,
            compatible: self.compatible()?,
            warnings: self.warnings(listen, &sign_in),
            sign_in,
            browser: self.browser(asks)?,
            webhooks: self.webhooks()?,
            head_within: Duration::from_millis(self.whole("limits.head_ms")),
            body_within: Duration::from_millis(self.whole("limits.body_ms")),
            write_within: Duration::from_millis(self.whole("limits.stalled_write_ms")),
            upload_bytes: self.whole("limits.upload_bytes"),
            retention: Retention {
                finished_for_ms: self.whole("retention.finished_for_ms"),
                finished_jobs: self.whole("retention.finished_jobs"),
                job_events: self.whole("retention.job_events"),
            },
            kinds: self.kinds()?,
        })
    }

    fn compatible(&self) -> Result<Compatible, ConfigurationError> {
        let path = "compatible.analysis_kind";
        let analysis_kind = self.text(path);
        if analysis_kind.is_empty() {
            return Err(self.wrong(path, "an analysis needs a kind: name one, such as `analysis`"));
        }
        let time = |path| Duration::from_millis(self.whole(path));
        Ok(Compatible {
            enabled: self.flag("compatible.enabled"),
            analysis_kind,
            session_ttl: time("compatible.session_ttl_ms"),
            analysis_heartbeat: time("compatible.analysis_heartbeat_ms"),
            client_silence: time("compatible.progress_heartbeat_ms"),
        })
    }

    fn limits(&self) -> Result<Limits, ConfigurationError> {
        let small = |path| u32::try_from(self.whole(path)).unwrap_or(u32::MAX);
        let trusted_proxies = self.list("trusted_proxies").into_iter().map(|text| {
            let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| {
                let message = format!("`{text}` is no address or network, such as 10.0.0.0/8");
                self.wrong("trusted_proxies", message)
            })
        });
        Ok(Limits {
            connections: self.count("limits.connections"),
            connections_per_address: self.count("limits.connections_per_address"),
            connections_per_subject: self.count("limits.connections_per_subject"),
            connections_per_tenant: self
                .optional_whole("limits.connections_per_tenant")
                .map(|number| usize::try_from(number).unwrap_or(usize::MAX)),
            jobs: self
                .pace("limits.jobs_per_second", "limits.jobs_burst")
                .unwrap_or(Limits::default().jobs),
            jobs_of_tenant: self.pace("limits.jobs_per_second_tenant", "limits.jobs_burst_tenant"),
            jobs_in_all: self.pace("limits.jobs_per_second_all", "limits.jobs_burst_all"),
            grants: self
                .pace("limits.grants_per_second", "limits.grants_burst")
                .unwrap_or(Limits::default().grants),
            requests: self.pace("limits.requests_per_second", "limits.requests_burst"),
            requests_of_tenant: self
                .pace("limits.requests_per_second_tenant", "limits.requests_burst_tenant"),
            memory_bytes: self.optional_whole("limits.memory_bytes"),
            sign_in_within: Duration::from_millis(self.whole("limits.sign_in_ms")),
            messages_per_second: small("limits.messages_per_second"),
            message_burst: small("limits.message_burst"),
            idle_within: Duration::from_millis(self.whole("limits.idle_ms")),
            flood_within: Duration::from_millis(self.whole("limits.flood_ms")),
            trusted_proxies: trusted_proxies.collect::<Result<_, _>>()?,
        })
    }

    /// Forgets whom else a node is for: one that lives for one command speaks to nobody but the
    /// command and the browser beside it, and is reached on loopback only.
    pub(crate) fn for_one_command(&mut self) {
        let of_others = ["sign_in.", "browser.", "trusted_proxies"];
        self.values.retain(|path, (_, origin)| {
            *origin == Origin::Default || !of_others.iter().any(|other| path.starts_with(other))
        });
        let because = "a node of its own";
        self.set("sign_in.modes", Value::List(vec!["none".to_owned()]), because);
        self.set("browser.origins", Value::List(Vec::new()), because);
        self.set("browser.hosts", Value::List(Vec::new()), because);
        self.set("trusted_proxies", Value::List(Vec::new()), because);
    }

    /// Sets a value that the command itself decides, such as `batch run` its listening address.
    pub(crate) fn set(&mut self, path: &'static str, value: Value, because: &'static str) {
        self.values.insert(path, (value, Origin::Command(because)));
    }

    fn wrong(&self, path: impl AsRef<str>, message: impl Into<String>) -> ConfigurationError {
        let path = path.as_ref();
        let place = match self.values.get(path) {
            Some((_, origin)) => format!("{path} ({origin})"),
            None => path.to_owned(),
        };
        ConfigurationError::new(place, message)
    }

    fn optional_text(&self, path: &str) -> Option<String> {
        match self.values.get(path)? {
            (Value::Text(text), _) => Some(text.clone()),
            (Value::Secret(_) | Value::Truth(_) | Value::Whole(_) | Value::List(_), _) => None,
        }
    }

    fn text(&self, path: &str) -> String {
        self.optional_text(path).unwrap_or_default()
    }

    fn flag(&self, path: &str) -> bool {
        matches!(self.values.get(path), Some((Value::Truth(true), _)))
    }

    fn whole(&self, path: &str) -> u64 {
        match self.values.get(path) {
            Some((Value::Whole(number), _)) => *number,
            Some((Value::Text(_) | Value::Secret(_) | Value::Truth(_) | Value::List(_), _))
            | None => 0,
        }
    }

    fn count(&self, path: &str) -> usize {
        usize::try_from(self.whole(path)).unwrap_or(usize::MAX)
    }

    fn list(&self, path: &str) -> Vec<String> {
        match self.values.get(path) {
            Some((Value::List(list), _)) => list.clone(),
            Some((Value::Text(_) | Value::Secret(_) | Value::Truth(_) | Value::Whole(_), _))
            | None => Vec::new(),
        }
    }

    fn optional_whole(&self, path: &str) -> Option<u64> {
        self.values.contains_key(path).then(|| self.whole(path))
    }

    /// A pace, where one is set; twice as many at once as in a second unless that is set.
    fn pace(&self, per_second: &str, burst: &str) -> Option<Pace> {
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let per_second = small(self.optional_whole(per_second)?);
        let burst = self.optional_whole(burst).map_or(per_second.saturating_mul(2), small);
        Some(Pace::new(per_second, burst))
    }

    fn webhooks(&self) -> Result<Webhooks, ConfigurationError> {
        let newest = self.secret("webhooks.secret")?;
        let previous = self.secret("webhooks.previous_secret")?;
        if newest.is_none() && previous.is_some() {
            let path = self.path_of_secret("webhooks.previous_secret");
            return Err(self.wrong(path, "there is none that follows it: set `webhooks.secret`"));
        }
        Ok(Webhooks {
            secrets: newest.into_iter().chain(previous).collect(),
            dead_for: Duration::from_millis(self.whole("webhooks.dead_for_ms")),
        })
    }
}

pub(crate) use value::Value as ConfiguredValue;

fn flag_values(flags: &ServeArguments) -> Vec<(&'static str, (Value, Origin))> {
    let path = |path: &PathBuf| Value::Text(path.display().to_string());
    let mut values = Vec::new();
    let mut add = |key, flag, value: Option<Value>| {
        if let Some(value) = value {
            values.push((key, (value, Origin::Flag(flag))));
        }
    };
    add("listen", "--listen", flags.listen.clone().map(Value::Text));
    add("data", "--data", flags.data.as_ref().map(path));
    add("store", "--store", flags.store.clone().map(Value::Text));
    add("rates", "--rates", flags.rates.as_ref().map(path));
    add("allow_exec", "--allow-exec", flags.allow_exec.then_some(Value::Truth(true)));
    let modes = (!flags.sign_in.is_empty()).then(|| Value::List(flags.sign_in.clone()));
    add("sign_in.modes", "--sign-in", modes);
    add("insecure", "--insecure", flags.insecure.then_some(Value::Truth(true)));
    let hosts = (!flags.allow_hosts.is_empty()).then(|| Value::List(flags.allow_hosts.clone()));
    add("allow_hosts", "--allow-host", hosts);
    values
}
