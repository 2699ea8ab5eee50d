//! Every key of the configuration, in one table: what the file, the environment, `config schema`
//! and the documentation say comes from here.

use headway_protocol::Secret;

use super::Value;

/// What ends the name of a key that names the file of a secret.
pub(super) const FILE: &str = "_file";

/// What a key's value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    /// A text that names a file or folder; in the file relative to the file's own folder.
    Path,
    Truth,
    /// A text of at least so many characters that is never printed. Instead of it a file can be
    /// named, by the key of the same name with [`FILE`] at its end.
    Secret {
        least: usize,
    },
    /// A whole number of at least so much.
    Whole {
        least: u64,
    },
    List,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) path: &'static str,
    pub(super) shape: Shape,
    /// As the environment would write it.
    pub(super) default: Option<&'static str>,
    pub(super) environment: Option<&'static str>,
    pub(super) flag: Option<&'static str>,
    pub(super) about: &'static str,
}

const fn key(path: &'static str, shape: Shape, default: &'static str, about: &'static str) -> Key {
    Key { path, shape, default: Some(default), environment: None, flag: None, about }
}

impl Key {
    const fn variable(mut self, name: &'static str) -> Self {
        self.environment = Some(name);
        self
    }

    const fn flag(mut self, name: &'static str) -> Self {
        self.flag = Some(name);
        self
    }

    const fn unset(mut self) -> Self {
        self.default = None;
        self
    }

    pub(super) fn default_value(&self) -> Option<Value> {
        self.default.and_then(|text| self.parse(text).ok())
    }

    /// Reads a value from the environment's text.
    pub(super) fn parse(&self, text: &str) -> Result<Value, String> {
        match self.shape {
            Shape::Text | Shape::Path => Ok(Value::Text(text.to_owned())),
            Shape::Secret { least } => match text.trim() {
                text if text.chars().count() < least => {
                    Err(format!("it is shorter than {least} characters, and could be guessed"))
                }
                text => Ok(Value::Secret(Secret::new(text))),
            },
            Shape::Truth => match text {
                "true" | "1" | "yes" => Ok(Value::Truth(true)),
                "false" | "0" | "no" => Ok(Value::Truth(false)),
                _ => Err(format!("`{text}` is neither `true` nor `false`")),
            },
            Shape::Whole { least } => match text.parse() {
                Ok(number) if number >= least => Ok(Value::Whole(number)),
                _ => Err(format!("`{text}` is not a whole number of at least {least}")),
            },
            Shape::List => Ok(Value::List(
                text.split(',')
                    .map(str::trim)
                    .filter(|t| !t.is_empty())
                    .map(str::to_owned)
                    .collect(),
            )),
        }
    }

    /// What the value is, in words.
    pub(super) fn shape_words(&self) -> String {
        match self.shape {
            Shape::Text => "text".to_owned(),
            Shape::Path => "path".to_owned(),
            Shape::Secret { least } => format!("secret, at least {least} characters"),
            Shape::Truth => "true or false".to_owned(),
            Shape::Whole { least } => format!("whole number, at least {least}"),
            Shape::List => "list of texts".to_owned(),
        }
    }
}

/// The keys, in the order in which they are printed.
pub(super) const KEYS: &[Key] = &[
    key("listen", Shape::Text, "127.0.0.1:4323", "The address to listen on; port 0 takes a free one.")
        .variable("HEADWAY_LISTEN")
        .flag("--listen"),
    key("data", Shape::Path, "./headway-data", "The folder that everything is kept in.")
        .variable("HEADWAY_DATA")
        .flag("--data"),
    key("store", Shape::Text, "embedded", "The store; `embedded` keeps everything in the data folder.")
        .variable("HEADWAY_STORE")
        .flag("--store"),
    key(
        "rates",
        Shape::Path,
        "",
        "Prices: costs.json, or a LiteLLM price map. Read again when it changes and on SIGHUP.",
    )
    .unset()
    .variable("HEADWAY_RATES")
    .flag("--rates"),
    key(
        "allow_exec",
        Shape::Truth,
        "false",
        "Let requests bring commands to run. Whoever can reach the server can then run programs on it; \
         kinds can always have commands. Only on a loopback address, without a proxy before it, and \
         where nobody is asked to sign in.",
    )
    .variable("HEADWAY_ALLOW_EXEC")
    .flag("--allow-exec"),
    key(
        "allow_hosts",
        Shape::List,
        "",
        "Hosts, addresses and networks (`localhost`, `10.0.0.0/8`, `127.0.0.1:9000`) that executors \
         of kinds may reach although they are private; where nobody is asked to sign in also \
         executors and webhooks of requests.",
    )
    .variable("HEADWAY_ALLOW_HOSTS")
    .flag("--allow-host"),
    key(
        "allow_request_hosts",
        Shape::List,
        "",
        "The same for executors and webhooks that requests bring, where somebody signs in: what a \
         kind may reach is not for everybody with a key.",
    )
    .variable("HEADWAY_ALLOW_REQUEST_HOSTS"),
    key(
        "insecure",
        Shape::Truth,
        "false",
        "Listen on an address that others can reach although nobody is asked to sign in. Not needed \
         where `sign_in.modes` asks.",
    )
    .variable("HEADWAY_INSECURE")
    .flag("--insecure"),
    key("work_dir", Shape::Path, ".", "What commands, the files among their arguments and their folders are relative to."),
    key(
        "grace_ms",
        Shape::Whole { least: 0 },
        "30000",
        "How long work in flight has to end after SIGTERM, in milliseconds.",
    ),
    key(
        "trusted_proxies",
        Shape::List,
        "",
        "Addresses and networks of proxies that are believed when they tell for whom they ask \
         (`X-Forwarded-For`).",
    ),
    key(
        "tls.certificate",
        Shape::Path,
        "",
        "A PEM file with the certificate and those of the authorities below the root. With it, \
         everything is served over TLS, and nothing without.",
    )
    .unset()
    .variable("HEADWAY_TLS_CERTIFICATE"),
    key("tls.key", Shape::Path, "", "A PEM file with the certificate's private key, without a passphrase.")
        .unset()
        .variable("HEADWAY_TLS_KEY"),
    key("tls.oldest", Shape::Text, "1.2", "The oldest version of TLS that is spoken: `1.2` or `1.3`."),
    key(
        "tls.reload_ms",
        Shape::Whole { least: 0 },
        "60000",
        "How often both files are looked at, in milliseconds; 0 never. New connections get what is \
         new.",
    ),
    key(
        "sign_in.modes",
        Shape::List,
        "none",
        "Who is let in: `none` (everybody), or one or both of `keys` (API keys) and `jwt` (tokens of an \
         identity provider). Watch tokens and people's sessions come with either.",
    )
    .variable("HEADWAY_SIGN_IN")
    .flag("--sign-in"),
    key(
        "sign_in.admin_key",
        Shape::Secret { least: 32 },
        "",
        "A key that administers the node, for making the first API key and for getting back in. \
         Needed no longer once there is an API key with the role admin.",
    )
    .unset()
    .variable("HEADWAY_ADMIN_KEY"),
    key("sign_in.admin_key_file", Shape::Path, "", "The file that the admin key is in, instead.")
        .unset()
        .variable("HEADWAY_ADMIN_KEY_FILE"),
    key(
        "sign_in.session_ttl_ms",
        Shape::Whole { least: 60_000 },
        "43200000",
        "How long a person stays signed in, in milliseconds; 12 hours. Never longer than the key or \
         token that they signed in with.",
    ),
    key(
        "sign_in.session_idle_ms",
        Shape::Whole { least: 60_000 },
        "7200000",
        "How long a person stays signed in without doing anything, in milliseconds; 2 hours.",
    ),
    key(
        "sign_in.audit_for_ms",
        Shape::Whole { least: 60_000 },
        "7776000000",
        "How long the audit log is kept, in milliseconds; 90 days.",
    ),
    key(
        "sign_in.poll_every_ms",
        Shape::Whole { least: 100 },
        "1000",
        "How often a node looks for what others have revoked, in milliseconds; at most 5000.",
    ),
    key(
        "sign_in.guess_burst",
        Shape::Whole { least: 1 },
        "20",
        "Keys and tokens that nobody has, which one address (of IPv6: a /64) may try at once.",
    ),
    key(
        "sign_in.guess_every_ms",
        Shape::Whole { least: 1 },
        "3000",
        "After these it may try one in so many milliseconds.",
    ),
    key("sign_in.jwt.issuer", Shape::Text, "", "The `iss` of the identity provider, compared exactly.")
        .unset(),
    key(
        "sign_in.jwt.audience",
        Shape::List,
        "",
        "Values of `aud` that are meant for this node; a token needs one of them.",
    )
    .unset(),
    key(
        "sign_in.jwt.jwks_url",
        Shape::Text,
        "",
        "Where the provider publishes its keys (https, or http on a loopback address). One of \
         `jwks_url`, `jwks_file`, `secret` and `public_key_file` is needed.",
    )
    .unset(),
    key("sign_in.jwt.jwks_file", Shape::Path, "", "A file with the provider's keys (a JWK set).").unset(),
    key(
        "sign_in.jwt.secret",
        Shape::Secret { least: 32 },
        "",
        "The secret that tokens are signed with (HS256), where your own server signs them.",
    )
    .unset()
    .variable("HEADWAY_JWT_SECRET"),
    key("sign_in.jwt.secret_file", Shape::Path, "", "The file that the secret is in, instead.")
        .unset()
        .variable("HEADWAY_JWT_SECRET_FILE"),
    key(
        "sign_in.jwt.public_key_file",
        Shape::Path,
        "",
        "A PEM file with the public key of whoever signs.",
    )
    .unset(),
    key(
        "sign_in.jwt.algorithms",
        Shape::List,
        "",
        "Which signatures are taken, of `HS256`, `RS256`, `ES256` and `EdDSA`; with `secret` HS256, else \
         all others unless said. What a token itself says is never believed.",
    )
    .unset(),
    key(
        "sign_in.jwt.leeway_ms",
        Shape::Whole { least: 0 },
        "60000",
        "How far the provider's clock may be off, in milliseconds.",
    ),
    key(
        "sign_in.jwt.tenant_claim",
        Shape::Text,
        "tenant",
        "The claim that names the tenant; a token without it is refused unless `tenant` is set.",
    ),
    key(
        "sign_in.jwt.tenant",
        Shape::Text,
        "",
        "The tenant of everybody who comes from this provider, whatever their token says.",
    )
    .unset(),
    key("sign_in.jwt.subject_claim", Shape::Text, "sub", "The claim that names the subject."),
    key(
        "sign_in.jwt.scopes_claim",
        Shape::Text,
        "scope",
        "The claim with scopes, a list or a text with spaces. Others than Headway's are passed over. \
         A claim that lies deeper is named by a JSON pointer (`/realm_access/roles`).",
    ),
    key(
        "sign_in.jwt.role_claim",
        Shape::Text,
        "role",
        "The claim with a role, `viewer`, `operator` or `admin`, or a list of them.",
    ),
    key(
        "sign_in.jwt.sees_claim",
        Shape::Text,
        "sees",
        "The claim that says what of the tenant a person sees, `tenant` or `own`. Without it whoever \
         has a role sees the tenant, others their own jobs.",
    ),
    key(
        "sign_in.jwt.default_role",
        Shape::Text,
        "",
        "The role of tokens that name neither a scope nor a role; without it they are refused.",
    )
    .unset(),
    key(
        "browser.origins",
        Shape::List,
        "",
        "Origins (`https://app.example`) whose pages may talk to this node, beside its own page; they \
         send a token, a cookie of theirs is never taken. `*`, for all, where people sign in.",
    ),
    key(
        "browser.hosts",
        Shape::List,
        "",
        "Names that this node answers to beside loopback ones, where nobody is asked to sign in. A \
         page elsewhere cannot reach it by a name of its own then (DNS rebinding).",
    ),
    key(
        "log.filter",
        Shape::Text,
        "warn,headway=info",
        "Which log lines are written, by target and level, such as `info,headway_engine=debug`.",
    )
    .variable("HEADWAY_LOG"),
    key("log.format", Shape::Text, "text", "`text` for people or `json` for programs.")
        .variable("HEADWAY_LOG_FORMAT"),
    key(
        "stream.heartbeat_ms",
        Shape::Whole { least: 100 },
        "20000",
        "A watcher gets a heartbeat when nothing else was sent for so long.",
    ),
    key(
        "stream.min_interval_ms",
        Shape::Whole { least: 0 },
        "100",
        "The shortest time between two states of one job to one watcher, unless the watcher or the \
         kind says.",
    ),
    key(
        "stream.max_subscriptions",
        Shape::Whole { least: 1 },
        "256",
        "The most subscriptions of one connection.",
    ),
    key(
        "stream.threads",
        Shape::Whole { least: 1 },
        "",
        "Threads that serve watchers; as many as there are cores.",
    )
    .unset(),
    key(
        "compatible.enabled",
        Shape::Truth,
        "true",
        "Serve clients of older progress services: `/api/v1/analyze`, `/progress/ws` and \
         `/ws/progress`.",
    ),
    key(
        "compatible.analysis_kind",
        Shape::Text,
        "analysis",
        "The kind of the jobs that `/api/v1/analyze` makes.",
    ),
    key(
        "compatible.session_ttl_ms",
        Shape::Whole { least: 0 },
        "3600000",
        "How long `/ws/progress` knows a session whose jobs have all ended, in milliseconds; 1 hour.",
    ),
    key(
        "compatible.analysis_heartbeat_ms",
        Shape::Whole { least: 100 },
        "2000",
        "A watcher of `/api/v1/analyze` gets a heartbeat when nothing else was sent for so long.",
    ),
    key(
        "compatible.progress_heartbeat_ms",
        Shape::Whole { least: 100 },
        "30000",
        "A client of `/progress/ws` gets a heartbeat when it has said nothing for so long.",
    ),
    key(
        "limits.connections",
        Shape::Whole { least: 1 },
        "10000",
        "Connections in all, whatever they are for.",
    ),
    key(
        "limits.connections_per_address",
        Shape::Whole { least: 1 },
        "256",
        "Connections of one address, or of one /64 with IPv6. Addresses of this machine have no \
         limit.",
    ),
    key(
        "limits.connections_per_subject",
        Shape::Whole { least: 1 },
        "64",
        "Watchers of one subject.",
    ),
    key(
        "limits.connections_per_session",
        Shape::Whole { least: 1 },
        "3",
        "Connections that watch one session by its name.",
    ),
    key(
        "limits.message_bytes",
        Shape::Whole { least: 1024 },
        "65536",
        "The largest message that a watcher may send.",
    ),
    key(
        "limits.messages_per_second",
        Shape::Whole { least: 1 },
        "20",
        "Messages that a watcher may send in a second; whoever sends more is read more slowly.",
    ),
    key(
        "limits.message_burst",
        Shape::Whole { least: 1 },
        "40",
        "Messages that a watcher may send at once.",
    ),
    key(
        "limits.flood_ms",
        Shape::Whole { least: 1 },
        "30000",
        "How long a watcher may go on sending more messages than it may before it is sent away.",
    ),
    key(
        "limits.head_ms",
        Shape::Whole { least: 1 },
        "5000",
        "How long a connection may take to say what it wants.",
    ),
    key(
        "limits.idle_ms",
        Shape::Whole { least: 1 },
        "300000",
        "How long a WebSocket may stay without a subscription, and any other connection without a \
         request.",
    ),
    key(
        "limits.stalled_write_ms",
        Shape::Whole { least: 1 },
        "60000",
        "How long a watcher, or any other client, may take nothing of what is sent to it.",
    ),
    key(
        "limits.connections_per_tenant",
        Shape::Whole { least: 1 },
        "",
        "Watchers of one tenant; as many as there may be in all.",
    )
    .unset(),
    key(
        "limits.sign_in_ms",
        Shape::Whole { least: 1 },
        "5000",
        "How long a WebSocket may take to say who it is for, when its request did not.",
    ),
    key(
        "limits.body_ms",
        Shape::Whole { least: 1 },
        "30000",
        "How long a request's body may keep its reader waiting, beside what its bytes take at 1 KiB a \
         second.",
    ),
    key(
        "limits.requests_per_second",
        Shape::Whole { least: 1 },
        "10000",
        "Requests a second of one key or person, and of one address where neither is known. Where \
         nobody is asked to sign in there is no such limit.",
    ),
    key(
        "limits.requests_burst",
        Shape::Whole { least: 1 },
        "20000",
        "Requests that it may send at once.",
    ),
    key(
        "limits.requests_per_second_tenant",
        Shape::Whole { least: 1 },
        "",
        "The same for all of a tenant; no limit unless said.",
    )
    .unset(),
    key(
        "limits.requests_burst_tenant",
        Shape::Whole { least: 1 },
        "",
        "Requests that a tenant may send at once; twice as many as in a second unless said.",
    )
    .unset(),
    key(
        "limits.grants_per_second",
        Shape::Whole { least: 1 },
        "100",
        "Keys, tokens, tickets and browser sessions that one key or person, or an address, may ask \
         for in a second. Where nobody is asked to sign in there is no such limit.",
    ),
    key(
        "limits.grants_burst",
        Shape::Whole { least: 1 },
        "200",
        "Keys, tokens, tickets and browser sessions that it may ask for at once.",
    ),
    key(
        "limits.jobs_per_second",
        Shape::Whole { least: 1 },
        "100",
        "Jobs and batches that one key or person may make in a second. Where nobody is asked to sign \
         in there is no such limit.",
    ),
    key(
        "limits.jobs_burst",
        Shape::Whole { least: 1 },
        "200",
        "Jobs and batches that it may make at once.",
    ),
    key(
        "limits.jobs_per_second_tenant",
        Shape::Whole { least: 1 },
        "",
        "The same for all of a tenant; no limit unless said.",
    )
    .unset(),
    key(
        "limits.jobs_burst_tenant",
        Shape::Whole { least: 1 },
        "",
        "Jobs and batches that a tenant may make at once; twice as many as in a second unless said.",
    )
    .unset(),
    key(
        "limits.jobs_per_second_all",
        Shape::Whole { least: 1 },
        "",
        "The same for everybody together; no limit unless said.",
    )
    .unset(),
    key(
        "limits.jobs_burst_all",
        Shape::Whole { least: 1 },
        "",
        "Jobs and batches that may be made at once in all; twice as many as in a second unless said.",
    )
    .unset(),
    key(
        "limits.memory_bytes",
        Shape::Whole { least: 16_777_216 },
        "",
        "Memory of the process, in bytes, beyond nine tenths of which no new work is taken; no limit \
         unless said.",
    )
    .unset(),
    key(
        "limits.max_running",
        Shape::Whole { least: 1 },
        "16",
        "Batches and jobs with an executor that run at once; others wait.",
    ),
    key(
        "limits.body_bytes",
        Shape::Whole { least: 1024 },
        "1048576",
        "The largest body of a request that is no upload.",
    ),
    key(
        "limits.upload_bytes",
        Shape::Whole { least: 1024 },
        "1073741824",
        "The largest upload; uploads are streamed.",
    ),
    key(
        "webhooks.secret",
        Shape::Secret { least: 38 },
        "",
        "What webhooks are signed with (Standard Webhooks), `whsec_` and 24 to 64 bytes in base64, unless \
         the request brings a secret.",
    )
    .unset()
    .variable("HEADWAY_WEBHOOK_SECRET"),
    key("webhooks.secret_file", Shape::Path, "", "The file that the secret is in, instead.")
        .unset()
        .variable("HEADWAY_WEBHOOK_SECRET_FILE"),
    key(
        "webhooks.previous_secret",
        Shape::Secret { least: 38 },
        "",
        "The secret before, while receivers change over: webhooks are signed with both.",
    )
    .unset()
    .variable("HEADWAY_WEBHOOK_PREVIOUS_SECRET"),
    key("webhooks.previous_secret_file", Shape::Path, "", "The file that it is in, instead.")
        .unset()
        .variable("HEADWAY_WEBHOOK_PREVIOUS_SECRET_FILE"),
    key(
        "webhooks.dead_for_ms",
        Shape::Whole { least: 60_000 },
        "2592000000",
        "How long webhooks that could not be delivered are kept, in milliseconds; 30 days.",
    ),
    key(
        "retention.finished_for_ms",
        Shape::Whole { least: 1 },
        "2592000000",
        "How long finished jobs are kept, in milliseconds; 30 days.",
    ),
    key(
        "retention.finished_jobs",
        Shape::Whole { least: 1 },
        "1000000",
        "How many finished jobs are kept, the newest.",
    ),
    key(
        "retention.job_events",
        Shape::Whole { least: 1000 },
        "1000000",
        "How many events of one job's log are kept, the newest; its document does not depend on them.",
    ),
];
