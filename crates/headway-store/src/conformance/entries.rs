//! Entries beside jobs.

use super::Subject;
use super::fixtures::*;
use crate::{
    Append, AppendError, ENTRY_KEY_BYTES, ENTRY_VALUE_BYTES, Entry, EntryError, EntryOrder,
    EntryQuery, ExpectedEntry, PutEntry, Store, StoreError,
};

fn put(key: &str, value: u64) -> PutEntry {
    PutEntry::new("keys", key, &value).unwrap()
}

async fn all(store: &dyn Store, collection: &str) -> Vec<Entry> {
    let query = EntryQuery { limit: 1_000, ..EntryQuery::default() };
    store.entries(collection, &query).await.unwrap()
}

fn keys(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.key.as_str()).collect()
}

/// The revision that was found instead of the expected one.
fn conflict(answer: Result<Vec<u64>, EntryError>) -> Option<u64> {
    match answer {
        Err(EntryError::Conflict { collection, found, .. }) if collection == "keys" => found,
        other => panic!("no conflict: {other:?}"),
    }
}

/// What was put is read back by its key, as it was put, until it is put anew or removed.
pub async fn an_entry_holds_what_was_put_last(subject: &mut impl Subject) {
    let store = subject.store();
    assert!(store.entry("keys", "a").await.unwrap().is_none());
    let text = r#"{"name": "ä \"b\"", "n": [1, 2.50]}"#;
    let mut given = put("a", 0);
    given.value = Some(serde_json::value::RawValue::from_string(text.to_owned()).unwrap());
    let first = store.put_entries(vec![given, put("ü/ 1", 7)]).await.unwrap();
    assert!(first[0] > 0 && first[0] < first[1], "{first:?}");
    drop(store);
    for _ in 0..2 {
        let store = subject.store();
        let entry = store.entry("keys", "a").await.unwrap().unwrap();
        assert_eq!((entry.value.get(), entry.revision), (text, first[0]));
        assert_eq!((entry.collection.as_str(), entry.key.as_str()), ("keys", "a"));
        let other = store.entry("keys", "ü/ 1").await.unwrap().unwrap();
        assert_eq!(other.parse::<u64>().unwrap(), 7);
        assert!(other.parse::<String>().is_err());
        assert!(store.entry("other", "a").await.unwrap().is_none());
        drop(store);
        if !subject.reopen().await {
            break;
        }
    }
    let store = subject.store();
    let second = store.put_entries(vec![put("a", 1)]).await.unwrap();
    assert!(second[0] > first[1]);
    let entry = store.entry("keys", "a").await.unwrap().unwrap();
    assert_eq!((entry.value.get(), entry.revision), ("1", second[0]));
    store.put_entries(vec![PutEntry::removal("keys", "a")]).await.unwrap();
    store.put_entries(vec![PutEntry::removal("keys", "nobody")]).await.unwrap();
    assert!(store.entry("keys", "a").await.unwrap().is_none());
    assert_eq!(keys(&all(&*store, "keys").await), ["ü/ 1"]);
}

/// A change happens only when its entry is as expected, and else tells where it is.
pub async fn a_change_expects_its_entry(subject: &mut impl Subject) {
    let store = subject.store();
    let put_if = async |key, value, expected| {
        store.put_entries(vec![put(key, value).expecting(expected)]).await
    };
    assert_eq!(conflict(put_if("a", 1, ExpectedEntry::Revision(1)).await), None);
    let first = put_if("a", 1, ExpectedEntry::Absent).await.unwrap()[0];
    assert_eq!(conflict(put_if("a", 2, ExpectedEntry::Absent).await), Some(first));
    let second = put_if("a", 2, ExpectedEntry::Revision(first)).await.unwrap()[0];
    assert_eq!(conflict(put_if("a", 3, ExpectedEntry::Revision(first)).await), Some(second));
    let third = put_if("a", 3, ExpectedEntry::Any).await.unwrap()[0];
    assert_eq!(store.entry("keys", "a").await.unwrap().unwrap().parse::<u64>().unwrap(), 3);

    let removal = |expected| PutEntry::removal("keys", "a").expecting(expected);
    let removed = store.put_entries(vec![removal(ExpectedEntry::Revision(second))]).await;
    assert_eq!(conflict(removed), Some(third));
    store.put_entries(vec![removal(ExpectedEntry::Revision(third))]).await.unwrap();
    let removed = store.put_entries(vec![removal(ExpectedEntry::Revision(third))]).await;
    assert_eq!(conflict(removed), None);
    store.put_entries(vec![removal(ExpectedEntry::Absent)]).await.unwrap();
}

/// One conflict, and nothing of a call happens.
pub async fn changes_of_one_call_happen_together(subject: &mut impl Subject) {
    let store = subject.store();
    let held = store.put_entries(vec![put("b", 1)]).await.unwrap()[0];
    let call = vec![
        put("a", 2),
        PutEntry::removal("keys", "b"),
        PutEntry::new("others", "x", "y").unwrap(),
        put("c", 2).expecting(ExpectedEntry::Revision(held)),
    ];
    assert_eq!(conflict(store.put_entries(call).await), None);
    assert_eq!(keys(&all(&*store, "keys").await), ["b"]);
    assert!(all(&*store, "others").await.is_empty());
    assert!(store.put_entries(Vec::new()).await.unwrap().is_empty());

    let call = vec![
        put("a", 2).expecting(ExpectedEntry::Absent),
        PutEntry::removal("keys", "b").expecting(ExpectedEntry::Revision(held)),
        PutEntry::new("others", "x", "y").unwrap(),
    ];
    let revisions = store.put_entries(call).await.unwrap();
    assert!(revisions.is_sorted() && revisions[0] > held, "{revisions:?}");
    assert_eq!(keys(&all(&*store, "keys").await), ["a"]);
    assert_eq!(all(&*store, "others").await[0].value.get(), "\"y\"");
    drop(store);
    if subject.reopen().await {
        assert_eq!(keys(&all(&*subject.store(), "keys").await), ["a"]);
    }
}

/// Of many who change what they read, each change follows another, and none is lost.
pub async fn counting_at_once_counts_everything(subject: &mut impl Subject) {
    let store = subject.store();
    let count = async || {
        for _ in 0..10 {
            loop {
                let found = store.entry("keys", "count").await.unwrap();
                let (value, expected) = match &found {
                    None => (0, ExpectedEntry::Absent),
                    Some(entry) => {
                        (entry.parse::<u64>().unwrap(), ExpectedEntry::Revision(entry.revision))
                    }
                };
                match store.put_entries(vec![put("count", value + 1).expecting(expected)]).await {
                    Ok(_) => break,
                    Err(EntryError::Conflict { .. }) => {}
                    Err(EntryError::Store(error)) => panic!("{error}"),
                }
            }
        }
    };
    // Together without a runtime of the suite's own: each is polled in turn.
    let (mut one, mut two) = (std::pin::pin!(count()), std::pin::pin!(count()));
    let (mut one_done, mut two_done) = (false, false);
    std::future::poll_fn(|context| {
        one_done = one_done || one.as_mut().poll(context).is_ready();
        two_done = two_done || two.as_mut().poll(context).is_ready();
        if one_done && two_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    assert_eq!(store.entry("keys", "count").await.unwrap().unwrap().value.get(), "20");
}

/// By key, either way, from any place, and only those with a prefix.
pub async fn entries_are_read_by_key(subject: &mut impl Subject) {
    let store = subject.store();
    let order = ["a", "a ", "a/1", "a/10", "a/2", "a/é", "b", "z", "é"];
    for key in ["z", "a/2", "a", "é", "a/10", "b", "a/é", "a ", "a/1"] {
        store.put_entries(vec![put(key, 1)]).await.unwrap();
    }
    store.put_entries(vec![PutEntry::new("keys2", "a/3", &1).unwrap()]).await.unwrap();
    let check = async |prefix: &str, after: Option<&str>, limit: usize, expected: &[&str]| {
        let mut query = EntryQuery {
            prefix: prefix.to_owned(),
            after: after.map(str::to_owned),
            order: EntryOrder::Ascending,
            limit,
        };
        let case = format!("{prefix:?} after {after:?}, at most {limit}");
        assert_eq!(keys(&store.entries("keys", &query).await.unwrap()), expected, "{case}");
        // The other way, what is before `after` is beyond it.
        query.order = EntryOrder::Descending;
        let beyond = |key: &&&str| after.is_none_or(|after| **key < after);
        let fitting = order.iter().rev().filter(|key| key.starts_with(prefix)).filter(beyond);
        let expected: Vec<&str> = fitting.take(limit.max(1)).copied().collect();
        assert_eq!(keys(&store.entries("keys", &query).await.unwrap()), expected, "{case}, back");
    };
    check("", None, 100, &order).await;
    check("", None, 3, &order[..3]).await;
    check("", None, 0, &order[..1]).await;
    check("", Some("a"), 100, &order[1..]).await;
    check("", Some("a/11"), 2, &["a/2", "a/é"]).await;
    check("", Some("é"), 2, &[]).await;
    check("a", None, 100, &order[..6]).await;
    check("a/", None, 100, &order[2..6]).await;
    check("a/", Some("a"), 2, &["a/1", "a/10"]).await;
    check("a/", Some("a/10"), 2, &["a/2", "a/é"]).await;
    check("a/", Some("b"), 2, &[]).await;
    check("a/1", None, 9, &["a/1", "a/10"]).await;
    check("c", None, 9, &[]).await;
}

/// A reader that remembers the largest revision misses nothing, and is told of each entry once.
pub async fn changes_are_read_by_revision(subject: &mut impl Subject) {
    let mut seen = 0;
    let mut news = async |subject: &dyn Fn() -> std::sync::Arc<dyn Store>| {
        let changed = subject().changed_entries("keys", seen, 100).await.unwrap();
        assert!(changed.is_sorted_by_key(|entry| entry.revision));
        seen = changed.last().map_or(seen, |entry| entry.revision);
        changed.into_iter().map(|entry| entry.key).collect::<Vec<_>>()
    };
    let store = || subject.store();
    assert!(news(&store).await.is_empty());
    store().put_entries(vec![put("b", 1), put("a", 1), put("c", 1)]).await.unwrap();
    store().put_entries(vec![PutEntry::new("keys2", "z", &1).unwrap()]).await.unwrap();
    assert_eq!(news(&store).await, ["b", "a", "c"]);
    assert!(news(&store).await.is_empty());
    // What was put twice comes once, at its last place; what is gone does not come.
    for change in [put("b", 2), put("d", 2), put("a", 2), put("b", 3)] {
        store().put_entries(vec![change]).await.unwrap();
    }
    store().put_entries(vec![PutEntry::removal("keys", "d")]).await.unwrap();
    assert_eq!(news(&store).await, ["a", "b"]);
    let limited = store().changed_entries("keys", 0, 2).await.unwrap();
    assert_eq!(keys(&limited), ["c", "a"]);
}

/// The newest entry is removed, the store is closed and opened: its revision is not given again.
pub async fn a_revision_is_given_once(subject: &mut impl Subject) {
    let mut last = 0;
    for closing in [false, true, false] {
        let store = subject.store();
        let given = store.put_entries(vec![put("a", 1), put("b", 1)]).await.unwrap();
        assert!(given[0] > last, "{given:?} after {last}");
        last = *given.last().unwrap();
        store.put_entries(vec![PutEntry::removal("keys", "b")]).await.unwrap();
        assert_eq!(store.trim_entries("keys", "z", 10).await.unwrap(), 1);
        if closing {
            store.close().await.unwrap();
        }
        drop(store);
        if !subject.reopen().await {
            return;
        }
    }
}

/// From the smallest key on, up to a key and so many at a time, in one collection.
pub async fn a_range_is_removed_from_its_beginning(subject: &mut impl Subject) {
    let store = subject.store();
    let order: Vec<String> = (0..20).map(|n| format!("{n:02}")).collect();
    store.put_entries(order.iter().rev().map(|key| put(key, 1)).collect()).await.unwrap();
    store.put_entries(vec![PutEntry::new("keys2", "00", &1).unwrap()]).await.unwrap();
    for (before, limit, removed, left) in
        [("00", 9, 0, 0), ("05", 3, 3, 3), ("05", 3, 2, 5), ("05", 3, 0, 5), ("zz", 100, 15, 20)]
    {
        assert_eq!(store.trim_entries("keys", before, limit).await.unwrap(), removed, "{before}");
        assert_eq!(keys(&all(&*store, "keys").await), order[left..], "{before}");
        let count = store.count_entries("keys").await.unwrap();
        assert_eq!(count, (order.len() - left) as u64);
    }
    assert_eq!(keys(&all(&*store, "keys2").await), ["00"]);
    store.close().await.unwrap();
    assert!(matches!(store.trim_entries("keys2", "z", 1).await, Err(StoreError::Closed)));
    assert!(matches!(
        store.put_entries(vec![put("a", 1)]).await,
        Err(EntryError::Store(StoreError::Closed))
    ));
    drop(store);
    if subject.reopen().await {
        assert!(all(&*subject.store(), "keys").await.is_empty());
        assert_eq!(keys(&all(&*subject.store(), "keys2").await), ["00"]);
    }
}

/// Entries that go with a record are there when it is, and not when it is not.
pub async fn entries_go_with_a_record_or_not_at_all(subject: &mut impl Subject) {
    let store = subject.store();
    let with = |append: Append, entries: Vec<PutEntry>| Append { entries, ..append };
    let once = |key: &str| put(key, 1).expecting(ExpectedEntry::Absent);
    appended(&store, with(first("a"), vec![once("a-1"), once("a-1b")])).await;
    appended(&store, with(next("a", 1), vec![once("a-2")])).await;
    let held = ["a-1", "a-1b", "a-2"];
    assert_eq!(keys(&all(&*store, "keys").await), held);

    // The record does not fit: its entries are not put.
    let late = refused(&store, with(next("a", 1), vec![once("late")])).await;
    assert!(matches!(late, AppendError::Conflict { .. }), "{late}");
    let taken = keyed(with(first("b"), vec![once("taken")]), "k", 1);
    appended(&store, keyed(first("c"), "k", 1)).await;
    assert!(matches!(refused(&store, taken).await, AppendError::KeyTaken { .. }));
    let fenced = Append {
        entries: vec![once("fenced")],
        ..settling("a", 2, vec![outcome(0, 1, headway_protocol::ItemStatus::Succeeded)])
    };
    assert!(matches!(refused(&store, fenced).await, AppendError::Fenced { .. }));
    // An entry does not fit: neither the record nor the other entry is there.
    let call = with(next("a", 2), vec![once("before"), once("a-1")]);
    let revision = store.entry("keys", "a-1").await.unwrap().unwrap().revision;
    assert!(matches!(
        refused(&store, call).await,
        AppendError::EntryConflict { collection, key, found }
            if collection == "keys" && key == "a-1" && found == Some(revision)
    ));
    assert!(matches!(
        refused(&store, with(first("d"), vec![once("a-2")])).await,
        AppendError::EntryConflict { .. }
    ));
    drop(store);
    for _ in 0..2 {
        let store = subject.store();
        assert_eq!(keys(&all(&*store, "keys").await), held);
        assert_eq!(loaded(&store, "a").await.cursor.offset, 2);
        assert!(store.load(&id("b")).await.unwrap().is_none());
        assert!(store.load(&id("d")).await.unwrap().is_none());
        drop(store);
        if !subject.reopen().await {
            break;
        }
    }
    // Two appends of one call are applied in turn, their entries with them; a removed job leaves
    // its entries.
    let store = subject.store();
    let call = vec![
        with(next("a", 2), vec![once("x")]),
        with(next("a", 3), vec![once("x")]),
        with(next("a", 3), vec![PutEntry::removal("keys", "x")]),
    ];
    let answers = store.append(call).await;
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    assert!(matches!(answers[1], Err(AppendError::EntryConflict { .. })));
    store.remove(&[id("a")]).await.unwrap();
    assert_eq!(keys(&all(&*store, "keys").await), held);
}

/// What no store takes is refused before anything is looked at.
pub async fn misshapen_entries_are_refused(subject: &mut impl Subject) {
    let store = subject.store();
    let named = |collection: &str| PutEntry::new(collection, "a", &1).unwrap();
    let large = PutEntry::new("keys", "a", &"x".repeat(ENTRY_VALUE_BYTES)).unwrap();
    for puts in [
        vec![named("")],
        vec![named("Keys")],
        vec![named("a b")],
        vec![named(&"c".repeat(65))],
        vec![put("", 1)],
        vec![put("a\n", 1)],
        vec![put(&format!("a{}", char::MAX), 1)],
        vec![put(&"k".repeat(ENTRY_KEY_BYTES + 1), 1)],
        vec![large],
        vec![put("a", 1), put("b", 1), put("a", 2)],
        (0..1_001).map(|n| put(&n.to_string(), n)).collect(),
    ] {
        let words = format!("{:?}", puts.first());
        let append = Append { entries: puts.clone(), ..first("a") };
        let appended = store.append(vec![append]).await.pop().unwrap();
        let refused = store.put_entries(puts).await;
        assert!(matches!(refused, Err(EntryError::Store(StoreError::Refused(_)))), "{words}");
        assert!(matches!(appended, Err(AppendError::Store(StoreError::Refused(_)))), "{words}");
    }
    assert!(store.load(&id("a")).await.unwrap().is_none());
    let most = (0..1_000).map(|n| put(&n.to_string(), n)).collect();
    assert_eq!(store.put_entries(most).await.unwrap().len(), 1_000);
    store.put_entries(vec![put(&"k".repeat(ENTRY_KEY_BYTES), 1)]).await.unwrap();
    let largest = "x".repeat(ENTRY_VALUE_BYTES - 2);
    store.put_entries(vec![PutEntry::new("keys", "large", &largest).unwrap()]).await.unwrap();
    let entry = store.entry("keys", "large").await.unwrap().unwrap();
    assert_eq!(entry.value.get().len(), ENTRY_VALUE_BYTES);
    assert!(!format!("{entry:?}").contains("xx"), "a value is shown");
}
