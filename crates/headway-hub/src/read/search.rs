//! Finding jobs by words: part of a name, a kind, a session or a tag.
//!
//! There is no index of words: the list is looked through, newest first.

use headway_store::Stored;
use serde_json::Value;

/// Words, each of which a job has to have somewhere.
pub(super) struct Words(Vec<String>);

impl Words {
    /// The words of a text, each once. Letters are the same large and small.
    pub(super) fn new(text: &str) -> Self {
        let mut words: Vec<_> = text.split_whitespace().map(str::to_lowercase).collect();
        // The longest first: it is the least likely to be found by chance.
        words.sort_unstable_by(|one, next| next.len().cmp(&one.len()).then(one.cmp(next)));
        words.dedup();
        Self(words)
    }

    /// Whether each is part of something that people call the job by.
    pub(super) fn fit(&self, stored: &Stored) -> bool {
        let facets = &stored.facets;
        let member = |name: &str| stored.document.get(name).and_then(Value::as_str);
        let named = [member("id"), member("name"), Some(&facets.kind), facets.session.as_deref()];
        let tags = facets.tags.iter().map(String::as_str);
        let mut places = String::new();
        for place in named.into_iter().flatten().chain(tags) {
            places.push_str(place);
            // No word reaches from one place into the next.
            places.push('\n');
        }
        let places = places.to_lowercase();
        self.0.iter().all(|word| places.contains(word.as_str()))
    }
}
