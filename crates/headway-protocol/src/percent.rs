//! How far: 0 to 100.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A finite share of the work between 0 and 100, kept to a hundredth.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Percent(f64);

/// A number that is no percent.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is not a percent: use a number from 0 to 100")]
pub struct NotAPercent(f64);

impl Percent {
    /// Nothing done.
    pub const ZERO: Self = Self(0.0);
    /// All done.
    pub const FULL: Self = Self(100.0);

    /// A percent from a number in 0–100, rounded down to a hundredth.
    pub fn new(value: f64) -> Result<Self, NotAPercent> {
        if (0.0..=100.0).contains(&value) {
            Ok(Self(((value * 100.0) + 1e-6).floor() / 100.0))
        } else {
            Err(NotAPercent(value))
        }
    }

    /// The share `done` of `total`, held between 0 and 100; zero of zero is 100.
    pub fn of(done: f64, total: f64) -> Self {
        if total <= 0.0 {
            return Self::FULL;
        }
        Self::new((done / total * 100.0).clamp(0.0, 100.0)).unwrap_or_default()
    }

    /// The number, 0–100.
    pub const fn value(self) -> f64 {
        self.0
    }

    /// The larger of the two: percent never falls.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        if other.0 > self.0 { other } else { self }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Percent {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Percent".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "number", "minimum": 0, "maximum": 100 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_its_range() {
        assert!(Percent::new(-0.1).is_err());
        assert!(Percent::new(100.1).is_err());
        assert!(Percent::new(f64::NAN).is_err());
        assert_eq!(Percent::of(425.0, 1000.0).to_string(), "42.5");
        assert_eq!(Percent::of(1.0, 3.0).to_string(), "33.33");
        assert_eq!(Percent::of(9.0, 3.0), Percent::FULL);
        assert_eq!(Percent::of(0.0, 0.0), Percent::FULL);
        assert_eq!(Percent::new(29.0).unwrap().to_string(), "29");
    }
}
