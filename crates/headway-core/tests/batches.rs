//! What happens to batches.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use headway_core::batch::{Flight, Settled, Start};
use headway_core::{
    BatchSeal, ChosenItems, Create, Input, ItemChoice, JobState, Refusal, Settings, evolve,
};
use headway_protocol::batch::{Budget, OnBudget, OnFailure};
use headway_protocol::event::{ItemsMoved, RequeuedItems};
use headway_protocol::request::RetryItems;
use headway_protocol::{Action, Amount, ItemStatus, JobStatus};
use serde_json::json;
use support::*;

fn done(first: u64, last: u64) -> ItemsMoved {
    ItemsMoved { succeeded: vec![(first, last)], ..ItemsMoved::default() }
}

fn fail(indexes: std::ops::Range<u64>) -> ItemsMoved {
    let failed = indexes.map(|index| failed(index, ItemStatus::Failed)).collect();
    ItemsMoved { failed, ..ItemsMoved::default() }
}

fn sealed(seal: BatchSeal, settings: Settings) -> Bench {
    let settings = Settings { executor: Some(executor()), ..settings };
    let mut bench = Bench::new(Create { settings, ..batch_request() });
    bench.put(&Input::Seal(seal)).unwrap();
    bench
}

fn settled(index: u64, status: ItemStatus, cost: &str) -> Settled {
    Settled {
        index,
        custom_id: None,
        attempts: 1,
        status,
        error: None,
        cost: amount(cost),
        total_cost: amount(cost),
        estimate: None,
    }
}

#[test]
fn an_empty_batch_ends_at_once() {
    let bench = sealed(BatchSeal::default(), Settings::default());
    assert_eq!(bench.status(), JobStatus::Completed);
    let seal = BatchSeal { total: 3, invalid: 3, ..BatchSeal::default() };
    let bench = sealed(seal, Settings::default());
    assert_eq!((bench.status(), bench.error_code()), (JobStatus::Failed, Some("all_items_failed")));
    let said = |total| {
        let seal = BatchSeal { total, invalid: total, ..BatchSeal::default() };
        let error = sealed(seal, Settings::default()).state.job.error;
        error.expect("it failed").message
    };
    // None of them ran.
    assert_eq!(said(3), "all 3 items failed");
    assert_eq!(said(1), "its only item failed");
}

#[test]
fn a_seal_counts_and_estimates_the_whole_run() {
    let seal = BatchSeal {
        total: 11,
        invalid: 1,
        estimated: 5,
        estimate: amount("2.50"),
        estimate_squared: 1.25,
    };
    let mut bench = sealed(seal, Settings { start_paused: true, ..Settings::default() });
    let job = &bench.state.job;
    assert_eq!(job.status, JobStatus::Paused);
    let items = job.items.unwrap();
    assert_eq!((items.total, items.queued, items.failed), (11, 10, 1));
    assert_eq!(job.cost.as_ref().unwrap().estimate, Some(amount("5")));
    assert_eq!((job.progress.done, job.progress.unit.as_deref()), (Some(1), Some("items")));
    assert_eq!(bench.put(&Input::Seal(seal)).unwrap(), [""; 0]);
    let other = BatchSeal { total: 12, ..seal };
    assert!(bench.put(&Input::Seal(other)).is_err());
    bench.ask(Action::Resume).unwrap();
    assert_eq!(bench.status(), JobStatus::Queued);
    assert_eq!(bench.put(&Input::Begin).unwrap(), ["start"]);
    assert_eq!(bench.put(&Input::Begin).unwrap(), [""; 0]);
}

#[test]
fn items_that_do_not_add_up_are_refused() {
    let mut bench = Bench::batch(4, Settings::default());
    for bad in [
        ItemsMoved { running: 5, ..ItemsMoved::default() },
        ItemsMoved { running: 1, ..done(0, 3) },
        ItemsMoved { succeeded: vec![(2, 1)], ..ItemsMoved::default() },
        ItemsMoved { succeeded: vec![(3, 4)], ..ItemsMoved::default() },
        ItemsMoved { succeeded: vec![(0, u64::MAX)], ..ItemsMoved::default() },
        ItemsMoved { cancelled: u64::MAX, expired: u64::MAX, ..ItemsMoved::default() },
        ItemsMoved { failed: vec![failed(4, ItemStatus::Failed)], ..ItemsMoved::default() },
        ItemsMoved { failed: vec![failed(1, ItemStatus::Queued)], ..ItemsMoved::default() },
        ItemsMoved { spent: Amount::from_nanos(-1), ..ItemsMoved::default() },
    ] {
        assert!(matches!(bench.moved(bad), Err(Refusal::Invalid { .. })));
    }
    assert_eq!(bench.moved(ItemsMoved::default()).unwrap(), [""; 0]);
    let held = ItemsMoved { reserved: amount("0.50"), ..ItemsMoved::default() };
    assert_eq!(bench.moved(held.clone()).unwrap(), ["items"]);
    assert_eq!(bench.moved(held).unwrap(), [""; 0]);
    assert_eq!(bench.moved(ItemsMoved::default()).unwrap(), ["items"]);
}

#[test]
fn a_retried_batch_is_forecast_anew() {
    let mut bench = Bench::batch(40, Settings::default());
    let mut flight = Flight::new();
    for index in 0..40 {
        flight.start(index, Amount::ZERO);
        let status = if index < 30 { ItemStatus::Succeeded } else { ItemStatus::Failed };
        flight.settle(settled(index, status, "0.10"));
        if index == 34 {
            let taken = flight.take();
            bench.moved(taken).unwrap();
            let cost = bench.state.job.cost.clone().unwrap();
            let forecast = cost.forecast.unwrap();
            assert!(cost.forecast_low.unwrap() <= forecast, "{cost:?}");
            assert!(forecast <= cost.forecast_high.unwrap(), "{cost:?}");
            assert!(cost.spent < forecast && forecast < amount("5"), "{cost:?}");
        }
    }
    let taken = flight.take();
    bench.moved(taken).unwrap();
    let cost = bench.state.job.cost.clone().unwrap();
    let all = (cost.forecast_low, cost.forecast, cost.forecast_high);
    assert_eq!(
        (cost.spent, all),
        (amount("4"), (Some(amount("4")), Some(amount("4")), Some(amount("4"))))
    );
    bench.ask(Action::Retry).unwrap();
    let cost = bench.state.job.cost.clone().unwrap();
    assert_eq!((cost.spent, cost.forecast, cost.forecast_high), (amount("4"), None, None));
}

#[test]
fn an_items_failure_stops_only_where_that_was_asked() {
    let mut bench = Bench::batch(4, Settings::default());
    assert_eq!(bench.moved(fail(0..1)).unwrap(), ["items"]);
    assert_eq!(bench.moved(done(1, 3)).unwrap(), ["items", "complete"]);
    let stop = Settings { on_failure: OnFailure::Stop, ..Settings::default() };
    let mut bench = Bench::batch(4, stop.clone());
    let moved = ItemsMoved { running: 1, ..fail(2..3) };
    assert_eq!(bench.moved(moved).unwrap(), ["items", "stopping"]);
    assert_eq!((bench.status(), bench.error_code()), (JobStatus::Cancelling, Some("item_failed")));
    let rest = ItemsMoved { cancelled: 2, ..done(0, 0) };
    assert_eq!(bench.moved(rest).unwrap(), ["items", "fail"]);
    assert_eq!((bench.status(), bench.error_code()), (JobStatus::Failed, Some("item_failed")));
    let unreadable = BatchSeal { total: 2, invalid: 1, ..BatchSeal::default() };
    assert_eq!(sealed(unreadable, stop).status(), JobStatus::Cancelling);
}

#[test]
fn a_pause_holds_until_nothing_runs() {
    let mut bench = Bench::batch(4, Settings::default());
    bench.moved(ItemsMoved { running: 2, ..ItemsMoved::default() }).unwrap();
    bench.ask(Action::Pause).unwrap();
    assert_eq!(bench.moved(ItemsMoved { running: 1, ..done(0, 0) }).unwrap(), ["items"]);
    assert_eq!(bench.moved(done(1, 1)).unwrap(), ["items", "paused"]);
    assert_eq!(bench.ask(Action::Resume).unwrap(), ["resumed"]);
    assert_eq!(bench.status(), JobStatus::Running);
}

#[test]
fn the_budget_pauses_and_a_larger_one_resumes() {
    let on_budget = OnBudget::Pause;
    let budget = Budget { max_budget: amount("1.00"), soft_budget: None, on_budget };
    let mut bench = Bench::batch(4, Settings { budget: Some(budget), ..Settings::default() });
    let mut flight = Flight::new();
    let half = Some(amount("0.50"));
    for index in 0..2 {
        assert_eq!(flight.may_start(&bench.state, half), Start::Go { reserve: amount("0.50") });
        flight.start(index, amount("0.50"));
    }
    assert_eq!(flight.may_start(&bench.state, half), Start::Hold);
    let taken = flight.take();
    assert_eq!(taken.reserved, amount("1.00"));
    bench.moved(taken).unwrap();
    assert!(bench.put(&Input::BudgetReached { next: amount("0.50") }).is_err());
    flight.settle(settled(0, ItemStatus::Succeeded, "0.30"));
    flight.settle(settled(1, ItemStatus::Succeeded, "0.40"));
    assert_eq!(flight.may_start(&bench.state, half), Start::Exhausted { next: amount("0.50") });
    assert_eq!(flight.may_start(&bench.state, None), Start::Exhausted { next: amount("0.35") });
    let taken = flight.take();
    bench.moved(taken).unwrap();
    bench.put(&Input::BudgetReached { next: amount("0.50") }).unwrap();
    assert_eq!((bench.status(), bench.error_code()), (JobStatus::Paused, Some("budget_reached")));
    let message = bench.state.job.error.as_ref().unwrap().message.clone();
    assert!(message.contains("0.70") && message.contains("1.00") && message.contains("0.50"));
    bench.ask_with(Action::Resume, Some(amount("2")), RetryItems::Failed).unwrap();
    assert_eq!((bench.status(), bench.error_code()), (JobStatus::Running, None));
    assert!(matches!(flight.may_start(&bench.state, half), Start::Go { .. }));
}

#[test]
fn the_budget_cancels_where_that_was_asked() {
    let on_budget = OnBudget::Cancel;
    let budget = Budget { max_budget: amount("1.00"), soft_budget: None, on_budget };
    let mut bench = Bench::batch(2, Settings { budget: Some(budget), ..Settings::default() });
    bench.put(&Input::BudgetReached { next: amount("3") }).unwrap();
    assert_eq!(bench.status(), JobStatus::Cancelling);
    bench.moved(ItemsMoved { cancelled: 2, ..ItemsMoved::default() }).unwrap();
    assert_eq!(
        (bench.status(), bench.error_code()),
        (JobStatus::Cancelled, Some("budget_reached"))
    );
    bench.ask_with(Action::Retry, None, RetryItems::Cancelled).unwrap();
    bench.ask(Action::Cancel).unwrap();
    bench.moved(ItemsMoved { cancelled: 2, ..ItemsMoved::default() }).unwrap();
    assert_eq!((bench.status(), bench.error_code()), (JobStatus::Cancelled, None));
}

#[test]
fn a_retry_runs_only_what_was_asked() {
    let seal = BatchSeal { total: 6, invalid: 1, ..BatchSeal::default() };
    let mut bench = sealed(seal, Settings::default());
    bench.put(&Input::Begin).unwrap();
    bench.moved(ItemsMoved { failed: fail(1..3).failed, ..done(3, 3) }).unwrap();
    bench.ask(Action::Cancel).unwrap();
    bench.moved(ItemsMoved { cancelled: 2, ..ItemsMoved::default() }).unwrap();
    assert_eq!(bench.status(), JobStatus::Cancelled);
    let retry = |bench: &mut Bench, which| bench.ask_with(Action::Retry, None, which);
    assert!(matches!(retry(&mut bench, RetryItems::Expired), Err(Refusal::WrongStatus { .. })));
    retry(&mut bench, RetryItems::Failed).unwrap();
    let items = bench.state.job.items.unwrap();
    assert_eq!((items.queued, items.failed, items.cancelled), (2, 1, 2));
    let batch = bench.state.private.batch.as_ref().unwrap();
    assert_eq!(batch.requeue, Some(RetryItems::Failed));
    assert_eq!((bench.status(), bench.state.job.attempt), (JobStatus::Queued, 2));
    assert_eq!(bench.percent(), Some(33.33));
    bench.put(&Input::Begin).unwrap();
    assert_eq!(bench.state.private.batch.as_ref().unwrap().requeue, None);
    bench.moved(done(1, 2)).unwrap();
    assert_eq!(bench.status(), JobStatus::Completed);
    assert!(matches!(retry(&mut bench, RetryItems::Failed), Err(Refusal::WrongStatus { .. })));
    retry(&mut bench, RetryItems::Unfinished).unwrap();
    assert_eq!(bench.state.job.items.unwrap().queued, 2);
}

#[test]
fn a_retry_of_chosen_items_runs_just_these() {
    let seal = BatchSeal { total: 7, invalid: 1, ..BatchSeal::default() };
    let mut bench = sealed(seal, Settings::default());
    bench.put(&Input::Begin).unwrap();
    bench.moved(ItemsMoved { failed: fail(1..4).failed, ..done(4, 4) }).unwrap();
    bench.ask(Action::Cancel).unwrap();
    bench.moved(ItemsMoved { cancelled: 2, ..ItemsMoved::default() }).unwrap();
    let before = bench.state.job.items.unwrap();
    assert_eq!((before.failed, before.cancelled, before.succeeded), (4, 2, 1));

    let chosen = |bench: &Bench, failed, cancelled, only: &[u64]| ChosenItems {
        position: bench.state.job.cursor.offset,
        items: RequeuedItems { failed, cancelled, expired: 0, only: only.to_vec() },
    };
    let retry = |bench: &mut Bench, chosen| {
        let retry_items = &ItemChoice::Items(chosen);
        bench.put(&Input::Command { action: Action::Retry, max_budget: None, retry_items })
    };
    for (failed, cancelled, only) in [
        (0, 0, &[][..]),
        (1, 0, &[1, 2]),
        (4, 0, &[0, 1, 2, 3]),
        (0, 3, &[4, 5, 6]),
        (1, 0, &[7]),
        (2, 0, &[2, 1]),
        (2, 0, &[1, 1]),
    ] {
        let chosen = chosen(&bench, failed, cancelled, only);
        let refused = retry(&mut bench, chosen).unwrap_err();
        assert!(
            matches!(&refused, Refusal::Invalid { field, .. } if field == "items"),
            "{refused}"
        );
    }
    let mut late = chosen(&bench, 1, 0, &[1]);
    late.position -= 1;
    let refused = retry(&mut bench, late).unwrap_err();
    assert!(refused.to_string().contains("look at them again"), "{refused}");

    let two = chosen(&bench, 2, 1, &[1, 3, 5]);
    assert_eq!(retry(&mut bench, two.clone()).unwrap(), ["retried"]);
    let items = bench.state.job.items.unwrap();
    assert_eq!((items.queued, items.failed, items.cancelled), (3, 2, 1));
    assert_eq!((items.succeeded, items.total), (before.succeeded, before.total));
    let batch = bench.state.private.batch.clone().unwrap();
    assert_eq!((batch.requeue, &batch.requeue_items[..]), (None, &[1, 3, 5][..]));
    let refused = retry(&mut bench, two).unwrap_err();
    assert!(matches!(refused, Refusal::WrongStatus { status: JobStatus::Queued, .. }));
    // It rests with the job until it is done.
    let (document, private) = bench.state.whole();
    let restored = JobState::restore(document, bench.state.job.cursor, private).unwrap();
    assert_eq!(restored, bench.state);

    bench.put(&Input::Begin).unwrap();
    assert!(!bench.state.private.batch.as_ref().unwrap().requeues());
    bench.moved(ItemsMoved { failed: fail(1..2).failed, ..done(3, 3) }).unwrap();
    bench.moved(done(5, 5)).unwrap();
    let items = bench.state.job.items.unwrap();
    assert_eq!((items.failed, items.cancelled, items.succeeded, items.queued), (3, 1, 3, 0));
    assert_eq!(bench.status(), JobStatus::Completed);
}

#[test]
fn only_a_batch_has_items_to_choose() {
    let mut bench = Bench::new(request());
    bench.say(json!({"type": "fail", "error": {"code": "e", "message": "m"}})).unwrap();
    let position = bench.state.job.cursor.offset;
    let items = RequeuedItems { failed: 1, only: vec![0], ..RequeuedItems::default() };
    let retry_items = &ItemChoice::Items(ChosenItems { position, items });
    let refused =
        bench.put(&Input::Command { action: Action::Retry, max_budget: None, retry_items });
    assert!(matches!(refused, Err(Refusal::Invalid { field, .. }) if field == "items"));
}

#[test]
fn a_batch_whose_time_is_over_ends_when_its_items_are_swept() {
    let settings = Settings { expires_after_ms: Some(100), ..Settings::default() };
    let mut bench = Bench::batch(3, settings);
    bench.moved(ItemsMoved { running: 1, ..done(0, 0) }).unwrap();
    assert_eq!(bench.after(100).tick(), ["stopping"]);
    assert_eq!(bench.after(100).tick(), [""; 0]);
    bench.moved(ItemsMoved { expired: 2, ..ItemsMoved::default() }).unwrap();
    assert_eq!((bench.status(), bench.error_code()), (JobStatus::Expired, Some("expired")));
    assert_eq!(bench.state.job.items.unwrap().expired, 2);
}

#[test]
fn a_cancel_that_finds_nothing_left_changes_nothing() {
    let mut bench = Bench::batch(1, Settings::default());
    bench.moved(ItemsMoved { running: 1, ..ItemsMoved::default() }).unwrap();
    bench.ask(Action::Cancel).unwrap();
    bench.moved(done(0, 0)).unwrap();
    assert_eq!(bench.status(), JobStatus::Completed);
}

#[test]
fn a_flight_tells_what_happened_once() {
    let mut flight = Flight::new();
    assert!(!flight.has_news());
    for index in [5, 3, 4, 9, 7, 8] {
        flight.start(index, Amount::ZERO);
    }
    for index in [5, 3, 9, 4] {
        flight.settle(settled(index, ItemStatus::Succeeded, "0.10"));
    }
    flight.settle(settled(7, ItemStatus::Retrying, "0.05"));
    flight.settle(settled(8, ItemStatus::Queued, "0"));
    flight.settle(settled(8, ItemStatus::Failed, "9"));
    let taken = flight.take();
    assert_eq!(taken.succeeded, [(3, 5), (9, 9)]);
    assert_eq!((taken.running, taken.retrying, taken.retried.len()), (0, 1, 1));
    assert_eq!((taken.spent, taken.sums.count), (amount("0.45"), 4));
    assert!(!flight.has_news());
    flight.start_again(7, Amount::ZERO);
    let taken = flight.take();
    assert_eq!((taken.running, taken.retrying, taken.spent), (1, 0, Amount::ZERO));
    assert!(taken.succeeded.is_empty() && taken.retried.is_empty());
    flight.settle(settled(7, ItemStatus::Skipped, "0"));
    flight.swept(ItemStatus::Cancelled, 4, 0);
    let taken = flight.take();
    assert_eq!((taken.failed[0].status, taken.cancelled), (ItemStatus::Skipped, 4));
}

#[test]
fn a_batch_takes_no_reports_on_its_work() {
    let mut bench = Bench::batch(1, Settings::default());
    assert!(matches!(bench.say(progress(5.0)), Err(Refusal::Invalid { .. })));
    bench.say(json!({"type": "log", "message": "fine"})).unwrap();
}

#[test]
fn a_batch_that_cannot_be_worked_on_fails_and_can_be_tried_again() {
    let broken = json!({"type": "fail", "error": {"code": "executor_unusable", "message": "m"}});
    let mut bench = Bench::batch(4, Settings::default());
    bench.moved(ItemsMoved { running: 1, ..done(0, 0) }).unwrap();
    assert_eq!(bench.say(broken.clone()).unwrap(), ["items", "fail"]);
    let code = bench.error_code();
    assert_eq!((bench.status(), code), (JobStatus::Failed, Some("executor_unusable")));
    let items = bench.state.job.items.unwrap();
    assert_eq!((items.succeeded, items.cancelled, items.open()), (1, 3, 0));
    bench.ask_with(Action::Retry, None, RetryItems::Unfinished).unwrap();
    assert_eq!(bench.state.job.items.unwrap().queued, 3);
    let mut bench = Bench::new(batch_request());
    assert_eq!(bench.say(broken).unwrap(), ["fail"]);
}

#[test]
fn what_was_written_before_items_could_be_chosen_means_the_same() {
    let seal = BatchSeal { total: 3, ..BatchSeal::default() };
    let mut bench = sealed(seal, Settings::default());
    bench.put(&Input::Begin).unwrap();
    bench.moved(ItemsMoved { failed: fail(1..3).failed, ..done(0, 0) }).unwrap();
    let old = json!({"at": "2026-01-10T08:00:00.000Z", "type": "retried", "attempt": 2,
                     "status": "queued", "items": {"failed": 2, "cancelled": 0, "expired": 0}});
    evolve(&mut bench.state, &serde_json::from_value(old).unwrap());
    let batch = bench.state.private.batch.as_ref().unwrap();
    assert_eq!((batch.requeue, batch.requeue_items.len()), (Some(RetryItems::Failed), 0));
    assert_eq!(bench.state.job.items.unwrap().queued, 2);
    let (document, private) = bench.state.whole();
    // As an earlier version wrote it: the member is not there.
    assert!(private["batch"].get("requeue_items").is_none(), "{private}");
    assert_eq!(private["batch"]["requeue"], "failed");
    let restored = JobState::restore(document, bench.state.job.cursor, private).unwrap();
    assert_eq!(restored, bench.state);
}
