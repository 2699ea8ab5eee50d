//! What sign-in counts. No label names a tenant, a subject or a key.

use headway_protocol::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// A check of somebody who came.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Check {
    kind: &'static str,
    outcome: &'static str,
}

/// What was wrong with a token of the identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Fault {
    why: &'static str,
}

/// What sign-in counts; every clone counts into the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    checks: Family<Check, Counter>,
    faults: Family<Fault, Counter>,
    pub(crate) keys: Gauge,
    pub(crate) sessions: Gauge,
    pub(crate) revocations: Gauge,
    pub(crate) looks_failed: Counter,
    pub(crate) key_set_age_seconds: Gauge,
    pub(crate) key_set_failures: Counter,
}

impl Metrics {
    pub(crate) fn count_check(&self, kind: &'static str, outcome: &'static str) {
        self.checks.get_or_create(&Check { kind, outcome }).inc();
    }

    pub(crate) fn count_fault(&self, why: &'static str) {
        self.faults.get_or_create(&Fault { why }).inc();
    }

    pub(crate) fn set_key_set_age(&self, read_at: Timestamp, now: Timestamp) {
        let seconds = i64::try_from(now.since(read_at) / 1_000).unwrap_or(i64::MAX);
        self.key_set_age_seconds.set(seconds);
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "sign_in_checks",
            "Keys, tokens, sessions and tickets that were checked, by kind and outcome",
            self.checks.clone(),
        );
        registry.register(
            "sign_in_token_faults",
            "Tokens of the identity provider that were refused, by what was wrong with them",
            self.faults.clone(),
        );
        registry.register("sign_in_keys", "API keys that are known", self.keys.clone());
        registry.register(
            "sign_in_sessions",
            "Sessions of browsers that are known",
            self.sessions.clone(),
        );
        registry.register(
            "sign_in_revocations",
            "Revocations of subjects and tokens that are in force",
            self.revocations.clone(),
        );
        registry.register(
            "sign_in_looks_failed",
            "Times that the store was asked in vain for what other nodes have changed",
            self.looks_failed.clone(),
        );
        registry.register(
            "sign_in_key_set_age_seconds",
            "How long ago the identity provider's keys were read",
            self.key_set_age_seconds.clone(),
        );
        registry.register(
            "sign_in_key_set_failures",
            "Times that the identity provider's keys could not be read",
            self.key_set_failures.clone(),
        );
    }
}
