//! Whole lives of jobs and batches, told as what is said and what comes of it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use headway_core::Input;
use headway_core::batch::{Flight, Settled, Start};
use headway_protocol::event::ItemsMoved;
use headway_protocol::{Action, ItemStatus, JobStatus};
use serde_json::json;
use support::*;

#[test]
fn a_producer_begins_moves_and_completes() {
    let mut bench = Bench::new(request());
    assert_eq!(bench.status(), JobStatus::Pending);
    let words = bench.say(json!([
        {"type": "progress", "done": 1, "total": 4, "message": "first"},
        {"type": "progress", "done": 2},
    ]));
    assert_eq!(words.unwrap(), ["start", "progress", "progress"]);
    assert_eq!((bench.status(), bench.percent()), (JobStatus::Running, Some(50.0)));
    bench.say(progress(20.0)).unwrap();
    assert_eq!(bench.percent(), Some(50.0));
    assert_eq!(bench.say(json!({"type": "start"})).unwrap(), [""; 0]);
    bench.say(json!({"type": "complete", "result": {"rows": 4, "none": null}})).unwrap();
    assert_eq!((bench.status(), bench.percent()), (JobStatus::Completed, Some(100.0)));
    assert_eq!(bench.state.job.result, Some(json!({"rows": 4})));
    assert_eq!(bench.state.job.cursor.offset, 6);
    assert!(bench.say(progress(1.0)).is_err());
}

#[test]
fn a_batch_runs_to_its_end() {
    let mut bench = Bench::batch(3, headway_core::Settings::default());
    let mut flight = Flight::new();
    for index in 0..3 {
        let Start::Go { reserve } = flight.may_start(&bench.state, Some(amount("0.5"))) else {
            panic!("no budget holds it");
        };
        flight.start(index, reserve);
    }
    let taken = flight.take();
    bench.moved(taken).unwrap();
    assert_eq!(bench.state.job.items.unwrap().running, 3);
    for index in 0..3 {
        flight.settle(Settled {
            index,
            custom_id: None,
            attempts: 1,
            status: if index == 1 { ItemStatus::Failed } else { ItemStatus::Succeeded },
            error: None,
            cost: amount("0.25"),
            total_cost: amount("0.25"),
            estimate: Some(amount("0.5")),
        });
    }
    let taken = flight.take();
    assert_eq!(taken.succeeded, [(0, 0), (2, 2)]);
    assert_eq!(bench.after(1000).moved(taken).unwrap(), ["items", "complete"]);
    let job = &bench.state.job;
    assert_eq!(job.status, JobStatus::Completed);
    assert_eq!(job.result.as_ref().unwrap()["failed"], 1);
    let cost = job.cost.as_ref().unwrap();
    assert_eq!((cost.spent, cost.reserved), (amount("0.75"), None));
    assert_eq!(cost.forecast, Some(cost.spent));
}

#[test]
fn a_cancelled_batch_ends_when_its_items_are_swept() {
    let mut bench = Bench::batch(10, headway_core::Settings::default());
    bench.moved(ItemsMoved { running: 2, ..ItemsMoved::default() }).unwrap();
    assert_eq!(bench.ask(Action::Cancel).unwrap(), ["requested"]);
    assert_eq!(bench.ask(Action::Cancel).unwrap(), [""; 0]);
    let swept = ItemsMoved { cancelled: 8, running: 2, ..ItemsMoved::default() };
    assert_eq!(bench.moved(swept).unwrap(), ["items"]);
    let rest = ItemsMoved { cancelled: 2, ..ItemsMoved::default() };
    assert_eq!(bench.moved(rest).unwrap(), ["items", "cancelled"]);
    assert!(bench.put(&Input::Begin).is_err());
    assert_eq!(bench.state.job.cost, None);
}
