//! What an engine is told before it starts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use headway_core::rates::RateCard;
use headway_protocol::batch::{Budget, Executor, OnFailure, Rate, Retry};
use headway_protocol::kind::KindExecutor;
use headway_protocol::report::Usage;
use headway_protocol::request::PlannedStep;
use headway_protocol::{Problem, ProblemCode, Secret};
use headway_store::Clock;
use nix::unistd::Uid;
use serde::{Deserialize, Serialize};

use crate::executor::{Folders, ProcessLimits, Surroundings, Terms, build};
use crate::metrics::Metrics;
use crate::outgoing::Outgoing;
use crate::settings;

/// What an engine is told before it starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configured kinds, by name.
    pub kinds: BTreeMap<String, Kind>,
    /// Prices; an empty card prices nothing.
    pub rates: RateCard,
    /// Whether a request may bring its own `command` executor. Otherwise only kinds have one.
    pub allow_exec: bool,
    /// Hosts, addresses and networks (`localhost`, `10.0.0.0/8`, `127.0.0.1:9000`) that executors
    /// and webhooks may reach although they are loopback, private, link-local or metadata ones.
    pub allow_hosts: Vec<String>,
    /// The same for executors and webhooks that requests bring; `None`: as `allow_hosts`. Where
    /// strangers send requests, what a kind may reach is nothing that they may have asked for.
    pub request_hosts: Option<Vec<String>>,
    /// What the programs of executors, their folders and the files among their arguments are
    /// relative to. A program whose executor names no folder runs in one of its own.
    pub work_dir: PathBuf,
    /// A folder of this engine alone, for the folders that programs run in: what is in its
    /// `programs` is removed at the start. Absent: where the machine keeps temporary files.
    pub own_dir: Option<PathBuf>,
    /// How webhooks are signed and delivered.
    pub webhooks: WebhookOptions,
    /// What is kept of jobs.
    pub retention: Retention,
    /// Batches and executor jobs that run at once; others wait, queued. At least 1.
    pub max_running: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            kinds: BTreeMap::new(),
            rates: RateCard::default(),
            allow_exec: false,
            allow_hosts: Vec::new(),
            request_hosts: None,
            work_dir: PathBuf::from("."),
            own_dir: None,
            webhooks: WebhookOptions::default(),
            retention: Retention::default(),
            max_running: 16,
        }
    }
}

/// How webhooks are signed and delivered.
#[derive(Clone, Debug)]
pub struct WebhookOptions {
    /// What deliveries are signed with whose request brought no secret of its own, the newest first:
    /// each `whsec_` and 24 to 64 bytes in base64. All of them sign, so that receivers can change
    /// from one to the other. None: requests have to bring one.
    pub secrets: Vec<Secret>,
    /// The waits before the second attempt of a delivery, the third and so on, in milliseconds, each
    /// lengthened by up to a fifth by chance. After the last attempt it is a dead letter.
    pub retries_ms: Vec<u64>,
    /// How long dead letters are kept after their event, and an endpoint that said it is gone is not
    /// tried again, in milliseconds.
    pub dead_for_ms: u64,
}

impl Default for WebhookOptions {
    fn default() -> Self {
        Self {
            secrets: Vec::new(),
            retries_ms: crate::webhooks::RETRIES_MS.to_vec(),
            dead_for_ms: 30 * 24 * 3_600_000,
        }
    }
}

/// What is kept of jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How long finished jobs are kept, in milliseconds.
    pub finished_for_ms: u64,
    /// How many finished jobs are kept, the newest.
    pub finished_jobs: u64,
    /// How many events of one job's log are kept, the newest, and for a while up to an eighth more.
    /// Its document does not depend on them.
    pub job_events: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            finished_for_ms: 30 * 24 * 3_600_000,
            finished_jobs: 1_000_000,
            job_events: 1_000_000,
        }
    }
}

impl Retention {
    /// Up to where a log that grew from one offset to another is forgotten, if it is time for that:
    /// each time when it has grown by an eighth of what is kept.
    pub(crate) fn surplus(&self, before: u64, after: u64) -> Option<u64> {
        let step = (self.job_events / 8).max(1);
        let surplus = after.checked_sub(self.job_events).filter(|surplus| *surplus > 0)?;
        (before / step != after / step).then_some(surplus)
    }
}

/// A configured type of job. Members that are absent leave the protocol's default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kind {
    /// How it is run; absent: by its producer.
    pub executor: Option<Executor>,
    /// What each process of its executor may use. A request cannot say.
    pub limits: ProcessLimits,
    /// The steps that every job of this kind has.
    pub steps: BTreeMap<String, PlannedStep>,
    /// Items at once.
    pub concurrency: Option<u32>,
    /// When a failed item is tried again.
    pub retry: Option<Retry>,
    /// How many items may start in a time.
    pub rate: Option<Rate>,
    /// What may be spent unless a request says.
    pub budget: Option<Budget>,
    /// The longest that one attempt may take.
    pub timeout_ms: Option<u64>,
    /// The longest that a job may take in all.
    pub expires_after_ms: Option<u64>,
    /// How long a worker may be silent.
    pub stall_after_ms: Option<u64>,
    /// How long a worker has to carry out a command.
    pub command_timeout_ms: Option<u64>,
    /// What an item's failure does to the others.
    pub on_failure: Option<OnFailure>,
    /// What each item is expected to use.
    pub estimate: Option<Usage>,
    /// Whether usage is priced with the batch factor.
    pub batch_rates: Option<bool>,
    /// The shortest time between two state frames to a watcher.
    pub min_interval_ms: Option<u64>,
}

impl Kind {
    /// Refuses a kind that no job could be made of, or whose executor cannot run. Looks for programs
    /// and folders, and changes nothing. The problem's `field` is a path within the kind, such as
    /// `executor.url`.
    pub fn check(&self, name: &str, surroundings: &Surroundings) -> Result<(), Problem> {
        if let Some(executor) = &self.executor {
            let terms = Terms { limits: self.limits.clone(), ..Terms::default() };
            build(executor, &terms, surroundings)?;
        }
        settings::check_kind(name, self)
    }

    /// What is told of it to those who may make jobs of it: neither what it runs nor what that may
    /// use.
    pub(crate) fn described(&self, name: &str) -> headway_protocol::kind::Kind {
        headway_protocol::kind::Kind {
            name: name.to_owned(),
            executor: self.executor.as_ref().map(KindExecutor::from),
            concurrency: self.concurrency,
            budget: self.budget.clone(),
            steps: self.steps.clone(),
        }
    }
}

impl Options {
    /// What executors share.
    pub(crate) fn surroundings(
        &self,
        metrics: &Metrics,
        clock: &Arc<dyn Clock>,
    ) -> Result<Surroundings, Problem> {
        let folders = match &self.own_dir {
            None => Folders::among_others(),
            Some(own) => Folders::within(&own.join("programs")).map_err(|error| {
                let detail = format!("no folder can be made in {}: {error}", own.display());
                Problem::new(ProblemCode::Internal, detail).at_field("own_dir")
            })?,
        };
        let outgoing = Outgoing::new(&self.allow_hosts, metrics.circuits.clone())?;
        let of_requests = match &self.request_hosts {
            Some(hosts) => Outgoing::new(hosts, metrics.circuits.clone())?,
            None => outgoing.clone(),
        };
        let ways = (outgoing, of_requests);
        Ok(Surroundings::of(self.work_dir.clone(), folders, ways, Arc::clone(clock)))
    }

    /// Refuses what no engine can run with.
    pub(crate) fn check(&self, surroundings: &Surroundings) -> Result<(), Problem> {
        for (name, kind) in &self.kinds {
            if kind.limits.processes.is_some() && Uid::effective().is_root() {
                tracing::warn!(
                    kind = name,
                    "`limits.processes` has no effect: the kernel does not hold root to it"
                );
            }
            kind.check(name, surroundings).map_err(|mut problem| {
                problem.detail = format!("kind `{name}`: {}", problem.detail);
                problem
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_never_much_longer_than_what_is_kept() {
        for kept in [0, 1, 7, 8, 100, 1_000] {
            let retention = Retention { job_events: kept, ..Retention::default() };
            for growth in [1, 3, 10] {
                let (mut begin, mut end) = (0, 0);
                for _ in 0..3_000 {
                    let before = end;
                    end += growth;
                    if let Some(surplus) = retention.surplus(before, end) {
                        assert!(surplus > begin, "a trim that does nothing");
                        begin = surplus;
                    }
                    let length = end - begin;
                    assert!(length >= kept.min(end), "{length} of {kept}");
                    assert!(length <= kept + kept / 8 + growth, "{length} of {kept}");
                }
            }
        }
    }
}
