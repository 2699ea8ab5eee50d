//! Whatever is said to a job in whatever order: what always holds holds, a log read again gives the
//! same job, and what a store folds from patches is the job.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use headway_core::batch::{Flight, Settled, Start};
use headway_core::job::invariants::{check, overspend};
use headway_core::{
    ChosenItems, Create, Input, ItemChoice, JobState, Settings, create, decide, evolve,
    next_deadline,
};
use headway_protocol::batch::{Budget, OnBudget, OnFailure};
use headway_protocol::event::{ItemsMoved, Producer, RequeuedItems};
use headway_protocol::report::SequencedReport;
use headway_protocol::request::RetryItems;
use headway_protocol::{Action, Amount, Event, ItemStatus, Timestamp, patch};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::*;

/// One thing said, in a form that can be drawn at random.
#[derive(Clone, Debug)]
enum Said {
    Reports(Option<Producer>, Vec<SequencedReport>),
    Command(Action, Option<Amount>, ItemChoice),
    Tick,
    Begin,
    Seal { total: u64, invalid: u64 },
    Moved(ItemsMoved),
    BudgetReached,
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("c"), Just("plan")].prop_map(str::to_owned)
}

fn body() -> impl Strategy<Value = Value> {
    let percent = || (0..=1000_u32).prop_map(|tenths| f64::from(tenths) / 10.0);
    let parent = prop::option::of(key());
    prop_oneof![
        Just(json!({"type": "start"})),
        percent().prop_map(|percent| json!({"type": "progress", "percent": percent})),
        (0..50_u64, prop::option::of(1..60_u64), "[a-z]{0,3}").prop_map(|(done, total, word)| {
            json!({"type": "progress", "done": done, "total": total, "message": word})
        }),
        (key(), "[a-b]", prop::option::of(0..3_u32)).prop_map(|(phase, member, value)| {
            json!({"type": "progress", "phase": phase,
                   "metadata": {member: value, "deep": {"x": value}}})
        }),
        key().prop_map(|name| json!({"type": "phase", "name": name})),
        (key(), parent, 1..5_u32).prop_map(|(step, parent, weight)| {
            json!({"type": "step_start", "step": step, "parent": parent, "weight": weight,
                   "tasks": ["t"]})
        }),
        (key(), percent(), 0..3_usize).prop_map(|(step, percent, tasks)| {
            json!({"type": "step_update", "step": step, "percent": percent,
                   "tasks": vec!["task"; tasks]})
        }),
        (key(), prop_oneof![Just("completed"), Just("failed"), Just("skipped"), Just("cancelled")])
            .prop_map(|(step, status)| json!({
                "type": "step_finish", "step": step, "status": status,
                "error": {"code": "e", "message": "m", "details": {"n": null, "k": 1}},
            })),
        Just(json!({"type": "log", "message": "line", "fields": {"n": null}})),
        Just(json!({"type": "partial", "name": "p", "data": {"n": null}})),
        (0..40_u32).prop_map(|cents| json!({"type": "cost", "amount": format!("0.{cents:02}")})),
        Just(json!({"type": "usage", "sku": "s", "seconds": 2.5})),
        Just(json!({"type": "complete", "result": {"n": null, "v": [null, 1]}})),
        Just(json!({"type": "fail", "error": {"code": "e", "message": "m", "details": null}})),
        prop_oneof![Just("cancel"), Just("pause"), Just("resume"), Just("cmd-1"), Just("cmd-2")]
            .prop_map(|command| json!({"type": "ack", "command": command})),
    ]
}

fn reports() -> impl Strategy<Value = Said> {
    let producer = prop::option::of(("[pq]", 0..6_u64))
        .prop_map(|producer| producer.map(|(id, seq)| Producer { id, seq }));
    let one = (body(), prop::option::weighted(0.2, 0..8_u64)).prop_map(|(body, seq)| {
        let mut report = report(body);
        report.seq = seq;
        report
    });
    (producer, prop::collection::vec(one, 1..4))
        .prop_map(|(producer, reports)| Said::Reports(producer, reports))
}

fn moved() -> impl Strategy<Value = Said> {
    (0..4_u64, 0..2_u64, prop::option::of(0..8_u64), 0..3_u64, 0..2_u64, 0..30_i64, 0..2_i64)
        .prop_map(|(running, retrying, succeeded, cancelled, expired, cents, reserved)| {
            Said::Moved(ItemsMoved {
                running,
                retrying,
                succeeded: succeeded.map(|first| (first, first + 1)).into_iter().collect(),
                failed: (0..cancelled).map(|index| failed(index, ItemStatus::Failed)).collect(),
                cancelled,
                expired,
                spent: Amount::from_nanos(cents * 10_000_000),
                reserved: Amount::from_nanos(reserved * 5_000_000),
                ..ItemsMoved::default()
            })
        })
}

/// Items that may be among those of a batch, mostly as many as are counted.
fn chosen() -> impl Strategy<Value = ChosenItems> {
    (0..3_u64, 0..3_u64, 0..2_u64, prop_oneof![6 => Just(0), 1 => 1..3_u64]).prop_map(
        |(failed, cancelled, expired, more)| {
            let only = (0..failed + cancelled + expired + more).collect();
            let items = RequeuedItems { failed, cancelled, expired, only };
            ChosenItems { position: 0, items }
        },
    )
}

fn said() -> impl Strategy<Value = Said> {
    let action = prop_oneof![
        1 => Just(Action::Cancel),
        2 => Just(Action::Pause),
        3 => Just(Action::Resume),
        2 => Just(Action::Retry)
    ];
    let status = prop_oneof![
        Just(RetryItems::Failed),
        Just(RetryItems::Cancelled),
        Just(RetryItems::Expired),
        Just(RetryItems::Unfinished)
    ];
    let items = prop_oneof![
        2 => status.prop_map(ItemChoice::Status),
        1 => chosen().prop_map(ItemChoice::Items),
    ];
    let budget = prop::option::of(1..5_i64)
        .prop_map(|units| units.map(|units| Amount::from_nanos(units * 1_000_000_000)));
    prop_oneof![
        6 => reports(),
        3 => (action, budget, items).prop_map(|(action, budget, items)| {
            Said::Command(action, budget, items)
        }),
        2 => Just(Said::Tick),
        2 => Just(Said::Begin),
        1 => (0..10_u64, 0..2_u64).prop_map(|(total, invalid)| Said::Seal { total, invalid }),
        5 => moved(),
        1 => Just(Said::BudgetReached),
    ]
}

prop_compose! {
    fn any_request()(
        sort in 0..3_u8,
        stall in prop::option::of(1_000..20_000_u64),
        expires in prop::option::of(10_000..200_000_u64),
        command_timeout in prop::option::of(1_000..90_000_u64),
        budget in prop::option::of((1..3_i64, any::<bool>(), any::<bool>())),
        stop in any::<bool>(),
        start_paused in any::<bool>(),
    ) -> Create {
        let budget = budget.map(|(units, soft, cancel)| Budget {
            max_budget: Amount::from_nanos(units * 1_000_000_000),
            soft_budget: soft.then(|| amount("0.5")),
            on_budget: if cancel { OnBudget::Cancel } else { OnBudget::Pause },
        });
        Create {
            batch: sort == 2,
            steps: serde_json::from_value(json!({"plan": {"weight": 2.5}})).unwrap(),
            metadata: json!({"kept": true, "none": null}),
            settings: Settings {
                executor: (sort > 0).then(executor),
                input: Some(json!({"n": null})),
                stall_after_ms: stall,
                expires_after_ms: expires,
                command_timeout_ms: command_timeout,
                budget,
                on_failure: if stop { OnFailure::Stop } else { OnFailure::Continue },
                start_paused,
                ..Settings::default()
            },
            ..request()
        }
    }
}

fn put(state: &JobState, now: Timestamp, said: &Said) -> Result<Vec<Event>, String> {
    let rates = headway_core::rates::RateCard::from_json(
        r#"{"currency":"USD","rates":{"s":{"seconds":"0.07"}}}"#,
    )
    .unwrap();
    let decided = match said {
        Said::Reports(producer, reports) => decide(
            state,
            now,
            &Input::Report { producer: producer.clone(), reports, rates: &rates },
        ),
        // Whoever chose items has looked at them where the batch is now.
        Said::Command(action, max_budget, ItemChoice::Items(chosen)) => {
            let position = state.job.cursor.offset;
            let retry_items =
                &ItemChoice::Items(ChosenItems { position, items: chosen.items.clone() });
            let (action, max_budget) = (*action, *max_budget);
            decide(state, now, &Input::Command { action, max_budget, retry_items })
        }
        Said::Command(action, max_budget, retry_items) => decide(
            state,
            now,
            &Input::Command { action: *action, max_budget: *max_budget, retry_items },
        ),
        Said::Tick => decide(state, now, &Input::Tick),
        Said::Begin => decide(state, now, &Input::Begin),
        Said::Seal { total, invalid } => {
            let seal = headway_core::BatchSeal {
                total: *total,
                invalid: *invalid,
                estimated: total.saturating_sub(*invalid) / 2,
                estimate: Amount::from_nanos(123_456_789),
                estimate_squared: 0.1 + 0.2,
            };
            decide(state, now, &Input::Seal(seal))
        }
        Said::Moved(moved) => decide(state, now, &Input::Moved(moved.clone())),
        Said::BudgetReached => decide(state, now, &Input::BudgetReached { next: amount("0.10") }),
    };
    decided.map_err(|refusal| refusal.to_string())
}

/// Writes to JSON text and reads back, as a store does.
fn through_text(value: &Value) -> Value {
    serde_json::from_str(&value.to_string()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_is_said_the_rules_hold(
        request in any_request(),
        script in prop::collection::vec((said(), 0..8_000_u64), 1..50),
    ) {
        let mut now = Timestamp::from_millis(START);
        let (mut state, events) = create(now, request.clone()).unwrap();
        prop_assert_eq!(state.job.cursor.offset, events.len() as u64);
        let (mut document, mut private) = state.whole();
        let mut log = Vec::new();
        for (said, pause) in script {
            now = now.plus(pause);
            if let Some(due) = next_deadline(&state)
                && due <= now
            {
                let ticked = put(&state, due, &Said::Tick).unwrap();
                prop_assert!(!ticked.is_empty(), "a tick that was due leads nowhere");
            }
            let Ok(events) = put(&state, now, &said) else { continue };
            let before = state.clone();
            for event in &events {
                let earlier = state.clone();
                evolve(&mut state, event);
                let broken = check(Some(&earlier), &state);
                prop_assert!(broken.is_empty(), "{:?} after {:?}", broken, event);
            }
            let (public_patch, private_patch) = state.patches_since(&before);
            patch::apply(&mut document, &through_text(&public_patch));
            patch::apply(&mut private, &through_text(&private_patch));
            let whole = state.whole();
            prop_assert_eq!(&document, &whole.0, "public patch {}", public_patch);
            prop_assert_eq!(&private, &whole.1, "private patch {}", private_patch);
            log.extend(events);
        }
        let restored = JobState::restore(
            through_text(&document),
            state.job.cursor,
            through_text(&private),
        );
        prop_assert_eq!(&restored.unwrap(), &state);
        let (mut replayed, _) = create(Timestamp::from_millis(START), request).unwrap();
        for event in &log {
            let text = serde_json::to_string(event).unwrap();
            evolve(&mut replayed, &serde_json::from_str(&text).unwrap());
        }
        prop_assert_eq!(&replayed, &state);
    }

    #[test]
    fn time_alone_comes_to_rest(
        request in any_request(),
        script in prop::collection::vec(said(), 1..12),
    ) {
        let mut now = Timestamp::from_millis(START);
        let (mut state, _) = create(now, request).unwrap();
        for said in script {
            for event in put(&state, now, &said).unwrap_or_default() {
                evolve(&mut state, &event);
            }
        }
        for _ in 0..10 {
            let Some(due) = next_deadline(&state) else { return Ok(()) };
            now = now.max(due);
            for event in put(&state, now, &Said::Tick).unwrap() {
                evolve(&mut state, &event);
            }
            prop_assert!(next_deadline(&state).is_none_or(|next| next > now));
        }
        prop_assert!(false, "still ticking: {:?}", state);
    }

    /// Items whose estimates are right never cost more than the budget; a wrong estimate costs at
    /// most its error, for each item in flight.
    #[test]
    fn a_flight_stays_inside_the_budget(
        costs in prop::collection::vec((1..100_i64, 0..30_i64), 1..60),
        concurrency in 1..9_u64,
        budget in 1..2_000_i64,
        order in prop::collection::vec(0..9_usize, 60),
        take_every in 1..7_usize,
    ) {
        let max_budget = Amount::from_nanos(budget);
        let mut bench = Bench::batch(costs.len() as u64, Settings {
            budget: Some(Budget { max_budget, soft_budget: None, on_budget: OnBudget::Pause }),
            ..Settings::default()
        });
        let mut flight = Flight::new();
        let mut running: Vec<u64> = Vec::new();
        let mut next = 0;
        let mut error = 0;
        let mut picks = order.into_iter().cycle();
        let mut steps = 0;
        while bench.status() == headway_protocol::JobStatus::Running {
            steps += 1;
            prop_assert!(steps < 10_000, "the batch does not come to an end");
            while running.len() < usize::try_from(concurrency).unwrap() && next < costs.len() {
                let estimate = Amount::from_nanos(costs[next].0);
                match flight.may_start(&bench.state, Some(estimate)) {
                    Start::Go { reserve } => {
                        flight.start(next as u64, reserve);
                        running.push(next as u64);
                        next += 1;
                    }
                    Start::Hold => {
                        prop_assert!(!running.is_empty());
                        break;
                    }
                    Start::Exhausted { next: amount } => {
                        prop_assert!(running.is_empty());
                        let taken = flight.take();
                        bench.moved(taken).unwrap();
                        bench.put(&Input::BudgetReached { next: amount }).unwrap();
                        break;
                    }
                }
            }
            if bench.status() != headway_protocol::JobStatus::Running {
                break;
            }
            if !running.is_empty() {
                let index = running.remove(picks.next().unwrap() % running.len());
                let (estimate, over) = costs[usize::try_from(index).unwrap()];
                error += over;
                let cost = Amount::from_nanos(estimate + over);
                flight.settle(Settled {
                    index,
                    custom_id: None,
                    attempts: 1,
                    status: ItemStatus::Succeeded,
                    error: None,
                    cost,
                    total_cost: cost,
                    estimate: Some(Amount::from_nanos(estimate)),
                });
            }
            if steps % take_every == 0 || (running.is_empty() && next == costs.len()) {
                let taken = flight.take();
                bench.moved(taken).unwrap();
                prop_assert!(overspend(&bench.state).as_nanos() <= error);
            }
        }
        let counts = bench.state.job.items.unwrap();
        prop_assert_eq!(counts.succeeded, next as u64);
        prop_assert!(counts.adds_up());
    }
}
