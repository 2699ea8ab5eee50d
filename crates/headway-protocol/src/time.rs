//! Moments: milliseconds since the Unix epoch, RFC 3339 on the wire.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment in UTC with millisecond resolution; on the wire `2026-01-10T09:30:00.000Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

/// The last moment that can be written, 9999-12-30T22:00:00.000Z.
const LAST_MILLIS: u64 = 253_402_207_200_000;

/// A text that is not an RFC 3339 moment after 1970.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an RFC 3339 time such as 2026-01-10T09:30:00.000Z")]
pub struct NotATimestamp(String);

impl Timestamp {
    /// A moment from milliseconds since the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This moment and `millis` more; stays at the last representable one.
    #[must_use]
    pub const fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this moment, zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = i64::try_from(self.0).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_millisecond(millis) {
            Ok(moment) => write!(f, "{moment:.3}"),
            Err(_) => write!(f, "9999-12-30T22:00:00.000Z"),
        }
    }
}

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let moment: jiff::Timestamp = text.parse().map_err(|_| NotATimestamp(text.to_owned()))?;
        u64::try_from(moment.as_millisecond())
            .ok()
            .filter(|millis| *millis <= LAST_MILLIS)
            .map(Self)
            .ok_or_else(|| NotATimestamp(text.to_owned()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_milliseconds_and_z() {
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
        let moment: Timestamp = "2026-01-10T09:30:00.25Z".parse().unwrap();
        assert_eq!(moment.to_string(), "2026-01-10T09:30:00.250Z");
    }

    #[test]
    fn takes_offsets_and_refuses_other_text() {
        let moment: Timestamp = "2026-01-10T10:30:00+01:00".parse().unwrap();
        assert_eq!(moment.to_string(), "2026-01-10T09:30:00.000Z");
        assert!("yesterday".parse::<Timestamp>().is_err());
        assert!("1969-12-31T23:59:59Z".parse::<Timestamp>().is_err());
    }

    #[test]
    fn the_far_future_prints() {
        let printed = Timestamp::from_millis(u64::MAX).to_string();
        assert_eq!(printed, "9999-12-30T22:00:00.000Z");
        assert_eq!(printed.parse(), Ok(Timestamp::from_millis(LAST_MILLIS)));
        assert!("9999-12-30T22:00:00.001Z".parse::<Timestamp>().is_err());
    }
}
