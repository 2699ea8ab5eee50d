//! Merge patches (RFC 7396): applied, joined and made.

use headway_protocol::patch::{Diff, apply, compose, drop_nulls};
use serde_json::{Deserializer, Value};

/// Three JSON values one after the other: a document and two patches.
pub fn merge_patch(bytes: &[u8]) {
    let mut values = Deserializer::from_slice(bytes).into_iter::<Value>();
    let (Some(Ok(mut document)), Some(Ok(first)), Some(Ok(second))) =
        (values.next(), values.next(), values.next())
    else {
        return;
    };
    let mut in_turn = document.clone();
    apply(&mut in_turn, &first);
    let before = in_turn.clone();
    apply(&mut in_turn, &second);

    let mut joined = first.clone();
    if compose(&mut joined, &second) {
        let mut at_once = document.clone();
        apply(&mut at_once, &joined);
        assert_eq!(at_once, in_turn, "{first} and {second} as {joined}");
    }

    // Documents of ours have no `null` where a patch would reach it, and are objects.
    let mut after = before;
    drop_nulls(&mut document);
    drop_nulls(&mut after);
    if document.is_object() && after.is_object() {
        if let Some(change) = document.diff(&after) {
            apply(&mut document, &change);
        }
        assert_eq!(document, after);
    }
}
