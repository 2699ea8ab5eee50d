//! docs/transitions.md is what the machine does, not what somebody remembers of it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use headway_core::job::Sort;
use headway_core::job::transitions::{Outcome, Row, table};
use headway_protocol::JobStatus;

const HEADER: &str = "\
# Transitions

Every status of a job with everything that can be said to it, found by trying. This file is written by
`HEADWAY_UPDATE=1 cargo test -p headway-core --test transitions`, and a test fails when it is not what
the machine does.

A cell names the events that an input leads to and the status after them; `·` is an input that is
harmless and changes nothing; *words in italics* are the code of a refusal. Statuses that a sort of job
never has are left out. The examples: a producer's or an executor's job with one planned step, a batch
of two items of which none is running.
";

fn cell(outcome: &Outcome, before: JobStatus) -> String {
    match outcome {
        Outcome::Nothing => "·".to_owned(),
        Outcome::Refused(code) => format!("*{code}*"),
        Outcome::Moves { events, status } if *status == before => events.join(", "),
        Outcome::Moves { events, status } => format!("{} → **{status}**", events.join(", ")),
    }
}

fn render(rows: &[Row]) -> String {
    let mut text = HEADER.to_owned();
    for &sort in Sort::ALL {
        let mine = || rows.iter().filter(|row| row.sort == sort);
        let mut statuses: Vec<JobStatus> = mine().map(|row| row.status).collect();
        statuses.sort_unstable();
        statuses.dedup();
        let mut inputs: Vec<&str> = Vec::new();
        let mut cells = BTreeMap::new();
        for row in mine() {
            if !inputs.contains(&row.input) {
                inputs.push(row.input);
            }
            cells.insert((row.input, row.status), cell(&row.outcome, row.status));
        }
        let title = match sort {
            Sort::Producer => "Jobs of a producer",
            Sort::Executor => "Jobs of an executor",
            Sort::Batch => "Batches",
        };
        writeln!(text, "\n## {title}\n").unwrap();
        for half in [false, true] {
            let shown: Vec<_> =
                statuses.iter().filter(|status| status.is_terminal() == half).copied().collect();
            let names: Vec<&str> = shown.iter().map(|status| status.as_str()).collect();
            writeln!(text, "| said | {} |", names.join(" | ")).unwrap();
            writeln!(text, "|---{}|", "|---".repeat(names.len())).unwrap();
            for input in &inputs {
                let line: Vec<&str> =
                    shown.iter().map(|status| cells[&(*input, *status)].as_str()).collect();
                writeln!(text, "| {input} | {} |", line.join(" | ")).unwrap();
            }
            if !half {
                text.push('\n');
            }
        }
    }
    text
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test's own switch")]
fn the_document_is_what_the_machine_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/transitions.md");
    let text = render(&table());
    if std::env::var("HEADWAY_UPDATE").is_ok_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = text.lines().zip(committed.lines()).find(|(now, then)| now != then);
    assert!(
        committed == text,
        "docs/transitions.md is not what the machine does; first difference: {differs:#?}\n\
         run HEADWAY_UPDATE=1 cargo test -p headway-core --test transitions"
    );
}

#[test]
fn every_status_that_a_sort_can_have_is_tried() {
    let rows = table();
    let has = |sort, status| rows.iter().any(|row| row.sort == sort && row.status == status);
    for &status in JobStatus::ALL {
        assert!(has(Sort::Batch, status), "batch {status}");
        assert_eq!(has(Sort::Producer, status), status != JobStatus::Queued, "producer {status}");
        let never = [JobStatus::Pending, JobStatus::Pausing, JobStatus::Paused];
        assert_eq!(has(Sort::Executor, status), !never.contains(&status), "executor {status}");
    }
}

#[test]
fn nothing_but_retry_leaves_an_end() {
    for row in table().iter().filter(|row| row.status.is_terminal()) {
        if let Outcome::Moves { events, .. } = &row.outcome {
            assert_eq!((row.input, events.as_slice()), ("retry", ["retried"].as_slice()));
        }
    }
}
