//! Dead letters: seen, sent again, removed, and forgotten in the end.

use headway_protocol::webhook::DeadLetterPage;
use headway_protocol::{Problem, ProblemCode, Timestamp};
use headway_store::{
    Entry, EntryError, EntryOrder, EntryQuery, ExpectedEntry, PutEntry, Store, StoreError,
};

use super::delivery::{Dead, Delivery};
use super::places::{self, DEAD, DEAD_MESSAGES, ENDPOINTS, MESSAGES, QUEUE};
use crate::Error;

/// The most dead letters of one tenant, the newest: at 256 KiB each, 2.5 GiB at the very worst.
const KEPT: usize = 10_000;

/// The most letters of one page.
const PAGE: usize = 500;

/// Letters handled in one change of the store: each is a few entries.
const GROUP: usize = 100;

/// A page of a tenant's dead letters.
pub(crate) async fn page(
    store: &dyn Store,
    tenant: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<DeadLetterPage, Error> {
    let limit = limit.clamp(1, PAGE);
    let found = found(store, tenant, after, EntryOrder::Ascending, limit + 1).await?;
    let mut letters = Vec::with_capacity(found.len());
    for entry in &found {
        letters.push(entry.parse::<Dead>()?.letter());
    }
    let more = letters.len() > limit;
    letters.truncate(limit);
    let next = letters.last().filter(|_| more).map(|letter| letter.id.clone());
    Ok(DeadLetterPage { dead_letters: letters, next })
}

/// Puts one back into the queue, due now, with all its attempts before it.
pub(crate) async fn replay(
    store: &dyn Store,
    now: Timestamp,
    tenant: &str,
    id: &str,
) -> Result<(), Error> {
    let entry = one(store, tenant, id).await?;
    if put_back(store, now, vec![entry]).await? == 0 { Err(nobody(id)) } else { Ok(()) }
}

/// Puts all of a tenant back, and answers how many.
pub(crate) async fn replay_all(
    store: &dyn Store,
    now: Timestamp,
    tenant: &str,
) -> Result<u64, Error> {
    let mut count = 0;
    let mut after: Option<String> = None;
    // One that dies again meanwhile is behind `after` and is not put back twice.
    loop {
        let order = EntryOrder::Ascending;
        let group = found(store, tenant, after.as_deref(), order, GROUP).await?;
        let Some(last) = group.last() else { return Ok(count) };
        after = last.key.split_once('/').map(|(_, id)| id.to_owned());
        count += put_back(store, now, group).await?;
    }
}

/// Removes one.
pub(crate) async fn remove(store: &dyn Store, tenant: &str, id: &str) -> Result<(), Error> {
    let entry = one(store, tenant, id).await?;
    let puts = vec![removal(&entry), PutEntry::removal(DEAD_MESSAGES, &entry.key)];
    match store.put_entries(puts).await {
        Ok(_) => Ok(()),
        Err(EntryError::Conflict { .. }) => Err(nobody(id)),
        Err(EntryError::Store(error)) => Err(error.into()),
    }
}

/// Forgets letters whose events were before a moment or that are too many, and endpoints that said
/// before it that they are gone.
pub(super) async fn forget_old(store: &dyn Store, before: Timestamp) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let query = EntryQuery { after, limit: 1, ..EntryQuery::default() };
        let Some(first) = store.entries(DEAD, &query).await?.pop() else { break };
        let Some((tenant, _)) = first.key.split_once('/') else { break };
        forget_of_tenant(store, tenant, before, KEPT).await?;
        after = Some(format!("{tenant}/~"));
    }
    let mut after = None;
    loop {
        let query = EntryQuery { after, limit: PAGE, ..EntryQuery::default() };
        let gone = store.entries(ENDPOINTS, &query).await?;
        let Some(last) = gone.last() else { return Ok(()) };
        after = Some(last.key.clone());
        let mut puts = Vec::new();
        for entry in &gone {
            if entry.parse::<Timestamp>()? < before {
                puts.push(PutEntry::removal(ENDPOINTS, &entry.key));
            }
        }
        put_if_any(store, puts).await?;
    }
}

async fn forget_of_tenant(
    store: &dyn Store,
    tenant: &str,
    before: Timestamp,
    keep: usize,
) -> Result<(), StoreError> {
    let prefix = format!("{tenant}/");
    let mut query = EntryQuery { prefix, after: None, order: EntryOrder::Descending, limit: GROUP };
    let mut seen = 0;
    loop {
        let group = store.entries(DEAD, &query).await?;
        let Some(last) = group.last() else { return Ok(()) };
        query.after = Some(last.key.clone());
        let mut puts = Vec::new();
        for entry in &group {
            seen += 1;
            if seen > keep || entry.parse::<Dead>()?.delivery.happened_at < before {
                puts.push(removal(entry).expecting(ExpectedEntry::Any));
                puts.push(PutEntry::removal(DEAD_MESSAGES, &entry.key));
            }
        }
        put_if_any(store, puts).await?;
    }
}

async fn put_if_any(store: &dyn Store, puts: Vec<PutEntry>) -> Result<(), StoreError> {
    if puts.is_empty() {
        return Ok(());
    }
    match store.put_entries(puts).await {
        // Another node forgets as well.
        Ok(_) | Err(EntryError::Conflict { .. }) => Ok(()),
        Err(EntryError::Store(error)) => Err(error),
    }
}

async fn found(
    store: &dyn Store,
    tenant: &str,
    after: Option<&str>,
    order: EntryOrder,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let prefix = places::of_tenant(tenant);
    let after = after.map(|id| places::of_letter(tenant, id));
    store.entries(DEAD, &EntryQuery { prefix, after, order, limit }).await
}

async fn one(store: &dyn Store, tenant: &str, id: &str) -> Result<Entry, Error> {
    let entry = store.entry(DEAD, &places::of_letter(tenant, id)).await?;
    entry.ok_or_else(|| nobody(id))
}

fn nobody(id: &str) -> Error {
    Problem::new(ProblemCode::NotFound, format!("there is no dead letter {id}")).into()
}

fn removal(entry: &Entry) -> PutEntry {
    PutEntry::removal(DEAD, &entry.key).expecting(ExpectedEntry::Revision(entry.revision))
}

/// Puts letters back, each for itself where others are changed meanwhile; how many it was.
async fn put_back(store: &dyn Store, now: Timestamp, letters: Vec<Entry>) -> Result<u64, Error> {
    let mut count = 0;
    for entry in letters {
        let Dead { delivery, .. } = entry.parse()?;
        let lane = places::lane(&delivery.tenant, &delivery.url);
        let endpoint = places::of_endpoint(&delivery.tenant, &delivery.url);
        let delivery = Delivery { attempts: 0, failed: None, ..delivery };
        let key = places::in_queue(&lane, now, &delivery.id);
        let mut puts = vec![
            removal(&entry),
            PutEntry::new(QUEUE, key, &delivery)?.expecting(ExpectedEntry::Absent),
            PutEntry::removal(ENDPOINTS, endpoint),
            PutEntry::removal(DEAD_MESSAGES, &entry.key),
        ];
        if let Some(message) = store.entry(DEAD_MESSAGES, &entry.key).await? {
            puts.push(PutEntry::new(MESSAGES, &delivery.id, &message.value)?);
        }
        match store.put_entries(puts).await {
            Ok(_) => count += 1,
            Err(EntryError::Conflict { .. }) => {}
            Err(EntryError::Store(error)) => return Err(error.into()),
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use headway_protocol::webhook::{DeadReason, WebhookEvent};
    use headway_store::memory::MemoryStore;

    use super::*;

    async fn bury(store: &MemoryStore, tenant: &str, id: &str, happened_at: u64) {
        let delivery = Delivery {
            id: id.to_owned(),
            tenant: tenant.to_owned(),
            job: "job_1".parse().unwrap(),
            url: "https://example.org".to_owned(),
            event: WebhookEvent::Failed,
            happened_at: Timestamp::from_millis(happened_at),
            attempts: 10,
            failed: None,
        };
        let failed_at = Timestamp::from_millis(happened_at + 1_000_000);
        let dead = Dead { delivery, reason: DeadReason::Exhausted, failed_at };
        let key = places::of_letter(tenant, id);
        let puts = vec![
            PutEntry::new(DEAD, &key, &dead).unwrap(),
            PutEntry::new(DEAD_MESSAGES, &key, "body").unwrap(),
        ];
        store.put_entries(puts).await.unwrap();
    }

    async fn ids(store: &MemoryStore, tenant: &str) -> Vec<String> {
        let page = page(store, tenant, None, PAGE).await.unwrap();
        page.dead_letters.into_iter().map(|letter| letter.id).collect()
    }

    #[tokio::test]
    async fn what_is_too_old_is_forgotten_of_every_tenant() {
        let store = MemoryStore::new();
        for tenant in ["a", "b", "c"] {
            for n in 0..(GROUP as u64 + 5) {
                bury(&store, tenant, &format!("msg_{n:03}"), n).await;
            }
        }
        for (endpoint, at) in [("old", 5), ("new", 50)] {
            let put = PutEntry::new(ENDPOINTS, endpoint, &Timestamp::from_millis(at)).unwrap();
            store.put_entries(vec![put]).await.unwrap();
        }
        forget_old(&store, Timestamp::from_millis(20)).await.unwrap();
        for tenant in ["a", "b", "c"] {
            let left = ids(&store, tenant).await;
            assert_eq!((left.len(), left[0].as_str()), (GROUP + 5 - 20, "msg_020"), "{tenant}");
        }
        let bodies = store.count_entries(DEAD_MESSAGES).await.unwrap();
        assert_eq!(bodies, store.count_entries(DEAD).await.unwrap());
        assert!(store.entry(ENDPOINTS, "old").await.unwrap().is_none());
        assert!(store.entry(ENDPOINTS, "new").await.unwrap().is_some());
    }

    #[tokio::test]
    async fn the_newest_are_kept_where_there_are_too_many() {
        let store = MemoryStore::new();
        for n in 0..7 {
            bury(&store, "a", &format!("msg_{n}"), n).await;
        }
        let prefix = places::of_tenant("a");
        let tenant = prefix.trim_end_matches('/');
        forget_of_tenant(&store, tenant, Timestamp::default(), 3).await.unwrap();
        assert_eq!(ids(&store, "a").await, ["msg_4", "msg_5", "msg_6"]);
        assert_eq!(store.count_entries(DEAD_MESSAGES).await.unwrap(), 3);
    }
}
