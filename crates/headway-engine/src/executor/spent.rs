//! What attempts say that they used and spent.

use headway_protocol::Amount;
use headway_protocol::report::Usage;
use serde_json::value::RawValue;

use crate::input::countable;

/// The most different SKUs of one attempt; usage beyond them is refused.
const SKUS: usize = 64;

/// Usage and money of one attempt so far. Usage of one SKU is added up, so that it is bounded by
/// the number of SKUs however often an attempt reports.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spent {
    pub(super) usage: Vec<Usage>,
    pub(super) cost: Amount,
}

impl Spent {
    /// Adds usage; an error says why it cannot be counted.
    pub(super) fn add_usage(&mut self, usage: Usage) -> Result<(), String> {
        if !countable(&usage) {
            return Err(format!("the usage of `{}` has a number below 0", usage.sku));
        }
        let Some(known) = self.usage.iter_mut().find(|known| known.sku == usage.sku) else {
            if self.usage.len() >= SKUS {
                return Err(format!("usage of more than {SKUS} SKUs"));
            }
            self.usage.push(usage);
            return Ok(());
        };
        for (unit, count) in usage.units {
            let sum = known.units.entry(unit).or_insert(0.0);
            // Infinity could be written down by nobody.
            *sum = (*sum + count).min(f64::MAX);
        }
        Ok(())
    }

    /// Adds usage as a program wrote it: an object, or an array of them.
    pub(super) fn add_written_usage(&mut self, written: &RawValue) -> Result<(), String> {
        let text = written.get();
        let wrong = |error: serde_json::Error| format!("`usage` cannot be read: {error}");
        if text.starts_with('[') {
            for usage in serde_json::from_str::<Vec<Usage>>(text).map_err(wrong)? {
                self.add_usage(usage)?;
            }
        } else if text != "null" {
            self.add_usage(serde_json::from_str(text).map_err(wrong)?)?;
        }
        Ok(())
    }

    /// Adds money; it cannot be given back.
    pub(super) fn add_cost(&mut self, cost: Amount) -> Result<(), String> {
        if cost.is_negative() {
            return Err(format!("a cost of {cost} is below 0"));
        }
        self.cost += cost;
        Ok(())
    }

    /// Adds money as a program wrote it.
    pub(super) fn add_written_cost(&mut self, written: &RawValue) -> Result<(), String> {
        let cost: Option<Amount> = serde_json::from_str(written.get())
            .map_err(|error| format!("`cost` cannot be read: {error}"))?;
        self.add_cost(cost.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn usage_of_one_sku_is_added_up() {
        let mut spent = Spent::default();
        spent.add_written_usage(&written(r#"{"sku":"m","tokens":2}"#)).unwrap();
        spent
            .add_written_usage(&written(r#"[{"sku":"m","tokens":3,"calls":1},{"sku":"n"}]"#))
            .unwrap();
        assert_eq!(spent.usage.len(), 2);
        assert_eq!(spent.usage[0].units.get("tokens"), Some(&5.0));
        assert_eq!(spent.usage[0].units.get("calls"), Some(&1.0));
        for _ in 0..3 {
            spent.add_written_usage(&written(r#"{"sku":"n","tokens":1.7e308}"#)).unwrap();
        }
        assert_eq!(spent.usage[1].units.get("tokens"), Some(&f64::MAX));
    }

    #[test]
    fn what_cannot_be_counted_is_refused() {
        let mut spent = Spent::default();
        for text in [r#"{"sku":"m","tokens":-1}"#, r#"{"tokens":1}"#, "7"] {
            assert!(spent.add_written_usage(&written(text)).is_err(), "{text}");
        }
        for text in [r#""-1""#, r#""ten""#, "true"] {
            assert!(spent.add_written_cost(&written(text)).is_err(), "{text}");
        }
        assert_eq!(spent, Spent::default());
        spent.add_written_cost(&written(r#""0.25""#)).unwrap();
        spent.add_written_cost(&written("0.5")).unwrap();
        assert_eq!(spent.cost.to_string(), "0.75");
        for sku in 0..100 {
            let added = spent.add_written_usage(&written(&format!(r#"{{"sku":"{sku}"}}"#)));
            assert_eq!(added.is_ok(), sku < SKUS);
        }
    }
}
