//! How long a server asks to be left alone.

use std::time::{Duration, SystemTime};

use crate::asked_wait::{LONGEST, retry_after};

/// `Retry-After`, and after a line break `Date`. A wait is never longer than the longest, a number is
/// so many seconds, and whose clock is right does not matter where the server tells its own.
pub fn read(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (asked, date) = text.split_once('\n').map_or((text, None), |(a, d)| (a, Some(d)));
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let wait = retry_after(asked, date, at(1_800_000_000));
    assert!(wait.is_none_or(|wait| wait <= LONGEST));
    if let Ok(seconds) = asked.trim().parse::<u64>()
        && !asked.trim().starts_with('+')
    {
        assert_eq!(wait, Some(Duration::from_secs(seconds).min(LONGEST)));
    }
    if date.is_some_and(|date| httpdate::parse_http_date(date.trim()).is_ok()) {
        assert_eq!(wait, retry_after(asked, date, at(0)));
    }
}
