use headway_access::{Reach, Scopes};
use headway_protocol::Owner;
use headway_store::PutEntry;

use super::*;
use crate::collection::{KEYS, RING, SESSIONS, SIGNING, USES};

const IDLE_MS: u64 = 3_600_000;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn key(created_at: u64) -> KeyRecord {
    KeyRecord {
        name: "name".to_owned(),
        owner: Owner { tenant: "acme".to_owned(), subject: Some("ada".to_owned()) },
        scopes: Scopes::ALL,
        own_only: false,
        hash: blake3::hash(b"key").to_hex().to_string(),
        created_at: at(created_at),
        expires_at: None,
        revoked_at: None,
    }
}

fn entry<T: Serialize>(collection: &str, key: &str, value: &T, revision: u64) -> Entry {
    let put = PutEntry::new(collection, key, value).unwrap();
    Entry { collection: put.collection, key: put.key, value: put.value.unwrap(), revision }
}

fn with_key(created_at: u64) -> Known {
    let mut known = Known::default();
    known.fold(&entry(KEYS, "k1", &key(created_at), 1)).unwrap();
    known
}

fn revoke(known: &mut Known, revocation: &Revocation) -> bool {
    known.fold(&entry(collection::REVOCATIONS, "any", revocation, 9)).unwrap()
}

fn forget(known: &mut Known, now: Timestamp) -> Vec<(&'static str, String)> {
    let gone = known.over(now, IDLE_MS, 9);
    known.forget(&gone);
    gone.entries()
}

fn caller(subject: &str, credential: Credential) -> Caller {
    Caller {
        owner: Owner { tenant: "acme".to_owned(), subject: Some(subject.to_owned()) },
        reach: Reach::Tenant,
        credential,
        ..Caller::anyone()
    }
}

fn jwt(id: &str, issued_at: u64) -> Credential {
    Credential::Jwt { id: Some(id.to_owned()), issued_at: at(issued_at) }
}

fn token(by_key: Option<&str>, by_subject: Option<&str>) -> Credential {
    Credential::Token {
        id: "t1".to_owned(),
        issued_at: at(50),
        by_key: by_key.map(str::to_owned),
        by_subject: by_subject.map(str::to_owned),
    }
}

#[test]
fn an_entry_that_comes_late_changes_nothing() {
    let mut known = with_key(10);
    let revoked = KeyRecord { revoked_at: Some(at(20)), ..key(10) };
    assert!(known.fold(&entry(KEYS, "k1", &revoked, 3)).unwrap());
    assert!(!known.fold(&entry(KEYS, "k1", &key(10), 2)).unwrap());
    assert!(!known.fold(&entry(KEYS, "k1", &revoked, 3)).unwrap());
    let by_key = caller("ada", Credential::Key { id: "k1".to_owned() });
    assert_eq!(known.stands(&by_key, at(30)), Err(Ended::Revoked));

    let (first, second) = (Ring::first(at(1)), Ring::first(at(2)));
    known.fold(&entry(SIGNING, RING, &second, 5)).unwrap();
    known.fold(&entry(SIGNING, RING, &first, 4)).unwrap();
    assert_eq!(known.ring.signs(), second.signs());
}

#[test]
fn a_damaged_entry_is_told_and_shows_nothing_of_itself() {
    let mut known = Known::default();
    for value in [&serde_json::json!({ "secret": "hunter2" }), &serde_json::json!("hunter2")] {
        let error = known.fold(&entry(KEYS, "k1", value, 1)).unwrap_err();
        assert!(
            error.to_string().contains("entry k1") && !format!("{error:?}").contains("hunter2")
        );
    }
    let no_hash = KeyRecord { hash: "?".to_owned(), ..key(1) };
    assert!(known.fold(&entry(KEYS, "k1", &no_hash, 1)).is_err());
}

#[test]
fn every_credential_ends_with_what_it_came_from() {
    type Change = fn(&mut Known) -> bool;
    let nothing: Change = |_| false;
    let of_ada: Change = |known| revoke(known, &Revocation::of_subject("acme", "ada", at(50)));
    let of_boss: Change = |known| revoke(known, &Revocation::of_subject("acme", "boss", at(50)));
    let of_token: Change = |known| revoke(known, &Revocation::of_token("acme", "t1", at(60)));
    let of_key: Change = |known| {
        let revoked = KeyRecord { revoked_at: Some(at(60)), ..key(50) };
        known.fold(&entry(KEYS, "k1", &revoked, 2)).unwrap()
    };
    let api_key = || Credential::Key { id: "k1".to_owned() };
    let cases = [
        (api_key(), nothing, true),
        (api_key(), of_key, false),
        (api_key(), of_ada, false),
        (api_key(), of_boss, true),
        (Credential::Key { id: "k2".to_owned() }, nothing, false),
        (jwt("t1", 50), nothing, true),
        (jwt("t1", 50), of_token, false),
        (jwt("t2", 50), of_token, true),
        (jwt("t2", 50), of_ada, false),
        (jwt("t2", 51), of_ada, true),
        (jwt("t2", 0), of_ada, false),
        (token(None, None), of_key, true),
        (token(None, None), of_token, false),
        (token(None, None), of_ada, false),
        (token(Some("k1"), None), nothing, true),
        (token(Some("k1"), None), of_key, false),
        (token(Some("k2"), None), nothing, false),
        (token(None, Some("boss")), of_boss, false),
        (token(None, Some("other")), of_boss, true),
        (Credential::AdminKey, of_ada, true),
    ];
    for (credential, change, stands) in cases {
        let mut known = with_key(50);
        change(&mut known);
        let caller = caller("ada", credential);
        assert_eq!(known.stands(&caller, at(100)).is_ok(), stands, "{:?}", caller.credential);
        let elsewhere = Owner { tenant: "other".to_owned(), ..caller.owner.clone() };
        let elsewhere = Caller { owner: elsewhere, credential: jwt("t1", 1), ..caller };
        assert_eq!(known.stands(&elsewhere, at(100)), Ok(()), "another tenant's is not touched");
    }
}

#[test]
fn it_ends_at_its_time_and_a_revocation_is_told_first() {
    let mut known = with_key(1);
    let ends = Caller { expires_at: Some(at(100)), ..caller("ada", jwt("t1", 50)) };
    assert_eq!(known.stands(&ends, at(99)), Ok(()));
    assert_eq!(known.stands(&ends, at(100)), Err(Ended::Expired));
    revoke(&mut known, &Revocation::of_token("acme", "t1", at(60)));
    assert_eq!(known.stands(&ends, at(100)), Err(Ended::Revoked));
}

#[test]
fn uses_outlive_a_change_of_the_key_and_are_written_once() {
    let mut known = with_key(1);
    known.keys["k1"].last_use.note(at(120_000), 60_000);
    known.fold(&entry(KEYS, "k1", &key(1), 2)).unwrap();
    let uses = known.unwritten_uses(9);
    assert_eq!(uses.len(), 1);
    assert_eq!((&*uses[0].0, uses[0].1.at), ("key.k1", at(120_000)));
    known.wrote_uses(&uses);
    assert!(known.unwritten_uses(9).is_empty());
    // Another node's later use is learned.
    known.fold(&entry(USES, "key.k1", &UseRecord { at: at(300_000) }, 3)).unwrap();
    assert_eq!(known.keys["k1"].last_use.at(), Some(at(300_000)));
    assert!(known.unwritten_uses(9).is_empty());
}

#[test]
fn what_is_over_is_forgotten_after_everybody_has_seen_it() {
    let day = 24 * 3_600_000;
    let mut known = with_key(1);
    let revoked = KeyRecord { revoked_at: Some(at(0)), ..key(1) };
    known.fold(&entry(KEYS, "dead", &revoked, 2)).unwrap();
    let session = SessionRecord {
        caller: (&caller("ada", jwt("t", 1))).into(),
        created_at: at(0),
        ends_at: at(day),
        admin_mark: None,
        ended_at: None,
    };
    let out = SessionRecord { ended_at: Some(at(1)), ..session.clone() };
    known.fold(&entry(SESSIONS, "idle", &session, 3)).unwrap();
    known.fold(&entry(SESSIONS, "out", &out, 4)).unwrap();
    let mut gone = |now| -> Vec<String> {
        forget(&mut known, at(now))
            .into_iter()
            .filter(|(name, _)| *name != USES)
            .map(|(_, key)| key)
            .collect()
    };
    assert!(gone(IDLE_MS).is_empty());
    assert_eq!(gone(2 * IDLE_MS), ["idle"]);
    assert_eq!(gone(2 * day), ["out"]);
    assert!(gone(90 * day).is_empty());
    assert_eq!(gone(91 * day), ["dead"]);
    assert!(known.keys.contains_key("k1"));
}

#[test]
fn a_subject_stays_revoked_as_long_as_it_has_a_key_from_before() {
    let mut known = with_key(10);
    let revocation = Revocation::of_subject("acme", "ada", at(10));
    revoke(&mut known, &revocation);
    let by_key = caller("ada", Credential::Key { id: "k1".to_owned() });
    let late = at(revocation.until.as_millis() + 1);
    // The key goes first, because it has been dead for long enough; then the revocation.
    let gone = forget(&mut known, late);
    assert_eq!(gone.iter().filter(|(name, _)| *name == KEYS).count(), 1);
    assert_eq!(known.stands(&by_key, late), Err(Ended::Revoked));

    let mut known = with_key(10);
    revoke(&mut known, &Revocation { until: at(20), ..revocation });
    assert!(forget(&mut known, at(30)).is_empty());
    assert_eq!(known.stands(&by_key, at(30)), Err(Ended::Revoked));
}
