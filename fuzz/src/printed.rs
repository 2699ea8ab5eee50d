//! Progress in what programs print.

use crate::recogniser::{Found, Reported, Tracker, recognise};

/// Any output, line by line: what is found is a share, and what is reported never goes back and is
/// never the end.
pub fn progress(bytes: &[u8]) {
    let mut tracker = Tracker::default();
    let mut last = 0.0;
    for line in bytes.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let Some(found) = recognise(&String::from_utf8_lossy(line)) else { continue };
        if let Found::Count { done, total } = found {
            assert!(done <= total && total > 0);
        }
        assert!((0.0..=100.0).contains(&found.percent()));
        let percent = match tracker.advance(found) {
            None => continue,
            Some(Reported::Percent(percent)) => percent,
            Some(Reported::Count { done, total }) => done as f64 / total as f64 * 100.0,
        };
        assert!(percent >= last && percent < 100.0, "{percent} after {last}");
        last = percent;
    }
}
