//! RFC 7396 merge patches: what changed between two documents, applied and joined.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A typed document that can say what changed.
pub trait Diff {
    /// The merge patch that leads from `self` to `after`, `None` when nothing changed.
    fn diff(&self, after: &Self) -> Option<Value>;
}

/// Writes [`Diff`] for a struct field by field. Every field is named, as a part of the patch or in
/// `skip`, so that a new field cannot be forgotten.
#[macro_export]
macro_rules! diff_struct {
    ($name:ident { $($field:ident),* $(,)? } $(skip { $($skipped:ident),* })?) => {
        impl $crate::patch::Diff for $name {
            fn diff(&self, after: &Self) -> Option<serde_json::Value> {
                let Self { $($field: _,)* $($($skipped: _,)*)? } = self;
                let mut patch = serde_json::Map::new();
                $(
                    if let Some(change) = $crate::patch::Diff::diff(&self.$field, &after.$field) {
                        patch.insert(stringify!($field).to_owned(), change);
                    }
                )*
                (!patch.is_empty()).then_some(serde_json::Value::Object(patch))
            }
        }
    };
}

/// Writes [`Diff`] for types that change as a whole.
#[macro_export]
macro_rules! diff_whole {
    ($($name:ty),* $(,)?) => {
        $(
            impl $crate::patch::Diff for $name {
                fn diff(&self, after: &Self) -> Option<serde_json::Value> {
                    (self != after).then(|| $crate::patch::value_of(after))
                }
            }
        )*
    };
}

/// A document as JSON; types that cannot be JSON give `null`.
pub fn value_of<T: serde::Serialize>(document: &T) -> Value {
    serde_json::to_value(document).unwrap_or_default()
}

diff_whole!(bool, u32, u64, i64, String);
diff_whole!(crate::Timestamp, crate::Percent, crate::Amount, crate::Currency, crate::JobId);
diff_whole!(crate::JobStatus, crate::StepStatus, crate::ItemStatus);

/// Lists change as a whole. One that becomes empty is removed: in our documents an empty list is left
/// out, and absent means empty.
impl Diff for f64 {
    fn diff(&self, after: &Self) -> Option<Value> {
        (self.to_bits() != after.to_bits()).then(|| value_of(after))
    }
}

impl<T: PartialEq + serde::Serialize> Diff for Vec<T> {
    fn diff(&self, after: &Self) -> Option<Value> {
        (self != after).then(|| if after.is_empty() { Value::Null } else { value_of(after) })
    }
}

impl<T: Diff + serde::Serialize> Diff for Option<T> {
    fn diff(&self, after: &Self) -> Option<Value> {
        match (self, after) {
            (None, None) => None,
            (Some(_), None) => Some(Value::Null),
            (None, Some(now)) => Some(value_of(now)),
            (Some(before), Some(now)) => before.diff(now),
        }
    }
}

impl<T: Diff + serde::Serialize> Diff for Box<T> {
    fn diff(&self, after: &Self) -> Option<Value> {
        (**self).diff(after)
    }
}

impl<T: Diff + serde::Serialize> Diff for BTreeMap<String, T> {
    fn diff(&self, after: &Self) -> Option<Value> {
        let mut patch = Map::new();
        for (key, before) in self {
            match after.get(key) {
                None => {
                    patch.insert(key.clone(), Value::Null);
                }
                Some(now) => {
                    if let Some(change) = before.diff(now) {
                        patch.insert(key.clone(), change);
                    }
                }
            }
        }
        for (key, now) in after {
            if !self.contains_key(key) {
                patch.insert(key.clone(), value_of(now));
            }
        }
        (!patch.is_empty()).then_some(Value::Object(patch))
    }
}

impl Diff for Value {
    fn diff(&self, after: &Self) -> Option<Value> {
        if self == after {
            return None;
        }
        let (Self::Object(before), Self::Object(now)) = (self, after) else {
            return Some(after.clone());
        };
        let mut patch = Map::new();
        for (key, old) in before {
            let new = now.get(key).unwrap_or(&Self::Null);
            if let Some(change) = old.diff(new) {
                patch.insert(key.clone(), change);
            }
        }
        for (key, new) in now {
            if !before.contains_key(key) && !new.is_null() {
                patch.insert(key.clone(), new.clone());
            }
        }
        (!patch.is_empty()).then_some(Self::Object(patch))
    }
}

/// Applies a merge patch to a document, in place (RFC 7396, section 2).
pub fn apply(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else { return };
    for (key, change) in changes {
        if change.is_null() {
            members.remove(key);
        } else {
            apply(members.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

/// Joins a later patch onto an earlier one, so that applying the join equals applying both in turn.
///
/// Answers `false` when no merge patch can say it (a member that was removed or was no object becomes
/// an object): then `earlier` is of no further use and a whole document must be sent instead.
#[must_use]
pub fn compose(earlier: &mut Value, later: &Value) -> bool {
    let Value::Object(second) = later else {
        *earlier = later.clone();
        return true;
    };
    let Value::Object(first) = earlier else { return false };
    for (key, change) in second {
        match first.get_mut(key) {
            None => {
                first.insert(key.clone(), change.clone());
            }
            Some(held) => match (held.is_object(), change.is_object()) {
                (true, true) => {
                    if !compose(held, change) {
                        return false;
                    }
                }
                (false, true) => return false,
                (true | false, false) => *held = change.clone(),
            },
        }
    }
    true
}

/// Removes members that are `null` inside objects, at any depth that merge patches reach: absent and
/// `null` mean the same, and a patch cannot carry the second.
pub fn drop_nulls(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| !member.is_null());
        for member in members.values_mut() {
            drop_nulls(member);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..5_i64).prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-d]", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn any_document() -> impl Strategy<Value = Value> {
        any_value().prop_filter_map("an object", |mut value| {
            drop_nulls(&mut value);
            value.is_object().then_some(value)
        })
    }

    proptest! {
        #[test]
        fn a_diff_applied_gives_the_later_document(
            before in any_document(),
            after in any_document(),
        ) {
            let mut patched = before.clone();
            if let Some(patch) = before.diff(&after) {
                apply(&mut patched, &patch);
            }
            prop_assert_eq!(patched, after);
        }

        #[test]
        fn a_join_equals_both_in_turn(
            document in any_document(),
            first in any_value(),
            second in any_value(),
        ) {
            let mut in_turn = document.clone();
            apply(&mut in_turn, &first);
            apply(&mut in_turn, &second);
            let mut joined = first.clone();
            if compose(&mut joined, &second) {
                let mut at_once = document;
                apply(&mut at_once, &joined);
                prop_assert_eq!(at_once, in_turn);
            }
        }
    }

    #[test]
    fn the_cases_of_the_rfc() {
        // RFC 7396, appendix A.
        for (target, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), json!(null), json!(null)),
            (json!({"a":"foo"}), json!("bar"), json!("bar")),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let mut patched = target.clone();
            apply(&mut patched, &patch);
            assert_eq!(patched, result, "{target} + {patch}");
        }
    }

    #[test]
    fn a_removed_member_that_returns_as_an_object_cannot_be_joined() {
        assert!(!compose(&mut json!({"a":null}), &json!({"a":{"b":1}})));
        assert!(!compose(&mut json!({"a":1}), &json!({"a":{"b":1}})));
        assert!(!compose(&mut json!("whole"), &json!({"a":null})));
    }
}
