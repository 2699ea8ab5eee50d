//! Rate and time to the end.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use headway_core::{Create, Settings};
use headway_protocol::event::ItemsMoved;
use headway_protocol::{Action, Progress};
use serde_json::json;
use support::*;

/// Reports `done` after each pause in milliseconds.
fn moved(total: u64, steps: impl IntoIterator<Item = (u64, u64)>) -> Bench {
    let mut bench = Bench::new(Create { total: Some(total), ..request() });
    for (pause, done) in steps {
        bench.after(pause).say(json!({"type": "progress", "done": done})).unwrap();
    }
    bench
}

fn progress_of(bench: &Bench) -> &Progress {
    &bench.state.job.progress
}

#[track_caller]
fn check_about(found: Option<f64>, expected: f64) {
    let found = found.unwrap_or_default();
    assert!((found - expected).abs() <= expected * 0.02, "{found} is not about {expected}");
}

#[test]
fn a_steady_job_has_a_steady_rate() {
    let bench = moved(1_000, (0..=40).map(|step| (500, step * 5)));
    let progress = progress_of(&bench);
    check_about(progress.rate, 10.0);
    check_about(progress.eta_ms.map(|eta| eta as f64), 80_000.0);
    let (low, high) = (progress.eta_low_ms.unwrap(), progress.eta_high_ms.unwrap());
    assert!((70_000..80_000).contains(&low) && (80_000..90_000).contains(&high), "{low} {high}");
}

#[test]
fn nothing_is_said_before_there_is_evidence() {
    let bench = moved(1_000, (0..=3).map(|step| (100, step * 100)));
    let progress = progress_of(&bench);
    assert_eq!((progress.rate, progress.eta_ms), (None, None));
    let bench = moved(1_000, (0..=9).map(|_| (1_000, 0)));
    assert_eq!(progress_of(&bench).rate, None);
}

#[test]
fn what_was_done_before_the_first_report_is_no_speed() {
    let bench = moved(10_000, (0..=10).map(|step| (1_000, 5_000 + step * 3)));
    check_about(progress_of(&bench).rate, 3.0);
}

#[test]
fn a_burst_is_one_sample() {
    let burst = (0..=20_u64).flat_map(|second| {
        (0..100_u64).map(move |step| (if step == 0 { 1_000 } else { 0 }, second * 100 + step))
    });
    let bench = moved(100_000, burst);
    check_about(progress_of(&bench).rate, 100.0);
}

#[test]
fn what_is_recent_counts_more() {
    let fast = (0..=60).map(|step| (1_000, step * 100));
    let slow = (1..=60).map(|step| (1_000, 6_000 + step));
    let bench = moved(100_000, fast.chain(slow));
    assert!(progress_of(&bench).rate.unwrap() < 30.0);
}

#[test]
fn an_uneven_job_has_a_wide_range() {
    let width = |bench: &Bench| {
        let progress = progress_of(bench);
        let (low, high) = (progress.eta_low_ms.unwrap(), progress.eta_high_ms.unwrap());
        high as f64 / low as f64
    };
    let even = moved(10_000, (0..=30).map(|step| (1_000, step * 10)));
    let uneven = moved(10_000, (0..=30).map(|step| (1_000, step / 5 * 50)));
    assert!(width(&uneven) > 1.3 * width(&even), "{} {}", width(&uneven), width(&even));
}

#[test]
fn standing_still_is_not_counted() {
    let mut bench = moved(1_000, (0..=20).map(|step| (1_000, step * 10)));
    bench.ask(Action::Pause).unwrap();
    bench.say(json!({"type": "ack", "command": "pause"})).unwrap();
    let progress = progress_of(&bench);
    assert_eq!((progress.rate, progress.eta_ms, progress.done), (None, None, Some(200)));
    bench.after(3_600_000).ask(Action::Resume).unwrap();
    bench.after(1_000).say(json!({"type": "progress", "done": 210})).unwrap();
    check_about(progress_of(&bench).rate, 10.0);
}

#[test]
fn a_percent_alone_has_a_rate_too() {
    let mut bench = Bench::new(request());
    for percent in 0..=40 {
        bench.after(1_000).say(json!({"type": "progress", "percent": percent})).unwrap();
    }
    check_about(progress_of(&bench).rate, 1.0);
    check_about(progress_of(&bench).eta_ms.map(|eta| eta as f64), 60_000.0);
    bench.say(json!({"type": "progress", "percent": 100})).unwrap();
    assert_eq!(progress_of(&bench).eta_ms, None);
    bench.say(json!({"type": "complete"})).unwrap();
    assert_eq!((progress_of(&bench).rate, &bench.state.private.rate), (None, &None));
}

#[test]
fn a_batch_goes_as_fast_as_its_items_finish() {
    let mut bench = Bench::batch(1_000, Settings::default());
    for index in 0..30 {
        let succeeded = vec![(index * 4, index * 4 + 3)];
        bench.after(1_000).moved(ItemsMoved { succeeded, ..ItemsMoved::default() }).unwrap();
    }
    check_about(progress_of(&bench).rate, 4.0);
    check_about(progress_of(&bench).eta_ms.map(|eta| eta as f64), 220_000.0);
    assert_eq!(bench.percent(), Some(12.0));
}
