//! Sign-in over the store that one node has on its disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests, which fail by panicking"
)]

mod bench;

use std::path::Path;
use std::sync::Arc;

use bench::{HERE, Node, actor, at, key_request};
use headway_protocol::Secret;
use headway_protocol::access::{RevocationRequest, TokenRequest};
use headway_signin::{AuditQuery, Presented, Refused, create_offline_key};
use headway_store::Store;
use headway_store_embedded::EmbeddedStore;

fn open(folder: &Path) -> Arc<EmbeddedStore> {
    let options = headway_store_embedded::Options::new(folder);
    Arc::new(EmbeddedStore::open(options).unwrap())
}

fn refused(node: &Node, presented: Presented<'_>) -> Option<Refused> {
    node.handle.identify(presented, HERE, node.now()).err()
}

#[tokio::test]
async fn who_may_come_in_is_the_same_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let clock = bench::TestClock::starting_at(at(1_800_000_000_000));
    let store = open(folder.path());
    let now = at(1_800_000_000_000);
    let admin = create_offline_key(&*store, &key_request(&["admin", "watch"]), now).await.unwrap();
    store.close().await.unwrap();
    drop(store);

    let (key, token, revoked, cookie): (Secret, Secret, Secret, Secret);
    {
        let store = open(folder.path());
        let node = Node::on(bench::keys(), Arc::clone(&store) as _, Arc::clone(&clock)).await;
        let presented = Presented::Bearer(admin.key.expose());
        let boss = node.handle.identify(presented, HERE, now).unwrap();
        let make = |scopes: &'static [&'static str]| {
            let (handle, boss) = (node.handle.clone(), Arc::clone(&boss));
            async move { handle.create_key(actor(&boss), &key_request(scopes), now).await.unwrap() }
        };
        key = make(&["watch"]).await.key;
        let doomed = make(&["watch"]).await;
        let request = TokenRequest { tags: vec!["t".to_owned()], ..Default::default() };
        token = node.token(&boss, &request).await;
        let request = headway_protocol::access::SignInRequest {
            key: Some(key.clone()),
            ..Default::default()
        };
        cookie = node.handle.sign_in(&request, HERE, now).await.unwrap().cookie;
        let request = RevocationRequest { key: Some(doomed.info.id.clone()), ..Default::default() };
        node.handle.revoke(actor(&boss), &request, now).await.unwrap();
        revoked = doomed.key;
        node.handle.close().await.unwrap();
        store.close().await.unwrap();
    }

    let node = Node::on(bench::keys(), open(folder.path()), clock).await;
    for genuine in [
        Presented::Bearer(key.expose()),
        Presented::Bearer(token.expose()),
        Presented::Cookie(cookie.expose()),
    ] {
        assert_eq!(refused(&node, genuine), None, "{genuine:?}");
    }
    assert_eq!(refused(&node, Presented::Bearer(revoked.expose())), Some(Refused::Revoked));
    let presented = Presented::Bearer(admin.key.expose());
    let boss = node.handle.identify(presented, HERE, node.now()).unwrap();
    let log = node.handle.audit(&boss, &AuditQuery::default()).await.unwrap().entries;
    let what: Vec<&str> = log.iter().rev().map(|line| &*line.what).collect();
    assert_eq!(
        what,
        ["key.create", "key.create", "key.create", "token.create", "sign_in", "key.revoke"]
    );
}
