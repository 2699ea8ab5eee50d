//! What a producer's reports lead to.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use headway_core::job::Sort;
use headway_core::rates::RateCard;
use headway_core::{Create, Refusal, Settings};
use headway_protocol::limits::{METADATA_BYTES, PRODUCERS, RESULT_BYTES};
use headway_protocol::{Action, JobStatus, Percent, StepStatus};
use serde_json::{Value, json};
use support::*;

fn planned(steps: Value) -> Bench {
    Bench::new(Create { steps: serde_json::from_value(steps).unwrap(), ..request() })
}

#[track_caller]
fn check_percent(said: Value, percent: Option<f64>) {
    let mut bench = planned(json!({
        "load": {"weight": 1.0, "role": "phase"},
        "work": {"weight": 3.0, "role": "phase"},
        "work.a": {"parent": "work", "weight": 1.0},
        "work.b": {"parent": "work", "weight": 3.0},
    }));
    bench.say(said).unwrap();
    assert_eq!(bench.percent(), percent);
}

#[test]
fn percent_comes_from_the_best_source() {
    check_percent(json!({"type": "log", "message": "hello"}), None);
    check_percent(json!({"type": "progress", "message": "hello"}), Some(0.0));
    check_percent(json!({"type": "progress", "done": 3}), Some(0.0));
    check_percent(json!({"type": "progress", "done": 1, "total": 8}), Some(12.5));
    check_percent(json!({"type": "progress", "percent": 7, "done": 1, "total": 8}), Some(7.0));
    check_percent(json!([{"type": "phase", "name": "load"}]), Some(0.0));
    let second = json!([{"type": "phase", "name": "load"}, {"type": "phase", "name": "work"}]);
    check_percent(second, Some(25.0));
    check_percent(json!({"type": "step_update", "step": "work", "percent": 50}), Some(37.5));
    check_percent(json!({"type": "step_update", "step": "work.b", "percent": 50}), Some(28.12));
    let finished = json!({"type": "step_finish", "step": "work.b", "status": "skipped"});
    check_percent(finished.clone(), Some(56.25));
    check_percent(json!([{"type": "progress", "percent": 5}, finished.clone()]), Some(5.0));
    check_percent(json!([{"type": "progress", "done": 1, "total": 50}, finished]), Some(2.0));
    let reached = json!([
        {"type": "progress", "done": 9, "total": 10},
        {"type": "progress", "done": 9, "total": 90},
    ]);
    check_percent(reached, Some(90.0));
    let beyond = json!([{"type": "progress", "total": 4}, {"type": "progress", "done": 5}]);
    check_percent(beyond, Some(100.0));
}

/// Steps that nobody planned: that all known ones have ended does not say that the work has.
#[test]
fn steps_that_come_as_they_begin_leave_room_for_more() {
    let mut bench = planned(json!({}));
    let mut check = |reports: Value, percent: f64| {
        bench.say(reports).unwrap();
        assert_eq!(bench.percent(), Some(percent));
    };
    check(json!({"type": "step_start", "step": "research"}), 0.0);
    check(json!({"type": "step_finish", "step": "research", "status": "completed"}), 50.0);
    check(json!({"type": "step_start", "step": "analysis"}), 50.0);
    check(json!({"type": "step_finish", "step": "analysis", "status": "completed"}), 66.66);
    check(json!({"type": "complete"}), 100.0);
}

#[test]
fn without_steps_and_numbers_there_is_no_percent() {
    let mut bench = Bench::new(request());
    bench.say(json!({"type": "progress", "message": "looking around"})).unwrap();
    assert_eq!(bench.percent(), None);
}

#[test]
fn a_phase_finishes_the_ones_before_it() {
    let mut bench = planned(json!({
        "load": {"role": "phase", "index": 1}, "check": {"index": 0}, "later": {},
    }));
    let index = |bench: &Bench, key: &str| bench.state.job.steps[key].index;
    assert_eq!((index(&bench, "check"), index(&bench, "load"), index(&bench, "later")), (0, 1, 2));
    bench
        .say(json!([
            {"type": "phase", "name": "load"},
            {"type": "step_start", "step": "agent", "role": "agent"},
            {"type": "progress", "phase": "unplanned"},
            {"type": "progress", "phase": "unplanned"},
        ]))
        .unwrap();
    let job = &bench.state.job;
    assert_eq!(job.phase.as_deref(), Some("unplanned"));
    let status = |key: &str| job.steps[key].status;
    assert_eq!(status("load"), StepStatus::Completed);
    assert_eq!(job.steps["load"].percent, Some(Percent::FULL));
    assert_eq!(status("agent"), StepStatus::Running);
    assert_eq!(status("unplanned"), StepStatus::Running);
    assert_eq!(job.steps["unplanned"].role.as_deref(), Some("phase"));
    assert_eq!(job.steps["unplanned"].index, 4);
    bench.say(json!({"type": "complete"})).unwrap();
    let status = |key: &str| bench.state.job.steps[key].status;
    assert_eq!(
        (status("unplanned"), status("agent")),
        (StepStatus::Completed, StepStatus::Completed)
    );
    assert_eq!((status("check"), status("later")), (StepStatus::Skipped, StepStatus::Skipped));
}

#[test]
fn a_step_begins_again_in_its_place() {
    let mut bench = Bench::new(request());
    bench
        .say(json!([
            {"type": "step_start", "step": "a", "name": "First", "tasks": ["one", "two"]},
            {"type": "step_start", "step": "b"},
            {"type": "step_finish", "step": "a", "status": "failed",
             "error": {"code": "e", "message": "no"}},
            {"type": "step_finish", "step": "a", "status": "failed"},
        ]))
        .unwrap();
    assert_eq!(bench.state.job.steps["a"].error.as_ref().unwrap().code, "e");
    bench.after(5).say(json!({"type": "step_start", "step": "a", "tasks": []})).unwrap();
    let step = &bench.state.job.steps["a"];
    assert_eq!((step.index, step.status), (0, StepStatus::Running));
    assert_eq!((&step.error, &step.finished_at, step.tasks.len()), (&None, &None, 0));
    assert_eq!(step.name, "First");
    bench.say(json!({"type": "fail", "error": {"code": "x", "message": "broke"}})).unwrap();
    assert_eq!(bench.state.job.steps["b"].status, StepStatus::Failed);
    assert_eq!(bench.error_code(), Some("x"));
}

#[track_caller]
fn check_refused(said: Value, index: u64, field: &str, words: &str) {
    let mut bench = planned(json!({"a": {}, "b": {"parent": "a"}}));
    bench.say(json!({"type": "step_start", "step": "a"})).unwrap();
    let before = bench.state.clone();
    let refusal = bench.say(said).unwrap_err();
    let problem = refusal.problem();
    assert_eq!((problem.index, problem.field.as_deref()), (Some(index), Some(field)), "{refusal}");
    assert!(refusal.to_string().contains(words), "{refusal}");
    assert_eq!(bench.state, before);
}

#[test]
fn a_value_that_cannot_be_used_refuses_the_whole_request() {
    let fine = json!({"type": "log", "message": "fine"});
    let after = |bad: Value| json!([fine.clone(), bad]);
    let long = "x".repeat(20_000);
    let wide = "x".repeat(RESULT_BYTES);
    for (bad, field, words) in [
        (json!({"type": "progress", "done": 5, "total": 4}), "done", "at least 5"),
        (json!({"type": "progress", "message": long}), "message", "16384"),
        (json!({"type": "progress", "metadata": {"x": long}}), "metadata", "16384"),
        (json!({"type": "phase", "name": ""}), "phase", "empty"),
        (json!({"type": "step_update", "step": "c"}), "step", "known: a, b"),
        (json!({"type": "step_finish", "step": "a", "status": "running"}), "status", "no end"),
        (json!({"type": "step_start", "step": "c", "parent": "z"}), "parent", "no step `z`"),
        (json!({"type": "step_start", "step": "a", "parent": "b"}), "parent", "itself"),
        (json!({"type": "step_start", "step": "c", "weight": 0}), "weight", "above 0"),
        (json!({"type": "step_start", "step": "c", "tasks": vec!["t"; 257]}), "tasks", "256"),
        (json!({"type": "partial", "name": "p", "data": wide}), "data", "1048576"),
        (json!({"type": "complete", "result": wide}), "result", "1048576"),
        (json!({"type": "cost", "amount": "-0.01"}), "amount", "negative"),
        (json!({"type": "usage", "sku": "s", "units": -1}), "units", "from 0"),
        (json!({"type": "fail", "error": {"code": "", "message": "m"}}), "error.code", "empty"),
        (json!({"type": "ack", "command": "cmd-9"}), "command", "waiting: none"),
    ] {
        check_refused(after(bad), 1, field, words);
    }
}

#[test]
fn metadata_is_merged_up_to_its_limit() {
    let kept = "x".repeat(METADATA_BYTES - 20);
    let mut bench = Bench::new(Create { metadata: json!({"big": kept}), ..request() });
    let more = json!({"type": "progress", "metadata": {"more": "0123456789"}});
    assert!(matches!(bench.say(more.clone()), Err(Refusal::TooLarge { field: "metadata", .. })));
    bench.say(json!({"type": "progress", "metadata": {"big": null}})).unwrap();
    bench.say(more).unwrap();
    assert_eq!(bench.state.job.metadata, json!({"more": "0123456789"}));
}

#[test]
fn a_repeat_is_answered_as_the_first_was() {
    let mut bench = Bench::new(request());
    let reply = |bench: &Bench, seq| {
        let producer = headway_protocol::event::Producer { id: "p".to_owned(), seq };
        bench.state.repeat_reply(&producer)
    };
    bench.say_as("p", 1, progress(10.0)).unwrap();
    bench.say_as("p", 2, json!({"type": "fail", "error": {"code": "e", "message": "m"}})).unwrap();
    let offset = bench.state.job.cursor.offset;
    assert_eq!(bench.say_as("p", 2, progress(30.0)).unwrap(), [""; 0]);
    assert_eq!(bench.say_as("p", 1, progress(30.0)).unwrap(), [""; 0]);
    assert!(matches!(bench.say_as("p", 3, progress(30.0)), Err(Refusal::Ended { .. })));
    assert_eq!(reply(&bench, 2), Some((offset, JobStatus::Failed)));
    assert_eq!(reply(&bench, 1), None);
    assert_eq!(bench.percent(), Some(10.0));
}

#[test]
fn numbered_events_are_taken_once_each() {
    let mut bench = Bench::new(request());
    let line = |seq: u64| json!({"type": "log", "message": "line", "seq": seq});
    assert_eq!(bench.say(json!([line(1), line(2), line(2)])).unwrap(), ["log"; 2]);
    assert_eq!(bench.say(json!([line(2), line(3)])).unwrap(), ["log"]);
    assert_eq!(bench.say(json!([line(1)])).unwrap(), [""; 0]);
    assert_eq!(bench.state.private.producers[""].seq, 3);
}

#[test]
fn the_producer_that_was_silent_longest_is_forgotten() {
    let mut bench = Bench::new(request());
    for number in 0..=PRODUCERS {
        bench.after(1).say_as(&format!("p{number}"), 1, progress(1.0)).unwrap();
    }
    let producers = &bench.state.private.producers;
    assert_eq!(producers.len(), PRODUCERS);
    assert!(!producers.contains_key("p0") && producers.contains_key("p1"));
}

#[test]
fn usage_is_priced_and_booked() {
    let mut bench = Bench::new(request());
    let card = r#"{"currency":"USD","rates":{"s":{"calls":"0.25"}}}"#;
    bench.rates = RateCard::from_json(card).unwrap();
    bench.say(json!({"type": "usage", "sku": "s", "calls": 3, "odd": 1})).unwrap();
    bench.say(json!({"type": "cost", "amount": "0.25"})).unwrap();
    assert_eq!(bench.state.job.cost.as_ref().unwrap().spent, amount("1"));
    let card = r#"{"currency":"EUR","rates":{"s":{"calls":"0.25"}}}"#;
    bench.rates = RateCard::from_json(card).unwrap();
    bench.say(json!({"type": "usage", "sku": "s", "calls": 3})).unwrap();
    assert_eq!(bench.state.job.cost.as_ref().unwrap().spent, amount("1"));
    let text = serde_json::to_value(bench.events.last().unwrap()).unwrap();
    assert_eq!(text["unpriced"], json!(["calls"]));
}

#[test]
fn an_executors_job_begins_with_its_executor() {
    let mut bench = Bench::new(executor_request());
    assert_eq!((bench.state.sort(), bench.status()), (Sort::Executor, JobStatus::Queued));
    assert!(matches!(bench.say(progress(1.0)), Err(Refusal::WrongStatus { .. })));
    let broken = json!({"type": "fail", "error": {"code": "no_program", "message": "not there"}});
    bench.say(broken).unwrap();
    assert_eq!(bench.status(), JobStatus::Failed);
}

#[test]
fn a_job_without_a_stall_limit_does_not_keep_when_it_was_heard() {
    let mut bench = Bench::new(request());
    bench.say(progress(1.0)).unwrap();
    assert_eq!(bench.state.private.heard_at, None);
    let settings = Settings { stall_after_ms: Some(10), ..Settings::default() };
    let mut bench = Bench::new(Create { settings, ..request() });
    bench.say(progress(1.0)).unwrap();
    assert_eq!(bench.after(10).tick(), ["stalled"]);
    assert!(bench.state.job.stalled);
    bench.say(json!({"type": "log", "message": "here"})).unwrap();
    assert!(!bench.state.job.stalled);
    bench.after(10).tick();
    assert_eq!(bench.ask(Action::Cancel).unwrap(), ["cancelled"]);
}
