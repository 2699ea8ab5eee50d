use std::collections::BTreeSet;

use headway_protocol::Action;
use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_000);

fn claims(ends: u64) -> Claims {
    let listed = Listed {
        jobs: BTreeSet::from(["job_1".parse().unwrap()]),
        actions: BTreeSet::from([Action::Cancel]),
        of_subject: Some("ada".to_owned()),
        ..Listed::default()
    };
    Claims {
        id: "wt1".to_owned(),
        tenant: "acme".to_owned(),
        subject: Some("ada".to_owned()),
        listed: (&listed).into(),
        issued: 500,
        ends,
        by_key: Some("k1".to_owned()),
        by_subject: None,
        by_admin: None,
    }
}

fn ring() -> Ring {
    Ring::first(NOW)
}

#[test]
fn a_token_says_who_comes() {
    let ring = ring();
    let token = claims(2_000).sign(&ring).unwrap();
    let caller = check(token.expose(), &ring, NOW).unwrap().caller();
    assert_eq!(caller.tenant(), "acme");
    assert_eq!(caller.scopes.to_string(), "watch control");
    assert_eq!(caller.expires_at, Some(Timestamp::from_millis(2_000)));
    assert_eq!(
        caller.credential,
        Credential::Token {
            id: "wt1".to_owned(),
            issued_at: Timestamp::from_millis(500),
            by_key: Some("k1".to_owned()),
            by_subject: None,
        }
    );
    let Reach::Listed(listed) = caller.reach else { panic!("a token lists what it is for") };
    assert_eq!(listed.of_subject.as_deref(), Some("ada"));
}

#[test]
fn what_is_not_as_it_was_signed_is_refused() {
    let ring = ring();
    let token = claims(2_000).sign(&ring).unwrap();
    let token = token.expose();
    let (body, signature) = token.rsplit_once('.').unwrap();
    let (head, _) = body.split_once('.').unwrap();
    let mut larger = claims(u64::MAX);
    larger.tenant = "other".to_owned();
    let said = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(&larger).unwrap());
    let cases = [
        (token.to_owned(), None),
        (format!("{head}.{said}.{signature}"), Some(Refused::Invalid)),
        (body.to_owned(), Some(Refused::Invalid)),
        (format!("{body}."), Some(Refused::Invalid)),
        (format!("{token}="), Some(Refused::Invalid)),
        (format!("{token}.x"), Some(Refused::Invalid)),
        (PREFIX.to_owned(), Some(Refused::Invalid)),
        (format!("hwt_zzzzzz.{said}.{signature}"), Some(Refused::NotKnownYet)),
    ];
    for (text, refused) in cases {
        assert_eq!(check(&text, &ring, NOW).err(), refused, "{text}");
    }
    let other = Ring::first(NOW);
    assert_eq!(check(token, &other, NOW).err(), Some(Refused::NotKnownYet));
}

#[test]
fn it_ends_when_it_says() {
    let ring = ring();
    for (ends, refused) in [(1_001, None), (1_000, Some(Refused::Expired))] {
        let token = claims(ends).sign(&ring).unwrap();
        assert_eq!(check(token.expose(), &ring, NOW).err(), refused);
    }
}

proptest! {
    #[test]
    fn one_changed_byte_is_noticed(place: prop::sample::Index, letter in "[0-9A-Za-z_.-]") {
        let ring = ring();
        let token = claims(2_000).sign(&ring).unwrap();
        let mut text = token.expose().to_owned();
        let place = place.index(text.len());
        text.replace_range(place..=place, &letter);
        prop_assert_eq!(check(&text, &ring, NOW).is_ok(), text == token.expose());
    }
}
