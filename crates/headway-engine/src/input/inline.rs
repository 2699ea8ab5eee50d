//! Items in the request itself.

use serde_json::Value;

use super::{Chunk, ParsedItem, item};

/// Items that are already in memory: the request's size bounds them.
#[derive(Debug)]
pub(super) struct InlineItems {
    values: std::vec::IntoIter<Value>,
    next: u64,
}

impl InlineItems {
    pub(super) fn new(values: Vec<Value>) -> Self {
        Self { values: values.into_iter(), next: 0 }
    }

    pub(super) fn next_chunk(&mut self) -> Vec<ParsedItem> {
        let mut chunk = Chunk::default();
        while !chunk.is_full() {
            let Some(value) = self.values.next() else { break };
            chunk.push(item::parse(&value.to_string(), format_args!("item {}", self.next)));
            self.next += 1;
        }
        chunk.items
    }
}
