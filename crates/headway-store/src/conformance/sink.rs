//! Who hears of records, and when.

use std::sync::Arc;

use headway_protocol::{ItemStatus, JobId};
use parking_lot::Mutex;

use super::Subject;
use super::fixtures::*;
use crate::{Appended, Sink};

#[derive(Default)]
struct Heard(Mutex<Vec<Appended>>);

impl Sink for Heard {
    fn wake(&self, appended: &[Appended]) {
        assert!(!appended.is_empty());
        self.0.lock().extend_from_slice(appended);
    }
}

impl Heard {
    fn positions(&self, job: &str) -> Vec<u64> {
        let heard = self.0.lock();
        heard.iter().filter(|news| news.job == id(job)).map(|news| news.cursor.offset).collect()
    }
}

/// When an append is answered its sinks have heard of it, in the order of each job.
pub async fn sinks_hear_what_is_durable_in_order(subject: &mut impl Subject) {
    let store = subject.store();
    appended(&store, first("a")).await;
    let early: Arc<Heard> = Arc::default();
    store.attach(Arc::clone(&early) as Arc<dyn Sink>);
    appended(&store, next("a", 1)).await;
    let late: Arc<Heard> = Arc::default();
    store.attach(Arc::clone(&late) as Arc<dyn Sink>);
    for answer in store.append(vec![first("b"), next("a", 2), next("b", 1), next("a", 3)]).await {
        answer.unwrap();
    }
    assert_eq!(early.positions("a"), [2, 3, 4]);
    assert_eq!(late.positions("a"), [3, 4]);
    for sink in [&early, &late] {
        assert_eq!(sink.positions("b"), [1, 2]);
        for news in sink.0.lock().iter() {
            assert_eq!(news.cursor.epoch, EPOCH);
            assert_eq!(news.cursor.offset, news.record.to);
        }
    }
    let news = late.0.lock().last().cloned().unwrap();
    assert_eq!(*news.facets, facets(headway_protocol::JobStatus::Running));
    assert_eq!(news.record.patch.get(), next("a", 3).record.patch.get());
}

/// What did not happen is not told.
pub async fn refused_appends_are_no_news(subject: &mut impl Subject) {
    let store = subject.store();
    let heard: Arc<Heard> = Arc::default();
    store.attach(Arc::clone(&heard) as Arc<dyn Sink>);
    appended(&store, keyed(first("a"), "k", 1)).await;
    refused(&store, next("a", 7)).await;
    refused(&store, keyed(first("b"), "k", 1)).await;
    refused(&store, settling("a", 1, vec![outcome(0, 1, ItemStatus::Failed)])).await;
    store.add_items(&id("a"), vec![item(0)]).await.unwrap();
    store.remove(&[id("a")]).await.unwrap();
    assert_eq!(heard.0.lock().len(), 1);
}

/// What a sink was told, a word for each.
#[derive(Default)]
struct Diary(Mutex<Vec<String>>);

impl Sink for Diary {
    fn wake(&self, appended: &[Appended]) {
        let words = appended.iter().map(|news| format!("{} {}", news.job, news.cursor.offset));
        self.0.lock().extend(words);
    }

    fn removed(&self, jobs: &[JobId]) {
        assert!(!jobs.is_empty());
        self.0.lock().extend(jobs.iter().map(|job| format!("{job} removed")));
    }
}

/// Removals are told before they are answered, between what the job was and what its name is next.
pub async fn sinks_hear_of_removed_jobs_in_turn(subject: &mut impl Subject) {
    let store = subject.store();
    let diary: Arc<Diary> = Arc::default();
    store.attach(Arc::clone(&diary) as Arc<dyn Sink>);
    for _ in 0..2 {
        for answer in store.append(vec![first("a"), first("b"), next("a", 1)]).await {
            answer.unwrap();
        }
        store.remove(&[id("nobody")]).await.unwrap();
        store.remove(&[id("a"), id("nobody"), id("b")]).await.unwrap();
        assert_eq!(*diary.0.lock(), ["a 1", "b 1", "a 2", "a removed", "b removed"]);
        diary.0.lock().clear();
    }
}
