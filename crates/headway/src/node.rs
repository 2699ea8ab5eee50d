//! One node: store, engine, hub and gateway, built in this order and taken down in the other.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use headway_client::Client;
use headway_gateway::{Gateway, Site};
use headway_protocol::Secret;
use headway_store::{Clock, Store, SystemClock};
use headway_store_embedded::EmbeddedStore;

use crate::arguments::{Common, ServeArguments};
use crate::configuration::{Configuration, ConfiguredValue, Environment, Settings};
use crate::failure::Failure;
use crate::{certificate, dashboard, open_files, rate_card};

/// How long a node that has no work yet takes at most to be taken down.
const IDLE_GRACE: Duration = Duration::from_secs(1);

/// A running node.
#[derive(Debug)]
pub(crate) struct Node {
    url: String,
    /// What requests show that bring a command line, if this node asks for it.
    exec_key: Option<Secret>,
    engine: headway_engine::Handle,
    signin: headway_signin::Handle,
    gateway: tokio::task::JoinHandle<()>,
    stop: tokio::sync::oneshot::Sender<()>,
    store: Arc<EmbeddedStore>,
    /// What looks after files that change: prices, certificates.
    keepers: Vec<tokio::task::JoinHandle<()>>,
    /// A folder of its own that goes with the node.
    folder: Option<TemporaryFolder>,
}

impl Node {
    /// Builds a node and lets it listen. Nothing is left behind when a part cannot start.
    pub(crate) async fn start(settings: Settings) -> Result<Self, Failure> {
        open_files::allow(settings.limits.connections);
        headway_store_embedded::make_folder(&settings.data).map_err(|error| {
            let what = format!("the data folder {} cannot be made", settings.data.display());
            Failure::because(&what, &error)
        })?;
        let options = headway_store_embedded::Options::new(&settings.data);
        // Opening reads the disk, and recovers after a crash.
        let opened = tokio::task::spawn_blocking(move || EmbeddedStore::open(options)).await;
        let store = match opened {
            Ok(Ok(store)) => Arc::new(store),
            Ok(Err(error)) => return Err(Failure::because("the store cannot be opened", &error)),
            Err(error) => return Err(Failure::because("the store cannot be opened", &error)),
        };
        match Self::start_over(settings, Arc::clone(&store)).await {
            Ok(node) => Ok(node),
            Err(failure) => {
                // The first failure is the one that matters.
                store.close().await.ok();
                Err(failure)
            }
        }
    }

    async fn start_over(settings: Settings, store: Arc<EmbeddedStore>) -> Result<Self, Failure> {
        let page = dashboard::page()
            .map_err(|error| Failure::because("the dashboard cannot be served", &error))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let port: Arc<dyn Store> = Arc::clone(&store) as _;
        let intervals = settings.kinds.iter();
        let intervals =
            intervals.filter_map(|(name, kind)| Some((name.clone(), kind.min_interval_ms?)));
        let hub = headway_hub::Options {
            heartbeat_ms: settings.heartbeat_ms,
            min_interval_ms: settings.min_interval_ms,
            kind_intervals: intervals.collect(),
            max_subscriptions: settings.max_subscriptions,
            max_message_bytes: settings.message_bytes,
            max_session_connections: settings.session_connections,
            ..headway_hub::Options::default()
        };
        let hub = headway_hub::Hub::start(hub, Arc::clone(&port), Arc::clone(&clock))
            .map_err(|error| Failure::because("the read side cannot start", &error))?;
        let signin =
            headway_signin::Handle::start(settings.sign_in, Arc::clone(&port), Arc::clone(&clock))
                .await
                .map_err(|error| Failure::because("sign-in cannot start", &error))?;
        let engine = headway_engine::Options {
            kinds: settings.kinds,
            rates: settings.rates,
            allow_exec: settings.allow_exec,
            allow_hosts: settings.allow_hosts,
            request_hosts: signin.asks().then_some(settings.allow_request_hosts),
            work_dir: settings.work_dir,
            own_dir: Some(settings.data),
            webhooks: headway_engine::WebhookOptions {
                secrets: settings.webhooks.secrets,
                dead_for_ms: u64::try_from(settings.webhooks.dead_for.as_millis())
                    .unwrap_or(u64::MAX),
                ..headway_engine::WebhookOptions::default()
            },
            retention: settings.retention,
            max_running: settings.max_running,
        };
        let engine = headway_engine::Handle::start(engine, port, clock)
            .map_err(|error| Failure::because("the engine cannot start", &error))?;
        let site = Site { origins: settings.browser.origins, hosts: settings.browser.hosts };
        let gateway = headway_gateway::Options {
            listen: settings.listen,
            insecure: settings.insecure,
            exec_key: settings.exec_key.clone(),
            body_bytes: settings.body_bytes,
            upload_bytes: settings.upload_bytes,
            tls: settings.tls.as_ref().map(|tls| Arc::clone(&tls.acceptor)),
            threads: settings.threads,
            site,
            page,
            limits: settings.limits,
            compatible: settings.compatible,
            head_timeout: settings.head_within,
            body_within: settings.body_within,
            write_within: settings.write_within,
            ..headway_gateway::Options::default()
        };
        let gateway = match Gateway::bind(gateway, engine.clone(), hub, signin.clone()).await {
            Ok(gateway) => gateway,
            Err(error) => {
                engine.shutdown(IDLE_GRACE).await;
                // Nobody has come in yet: there is nothing to note.
                signin.close().await.ok();
                let hint = match &error {
                    headway_gateway::Error::Bind { .. } => {
                        ": stop what listens there, or name another address with --listen (port 0 \
                         takes a free one)"
                    }
                    headway_gateway::Error::NotLoopback(_) => "",
                };
                return Err(Failure::of(&error, hint));
            }
        };
        let mut keepers = Vec::new();
        if let Some(path) = settings.rates_file {
            let engine = engine.clone();
            let keeper = rate_card::watch(path, move |card| engine.set_rates(card));
            keepers.push(tokio::spawn(keeper));
        }
        let secure = settings.tls.is_some();
        if let Some(tls) = settings.tls {
            keepers.push(tokio::spawn(certificate::watch(tls)));
        }
        let url = address_for_people(gateway.address(), secure);
        let (stop, stopped) = tokio::sync::oneshot::channel();
        // A sender that was dropped says the same as one that was used.
        let gateway = tokio::spawn(gateway.serve(async move { drop(stopped.await) }));
        let exec_key = settings.exec_key;
        Ok(Self { url, exec_key, engine, signin, gateway, stop, store, keepers, folder: None })
    }

    /// A node of its own for one command: on a free port of loopback unless something else is
    /// configured, with what the command itself names allowed.
    pub(crate) async fn for_run(
        common: &Common,
        environment: &Environment,
        data: Option<&Path>,
    ) -> Result<Self, Failure> {
        let flags =
            ServeArguments { data: data.map(Path::to_path_buf), ..ServeArguments::default() };
        let settings = own_settings(common, environment, &flags)?;
        match Self::start(settings.clone()).await {
            Ok(node) => Ok(node),
            // Another run uses the folder: this one's job is kept for as long as it lasts.
            Err(_) if data.is_none() => {
                let folder = TemporaryFolder::new()?;
                let settings = Settings { data: folder.path.clone(), ..settings };
                let mut node = Self::start(settings).await?;
                node.folder = Some(folder);
                Ok(node)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Keeps a folder for as long as the node lives.
    pub(crate) fn with_folder(mut self, folder: TemporaryFolder) -> Self {
        self.folder = Some(folder);
        self
    }

    /// The address, as a browser takes it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A client of it, which may bring command lines if anybody may.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let client = Client::new(&self.url, None)?;
        Ok(match &self.exec_key {
            Some(key) => client.with_token(key.clone())?,
            None => client,
        })
    }

    /// Takes the node down: watchers are sent away, work in flight ends or is given back, and what
    /// happened is written down.
    pub(crate) async fn shutdown(self, grace: Duration) {
        for keeper in self.keepers {
            keeper.abort();
        }
        // A gateway that has ended already needs no word.
        self.stop.send(()).ok();
        self.engine.shutdown(grace).await;
        if let Err(error) = self.gateway.await {
            tracing::warn!(%error, "the gateway did not end in order");
        }
        if let Err(error) = self.signin.close().await {
            tracing::warn!(%error, "when keys were used last, and refused sign-ins, are not all noted");
        }
        if let Err(error) = self.store.close().await {
            tracing::warn!(%error, "the store was not closed in order; nothing is lost");
        }
    }
}

/// The settings of a node that lives for one command.
pub(crate) fn own_settings(
    common: &Common,
    environment: &Environment,
    flags: &ServeArguments,
) -> Result<Settings, Failure> {
    let wrong = |error| Failure::usage(format!("the configuration cannot be used: {error}"));
    let mut configuration =
        Configuration::read(common.config.as_deref(), environment, flags).map_err(wrong)?;
    if flags.listen.is_none() {
        let free = ConfiguredValue::Text("127.0.0.1:0".to_owned());
        configuration.set("listen", free, "a node of its own");
    }
    configuration.for_one_command();
    let settings = configuration.settings().map_err(wrong)?;
    // It speaks to nobody but the command itself, and others on this machine may only look on.
    let exec_key = settings.allow_exec.then(|| {
        let random: [u64; 4] = rand::random();
        Secret::new(random.map(|part| format!("{part:016x}")).concat())
    });
    Ok(Settings { tls: None, exec_key, ..settings })
}

fn address_for_people(address: SocketAddr, secure: bool) -> String {
    let scheme = if secure { "https" } else { "http" };
    match address.ip() {
        ip if ip.is_unspecified() => format!("{scheme}://127.0.0.1:{}", address.port()),
        _ => format!("{scheme}://{address}"),
    }
}

/// A folder that is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct TemporaryFolder {
    pub(crate) path: PathBuf,
}

impl TemporaryFolder {
    pub(crate) fn new() -> Result<Self, Failure> {
        let name = format!("headway-{:016x}", rand::random::<u64>());
        let path = std::env::temp_dir().join(name);
        let mut builder = std::fs::DirBuilder::new();
        // What jobs print is nobody else's business.
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|error| {
            Failure::because(&format!("{} cannot be made", path.display()), &error)
        })?;
        Ok(Self { path })
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What is left in the system's folder for temporary files is cleaned up by the system.
        std::fs::remove_dir_all(&self.path).ok();
    }
}
