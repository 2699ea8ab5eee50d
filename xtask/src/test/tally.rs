//! Counting tests from what their runners print.

use std::fmt;
use std::ops::AddAssign;
use std::process::ExitStatus;

use crate::say;

/// How many tests held and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    /// What could not be checked here.
    pub(super) skipped: u64,
    /// Failures that a second run did not show again; what passed then is in `passed`.
    pub(super) unsteady: u64,
}

impl Tally {
    const NOTHING: Self = Self { passed: 0, failed: 0, skipped: 0, unsteady: 0 };

    /// A check that is one test by itself.
    pub(super) const fn single(held: bool) -> Self {
        if held { Self { passed: 1, ..Self::NOTHING } } else { Self { failed: 1, ..Self::NOTHING } }
    }

    /// Something that could not be run at all.
    pub(super) const fn broken() -> Self {
        Self::single(false)
    }

    /// A check that could not be made, which is no failure and must not look like a success.
    pub(super) const fn skipped() -> Self {
        Self { skipped: 1, ..Self::NOTHING }
    }

    /// The same; one failure more when the runner could not finish, or failed and no failed test
    /// explains it, such as code that does not compile.
    pub(super) fn judged_by(mut self, ended: Result<ExitStatus, String>) -> Self {
        match ended {
            Ok(status) if status.success() || self.failed > 0 => {}
            Ok(_) => self.failed = 1,
            Err(problem) => {
                say(&format!("{problem}\n"));
                self.failed += 1;
            }
        }
        self
    }

    /// This second run of what failed in a first one.
    pub(super) const fn after(mut self, first: Self) -> Self {
        self.unsteady = first.failed.saturating_sub(self.failed);
        self
    }

    /// Adds what a line of libtest says: `test result: ok. 3 passed; 1 failed; …`.
    pub(super) fn read_libtest(&mut self, line: &str) {
        if let Some((_, counts)) =
            line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        {
            for count in counts.split("; ") {
                match count.split_once(' ') {
                    Some((number, "passed")) => self.passed += number.parse().unwrap_or(0),
                    Some((number, "failed")) => self.failed += number.parse().unwrap_or(0),
                    _ => {}
                }
            }
        }
    }

    /// Adds what a line of the Node test runner says: `ℹ pass 3`. A cancelled test did not hold.
    pub(super) fn read_node(&mut self, line: &str) {
        let rest = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# "));
        match rest.and_then(|rest| rest.split_once(' ')) {
            Some(("pass", number)) => self.passed += number.parse().unwrap_or(0),
            Some(("fail" | "cancelled", number)) => self.failed += number.parse().unwrap_or(0),
            _ => {}
        }
    }

    /// Adds what a line of Python's unittest says: `Ran 5 tests in 0.1s`, then `OK (skipped=1)` or
    /// `FAILED (failures=1, errors=2)`. What was skipped is counted by itself.
    pub(super) fn read_unittest(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("Ran ") {
            self.passed += rest.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
            return;
        }
        let detail = line.strip_prefix("OK").or_else(|| line.strip_prefix("FAILED"));
        let Some(detail) = detail.map(str::trim) else { return };
        for part in detail.trim_matches(['(', ')']).split(", ") {
            let Some((what, number)) = part.split_once('=') else { continue };
            let number: u64 = number.parse().unwrap_or(0);
            match what {
                "failures" | "errors" | "unexpected successes" => {
                    self.passed = self.passed.saturating_sub(number);
                    self.failed += number;
                }
                "skipped" => {
                    self.passed = self.passed.saturating_sub(number);
                    self.skipped += number;
                }
                _ => {}
            }
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.unsteady += other.unsteady;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        if self.unsteady > 0 {
            write!(f, ", {} held at the second try only", self.unsteady)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn check(read: fn(&mut Tally, &str), lines: &[&str], passed: u64, failed: u64) {
        let mut tally = Tally::default();
        for line in lines {
            read(&mut tally, line);
        }
        assert_eq!((tally.passed, tally.failed), (passed, failed), "{lines:?}");
    }

    #[test]
    fn libtest_results_add_up() {
        let lines = [
            "test job::tests::passed; 9 passed ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out",
        ];
        check(Tally::read_libtest, &lines, 5, 4);
    }

    #[test]
    fn node_results_add_up_in_both_of_its_forms() {
        let lines = ["ℹ tests 6", "ℹ pass 3", "ℹ fail 1", "ℹ cancelled 2", "# pass 1", "# fail 0"];
        check(Tally::read_node, &lines, 4, 3);
    }

    #[test]
    fn unittest_counts_what_neither_failed_nor_was_skipped() {
        check(Tally::read_unittest, &["Ran 5 tests in 0.10s", "", "OK"], 5, 0);
        check(Tally::read_unittest, &["Ran 1 test in 0.1s", "OK (skipped=1)"], 0, 0);
        let lines = ["Ran 9 tests in 0.1s", "FAILED (failures=1, errors=2, skipped=1)"];
        check(Tally::read_unittest, &lines, 5, 3);
    }

    #[test]
    fn what_holds_at_the_second_try_is_said() {
        let first = Tally { passed: 3, failed: 2, ..Tally::default() };
        let held = Tally { passed: 5, ..Tally::default() }.after(first);
        assert_eq!(held.to_string(), "5 passed, 0 failed, 2 held at the second try only");
        let failed = Tally { passed: 3, failed: 2, ..Tally::default() }.after(first);
        assert_eq!(failed.to_string(), "3 passed, 2 failed");
    }

    #[test]
    fn a_runner_that_fails_without_a_failed_test_is_a_failure() {
        let held = Tally { passed: 3, ..Tally::default() };
        assert_eq!(held.judged_by(Ok(ExitStatus::from_raw(0))).failed, 0);
        assert_eq!(held.judged_by(Ok(ExitStatus::from_raw(101 << 8))).failed, 1);
        let failed = Tally { passed: 3, failed: 2, ..Tally::default() };
        assert_eq!(failed.judged_by(Ok(ExitStatus::from_raw(101 << 8))).failed, 2);
        assert_eq!(
            failed.judged_by(Err("hangs".to_owned())),
            Tally { passed: 3, failed: 3, ..Tally::default() }
        );
    }

    #[test]
    fn the_sum_is_printed_as_people_and_programs_read_it() {
        let mut sum = Tally::single(true);
        sum += Tally::broken();
        assert_eq!(sum.to_string(), "1 passed, 1 failed");
        sum += Tally::skipped();
        assert_eq!(sum.to_string(), "1 passed, 1 failed, 1 skipped");
    }
}
