//! What units cost.
//!
//! A [`RateCard`] is read once from a file and never changes; a reload makes a new one, and what was
//! booked under the old one stays as it was. Prices and quantities are exact decimals and the sum of
//! a whole usage is rounded once, half up, to a nano-unit: no float takes part.
//!
//! ```
//! use headway_core::rates::RateCard;
//! use headway_protocol::report::Usage;
//!
//! let card = RateCard::from_json(
//!     r#"{"currency":"EUR","rates":{"ocr":{"pages":"0.0015","batch_factor":"0.5"}}}"#,
//! )?;
//! let usage = Usage { sku: "ocr".to_owned(), units: [("pages".to_owned(), 3.0)].into() };
//! assert_eq!(card.price(&usage, false).amount.to_string(), "0.0045");
//! assert_eq!(card.price(&usage, true).amount.to_string(), "0.00225");
//! # Ok::<(), headway_core::rates::RateCardError>(())
//! ```

mod costs;
mod decimal;
mod error;
mod litellm;
mod members;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use headway_protocol::report::Usage;
use headway_protocol::{Amount, Currency};

use self::decimal::{Decimal, NanoSum};
pub use self::error::RateCardError;
use self::members::Members;

/// Prices per unit of every SKU, in one currency. The default card is empty: it prices nothing.
#[derive(Clone, Debug, Default)]
pub struct RateCard {
    currency: Currency,
    skus: HashMap<String, SkuRates>,
}

/// A usage with its price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Price {
    /// The sum over all units that have a price.
    pub amount: Amount,
    /// Units without a price that were used at all, in alphabetical order.
    pub unpriced: Vec<String>,
}

impl RateCard {
    /// Reads `costs.json`, or a LiteLLM price map as it is. The two are told apart by the member
    /// `rates`, which only the first has.
    pub fn from_json(text: &str) -> Result<Self, RateCardError> {
        let file = Members::read(text, "")?;
        if file.has("rates") {
            costs::read(&file)
        } else if litellm::looks_like(&file) {
            litellm::read(&file)
        } else {
            Err(RateCardError::at(
                "",
                "neither costs.json (an object with a member `rates`) nor a LiteLLM price map \
                 (an object of models with members such as `input_cost_per_token`)",
            ))
        }
    }

    /// The currency of every price.
    pub fn currency(&self) -> &Currency {
        &self.currency
    }

    /// How many SKUs have a price.
    pub fn len(&self) -> usize {
        self.skus.len()
    }

    /// Whether nothing has a price.
    pub fn is_empty(&self) -> bool {
        self.skus.is_empty()
    }

    /// What a usage costs; at batch prices for `batch`: the SKU's own ones where the card has them,
    /// else its price times its batch factor, else its price.
    ///
    /// A unit without a price, or with a quantity that is negative or not finite, adds nothing and
    /// is listed in [`Price::unpriced`]. A price beyond the largest amount is held there.
    pub fn price(&self, usage: &Usage, batch: bool) -> Price {
        let rates = self.skus.get(&usage.sku);
        let prompt = prompt_tokens(usage);
        let mut sum = NanoSum::default();
        let mut unpriced = Vec::new();
        for (unit, &quantity) in &usage.units {
            let price = rates
                .and_then(|rates| rates.units.get(unit.as_str()))
                .and_then(|rate| rate.at(prompt, batch));
            match (price, Decimal::from_quantity(quantity)) {
                (Some(price), Some(quantity)) => sum.add_product(price, quantity),
                (None, Some(quantity)) if quantity.is_zero() => {}
                (None | Some(_), None) | (None, Some(_)) => unpriced.push(unit.clone()),
            }
        }
        Price { amount: sum.rounded(), unpriced }
    }
}

/// The prices of one SKU.
#[derive(Clone, Debug, Default)]
struct SkuRates {
    units: BTreeMap<Cow<'static, str>, UnitRate>,
}

/// What one unit costs. Never empty; rising by `above`.
#[derive(Clone, Debug, Default)]
struct UnitRate {
    tiers: Vec<Tier>,
}

/// A price for usages whose prompt has more tokens than `above`.
#[derive(Clone, Copy, Debug, Default)]
struct Tier {
    above: u64,
    price: Option<Decimal>,
    batch: Option<Decimal>,
}

impl UnitRate {
    /// The same price whatever the prompt.
    fn flat(price: Decimal, batch: Option<Decimal>) -> Self {
        Self { tiers: vec![Tier { above: 0, price: Some(price), batch }] }
    }

    /// The tier that begins above so many tokens, made when it is new.
    fn tier(&mut self, above: u64) -> Option<&mut Tier> {
        let place = match self.tiers.binary_search_by_key(&above, |tier| tier.above) {
            Ok(place) => place,
            Err(place) => {
                self.tiers.insert(place, Tier { above, ..Tier::default() });
                place
            }
        };
        self.tiers.get_mut(place)
    }

    /// The price for a usage with so many tokens in its prompt: the last tier that it is above.
    fn at(&self, prompt: f64, batch: bool) -> Option<Decimal> {
        self.tiers
            .iter()
            .rev()
            .filter(|tier| tier.above == 0 || prompt > tier.above as f64)
            .find_map(|tier| if batch { tier.batch.or(tier.price) } else { tier.price })
    }
}

/// The tokens that decide a tier: all that went in, cached or not.
fn prompt_tokens(usage: &Usage) -> f64 {
    usage
        .units
        .iter()
        .filter(|(unit, _)| litellm::PROMPT_UNITS.contains(&unit.as_str()))
        .map(|(_, quantity)| quantity.max(0.0))
        .sum()
}

#[cfg(test)]
mod tests;
