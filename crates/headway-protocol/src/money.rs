//! Money: integers of a billionth of a currency unit, decimal strings on the wire.

use std::borrow::Cow;
use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An amount of money in nano-units (10⁻⁹ of the currency unit), up to about 9.2 thousand million
/// units. Sums saturate at the ends. On the wire a decimal string such as `"12.40"`; a request may
/// also use a JSON number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

/// A text that is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAmount {
    /// Not a decimal number.
    #[error("`{0}` is not an amount: use a decimal such as \"12.50\"")]
    Syntax(String),
    /// Beyond ±9,223,372,036 units.
    #[error("`{0}` is beyond the largest amount, 9223372036")]
    Range(String),
}

const NANO: i64 = 1_000_000_000;

impl Amount {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// An amount from nano-units.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The amount in nano-units.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// The sum, held at the largest amount.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, held at the smallest amount.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Whether this is below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// For statistics only: the amount in units.
    pub fn as_units(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = self.plus(other);
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let nanos = self.0.unsigned_abs();
        let (units, rest) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        let mut digits = format!("{rest:09}");
        while digits.len() > 2 && digits.ends_with('0') {
            digits.pop();
        }
        write!(f, "{sign}{units}.{digits}")
    }
}

impl FromStr for Amount {
    type Err = NotAnAmount;

    /// Reads a plain decimal or one with an exponent (`1.5e-06`, as price maps print them). Digits
    /// beyond the ninth place are rounded half up.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let syntax = || NotAnAmount::Syntax(text.chars().take(40).collect());
        let range = || NotAnAmount::Range(text.chars().take(40).collect());
        let trimmed = text.trim();
        let (sign, body) = match trimmed.strip_prefix('-') {
            Some(rest) => (-1_i128, rest),
            None => (1, trimmed),
        };
        let (mantissa, exponent) = match body.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                (mantissa, exponent.parse::<i32>().map_err(|_| syntax())?)
            }
            None => (body, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if (whole.is_empty() && fraction.is_empty())
            || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
        {
            return Err(syntax());
        }
        if exponent.unsigned_abs() > 60 || whole.len() + fraction.len() > 36 {
            return Err(range());
        }
        let digits: i128 = format!("{whole}{fraction}").parse().map_err(|_| syntax())?;
        let places = i32::try_from(fraction.len()).map_err(|_| range())?;
        let shift = 9 + exponent - places;
        let nanos = if shift >= 0 {
            let factor = 10_i128.checked_pow(shift.unsigned_abs()).ok_or_else(range);
            if digits == 0 { 0 } else { digits.checked_mul(factor?).ok_or_else(range)? }
        } else {
            match 10_i128.checked_pow(shift.unsigned_abs()) {
                Some(divisor) => (digits + divisor / 2) / divisor,
                None => 0,
            }
        };
        i64::try_from(sign * nanos).map(Self).map_err(|_| range())
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "expected an amount: a decimal such as \"12.50\", or a number"
        )]
        enum Written<'a> {
            #[serde(borrow)]
            Text(Cow<'a, str>),
            Whole(i64),
            Number(f64),
        }
        match Written::deserialize(deserializer)? {
            Written::Text(text) => text.parse().map_err(de::Error::custom),
            Written::Whole(units) => units
                .checked_mul(NANO)
                .map(Self)
                .ok_or_else(|| de::Error::custom(NotAnAmount::Range(units.to_string()))),
            Written::Number(number) => format!("{number}").parse().map_err(de::Error::custom),
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^-?[0-9]+\\.[0-9]{2,9}$" })
    }
}

/// A currency's code, three to eight capital letters; `USD` unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transparent))]
#[serde(transparent)]
pub struct Currency(Arc<str>);

/// A text that is no currency code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a currency code: use three to eight capital letters such as USD")]
pub struct NotACurrency(String);

impl Currency {
    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Currency {
    fn default() -> Self {
        Self("USD".into())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Currency {
    type Err = NotACurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if (3..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase()) {
            Ok(Self(text.into()))
        } else {
            Err(NotACurrency(text.chars().take(20).collect()))
        }
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, nanos: i64, printed: &str) {
        let amount: Amount = text.parse().unwrap();
        assert_eq!(amount.as_nanos(), nanos);
        assert_eq!(amount.to_string(), printed);
    }

    #[test]
    fn reads_and_prints_decimals() {
        check("12.4", 12_400_000_000, "12.40");
        check("-0.5", -500_000_000, "-0.50");
        check("0.000000001", 1, "0.000000001");
        check("1.5e-06", 1_500, "0.0000015");
        check("25", 25_000_000_000, "25.00");
        check(".5", 500_000_000, "0.50");
        check("0.0000000005", 1, "0.000000001");
        check("1e-40", 0, "0.00");
        check("0e60", 0, "0.00");
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", ".", "1.2.3", "ten", "1e", "--1", "1e99", "99999999999", "0x10", "NaN"]
            .into_iter()
            .chain(["1e2147483647", "1e-2147483648"])
        {
            assert!(text.parse::<Amount>().is_err(), "{text}");
        }
    }

    #[test]
    fn takes_json_numbers_in_requests() {
        assert_eq!(serde_json::from_str::<Amount>("2").unwrap().as_nanos(), 2 * NANO);
        assert_eq!(serde_json::from_str::<Amount>("1.5e-6").unwrap().as_nanos(), 1_500);
        assert_eq!(serde_json::from_str::<Amount>("\"0.25\"").unwrap().as_nanos(), NANO / 4);
        assert!(serde_json::from_str::<Amount>("true").is_err());
    }

    #[test]
    fn sums_stay_in_range() {
        let top = Amount::from_nanos(i64::MAX);
        assert_eq!(top.plus(Amount::from_nanos(1)), top);
    }
}
