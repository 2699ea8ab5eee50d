//! What was measured, as a table or as one JSON object.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::latencies::Latencies;
use crate::output;
use crate::table::Table;

/// Named figures in the order in which they are told.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures(Vec<(String, Value)>);

impl Figures {
    /// Adds a figure; its name ends with its unit.
    pub(super) fn add(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.push((name.into(), value.into()));
    }

    /// Adds a figure with three digits behind the point.
    pub(super) fn add_fraction(&mut self, name: impl Into<String>, value: f64) {
        self.add(name, (value * 1e3).round() / 1e3);
    }

    /// Adds the median, the 99th of 100 and the longest.
    pub(super) fn add_latencies(&mut self, name: &str, latencies: &Latencies) {
        self.add_fraction(format!("{name}_p50_ms"), latencies.percentile_ms(50));
        self.add_fraction(format!("{name}_p99_ms"), latencies.percentile_ms(99));
        self.add_fraction(format!("{name}_max_ms"), latencies.longest_ms());
    }

    /// Prints them.
    pub(super) fn print(&self, as_json: bool) {
        if as_json {
            return output::json(self);
        }
        let mut table = Table::new(&["FIGURE", "VALUE"]);
        for (name, value) in &self.0 {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            table.row(&[name.replace('_', " "), value]);
        }
        for line in table.lines() {
            output::line(&line);
        }
    }
}

impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
