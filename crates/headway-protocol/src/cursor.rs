//! Positions in one job's log.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A position in one job's log: everything up to and including event number `offset` was seen.
///
/// To its holder it is an opaque text. The epoch is drawn when the log begins; a cursor of another
/// epoch belongs to a log that is gone, and is never taken for a position in this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Which log: drawn at random when the job is created.
    pub epoch: u32,
    /// How many events of it were seen; 0 is before the first.
    pub offset: u64,
}

/// A text that is no cursor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a cursor: pass back one that a reply, a frame or a document carried")]
pub struct NotACursor(String);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}", self.epoch, self.offset)
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotACursor(text.chars().take(60).collect());
        let (epoch, offset) = text.split_once('-').ok_or_else(wrong)?;
        let digits = !offset.is_empty() && offset.bytes().all(|b| b.is_ascii_digit());
        let hex = epoch.len() == 8 && epoch.bytes().all(|b| b.is_ascii_hexdigit());
        if !digits || !hex {
            return Err(wrong());
        }
        let epoch = u32::from_str_radix(epoch, 16).map_err(|_| wrong())?;
        let offset = offset.parse().map_err(|_| wrong())?;
        Ok(Self { epoch, offset })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Cursor {
    fn schema_name() -> Cow<'static, str> {
        "Cursor".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "Opaque position in one job's log" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_prints_and_nothing_else() {
        let cursor = Cursor { epoch: 0x5f3a, offset: 425 };
        assert_eq!(cursor.to_string(), "00005f3a-425");
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "-", "5f3a-1", "00005f3a-", "00005f3a--1", "00005f3a-+1", "zz005f3a-1"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
