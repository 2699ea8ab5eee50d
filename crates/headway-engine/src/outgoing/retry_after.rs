//! `Retry-After`: how long a server asks to be left alone (RFC 9110, section 10.2.3).

use std::time::{Duration, SystemTime};

/// The longest wait that is believed.
pub(crate) const LONGEST: Duration = Duration::from_hours(24);

/// The wait that a server asks for, at most [`LONGEST`]; `None` when it cannot be understood.
///
/// It is a number of seconds, or a date. A date is measured against the answer's own `Date`, so
/// that it does not matter whose clock is right, and against `now` where there is none.
pub(crate) fn retry_after(asked: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    let asked = asked.trim();
    if !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number has are a long time as well.
        let seconds = asked.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let until = httpdate::parse_http_date(asked).ok()?;
    let answered = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok());
    let wait = until.duration_since(answered.unwrap_or(now)).unwrap_or_default();
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_in_both_forms() {
        let own = Some("Wed, 21 Oct 2015 07:28:00 GMT");
        for (asked, date, expected) in [
            ("3", None, Some(3)),
            (" 3 ", None, Some(3)),
            ("0", None, Some(0)),
            ("99999999", None, Some(86_400)),
            ("99999999999999999999999999", None, Some(86_400)),
            ("Wed, 21 Oct 2015 07:28:30 GMT", own, Some(30)),
            ("Wed, 21 Oct 2015 07:27:30 GMT", own, Some(0)),
            ("Wed, 21 Oct 2015 07:28:30 GMT", None, Some(0)),
            ("Wed, 21 Oct 2015 07:28:30 GMT", Some("lately"), Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", own, Some(86_400)),
            ("soon", None, None),
            ("", None, None),
            ("-1", None, None),
            ("+1", None, None),
            ("1.5", None, None),
        ] {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000);
            let wait = retry_after(asked, date, now).map(|wait| wait.as_secs());
            assert_eq!(wait, expected, "{asked}");
        }
    }
}
