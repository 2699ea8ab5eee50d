//! What programs of executors write.

use headway_protocol::limits;

use headway_protocol::Amount;
use headway_protocol::report::Usage;

use crate::executor::{Failure, News, Program, standard_error, worker_line};

/// The most different SKUs of one attempt.
const SKUS: usize = 64;

/// Standard output of a program for each item, and of a pool's worker, line by line; and the same as
/// standard error. What is used and spent can be counted and does not grow without end; outputs are
/// JSON that fits on a line; what people are told is bounded.
pub fn read(bytes: &[u8]) {
    let mut program = Program::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        let mut said = Vec::new();
        let reports = program.line(line, |news| said.push(news));
        assert!(!reports || line.trim_ascii().starts_with(b"{"), "only an object reports");
        assert!(reports || said.is_empty(), "output says nothing");
        check_spent(program.spent());
        worker(line);
    }
    let cut = bytes.first().map_or(1, |first| usize::from(*first).max(1));
    let (lines, tail) = standard_error(std::iter::once(bytes));
    let pieces = standard_error(bytes.chunks(cut));
    assert_eq!((&lines, &tail), (&pieces.0, &pieces.1), "however it is cut");
    assert!(lines.iter().all(|line| line.len() <= 8 * 1024 && !line.contains('\n')));
    // A byte that is no text becomes three.
    assert!(tail.len() <= 3 * 4 * 1024);
}

fn worker(line: &[u8]) {
    let Some((_, word)) = worker_line(line, drop) else { return };
    match word {
        Ok(News::Progress { percent, message }) => {
            assert!(percent.is_none_or(|percent| (0.0..=100.0).contains(&percent.value())));
            assert!(message.is_none_or(|message| message.len() <= limits::MESSAGE_BYTES));
        }
        Ok(News::Line(_) | News::Report(_)) => panic!("a worker says neither"),
        Err(ended) => {
            check_spent((&ended.usage, ended.cost));
            match ended.outcome {
                Ok(output) => {
                    assert!(output.get().len() <= limits::OUTPUT_BYTES);
                    assert!(!output.get().contains(['\n', '\r']));
                    serde_json::from_str::<serde_json::Value>(output.get()).expect("it is JSON");
                }
                Err(Failure::Error { error, .. }) => {
                    assert!(error.code.len() <= limits::NAME_BYTES.max(16));
                    assert!(error.message.len() <= limits::MESSAGE_BYTES.max(200));
                }
            }
        }
    }
}

fn check_spent((usage, cost): (&[Usage], Amount)) {
    assert!(!cost.is_negative());
    assert!(usage.len() <= SKUS);
    let mut units = usage.iter().flat_map(|usage| usage.units.values());
    assert!(units.all(|units| units.is_finite() && *units >= 0.0));
}
