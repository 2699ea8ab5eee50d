//! A job as it stands.

use std::collections::BTreeMap;

use headway_protocol::batch::{Budget, Executor, OnFailure, Rate, Retry};
use headway_protocol::event::Producer;
use headway_protocol::patch::{Diff, value_of};
use headway_protocol::report::Usage;
use headway_protocol::webhook::Webhook;
use headway_protocol::{
    Command, Currency, Cursor, Job, JobStatus, Timestamp, diff_struct, diff_whole,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::batch::BatchState;
use crate::job::Sort;
use crate::progress::RateEstimate;

/// One job: what everybody may see, and what only the machine needs.
#[derive(Clone, Debug, PartialEq)]
pub struct JobState {
    /// The public document. Its cursor's offset is the number of events applied.
    pub job: Job,
    /// The rest.
    pub private: Private,
}

impl JobState {
    /// A state from what a store gave back.
    ///
    /// Fails when the store holds something else than this version, or an earlier one, wrote.
    pub fn restore(
        mut document: Value,
        cursor: Cursor,
        private: Value,
    ) -> Result<Self, serde_json::Error> {
        if let Value::Object(members) = &mut document {
            members.insert("cursor".to_owned(), value_of(&cursor));
        }
        Ok(Self {
            job: serde_json::from_value(document)?,
            private: serde_json::from_value(private)?,
        })
    }

    /// Who carries it out.
    pub fn sort(&self) -> Sort {
        if self.private.batch.is_some() {
            Sort::Batch
        } else if self.private.settings.has_executor() {
            Sort::Executor
        } else {
            Sort::Producer
        }
    }

    /// What a request was answered with when it was applied: the offset and the status after it.
    /// `None` when it is not the producer's newest; it is then answered with the present ones.
    pub fn repeat_reply(&self, producer: &Producer) -> Option<(u64, JobStatus)> {
        let mark = self.private.producers.get(&producer.id)?;
        (mark.seq == producer.seq).then_some((mark.offset, mark.status))
    }

    /// The merge patches (public, private) that lead from `before` to this state.
    pub fn patches_since(&self, before: &Self) -> (Value, Value) {
        let empty = || Value::Object(serde_json::Map::new());
        (
            before.job.diff(&self.job).unwrap_or_else(empty),
            before.private.diff(&self.private).unwrap_or_else(empty),
        )
    }

    /// The whole public document without its cursor, and the whole private state: the patches of a
    /// job's first record.
    pub fn whole(&self) -> (Value, Value) {
        let mut document = value_of(&self.job);
        if let Value::Object(members) = &mut document {
            members.remove("cursor");
        }
        (document, value_of(&self.private))
    }
}

/// What only the machine needs of a job. It rests beside the document and comes back with it, so
/// that no log is replayed after a crash.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Private {
    /// How it is run.
    pub settings: Settings,
    /// Commands that wait for the worker.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Command>,
    /// Commands requested so far: names the next one.
    pub commands_requested: u32,
    /// Where each numbering producer is.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub producers: BTreeMap<String, ProducerMark>,
    /// When the worker was last heard; kept only where silence matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heard_at: Option<Timestamp>,
    /// When the waiting command is given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_due_at: Option<Timestamp>,
    /// When the job expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// How fast it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<RateEstimate>,
    /// The currency of its amounts.
    pub currency: Currency,
    /// Whether its producer said a percent in this attempt: none is then worked out from steps.
    pub percent_said: bool,
    /// Whether its steps were not planned: more may follow those that are known.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub steps_open: bool,
    /// The highest share of the budget that was warned of, in percent.
    pub warned_percent: u32,
    /// Whether passing the soft budget was warned of.
    pub warned_soft: bool,
    /// A batch's own part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchState>,
}

diff_struct!(Private {
    settings,
    commands,
    commands_requested,
    producers,
    heard_at,
    command_due_at,
    expires_at,
    rate,
    currency,
    percent_said,
    steps_open,
    warned_percent,
    warned_soft,
    batch,
});

/// How a job is run, merged from its request and its kind. Never shown to watchers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What runs it, where its own request said so. Absent, and not [`Self::run_by_kind`]: its
    /// producer runs it.
    #[serde(with = "text", skip_serializing_if = "Option::is_none")]
    pub executor: Option<Executor>,
    /// Whether its kind's executor runs it: the one that the configuration names when it is run, so
    /// that neither a command line nor a secret of the configuration rests with the job.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub run_by_kind: bool,
    /// What the executor of a job works on.
    #[serde(with = "text", skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// How long its worker may be silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_after_ms: Option<u64>,
    /// How long it may take in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_after_ms: Option<u64>,
    /// How long one attempt of one item (of a job: one attempt) may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// How long a worker has to carry out a command; 60 s unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_timeout_ms: Option<u64>,
    /// Items at once; 8 unless said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// When a failed item is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// How many items may start in a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// What may be spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// What an item's failure does to the others.
    pub on_failure: OnFailure,
    /// What each item is expected to use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Usage>,
    /// Whether usage is priced with the batch factor.
    pub batch_rates: bool,
    /// Whether a sealed batch waits, paused, for `resume`.
    pub start_paused: bool,
    /// Where its life is announced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
}

diff_whole!(ProducerMark);

impl Settings {
    /// Whether an executor runs it, and not its producer.
    pub fn has_executor(&self) -> bool {
        self.executor.is_some() || self.run_by_kind
    }
}

impl Diff for Settings {
    fn diff(&self, after: &Self) -> Option<Value> {
        if self == after { None } else { value_of(self).diff(&value_of(after)) }
    }
}

/// JSON that rests as text: merge patches cannot carry the `null`s that it may hold.
mod text {
    use serde::de::{DeserializeOwned, Error as _};
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer, T: Serialize>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&serde_json::to_string(value).map_err(S::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, T: DeserializeOwned>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        serde_json::from_str(&text).map_err(D::Error::custom)
    }
}

/// Where a numbering producer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProducerMark {
    /// Its last number that was applied.
    pub seq: u64,
    /// The offset that its request was answered with.
    pub offset: u64,
    /// The status that its request was answered with.
    pub status: JobStatus,
    /// When that was.
    pub at: Timestamp,
}
