//! What a job can be created with.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use headway_core::{Create, Settings, create};
use headway_protocol::batch::{Budget, OnBudget, Rate, Retry};
use headway_protocol::{JobStatus, Timestamp};
use serde_json::json;
use support::*;

#[track_caller]
fn check_refused(request: Create, field: &str) {
    let refusal = create(Timestamp::from_millis(START), request).unwrap_err();
    assert_eq!(refusal.problem().field.as_deref(), Some(field), "{refusal}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let settings = |settings| Create { settings, ..request() };
    let steps = |plan| Create { steps: serde_json::from_value(plan).unwrap(), ..request() };
    let budget = |max, soft: Option<&str>| {
        let budget = Budget {
            max_budget: amount(max),
            soft_budget: soft.map(amount),
            on_budget: OnBudget::Pause,
        };
        settings(Settings { budget: Some(budget), ..Settings::default() })
    };
    check_refused(Create { kind: String::new(), ..request() }, "kind");
    check_refused(Create { session: Some("x".repeat(257)), ..request() }, "session");
    check_refused(Create { tags: vec!["t".to_owned(); 33], ..request() }, "tags");
    check_refused(Create { tags: vec!["t".repeat(129)], ..request() }, "tags");
    check_refused(Create { metadata: json!([1]), ..request() }, "metadata");
    check_refused(Create { metadata: json!({"x": "y".repeat(16_384)}), ..request() }, "metadata");
    check_refused(Create { batch: true, ..request() }, "executor");
    check_refused(steps(json!({"a": {"weight": 0.0}})), "weight");
    check_refused(steps(json!({"a": {"weight": -1.0}})), "weight");
    check_refused(steps(json!({"a": {"parent": "z"}})), "steps.a.parent");
    check_refused(steps(json!({"a": {"parent": "b"}, "b": {"parent": "a"}})), "steps.a.parent");
    check_refused(budget("0", None), "budget.max_budget");
    check_refused(budget("1", Some("2")), "budget.soft_budget");
    let stall = Settings { stall_after_ms: Some(0), ..Settings::default() };
    check_refused(settings(stall), "stall_after_ms");
    let concurrency = Settings { concurrency: Some(0), ..Settings::default() };
    check_refused(settings(concurrency), "concurrency");
    let retry = Retry { max_attempts: 0, ..Retry::default() };
    check_refused(
        settings(Settings { retry: Some(retry), ..Settings::default() }),
        "retry.max_attempts",
    );
    let retry = Retry { factor: f64::NAN, ..Retry::default() };
    check_refused(settings(Settings { retry: Some(retry), ..Settings::default() }), "retry.factor");
    let rate = Rate { count: 1, per_ms: 0 };
    check_refused(settings(Settings { rate: Some(rate), ..Settings::default() }), "rate.per_ms");
}

#[test]
fn what_was_asked_is_in_the_document() {
    let bench = Bench::new(Create {
        tags: vec!["a".to_owned(), "b".to_owned(), "a".to_owned()],
        metadata: json!({"kept": 1, "none": null}),
        total: Some(10),
        unit: Some("rows".to_owned()),
        settings: Settings { expires_after_ms: Some(50), ..Settings::default() },
        ..request()
    });
    let job = &bench.state.job;
    assert_eq!((job.status, job.attempt, job.cursor.offset), (JobStatus::Pending, 1, 1));
    assert_eq!(job.tags, ["a", "b"]);
    assert_eq!(job.metadata, json!({"kept": 1}));
    assert_eq!((job.progress.total, job.progress.unit.as_deref()), (Some(10), Some("rows")));
    assert_eq!(bench.state.private.expires_at, Some(Timestamp::from_millis(START + 50)));
    assert_eq!(job.cost, None);
    let bench = Bench::new(executor_request());
    assert_eq!((bench.status(), bench.state.job.cursor.offset), (JobStatus::Queued, 2));
    assert!(bench.state.job.queued_at.is_some());
}
