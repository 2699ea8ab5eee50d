//! Price lists.

use headway_core::rates::{Price, RateCard};
use headway_protocol::report::Usage;

/// Any text as a price list, and what a use of everything it may name costs by it.
pub fn rate_card(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(card) = RateCard::from_json(text) else { return };
    assert_eq!(card.is_empty(), card.len() == 0);
    for sku in ["ocr", "gpt-x", "a"] {
        for quantity in [0.0, 1.0, 0.1, 3.0, 1e15, f64::MAX, f64::MIN_POSITIVE] {
            let units = ["pages", "input_tokens", "output_tokens", "requests", "a"];
            let units = units.map(|unit| (unit.to_owned(), quantity)).into();
            let usage = Usage { sku: sku.to_owned(), units };
            let (alone, batch) = (card.price(&usage, false), card.price(&usage, true));
            for price in [alone, batch] {
                assert!(price.unpriced.is_sorted(), "{price:?}");
                if quantity == 0.0 {
                    assert_eq!(price, Price::default(), "nothing costs nothing");
                }
            }
        }
    }
}
