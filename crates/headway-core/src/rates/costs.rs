//! Headway's own file: `{"currency":"USD","rates":{"SKU":{"UNIT":"price",…,"batch_factor":"0.5"}}}`.

use std::borrow::Cow;

use headway_protocol::Currency;

use super::members::{Members, string};
use super::{RateCard, RateCardError, SkuRates, UnitRate};

const BATCH_FACTOR: &str = "batch_factor";

/// Reads the file's members. What is not understood is refused.
pub(super) fn read(file: &Members<'_>) -> Result<RateCard, RateCardError> {
    let mut card = RateCard::default();
    for (name, text) in file.iter() {
        match name {
            "currency" => card.currency = currency(&file.place(name), text)?,
            "rates" => {
                let rates = file.object(name, text)?;
                for (sku, text) in rates.iter() {
                    if sku.is_empty() {
                        return Err(RateCardError::at(
                            &rates.place(sku),
                            "a SKU needs a name; use the one that usages report",
                        ));
                    }
                    let read = sku_rates(&rates.object(sku, text)?)?;
                    card.skus.insert(sku.to_owned(), read);
                }
            }
            _ => {
                return Err(RateCardError::at(
                    &file.place(name),
                    "not known here; the file's members are `currency` and `rates`",
                ));
            }
        }
    }
    Ok(card)
}

fn currency(place: &str, text: &str) -> Result<Currency, RateCardError> {
    let code = string(text).ok_or_else(|| {
        RateCardError::at(place, "not a text; write a currency code such as \"USD\"")
    })?;
    code.parse().map_err(|error| RateCardError::at(place, format!("{error}")))
}

fn sku_rates(members: &Members<'_>) -> Result<SkuRates, RateCardError> {
    let mut factor = None;
    for (name, text) in members.iter().filter(|(name, _)| *name == BATCH_FACTOR) {
        let read = members.decimal(name, text)?;
        if !read.is_factor() {
            return Err(RateCardError::at(
                &members.place(name),
                "a batch factor is from 0 to 1 with at most four places, such as \"0.5\"",
            ));
        }
        factor = Some(read);
    }
    let mut rates = SkuRates::default();
    for (unit, text) in members.iter().filter(|(name, _)| *name != BATCH_FACTOR) {
        if unit.is_empty() || unit == "sku" {
            return Err(RateCardError::at(
                &members.place(unit),
                "not a unit's name; use the one that usages report, such as `input_tokens`",
            ));
        }
        let price = members.decimal(unit, text)?;
        let batch = factor.map(|factor| price.times_factor(factor));
        rates.units.insert(Cow::Owned(unit.to_owned()), UnitRate::flat(price, batch));
    }
    Ok(rates)
}
