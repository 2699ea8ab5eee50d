//! A node's sign-in over a store in memory, with time in the test's hand.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests, which fail by panicking"
)]

mod bench;

use std::sync::Arc;

use bench::{HERE, Node, actor, at, key_request};
use headway_access::{Act, Caller, Credential, Denial, On, Reach, Scope, authorize};
use headway_protocol::access::{KeyRequest, RevocationRequest, SignInRequest, TokenRequest};
use headway_protocol::{Action, ProblemCode, Secret};
use headway_signin::{
    AuditQuery, Deed, Ended, Error, GuessLimits, Modes, Options, Presented, Refused,
    create_offline_key,
};
use headway_store::memory::MemoryStore;

const ADMIN: &str = "an-admin-key-of-more-than-32-characters";

fn bearer(secret: &Secret) -> Presented<'_> {
    Presented::Bearer(secret.expose())
}

fn admin() -> Options {
    Options { admin_key: Some(Secret::new(ADMIN)), ..bench::keys() }
}

impl Node {
    async fn who(&self, presented: Presented<'_>) -> Result<Arc<Caller>, Refused> {
        self.handle.identify_patiently(presented, HERE, self.now()).await
    }

    async fn boss(&self) -> Arc<Caller> {
        self.who(Presented::Bearer(ADMIN)).await.unwrap()
    }

    async fn key(&self, request: &KeyRequest) -> (Secret, String) {
        let boss = self.boss().await;
        let made = self.handle.create_key(actor(&boss), request, self.now()).await.unwrap();
        (made.key, made.info.id)
    }

    async fn revoke_subject(&self, subject: &str) {
        let request = RevocationRequest { subject: Some(subject.to_owned()), ..Default::default() };
        let boss = self.boss().await;
        self.handle.revoke(actor(&boss), &request, self.now()).await.unwrap();
    }

    async fn sign_in(&self, key: &Secret) -> headway_signin::SignedIn {
        let request = SignInRequest { key: Some(key.clone()), token: None };
        self.handle.sign_in(&request, HERE, self.now()).await.unwrap()
    }

    async fn log(&self, what: &str) -> Vec<headway_protocol::access::AuditEntry> {
        let query = AuditQuery { what: Some(what.to_owned()), ..AuditQuery::default() };
        self.handle.audit(&*self.boss().await, &query).await.unwrap().entries
    }
}

#[tokio::test]
async fn where_nobody_is_asked_everybody_is_anyone() {
    let node = Node::start(Options::default()).await;
    assert!(!node.handle.asks());
    for presented in [Presented::Nothing, Presented::Bearer("anything"), Presented::Ticket("x")] {
        assert_eq!(*node.who(presented).await.unwrap(), Caller::anyone());
    }
    assert!(!node.handle.identity(&Caller::anyone()).sign_in);
}

#[tokio::test]
async fn a_key_is_who_it_was_made_for_and_its_text_is_kept_nowhere() {
    let node = Node::start(admin()).await;
    let request = KeyRequest {
        subject: Some("ada".to_owned()),
        own_only: true,
        ..key_request(&["watch", "control"])
    };
    let (key, id) = node.key(&request).await;
    let caller = node.handle.identify(bearer(&key), HERE, node.now()).unwrap();
    assert_eq!(caller.credential, Credential::Key { id: id.clone() });
    assert_eq!(caller.scopes.to_string(), "watch control");
    assert_eq!((caller.reach.clone(), caller.owner.subject.as_deref()), (Reach::Own, Some("ada")));
    let kept = node.everything().await;
    assert!(kept.contains(&id) && !kept.contains(key.expose()));
    let secret = &key.expose()[key.expose().len() - 49..];
    assert!(!kept.contains(secret) && !kept.contains(&secret[..43]));
    let line = &node.log("key.create").await[0];
    assert_eq!(line.target.as_deref(), Some(&*id));
    assert_eq!(
        (line.credential.as_deref(), line.address.as_deref()),
        (Some("admin_key"), Some("192.0.2.1"))
    );
}

#[tokio::test]
async fn what_is_not_right_is_refused_and_says_no_more_than_it_must() {
    let node = Node::start(admin()).await;
    let (key, _) = node.key(&KeyRequest { ttl_ms: Some(60_000), ..key_request(&["watch"]) }).await;
    let (gone, gone_id) = node.key(&key_request(&["watch"])).await;
    node.handle.revoke_key(actor(&*node.boss().await), &gone_id, node.now()).await.unwrap();
    let other = Node::start(admin()).await;
    let (stranger, _) = other.key(&key_request(&["watch"])).await;
    let mut wrong_secret = key.expose().to_owned();
    wrong_secret.replace_range(20..21, if &wrong_secret[20..21] == "a" { "b" } else { "a" });
    let whole = wrong_but_whole(key.expose());
    let long = "x".repeat(9_000);
    let cases = [
        (Presented::Nothing, Refused::Missing),
        (Presented::Bearer(""), Refused::Invalid),
        (Presented::Bearer("hw_"), Refused::Invalid),
        (Presented::Bearer(&wrong_secret), Refused::Invalid),
        (Presented::Bearer(&whole), Refused::Invalid),
        (bearer(&stranger), Refused::Invalid),
        (bearer(&gone), Refused::Revoked),
        (Presented::Bearer(&long), Refused::Invalid),
        (Presented::Bearer(&ADMIN[1..]), Refused::Invalid),
        (Presented::Bearer("eyJhbGciOiJub25lIn0.e30."), Refused::Invalid),
        (Presented::Cookie(key.expose()), Refused::Invalid),
        (Presented::Ticket(key.expose()), Refused::Invalid),
        (Presented::Bearer("hwt_abc.def.ghi"), Refused::Invalid),
    ];
    for (presented, refused) in cases {
        let told = node.who(presented).await.unwrap_err();
        assert_eq!(told, refused, "{:?} {}", presented, presented_text(presented));
        assert_eq!(told.problem().code, ProblemCode::Unauthenticated.as_str());
        assert!(told.challenge().is_some());
    }
    node.advance(60_000);
    assert_eq!(node.who(bearer(&key)).await.unwrap_err(), Refused::Expired);
}

fn presented_text(presented: Presented<'_>) -> &str {
    match presented {
        Presented::Nothing => "",
        Presented::Bearer(text) | Presented::Cookie(text) | Presented::Ticket(text) => text,
    }
}

/// A key with another secret and the checksum that goes with it.
fn wrong_but_whole(key: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let body = format!("{}{}", &key[..16], "A".repeat(43));
    let mut sum = crc32fast::hash(body.as_bytes()) as usize;
    let mut letters = Vec::new();
    for _ in 0..6 {
        letters.push(char::from(DIGITS[sum % 62]));
        sum /= 62;
    }
    let text = body + &letters.iter().rev().collect::<String>();
    assert!(headway_signin::is_whole_key(&text));
    text
}

#[tokio::test]
async fn a_request_for_a_key_that_makes_no_sense_is_told_where() {
    let node = Node::start(admin()).await;
    let good = || key_request(&["watch"]);
    let cases = [
        (KeyRequest { name: String::new(), ..good() }, "name"),
        (KeyRequest { name: "x".repeat(129), ..good() }, "name"),
        (KeyRequest { name: "a\nb".to_owned(), ..good() }, "name"),
        (key_request(&[]), "scopes"),
        (key_request(&["everything"]), "scopes"),
        (KeyRequest { role: Some("viewer".to_owned()), ..good() }, "role"),
        (KeyRequest { role: Some("king".to_owned()), ..key_request(&[]) }, "role"),
        (KeyRequest { tenant: Some(String::new()), ..good() }, "tenant"),
        (KeyRequest { subject: Some("x".repeat(257)), ..good() }, "subject"),
        (KeyRequest { own_only: true, ..good() }, "subject"),
        (KeyRequest { ttl_ms: Some(0), ..good() }, "ttl_ms"),
        (KeyRequest { ttl_ms: Some(u64::MAX), ..good() }, "ttl_ms"),
    ];
    let boss = node.boss().await;
    for (request, field) in cases {
        let refused = node.handle.create_key(actor(&boss), &request, node.now()).await.unwrap_err();
        assert_eq!(refused.problem().field.as_deref(), Some(field), "{request:?}");
        assert_eq!(refused.problem().status, 422);
    }
    assert!(node.log("key.create").await.is_empty());
}

#[tokio::test]
async fn only_administrators_make_keys_and_only_the_nodes_make_them_for_others() {
    let node = Node::start(admin()).await;
    let in_acme =
        |scopes: &[&str]| KeyRequest { tenant: Some("acme".into()), ..key_request(scopes) };
    let (viewer, _) = node.key(&in_acme(&["watch", "report", "control"])).await;
    let (acme, acme_id) = node.key(&in_acme(&["admin"])).await;
    let (viewer, acme) =
        (node.who(bearer(&viewer)).await.unwrap(), node.who(bearer(&acme)).await.unwrap());
    let now = node.now();
    let refused = node.handle.create_key(actor(&viewer), &key_request(&["watch"]), now).await;
    assert!(matches!(refused, Err(Error::Denied(Denial::Scope(Scope::Admin)))));
    assert!(matches!(node.handle.keys(&viewer, None, 0), Err(Error::Denied(_))));
    let elsewhere = KeyRequest { tenant: Some("other".into()), ..key_request(&["watch"]) };
    let refused = node.handle.create_key(actor(&acme), &elsewhere, now).await;
    assert!(matches!(refused, Err(Error::Denied(Denial::Node))));
    let made = node.handle.create_key(actor(&acme), &key_request(&["admin"]), now).await.unwrap();
    assert_eq!(made.info.owner.tenant, "acme");

    // Another tenant's key is not there.
    let (hidden, hidden_id) = node.key(&key_request(&["watch"])).await;
    for id in [&*hidden_id, "000000000000"] {
        let refused = node.handle.revoke_key(actor(&acme), id, now).await.unwrap_err();
        assert!(matches!(refused, Error::NoSuchKey));
        assert_eq!(refused.problem().status, 404);
    }
    assert!(node.who(bearer(&hidden)).await.is_ok());
    let listed = node.handle.keys(&acme, None, 0).unwrap();
    assert_eq!(listed.keys.len(), 3);
    assert!(listed.keys.iter().any(|key| key.id == acme_id));
    assert!(listed.keys.iter().all(|key| key.owner.tenant == "acme"));
}

#[tokio::test]
async fn keys_are_listed_page_by_page_with_their_last_use() {
    let node = Node::start(admin()).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(node.key(&key_request(&["watch"])).await);
        node.advance(1_000);
    }
    node.who(bearer(&made[3].0)).await.unwrap();
    let boss = node.boss().await;
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = node.handle.keys(&boss, after.as_deref(), 2).unwrap();
        seen.extend(page.keys);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let ids: Vec<&str> = seen.iter().map(|key| &*key.id).collect();
    assert_eq!(ids, made.iter().map(|(_, id)| &**id).collect::<Vec<_>>(), "oldest first");
    let used: Vec<bool> = seen.iter().map(|key| key.last_used_at.is_some()).collect();
    assert_eq!(used, [false, false, false, true, false]);
    assert_eq!(seen[3].last_used_at.unwrap().as_millis() % 60_000, 0);

    // It is written down, and another start knows it.
    node.handle.close().await.unwrap();
    let again = node.another().await;
    let listed = again.handle.keys(&boss, None, 0).unwrap();
    assert_eq!(listed.keys[3].last_used_at, seen[3].last_used_at);
}

#[tokio::test]
async fn a_key_made_while_no_node_runs_opens_it() {
    let node = Node::start(admin()).await;
    let store = MemoryStore::default();
    let made = create_offline_key(&store, &key_request(&["admin"]), node.now()).await.unwrap();
    let first = Node::on(bench::keys(), Arc::new(store), Arc::clone(&node.clock)).await;
    let caller = first.who(bearer(&made.key)).await.unwrap();
    assert!(authorize(&caller, Act::Operate, On::Anything).is_ok());
    let log = first.handle.audit(&caller, &AuditQuery::default()).await.unwrap().entries;
    assert_eq!((&*log[0].what, &log[0].owner), ("key.create", &None));
}

#[tokio::test]
async fn a_revoked_key_ends_its_tokens_its_sessions_and_its_streams() {
    let node = Node::start(admin()).await;
    let (key, id) = node.key(&key_request(&["watch", "control"])).await;
    let caller = node.who(bearer(&key)).await.unwrap();
    let token =
        node.token(&caller, &TokenRequest { tags: vec!["t".into()], ..Default::default() }).await;
    let signed_in = node.sign_in(&key).await;
    let by_token = node.who(bearer(&token)).await.unwrap();
    let callers = [caller, by_token, signed_in.caller];
    let now = node.now();
    assert!(callers.iter().all(|caller| node.handle.stands(caller, now).is_ok()));

    let mut changes = node.handle.watch_changes();
    let epoch = node.handle.epoch();
    let request = RevocationRequest { key: Some(id.clone()), ..Default::default() };
    node.handle.revoke(actor(&*node.boss().await), &request, now).await.unwrap();
    assert!(changes.has_changed().unwrap() && node.handle.epoch() > epoch);
    changes.mark_unchanged();
    for caller in &callers {
        assert_eq!(node.handle.stands(caller, now), Err(Ended::Revoked), "{caller:?}");
    }
    for presented in [bearer(&key), bearer(&token), Presented::Cookie(signed_in.cookie.expose())] {
        assert_eq!(node.who(presented).await.unwrap_err(), Refused::Revoked);
    }
    // Again does nothing.
    node.handle.revoke(actor(&*node.boss().await), &request, now).await.unwrap();
    assert!(!changes.has_changed().unwrap());
    assert_eq!(node.log("key.revoke").await.len(), 1);
    let listed = node.handle.keys(&*node.boss().await, None, 0).unwrap();
    assert_eq!(listed.keys[0].revoked_at, Some(now));
}

#[tokio::test]
async fn a_revoked_subject_loses_what_it_had_and_may_be_given_something_new() {
    let node = Node::start(admin()).await;
    let for_ada = KeyRequest { subject: Some("ada".into()), ..key_request(&["watch"]) };
    let (old, _) = node.key(&for_ada).await;
    let (bobs, _) = node.key(&KeyRequest { subject: Some("bob".into()), ..for_ada.clone() }).await;
    let session = node.sign_in(&old).await;
    let caller = node.who(bearer(&old)).await.unwrap();
    let token =
        node.token(&caller, &TokenRequest { tags: vec!["t".into()], ..Default::default() }).await;
    node.advance(1);
    node.revoke_subject("ada").await;
    node.advance(1);
    let (new, _) = node.key(&for_ada).await;
    for presented in [bearer(&old), bearer(&token), Presented::Cookie(session.cookie.expose())] {
        assert_eq!(node.who(presented).await.unwrap_err(), Refused::Revoked);
    }
    assert!(node.who(bearer(&new)).await.is_ok() && node.who(bearer(&bobs)).await.is_ok());
    let listed = node.handle.keys(&*node.boss().await, None, 0).unwrap().keys;
    let revoked: Vec<bool> = listed.iter().map(|key| key.revoked_at.is_some()).collect();
    assert_eq!(revoked.iter().filter(|revoked| **revoked).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_one_node_revokes_ends_on_another_within_its_poll() {
    let node = Node::start(admin()).await;
    let other = node.another().await;
    let (key, id) = node.key(&key_request(&["watch"])).await;
    // Made a moment ago: known to who asks patiently.
    assert_eq!(
        other.handle.identify(bearer(&key), HERE, other.now()).unwrap_err(),
        Refused::NotKnownYet
    );
    let caller = other.who(bearer(&key)).await.unwrap();
    let mut changes = other.handle.watch_changes();
    let begun = tokio::time::Instant::now();
    node.handle.revoke_key(actor(&*node.boss().await), &id, node.now()).await.unwrap();
    assert_eq!(other.handle.stands(&caller, other.now()), Ok(()));
    changes.changed().await.unwrap();
    assert!(begun.elapsed() <= std::time::Duration::from_secs(1));
    assert_eq!(other.handle.stands(&caller, other.now()), Err(Ended::Revoked));
    assert_eq!(
        other.handle.identify(bearer(&key), HERE, other.now()).unwrap_err(),
        Refused::Revoked
    );
}

#[tokio::test]
async fn a_watch_token_lends_no_more_than_its_maker_has() {
    let node = Node::start(admin()).await;
    let own = KeyRequest {
        subject: Some("ada".into()),
        own_only: true,
        ttl_ms: Some(60_000),
        ..key_request(&["watch"])
    };
    let (own, _) = node.key(&own).await;
    let (all, _) = node.key(&key_request(&["watch", "control"])).await;
    let (own, all) = (node.who(bearer(&own)).await.unwrap(), node.who(bearer(&all)).await.unwrap());
    let tag = || TokenRequest { tags: vec!["t".into()], ..Default::default() };

    let lent = node.who(bearer(&node.token(&own, &tag()).await)).await.unwrap();
    let Reach::Listed(listed) = &lent.reach else { panic!("{lent:?}") };
    assert_eq!(listed.of_subject.as_deref(), Some("ada"));
    assert_eq!(lent.expires_at, own.expires_at, "it ends with what it was made with");
    assert!(!lent.scopes.contains(Scope::Control));

    let commands =
        TokenRequest { actions: vec![Action::Cancel], subject: Some("eve".into()), ..tag() };
    let lent = node.who(bearer(&node.token(&all, &commands).await)).await.unwrap();
    assert!(lent.scopes.contains(Scope::Control) && !lent.scopes.contains(Scope::Report));
    assert_eq!(lent.owner.subject.as_deref(), Some("eve"));
    assert_eq!(lent.expires_at, Some(node.now().plus(15 * 60_000)));

    let now = node.now();
    let make = |caller: Arc<Caller>, request: TokenRequest| {
        let handle = node.handle.clone();
        async move { handle.create_token(actor(&caller), &request, now).await.unwrap_err() }
    };
    let refused = make(own.clone(), commands.clone()).await;
    assert!(matches!(refused, Error::Denied(Denial::Scope(Scope::Control))), "{refused}");
    let for_eve = TokenRequest { subject: Some("eve".into()), ..tag() };
    let refused = make(own.clone(), for_eve).await;
    assert!(matches!(refused, Error::Denied(Denial::WholeTenant)), "{refused}");
    let refused = make(lent, tag()).await;
    assert!(matches!(refused, Error::Denied(Denial::NotListed)), "a lent token is not lent on");
    let names = |count: usize| (0..count).map(|name| format!("{name:0200}")).collect::<Vec<_>>();
    for (request, field) in [
        (TokenRequest::default(), "jobs"),
        (TokenRequest { tags: vec![String::new()], ..tag() }, "tags"),
        (TokenRequest { sessions: names(65), ..tag() }, "sessions"),
        (TokenRequest { sessions: names(64), ..tag() }, "jobs"),
        (TokenRequest { ttl_ms: Some(999), ..tag() }, "ttl_ms"),
        (TokenRequest { ttl_ms: Some(31 * 86_400_000), ..tag() }, "ttl_ms"),
    ] {
        let refused = make(all.clone(), request).await;
        assert_eq!(refused.problem().field.as_deref(), Some(field), "{refused}");
    }
}

#[tokio::test]
async fn what_the_configured_key_has_lent_ends_with_that_key() {
    let node = Node::start(admin()).await;
    let request = TokenRequest { tags: vec!["t".into()], ..Default::default() };
    let boss = node.boss().await;
    let lent = node.token(&boss, &request).await;
    let same = node.another().await;
    assert!(same.who(bearer(&lent)).await.is_ok(), "it outlives a start with the same key");
    let other = Options {
        admin_key: Some(Secret::new("another-admin-key-of-more-than-32-characters")),
        ..bench::keys()
    };
    for options in [other, bench::keys()] {
        let next = Node::on(options, Arc::clone(&node.store), Arc::clone(&node.clock)).await;
        assert_eq!(next.who(bearer(&lent)).await.unwrap_err(), Refused::Revoked);
    }
}

#[tokio::test]
async fn a_token_is_revoked_by_its_id_and_ends_by_itself() {
    let node = Node::start(admin()).await;
    let boss = node.boss().await;
    let request =
        TokenRequest { tags: vec!["t".into()], ttl_ms: Some(5_000), ..Default::default() };
    let made = node.handle.create_token(actor(&boss), &request, node.now()).await.unwrap();
    let other = node.token(&boss, &request).await;
    let revoke = RevocationRequest { token: Some(made.id.clone()), ..Default::default() };
    node.handle.revoke(actor(&boss), &revoke, node.now()).await.unwrap();
    assert_eq!(node.who(bearer(&made.token)).await.unwrap_err(), Refused::Revoked);
    assert!(node.who(bearer(&other)).await.is_ok());
    node.advance(5_000);
    assert_eq!(node.who(bearer(&other)).await.unwrap_err(), Refused::Expired);
    assert_eq!(node.log("token.").await.len(), 2);
    let both = RevocationRequest { key: Some("k".into()), ..revoke };
    let refused = node.handle.revoke(actor(&boss), &both, node.now()).await.unwrap_err();
    assert_eq!(refused.problem().status, 422);
}

#[tokio::test]
async fn the_signing_key_turns_without_ending_what_it_signed_last() {
    let node = Node::start(admin()).await;
    let other = node.another().await;
    let boss = node.boss().await;
    let request = TokenRequest { tags: vec!["t".into()], ..Default::default() };
    let first = node.token(&boss, &request).await;
    node.handle.rotate_signing_key(actor(&boss), node.now()).await.unwrap();
    let second = node.token(&boss, &request).await;
    for token in [&first, &second] {
        assert!(node.who(bearer(token)).await.is_ok() && other.who(bearer(token)).await.is_ok());
    }
    // The other node has not heard of the next turn when it turns itself.
    node.handle.rotate_signing_key(actor(&boss), node.now()).await.unwrap();
    other.handle.rotate_signing_key(actor(&boss), node.now()).await.unwrap();
    for (token, holds) in [(&first, false), (&second, false)] {
        assert_eq!(other.who(bearer(token)).await.is_ok(), holds);
    }
    assert_eq!(node.log("signing_key.rotate").await.len(), 3);
}

#[tokio::test]
async fn a_browsers_session_outlives_a_restart_and_is_known_to_other_nodes() {
    let node = Node::start(admin()).await;
    let (key, id) = node.key(&key_request(&["watch"])).await;
    let signed_in = node.sign_in(&key).await;
    let cookie = Presented::Cookie(signed_in.cookie.expose());
    assert_eq!(signed_in.identity.credential, "key");
    assert_eq!(signed_in.identity.expires_at, Some(node.now().plus(12 * 3_600_000)));
    let caller = node.handle.identify(cookie, HERE, node.now()).unwrap();
    assert_eq!(caller.credential, Credential::Key { id });
    assert!(caller.session.is_some());
    let kept = node.everything().await;
    assert!(!kept.contains(signed_in.cookie.expose()));

    let other = node.another().await;
    drop(node.handle.clone());
    assert_eq!(*other.handle.identify(cookie, HERE, node.now()).unwrap(), *caller);
    other.handle.sign_out(actor(&caller), node.now()).await.unwrap();
    assert_eq!(other.who(cookie).await.unwrap_err(), Refused::Revoked);
    assert_eq!(other.handle.stands(&caller, node.now()), Err(Ended::Revoked));
    let third = node.another().await;
    assert_eq!(third.who(cookie).await.unwrap_err(), Refused::Revoked);
    // The key that it came from is as it was.
    assert!(third.who(bearer(&key)).await.is_ok());
    let what: Vec<String> = node.log("sign_").await.iter().map(|line| line.what.clone()).collect();
    assert!(what.is_empty(), "a prefix ends with a dot");
    assert_eq!((node.log("sign_in").await.len(), node.log("sign_out").await.len()), (1, 1));
}

#[tokio::test]
async fn a_session_ends_by_itself_when_it_is_left_and_with_its_key() {
    let node = Node::start(admin()).await;
    let (key, _) =
        node.key(&KeyRequest { ttl_ms: Some(3 * 3_600_000), ..key_request(&["watch"]) }).await;
    let (left, kept) = (node.sign_in(&key).await, node.sign_in(&key).await);
    assert_eq!(kept.identity.expires_at, Some(node.now().plus(3 * 3_600_000)));
    for _ in 0..5 {
        node.advance(1_800_000);
        assert_eq!(node.handle.stands(&kept.caller, node.now()), Ok(()), "a stream is a use");
    }
    assert_eq!(
        node.who(Presented::Cookie(left.cookie.expose())).await.unwrap_err(),
        Refused::Expired
    );
    assert!(node.who(Presented::Cookie(kept.cookie.expose())).await.is_ok());
    node.advance(1_800_000);
    assert_eq!(
        node.who(Presented::Cookie(kept.cookie.expose())).await.unwrap_err(),
        Refused::Expired
    );
    assert_eq!(node.handle.stands(&kept.caller, node.now()), Err(Ended::Expired));
}

#[tokio::test]
async fn another_admin_key_ends_the_sessions_of_the_one_before() {
    let node = Node::start(admin()).await;
    let signed_in = node.sign_in(&Secret::new(ADMIN)).await;
    let cookie = Presented::Cookie(signed_in.cookie.expose());
    assert!(node.another().await.who(cookie).await.is_ok());
    let changed = Options { admin_key: Some(Secret::new("k".repeat(40))), ..bench::keys() };
    for options in [changed, bench::keys()] {
        let next = Node::on(options, Arc::clone(&node.store), Arc::clone(&node.clock)).await;
        assert_eq!(next.who(cookie).await.unwrap_err(), Refused::Revoked);
    }
}

#[tokio::test]
async fn of_many_sessions_of_one_the_oldest_ends() {
    let node = Node::start(admin()).await;
    let (key, _) = node.key(&key_request(&["watch"])).await;
    let (others, _) = node.key(&key_request(&["watch"])).await;
    let other = node.sign_in(&others).await;
    let mut sessions = Vec::new();
    for _ in 0..33 {
        sessions.push(node.sign_in(&key).await);
        node.advance(1);
    }
    let live = |session: &headway_signin::SignedIn| {
        node.handle.identify(Presented::Cookie(session.cookie.expose()), HERE, node.now()).is_ok()
    };
    let alive: Vec<bool> = sessions.iter().map(live).collect();
    assert!(!alive[0] && alive[1..].iter().all(|alive| *alive) && live(&other));
}

#[tokio::test]
async fn signing_in_takes_one_thing_that_is_right() {
    let node = Node::start(admin()).await;
    let some = || Some(Secret::new(ADMIN));
    for request in [SignInRequest::default(), SignInRequest { key: some(), token: some() }] {
        let refused = node.handle.sign_in(&request, HERE, node.now()).await.unwrap_err();
        assert_eq!(refused.problem().status, 422);
    }
    let wrong = SignInRequest { key: Some(Secret::new("wrong")), token: None };
    let refused = node.handle.sign_in(&wrong, HERE, node.now()).await.unwrap_err();
    assert!(matches!(refused, Error::Refused(Refused::Invalid)));
    let open = Node::start(Options::default()).await;
    let refused = open.handle.sign_in(&wrong, HERE, open.now()).await.unwrap_err();
    assert_eq!(refused.problem().status, 422);
}

#[tokio::test]
async fn what_is_given_whole_to_be_revoked_is_revoked_and_not_written_down() {
    let node = Node::start(admin()).await;
    let (key, _) = node.key(&key_request(&["watch"])).await;
    let caller = node.who(bearer(&key)).await.unwrap();
    let request = TokenRequest { tags: vec!["t".into()], ..Default::default() };
    let token = node.token(&caller, &request).await;
    let boss = node.boss().await;
    let revoke = async |token: Option<&Secret>, key: Option<&Secret>| {
        let text = |secret: &Secret| secret.expose().to_owned();
        let (token, key) = (token.map(text), key.map(text));
        let request = RevocationRequest { token, key, ..Default::default() };
        node.handle.revoke(actor(&boss), &request, node.now()).await
    };
    revoke(Some(&token), None).await.unwrap();
    assert_eq!(node.who(bearer(&token)).await.unwrap_err(), Refused::Revoked);
    assert!(revoke(Some(&key), None).await.is_err(), "it is none");
    assert!(
        revoke(Some(&Secret::new("eyJhIjoxfQ.e30.x")), None).await.is_err(),
        "its jti is asked"
    );
    assert!(revoke(Some(&Secret::new("hwt_a.b.c")), None).await.is_err(), "it is none of ours");
    revoke(None, Some(&key)).await.unwrap();
    assert_eq!(node.who(bearer(&key)).await.unwrap_err(), Refused::Revoked);
    let everything = node.everything().await;
    for secret in [&key, &token] {
        assert!(!everything.contains(secret.expose()));
    }
}

#[tokio::test]
async fn a_ticket_opens_once_at_any_node_and_soon() {
    let node = Node::start(admin()).await;
    let other = node.another().await;
    let (key, id) = node.key(&key_request(&["watch"])).await;
    let caller = node.who(bearer(&key)).await.unwrap();
    let made = node.handle.ticket(&caller, node.now()).await.unwrap();
    let ticket = Presented::Ticket(made.ticket.expose());
    assert_eq!(
        other.handle.identify(ticket, HERE, node.now()).unwrap_err(),
        Refused::NotKnownYet,
        "using it up is written, so it is not done in passing"
    );
    let now = node.now();
    let (one, two) = tokio::join!(
        other.handle.identify_patiently(ticket, HERE, now),
        node.handle.identify_patiently(ticket, HERE, now)
    );
    let opened: Vec<_> = [one, two].into_iter().filter_map(Result::ok).collect();
    assert_eq!(opened.len(), 1);
    assert_eq!(*opened[0], *caller);
    assert_eq!(node.who(ticket).await.unwrap_err(), Refused::Invalid);

    let late = node.handle.ticket(&caller, now).await.unwrap();
    node.advance(30_000);
    assert_eq!(
        node.who(Presented::Ticket(late.ticket.expose())).await.unwrap_err(),
        Refused::Expired
    );
    let revoked = node.handle.ticket(&caller, node.now()).await.unwrap();
    node.handle.revoke_key(actor(&*node.boss().await), &id, node.now()).await.unwrap();
    let ticket = Presented::Ticket(revoked.ticket.expose());
    assert_eq!(node.who(ticket).await.unwrap_err(), Refused::Revoked);

    // One that a browser's session was given opens nothing after the sign-out, at no node.
    let session = node.sign_in(&node.key(&key_request(&["watch"])).await.0).await;
    for at in [&node, &other] {
        let left = node.handle.ticket(&session.caller, node.now()).await.unwrap();
        node.handle.sign_out(actor(&session.caller), node.now()).await.unwrap();
        let ticket = Presented::Ticket(left.ticket.expose());
        assert_eq!(at.who(ticket).await.unwrap_err(), Refused::Revoked);
    }
}

#[tokio::test]
async fn guesses_are_put_off_and_what_is_genuine_is_not() {
    let guesses = GuessLimits { burst: 5, every_ms: 1_000 };
    let node = Node::start(Options { guesses, ..admin() }).await;
    let (key, _) = node.key(&key_request(&["watch"])).await;
    let (whole, _) = Node::start(admin()).await.key(&key_request(&["watch"])).await;
    let session = node.sign_in(&key).await;
    let caller = node.who(bearer(&key)).await.unwrap();
    let token =
        node.token(&caller, &TokenRequest { tags: vec!["t".into()], ..Default::default() }).await;
    let ticket = node.handle.ticket(&caller, node.now()).await.unwrap();
    for _ in 0..5 {
        assert_eq!(node.who(Presented::Bearer("guess")).await.unwrap_err(), Refused::Invalid);
    }
    let put_off = Refused::TooManyTries { retry_after_ms: 1_000 };
    let wrong = wrong_but_whole(key.expose());
    for presented in [Presented::Bearer("guess"), bearer(&whole), Presented::Bearer(&wrong)] {
        assert_eq!(node.who(presented).await.unwrap_err(), put_off);
    }
    assert_eq!(put_off.problem().status, 429);
    assert_eq!(put_off.retry_after_ms(), Some(1_000));
    for presented in [
        bearer(&key),
        bearer(&token),
        Presented::Bearer(ADMIN),
        Presented::Cookie(session.cookie.expose()),
        Presented::Ticket(ticket.ticket.expose()),
    ] {
        assert!(node.who(presented).await.is_ok(), "{presented:?}");
    }
    let elsewhere = "198.51.100.7".parse().unwrap();
    let told = node.handle.identify(Presented::Bearer("guess"), elsewhere, node.now());
    assert_eq!(told.unwrap_err(), Refused::Invalid);
    node.advance(1_000);
    assert_eq!(node.who(Presented::Bearer("guess")).await.unwrap_err(), Refused::Invalid);
    assert_eq!(node.who(Presented::Bearer("guess")).await.unwrap_err(), put_off);
}

#[tokio::test]
async fn refused_sign_ins_are_written_down_together() {
    let node = Node::start(admin()).await;
    for _ in 0..1_000 {
        assert!(node.who(Presented::Bearer("guess")).await.is_err());
    }
    assert!(node.log("sign_in").await.is_empty());
    node.handle.close().await.unwrap();
    let log = node.log("sign_in").await;
    let told: Vec<(&str, u64)> = log.iter().map(|line| (&*line.outcome, line.times)).collect();
    assert_eq!(told.iter().map(|(_, times)| times).sum::<u64>(), 1_000);
    assert!(told.contains(&("invalid", 20)) && told.contains(&("too_many_tries", 980)), "{told:?}");
    assert_eq!(log[0].address.as_deref(), Some("192.0.2.1"));
    assert!(log[0].owner.is_none());
}

#[tokio::test]
async fn the_log_is_read_back_page_by_page_by_those_who_may() {
    let node = Node::start(admin()).await;
    let acme = KeyRequest { tenant: Some("acme".into()), ..key_request(&["admin"]) };
    let acme = node.who(bearer(&node.key(&acme).await.0)).await.unwrap();
    let watcher = node.who(bearer(&node.key(&key_request(&["watch"])).await.0)).await.unwrap();
    for number in 0..10 {
        let target = format!("job_{number}");
        let by = if number % 2 == 0 { &acme } else { &watcher };
        let deed =
            Deed { by: actor(by), what: "job.cancel", target: Some(&target), outcome: "done" };
        node.handle.record(deed, node.now()).await.unwrap();
    }
    let query = AuditQuery { what: Some("job.".into()), limit: 2, ..AuditQuery::default() };
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let page = node.handle.audit(&acme, &AuditQuery { before, ..query.clone() }).await.unwrap();
        assert!(page.entries.len() <= 2);
        seen.extend(page.entries.into_iter().filter_map(|entry| entry.target));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(
        seen,
        ["job_8", "job_6", "job_4", "job_2", "job_0"],
        "its own tenant's, newest first"
    );
    let one = AuditQuery { target: Some("job_3".into()), ..AuditQuery::default() };
    assert_eq!(node.handle.audit(&*node.boss().await, &one).await.unwrap().entries.len(), 1);
    assert!(node.handle.audit(&acme, &one).await.unwrap().entries.is_empty());
    let refused = node.handle.audit(&watcher, &query).await.unwrap_err();
    assert_eq!(refused.problem().status, 403);
}

#[tokio::test]
async fn the_log_and_tickets_are_trimmed_by_age() {
    let node = Node::start(Options { audit_for_ms: 3_600_000, ..admin() }).await;
    let (_, old) = node.key(&key_request(&["watch"])).await;
    let boss = node.boss().await;
    node.handle.ticket(&boss, node.now()).await.unwrap();
    node.advance(3_600_001);
    let (_, new) = node.key(&key_request(&["watch"])).await;
    // A node tidies up when it starts, and then each minute.
    let next = node.another().await;
    let tidied = async {
        while next.everything().await.contains("signin.tickets") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), tidied).await.unwrap();
    let log = node.log("key.create").await;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].target.as_deref(), Some(&*new));
    let kept = node.everything().await;
    assert!(kept.contains(&old), "the key is as it was");
}

#[tokio::test]
async fn modes_decide_what_is_taken() {
    let node = Node::start(admin()).await;
    let (key, _) = node.key(&key_request(&["watch"])).await;
    let jwt_only = Options {
        modes: Modes { keys: false, jwt: true },
        jwt: Some(bench::shared_secret()),
        ..admin()
    };
    let next = Node::on(jwt_only, Arc::clone(&node.store), Arc::clone(&node.clock)).await;
    assert_eq!(next.who(bearer(&key)).await.unwrap_err(), Refused::Invalid);
    assert!(next.who(Presented::Bearer(ADMIN)).await.is_ok());
    let identity = next.handle.identity(&*next.boss().await);
    assert_eq!((identity.role.as_deref(), &*identity.sees), (Some("admin"), "tenant"));
}

#[tokio::test]
async fn what_cannot_work_does_not_start() {
    let store: Arc<MemoryStore> = Arc::default();
    let clock = bench::TestClock::starting_at(at(0));
    let options = Options { admin_key: Some(Secret::new("short")), ..bench::keys() };
    let refused = headway_signin::Handle::start(options, store, clock).await.unwrap_err();
    assert!(refused.to_string().starts_with("sign_in.admin_key "), "{refused}");
}

#[tokio::test]
async fn metrics_name_nobody() {
    let node = Node::start(admin()).await;
    let request = KeyRequest {
        subject: Some("ada".into()),
        tenant: Some("acme".into()),
        ..key_request(&["watch"])
    };
    let (key, id) = node.key(&request).await;
    node.who(bearer(&key)).await.unwrap();
    drop(node.who(Presented::Bearer("guess")).await);
    let mut registry = prometheus_client::registry::Registry::default();
    node.handle.register_metrics(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    assert!(text.contains("sign_in_checks_total{kind=\"key\",outcome=\"done\"} 1"), "{text}");
    assert!(text.contains("sign_in_checks_total{kind=\"other\",outcome=\"invalid\"} 1"), "{text}");
    for name in ["ada", "acme", &id] {
        assert!(!text.contains(name), "{name}");
    }
}
