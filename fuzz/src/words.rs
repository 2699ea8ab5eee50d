//! Values that are written as one word.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use headway_protocol::{Amount, Currency, Cursor, JobId, Timestamp};

/// Any text as each of them: what is read prints as something that is read alike.
pub fn words(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    check::<Amount>(text);
    check::<Currency>(text);
    check::<Cursor>(text);
    check::<JobId>(text);
    check::<Timestamp>(text);
}

fn check<T: FromStr + Display + Debug + PartialEq>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    let printed = value.to_string();
    assert_eq!(printed.parse::<T>().ok().as_ref(), Some(&value), "{text:?} prints as {printed:?}");
}
