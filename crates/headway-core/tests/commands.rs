//! What operators ask, and what time and money do of themselves.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use headway_core::{Create, Input, Refusal, Settings, next_deadline};
use headway_protocol::batch::{Budget, OnBudget};
use headway_protocol::request::RetryItems;
use headway_protocol::{Action, JobStatus, StepStatus};
use serde_json::json;
use support::*;

fn running() -> Bench {
    let mut bench = Bench::new(request());
    bench.say(json!({"type": "start"})).unwrap();
    bench
}

fn with(settings: Settings) -> Bench {
    let mut bench = Bench::new(Create { settings, ..request() });
    bench.say(json!({"type": "start"})).unwrap();
    bench
}

fn budget(max: &str, on_budget: OnBudget) -> Settings {
    let budget = Budget { max_budget: amount(max), soft_budget: None, on_budget };
    Settings { budget: Some(budget), ..Settings::default() }
}

#[test]
fn a_pause_waits_for_its_worker_and_is_resumed() {
    let mut bench = running();
    bench.ask(Action::Pause).unwrap();
    assert_eq!(bench.status(), JobStatus::Pausing);
    assert_eq!(bench.state.private.commands[0].id, "cmd-1");
    assert_eq!(bench.say(json!({"type": "ack", "command": "cmd-1"})).unwrap(), ["ack", "paused"]);
    assert_eq!(bench.status(), JobStatus::Paused);
    bench.say(progress(30.0)).unwrap();
    assert_eq!((bench.status(), bench.percent()), (JobStatus::Paused, Some(30.0)));
    assert_eq!(bench.ask(Action::Resume).unwrap(), ["resumed", "requested"]);
    assert_eq!(bench.status(), JobStatus::Running);
    assert_eq!(bench.say(json!({"type": "ack", "command": "resume"})).unwrap(), ["ack"]);
    assert!(bench.state.private.commands.is_empty());
    assert_eq!(bench.say(json!({"type": "ack", "command": "cmd-1"})).unwrap(), [""; 0]);
}

#[test]
fn a_pause_that_nobody_carries_out_is_withdrawn() {
    let mut bench = running();
    bench.ask(Action::Pause).unwrap();
    assert_eq!(next_deadline(&bench.state).unwrap().as_millis(), START + 60_000);
    assert_eq!(bench.after(59_999).tick(), [""; 0]);
    assert_eq!(bench.after(1).tick(), ["withdrawn"]);
    assert_eq!((bench.status(), next_deadline(&bench.state)), (JobStatus::Running, None));
}

#[test]
fn a_cancel_that_nobody_carries_out_is_enforced() {
    let settings = Settings { command_timeout_ms: Some(500), ..Settings::default() };
    let mut bench = with(settings);
    bench.ask(Action::Cancel).unwrap();
    assert_eq!(bench.status(), JobStatus::Cancelling);
    assert_eq!(bench.after(500).tick(), ["cancelled"]);
    assert_eq!(bench.error_code(), Some("worker_silent"));
}

#[test]
fn a_worker_that_gets_there_first_completes() {
    let mut bench = running();
    bench.ask(Action::Cancel).unwrap();
    bench.say(json!({"type": "complete"})).unwrap();
    assert_eq!(bench.status(), JobStatus::Completed);
    let mut bench = running();
    bench.ask(Action::Cancel).unwrap();
    bench.say(json!({"type": "fail", "error": {"code": "torn", "message": "m"}})).unwrap();
    assert_eq!((bench.status(), bench.error_code()), (JobStatus::Cancelled, Some("torn")));
}

#[test]
fn a_cancel_replaces_a_pause() {
    let mut bench = running();
    bench.ask(Action::Pause).unwrap();
    bench.ask(Action::Cancel).unwrap();
    let waiting: Vec<_> = bench.state.private.commands.iter().map(|c| c.action).collect();
    assert_eq!(waiting, [Action::Cancel]);
    bench.say(json!({"type": "ack", "command": "pause"})).unwrap();
    assert_eq!(bench.status(), JobStatus::Cancelling);
    bench.say(json!({"type": "ack", "command": "cancel"})).unwrap();
    assert_eq!((bench.status(), bench.error_code()), (JobStatus::Cancelled, None));
}

#[test]
fn a_retry_begins_anew_and_keeps_what_was_spent() {
    let steps = serde_json::from_value(json!({"a": {"weight": 2.0}})).unwrap();
    let settings = Settings { expires_after_ms: Some(1_000), ..Settings::default() };
    let mut bench = Bench::new(Create { steps, settings, total: Some(9), ..request() });
    bench
        .say(json!([
            {"type": "step_start", "step": "a", "tasks": ["t"]},
            {"type": "progress", "percent": 60, "done": 3, "phase": "p", "message": "m"},
            {"type": "cost", "amount": "0.50"},
        ]))
        .unwrap();
    assert!(bench.ask(Action::Retry).is_err());
    assert_eq!(bench.after(1_000).tick(), ["expired"]);
    assert_eq!(bench.error_code(), Some("expired"));
    assert_eq!(bench.state.job.steps["a"].status, StepStatus::Cancelled);
    bench.after(50).ask(Action::Retry).unwrap();
    let job = &bench.state.job;
    assert_eq!((job.status, job.attempt, job.error.as_ref()), (JobStatus::Pending, 2, None));
    assert_eq!((job.progress.percent, job.progress.done), (None, None));
    assert_eq!((job.progress.total, job.phase.as_ref(), job.finished_at), (Some(9), None, None));
    assert_eq!((job.steps["a"].status, job.steps["a"].weight), (StepStatus::Pending, 2.0));
    assert!(job.steps["a"].tasks.is_empty());
    assert_eq!(job.cost.as_ref().unwrap().spent, amount("0.50"));
    let expires = next_deadline(&bench.state).unwrap().as_millis();
    assert_eq!(expires, START + 2_050);
    bench.say(progress(1.0)).unwrap();
    assert_eq!(bench.percent(), Some(1.0));
    bench.say(json!({"type": "complete"})).unwrap();
    assert!(matches!(bench.ask(Action::Retry), Err(Refusal::WrongStatus { .. })));
}

#[test]
fn passing_the_budget_asks_the_worker_to_pause() {
    let mut bench = with(budget("1.00", OnBudget::Pause));
    let cost = |cents: u32| json!({"type": "cost", "amount": format!("0.{cents:02}")});
    assert_eq!(bench.say(cost(49)).unwrap(), ["cost"]);
    assert_eq!(bench.say(cost(31)).unwrap(), ["cost", "budget_warning", "budget_warning"]);
    assert_eq!(bench.say(cost(20)).unwrap(), ["cost", "budget_warning"]);
    assert_eq!((bench.status(), bench.error_code()), (JobStatus::Running, None));
    assert_eq!(bench.say(cost(1)).unwrap(), ["cost", "requested"]);
    assert_eq!((bench.status(), bench.error_code()), (JobStatus::Pausing, Some("budget_reached")));
    bench.say(json!({"type": "ack", "command": "pause"})).unwrap();
    assert_eq!((bench.status(), bench.error_code()), (JobStatus::Paused, Some("budget_reached")));
    assert!(matches!(bench.ask(Action::Resume), Err(Refusal::Invalid { .. })));
    let resume = |bench: &mut Bench, max| {
        bench.ask_with(Action::Resume, Some(amount(max)), RetryItems::Failed)
    };
    assert!(matches!(resume(&mut bench, "1.01"), Err(Refusal::Invalid { .. })));
    resume(&mut bench, "2.00").unwrap();
    assert_eq!((bench.status(), bench.error_code()), (JobStatus::Running, None));
    assert_eq!(bench.state.job.cost.as_ref().unwrap().budget, Some(amount("2")));
    assert_eq!(bench.say(cost(50)).unwrap(), ["cost"]);
    assert_eq!(bench.say(cost(10)).unwrap(), ["cost", "budget_warning"]);
}

#[test]
fn passing_the_budget_cancels_where_that_was_asked() {
    for executor_runs in [false, true] {
        let mut bench = if executor_runs {
            let settings = Settings { executor: Some(executor()), ..budget("1", OnBudget::Pause) };
            let mut bench = Bench::new(Create { settings, ..request() });
            bench.put(&Input::Begin).unwrap();
            bench
        } else {
            with(budget("1", OnBudget::Cancel))
        };
        bench.say(json!({"type": "cost", "amount": "1.50"})).unwrap();
        assert_eq!(bench.status(), JobStatus::Cancelling);
        bench.say(json!({"type": "ack", "command": "cancel"})).unwrap();
        assert_eq!(bench.status(), JobStatus::Cancelled);
        assert_eq!(bench.error_code(), Some("budget_reached"));
    }
}

#[test]
fn the_soft_budget_only_warns() {
    let mut settings = budget("1", OnBudget::Cancel);
    settings.budget.as_mut().unwrap().soft_budget = Some(amount("0.40"));
    let mut bench = with(settings);
    let said = bench.say(json!({"type": "cost", "amount": "0.45"})).unwrap();
    assert_eq!(said, ["cost", "budget_warning"]);
    assert_eq!(bench.say(json!({"type": "cost", "amount": "0.01"})).unwrap(), ["cost"]);
    assert_eq!(bench.status(), JobStatus::Running);
}

#[test]
fn an_executors_job_whose_time_is_over_is_stopped_first() {
    let settings =
        Settings { executor: Some(executor()), expires_after_ms: Some(100), ..Settings::default() };
    let mut bench = Bench::new(Create { settings, ..request() });
    bench.put(&Input::Begin).unwrap();
    assert_eq!(bench.after(100).tick(), ["stopping"]);
    assert_eq!((bench.status(), bench.error_code()), (JobStatus::Cancelling, Some("expired")));
    assert_eq!(bench.after(1_000).tick(), [""; 0]);
    let torn = json!({"type": "fail", "error": {"code": "signal", "message": "killed"}});
    assert_eq!(bench.say(torn).unwrap(), ["expired"]);
    assert_eq!(bench.status(), JobStatus::Expired);
    bench.ask(Action::Retry).unwrap();
    bench.put(&Input::Begin).unwrap();
    bench.after(100).tick();
    assert_eq!(bench.say(json!({"type": "ack", "command": "cancel"})).unwrap(), ["expired"]);
}

#[test]
fn silence_while_paused_is_no_stall() {
    let settings = Settings { stall_after_ms: Some(1_000), ..Settings::default() };
    let mut bench = with(settings);
    bench.ask(Action::Pause).unwrap();
    bench.say(json!({"type": "ack", "command": "pause"})).unwrap();
    assert_eq!(next_deadline(&bench.state), None);
    bench.after(5_000).ask(Action::Resume).unwrap();
    assert_eq!(next_deadline(&bench.state).unwrap().as_millis(), START + 6_000);
}

#[test]
fn times_in_a_log_never_go_back() {
    let mut bench = running();
    bench.now = START - 500;
    bench.say(progress(5.0)).unwrap();
    assert_eq!(bench.state.job.updated_at.as_millis(), START);
    assert_eq!(bench.events.last().unwrap().at.as_millis(), START);
}
