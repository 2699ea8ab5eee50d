//! What one progress report costs the machine: decide, evolve and the patches, on one core.
//!
//! `cargo run --release -p headway-core --example report_cost`

use std::time::{Duration, Instant};

use headway_core::rates::RateCard;
use headway_core::{Create, Input, JobState, Settings, create, decide, evolve};
use headway_protocol::event::Producer;
use headway_protocol::report::SequencedReport;
use headway_protocol::{Currency, Owner, Report, Timestamp};
use serde_json::{Value, json};

const REPORTS: u64 = 200_000;

#[expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]
#[expect(clippy::print_stdout, reason = "a measurement says what it found")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    for (name, steps, metadata) in [
        ("plain job", 0, Value::Null),
        ("job with 8 steps and some metadata", 8, json!({"customer": "c-1", "list": [1, 2, 3]})),
        ("job with 64 steps", 64, Value::Null),
    ] {
        let mut state = job(steps, metadata)?;
        let rates = RateCard::default();
        let mut bytes = 0;
        let mut spent = [Duration::ZERO; 4];
        for number in 0..REPORTS {
            let now = Timestamp::from_millis(1_768_000_000_000 + number);
            let producer = Some(Producer { id: "worker".to_owned(), seq: number });
            let report = Report::Progress {
                percent: None,
                done: Some(number),
                total: Some(REPORTS),
                message: Some(format!("Scoring lead {number}")),
                phase: None,
                metadata: None,
            };
            let reports = [SequencedReport { seq: None, report }];
            let input = Input::Report { producer, reports: &reports, rates: &rates };
            let began = Instant::now();
            let before = state.clone();
            let cloned = Instant::now();
            let events = decide(&state, now, &input)?;
            let decided = Instant::now();
            for event in &events {
                evolve(&mut state, event);
            }
            let evolved = Instant::now();
            let (public, private) = state.patches_since(&before);
            let diffed = Instant::now();
            let parts = [cloned - began, decided - cloned, evolved - decided, diffed - evolved];
            for (sum, part) in spent.iter_mut().zip(parts) {
                *sum += part;
            }
            bytes += (public.to_string().len() + private.to_string().len()) as u64;
        }
        let [copy, decide, evolve, patches] =
            spent.map(|part| part.as_secs_f64() * 1e6 / REPORTS as f64);
        println!(
            "{name}: copy {copy:.2} µs, decide {decide:.2} µs, evolve {evolve:.2} µs, patches \
             {patches:.2} µs; {} bytes of patches",
            bytes / REPORTS
        );
    }
    Ok(())
}

fn job(steps: usize, metadata: Value) -> Result<JobState, Box<dyn std::error::Error>> {
    let plan: serde_json::Map<String, Value> =
        (0..steps).map(|number| (format!("step-{number}"), json!({"weight": 2.0}))).collect();
    let request = Create {
        id: "job-1".parse()?,
        epoch: 7,
        kind: "custom".to_owned(),
        name: None,
        session: Some("session-1".to_owned()),
        tags: vec!["nightly".to_owned()],
        metadata,
        owner: Owner::default(),
        steps: serde_json::from_value(Value::Object(plan))?,
        total: None,
        unit: None,
        currency: Currency::default(),
        batch: false,
        settings: Settings::default(),
    };
    let (state, _) = create(Timestamp::from_millis(1_768_000_000_000), request)?;
    Ok(state)
}
