//! Exact decimals for prices and quantities, and their sum in nano-units.

use headway_protocol::Amount;

/// The most significant digits of a decimal: as many as a float's shortest text can have.
const MOST_DIGITS: u32 = 17;
/// The most places of a factor, so that price × factor × quantity fits 128 bits: 17 + 4 + 17 digits.
const MOST_FACTOR_PLACES: i32 = 4;
/// Decimal places below a nano-unit that a sum keeps.
const FRACTION_PLACES: u32 = 36;
const FRACTION_ONE: u128 = 10_u128.pow(FRACTION_PLACES);

/// A decimal that is not negative: `digits · 10^−places`. Without trailing zeros in its digits; zero
/// has no places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: u128,
    places: i32,
}

/// Why a text is no decimal for a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotADecimal {
    #[error("not a decimal; write one such as \"0.0025\"")]
    Syntax,
    #[error("negative; a price is zero or more")]
    Negative,
    #[error("more than {MOST_DIGITS} significant digits; round it")]
    TooPrecise,
    #[error("beyond the largest amount, 9223372036; give the price of one unit")]
    TooLarge,
}

impl Decimal {
    /// Reads `0.0025`, `12` or `1.5e-07`.
    pub(super) fn parse(text: &str) -> Result<Self, NotADecimal> {
        let decimal = Self::parse_any(text)?;
        // 10^10 is past the largest amount, and the comparison below stays within 128 bits.
        let whole_digits = i64::from(decimal.digits.checked_ilog10().map_or(0, |log| log + 1))
            - i64::from(decimal.places);
        let largest = u128::from(i64::MAX.unsigned_abs() / 1_000_000_000);
        if whole_digits > 10
            || (decimal.places <= 0 && decimal.digits * power(-decimal.places) > largest)
            || (decimal.places > 0 && decimal.digits / power(decimal.places) >= largest)
        {
            return Err(NotADecimal::TooLarge);
        }
        Ok(decimal)
    }

    fn parse_any(text: &str) -> Result<Self, NotADecimal> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                (mantissa, exponent.parse::<i16>().map_err(|_| NotADecimal::Syntax)?)
            }
            None => (text, 0),
        };
        let (negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let written = || whole.bytes().chain(fraction.bytes());
        if written().next().is_none() || !written().all(|byte| byte.is_ascii_digit()) {
            return Err(NotADecimal::Syntax);
        }
        let all: String = format!("{whole}{fraction}");
        let significant = all.trim_start_matches('0').trim_end_matches('0');
        if significant.is_empty() {
            return Ok(Self::default());
        }
        if negative {
            return Err(NotADecimal::Negative);
        }
        if significant.len() > MOST_DIGITS as usize {
            return Err(NotADecimal::TooPrecise);
        }
        let trailing = all.len() - all.trim_end_matches('0').len();
        let places = i32::try_from(fraction.len()).map_err(|_| NotADecimal::TooPrecise)?
            - i32::try_from(trailing).map_err(|_| NotADecimal::TooLarge)?
            - i32::from(exponent);
        let digits = significant.parse().map_err(|_| NotADecimal::TooPrecise)?;
        Ok(Self { digits, places })
    }

    /// The decimal that a float's shortest text is; `None` for what cannot be a quantity: negative
    /// or not finite.
    pub(super) fn from_quantity(quantity: f64) -> Option<Self> {
        if !quantity.is_finite() {
            return None;
        }
        Self::parse_any(&format!("{quantity:e}")).ok()
    }

    /// Whether this is nothing.
    pub(super) const fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// Whether this can be a batch factor: 0 to 1, with at most four places.
    pub(super) fn is_factor(self) -> bool {
        self.is_zero()
            || ((0..=MOST_FACTOR_PLACES).contains(&self.places)
                && self.digits <= power(self.places))
    }

    /// The price times a factor, exactly.
    pub(super) fn times_factor(self, factor: Self) -> Self {
        // At most 21 digits by `MOST_DIGITS` and `MOST_FACTOR_PLACES`.
        Self { digits: self.digits * factor.digits, places: self.places + factor.places }
    }
}

/// A sum of products in nano-units with 36 places below them; what lies deeper is dropped.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NanoSum {
    nanos: u128,
    /// In units of 10⁻³⁶ nano-units, below `FRACTION_ONE`.
    fraction: u128,
}

impl NanoSum {
    /// Adds price × quantity.
    pub(super) fn add_product(&mut self, price: Decimal, quantity: Decimal) {
        // At most 38 digits by the bounds of a decimal and of a factor, which 128 bits hold.
        let digits = price.digits.saturating_mul(quantity.digits);
        let shift = price.places.saturating_add(quantity.places).saturating_sub(9);
        let below = shift.unsigned_abs();
        let (whole, fraction) = if shift <= 0 {
            (
                10_u128
                    .checked_pow(below)
                    .map_or(saturated(digits), |by| digits.saturating_mul(by)),
                0,
            )
        } else if let Some(one) = 10_u128.checked_pow(below) {
            let rest = digits % one;
            let fraction = if below <= FRACTION_PLACES {
                rest * 10_u128.pow(FRACTION_PLACES - below)
            } else {
                rest / 10_u128.pow(below - FRACTION_PLACES)
            };
            (digits / one, fraction)
        } else {
            let deeper = 10_u128.checked_pow(below - FRACTION_PLACES);
            (0, deeper.map_or(0, |by| digits / by))
        };
        let fraction = self.fraction + fraction;
        self.nanos = self.nanos.saturating_add(whole).saturating_add(fraction / FRACTION_ONE);
        self.fraction = fraction % FRACTION_ONE;
    }

    /// The sum rounded half up, held at the largest amount.
    pub(super) fn rounded(self) -> Amount {
        let up = u128::from(self.fraction >= FRACTION_ONE / 2);
        let nanos = self.nanos.saturating_add(up);
        Amount::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
    }
}

/// What a product that no power of ten reaches comes to: nothing, or more than any amount.
const fn saturated(digits: u128) -> u128 {
    if digits == 0 { 0 } else { u128::MAX }
}

/// 10 to a power, held at the largest integer.
fn power(exponent: i32) -> u128 {
    10_u128.saturating_pow(exponent.unsigned_abs())
}
