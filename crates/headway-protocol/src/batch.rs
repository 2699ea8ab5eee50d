//! Batches: options, executors, items and results.

mod errors;
mod timings;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::report::Usage;
use crate::webhook::Webhook;
use crate::{Amount, Currency, ItemStatus, JobError, Timestamp};

pub use errors::{ErrorExample, ErrorGroup, ErrorGroups};
pub use timings::{Durations, TimingPoint, Timings};

/// How the items of a batch are run: the part of a request that is not the items.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BatchOptions {
    /// A configured kind; its settings stand where this request is silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// How an item is run, instead of the kind's way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<Executor>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose it is; see [`crate::request::CreateJob::subject`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Items at once, 1 to 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// How often and when a failed item is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// How many items may start in a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// What may be spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// The longest that one attempt of one item may take, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The longest that the batch may take from now, in milliseconds; then it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after_ms: Option<u64>,
    /// What an item's failure does to the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// What each item is expected to use, where it does not say so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Usage>,
    /// Whether usage is priced with the SKU's batch factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_rates: Option<bool>,
    /// The producer's grouping key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Labels to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The producer's own data, an object of at most 16 KiB.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub metadata: Value,
    /// Whether it runs at once; `false` leaves it paused. True unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<bool>,
    /// Where its life is announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
}

/// A batch with its items in the request.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BatchRequest {
    /// How they are run.
    #[serde(flatten)]
    pub options: BatchOptions,
    /// The items: each an input of any JSON type, or `{input, custom_id?, estimate?}`.
    #[serde(default)]
    pub items: Vec<Value>,
}

/// What an item's failure does to the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Nothing.
    #[default]
    Continue,
    /// The batch ends as failed; items that have not begun are cancelled.
    Stop,
}

/// How often and when a failed item is tried again: before attempt `n + 1` a random time between
/// zero and `min(max_delay_ms, initial_delay_ms · factor^(n − 1))`. What `Retry-After` said is waited
/// for before that, up to an hour, and the random time is then up to a fifth of it where that is
/// more: items that were told the same do not come back at the same moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Attempts in all, 1 to 100.
    pub max_attempts: u32,
    /// The longest first wait, in milliseconds.
    pub initial_delay_ms: u64,
    /// How the wait grows, 1 to 10.
    pub factor: f64,
    /// The longest wait, in milliseconds.
    pub max_delay_ms: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { max_attempts: 3, initial_delay_ms: 1_000, factor: 2.0, max_delay_ms: 60_000 }
    }
}

/// How many items may start in a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Items per period, at least 1.
    pub count: u32,
    /// The period in milliseconds, at least 1; a second unless said.
    #[serde(default = "one_second")]
    pub per_ms: u64,
}

const fn one_second() -> u64 {
    1_000
}

/// What may be spent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// No item starts when spent + reserved + its own estimate would pass this.
    pub max_budget: Amount,
    /// Passing this warns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_budget: Option<Amount>,
    /// What reaching `max_budget` does.
    #[serde(default)]
    pub on_budget: OnBudget,
}

/// What reaching the budget does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnBudget {
    /// The batch pauses; it can be resumed with a larger budget.
    #[default]
    Pause,
    /// The batch is cancelled.
    Cancel,
}

/// How an item is run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Executor {
    /// By a program.
    Command(CommandExecutor),
    /// By a request.
    Http(HttpExecutor),
}

/// Runs a program, never through a shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CommandExecutor {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// One process for each item, or a pool of processes that each take many.
    #[serde(default)]
    pub mode: CommandMode,
    /// Processes of the pool, 1 to 256; the processors' number unless said. Only for `stream`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<u32>,
    /// Names of environment variables to pass on; nothing else of the environment is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// The folder it runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
}

/// How a program takes its items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CommandMode {
    /// One process for each item: the input on standard input, the output on standard output.
    #[default]
    Item,
    /// Long-lived processes: a line of JSON in and a line of JSON out for each item.
    Stream,
}

/// Sends one request for each item; `{{input.name}}` in `url`, `headers` and `body` is filled in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HttpExecutor {
    /// GET, POST, PUT, PATCH or DELETE; POST unless said.
    #[serde(default = "post")]
    pub method: String,
    /// An http or https address.
    pub url: String,
    /// Headers to send.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body as JSON; the item's input unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Where the output is in the answer, a JSON pointer; the whole answer unless said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Where the usage is: `sku` as it stands, every other member a JSON pointer to a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<BTreeMap<String, String>>,
    /// Where the cost is, a JSON pointer to an amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
}

impl fmt::Debug for HttpExecutor {
    /// Without what may be secret: what headers hold, the body, and of the URL who asks and what for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&String> = self.headers.keys().collect();
        let place = self.url.split(['?', '#']).next().unwrap_or_default();
        let place = match place.split_once("://") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                format!("{scheme}://{host}/{path}")
            }
            None => "…".to_owned(),
        };
        f.debug_struct("HttpExecutor")
            .field("method", &self.method)
            .field("url", &place)
            .field("headers", &headers)
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

fn post() -> String {
    "POST".to_owned()
}

/// One item as its page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Item {
    /// Its place in the input, from 0.
    pub index: u64,
    /// Its producer's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_id: Option<String>,
    /// Where it is.
    pub status: ItemStatus,
    /// Attempts begun.
    pub attempts: u32,
    /// What it works on.
    #[serde(default)]
    pub input: Value,
    /// What came out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<JobError>,
    /// What all its attempts cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Amount>,
    /// When its last attempt began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// How long its last attempt took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// One line of a batch's results; there is one for every item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResultLine {
    /// Its place in the input, from 0.
    pub index: u64,
    /// Its producer's name for it.
    pub custom_id: Option<String>,
    /// Where it is.
    pub status: ItemStatus,
    /// What came out.
    pub output: Option<Value>,
    /// Why it failed.
    pub error: Option<JobError>,
    /// Attempts begun.
    pub attempts: u32,
    /// What all its attempts cost.
    pub cost: Option<Amount>,
    /// When its last attempt began.
    pub started_at: Option<Timestamp>,
    /// How long its last attempt took.
    pub duration_ms: Option<u64>,
}

impl From<Item> for ResultLine {
    fn from(item: Item) -> Self {
        Self {
            index: item.index,
            custom_id: item.custom_id,
            status: item.status,
            output: item.output,
            error: item.error,
            attempts: item.attempts,
            cost: item.cost,
            started_at: item.started_at,
            duration_ms: item.duration_ms,
        }
    }
}

/// What a batch would cost; nothing was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Estimate {
    /// Items that would run.
    pub items: u64,
    /// Input lines that could not be read; they would be failed items.
    pub invalid: u64,
    /// The low end.
    pub low: Amount,
    /// What to expect.
    pub mid: Amount,
    /// The high end.
    pub high: Amount,
    /// The currency of the three.
    pub currency: Currency,
    /// Where it comes from.
    pub method: EstimateMethod,
    /// What it does not cover: units without a price, items without an estimate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Where an estimate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EstimateMethod {
    /// Each item declared its units.
    PerItem,
    /// The batch declared the units of an item.
    Declared,
    /// Finished batches of the same kind.
    History,
    /// Nothing is known: the amounts are zero.
    None,
}
