//! When a failed attempt is tried again.

use headway_protocol::JobError;
use headway_protocol::batch::Retry;

/// The longest wait that the other side can ask for, in milliseconds: an hour. A service that asks
/// for more is tried once an hour, within the attempts that the batch allows.
pub const LONGEST_ASKED_MS: u64 = 3_600_000;

/// Into so many parts what was asked for is divided: one of them at least is what those who were
/// asked the same are spread over.
const SPREAD: f64 = 5.0;

/// The wait before the next attempt in milliseconds, `None` to give up. `attempts` have been made,
/// `asked_ms` is what the other side asked for (`Retry-After`), `chance` is random in 0–1.
///
/// The wait is a random part of a span that grows by the factor with each attempt (exponential
/// backoff with full jitter). What was asked for is waited for first: whoever was told the same at
/// the same moment does not come back at the same moment. The span is then at least a fifth of what
/// was asked for.
pub fn delay(
    retry: &Retry,
    attempts: u32,
    error: &JobError,
    asked_ms: Option<u64>,
    chance: f64,
) -> Option<u64> {
    if !error.retryable || attempts >= retry.max_attempts {
        return None;
    }
    let grown = retry.factor.max(1.0).powf(f64::from(attempts.saturating_sub(1)));
    let longest = retry.max_delay_ms as f64;
    let span = (retry.initial_delay_ms as f64 * grown).min(longest);
    let asked = asked_ms.map_or(0, |asked| asked.min(LONGEST_ASKED_MS));
    let span = span.max(asked as f64 / SPREAD);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative and within the bounds of the span; a float beyond the range is held \
                  at its end"
    )]
    let jittered = (span * chance.clamp(0.0, 1.0)) as u64;
    Some(jittered.min(retry.max_delay_ms.max(asked / 5)).saturating_add(asked))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn retry() -> Retry {
        Retry { max_attempts: 5, initial_delay_ms: 1_000, factor: 2.0, max_delay_ms: 5_000 }
    }

    #[track_caller]
    fn check(attempts: u32, asked_ms: Option<u64>, chance: f64, wait: Option<u64>) {
        let error = JobError::passing("busy", "Try again.");
        assert_eq!(delay(&retry(), attempts, &error, asked_ms, chance), wait);
    }

    #[test]
    fn the_span_doubles_up_to_its_end() {
        check(1, None, 1.0, Some(1_000));
        check(2, None, 1.0, Some(2_000));
        check(3, None, 1.0, Some(4_000));
        check(4, None, 1.0, Some(5_000));
    }

    #[test]
    fn chance_picks_within_the_whole_span() {
        check(3, None, 0.0, Some(0));
        check(3, None, 0.25, Some(1_000));
        check(3, None, f64::NAN, Some(0));
        check(3, None, 7.0, Some(4_000));
    }

    #[test]
    fn what_the_other_side_asks_is_waited_for_before_the_random_part() {
        check(1, Some(30_000), 0.0, Some(30_000));
        check(3, Some(1_000), 0.0, Some(1_000));
        check(3, Some(1_000), 0.5, Some(3_000));
        check(3, Some(1_000), 1.0, Some(5_000));
    }

    #[test]
    fn those_who_were_asked_the_same_are_spread_over_a_fifth_of_it_or_more() {
        check(1, Some(30_000), 1.0, Some(36_000));
        check(1, Some(30_000), 0.5, Some(33_000));
        check(1, Some(86_400_000), 1.0, Some(LONGEST_ASKED_MS / 5 * 6));
        let at_once = Retry { initial_delay_ms: 0, max_delay_ms: 0, ..retry() };
        let error = JobError::passing("busy", "Try again.");
        assert_eq!(delay(&at_once, 1, &error, Some(10_000), 1.0), Some(12_000));
        assert_eq!(delay(&at_once, 1, &error, None, 1.0), Some(0));
    }

    #[test]
    fn it_gives_up_after_the_last_attempt() {
        check(5, None, 0.5, None);
        check(6, Some(1), 0.5, None);
    }

    #[test]
    fn what_cannot_be_mended_is_not_tried_again() {
        let error = JobError::fatal("bad_input", "No such column.");
        assert_eq!(delay(&retry(), 1, &error, Some(10), 0.5), None);
    }

    proptest! {
        #[test]
        fn a_wait_is_within_its_bounds(
            attempts in 0_u32..120,
            max_attempts in 1_u32..=100,
            initial_delay_ms: u64,
            factor in 1.0_f64..=10.0,
            max_delay_ms: u64,
            asked_ms: Option<u64>,
            chance in 0.0_f64..=1.0,
        ) {
            let retry = Retry { max_attempts, initial_delay_ms, factor, max_delay_ms };
            let error = JobError::passing("busy", "Try again.");
            match delay(&retry, attempts, &error, asked_ms, chance) {
                None => prop_assert!(attempts >= max_attempts),
                Some(wait) => {
                    let asked = asked_ms.map_or(0, |asked| asked.min(LONGEST_ASKED_MS));
                    prop_assert!(attempts < max_attempts);
                    prop_assert!(wait >= asked);
                    prop_assert!(wait - asked <= max_delay_ms.max(asked / 5));
                }
            }
        }

        #[test]
        fn a_larger_chance_never_waits_less(
            attempts in 1_u32..5, low in 0.0_f64..=1.0, high in 0.0_f64..=1.0, asked: Option<u64>,
        ) {
            let error = JobError::passing("busy", "Try again.");
            let wait = |chance| delay(&retry(), attempts, &error, asked, chance);
            prop_assert!(wait(low.min(high)) <= wait(low.max(high)));
        }
    }
}
