//! The hub's own task: takes what was appended and hands it to those who watch.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use headway_protocol::JobId;
use headway_store::{Appended, Sink};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::handle::Shared;
use crate::registry::Slot;
use crate::topic::Topic;
use crate::wake::Wakes;

/// Records handed over before the task lets others run.
const RECORDS_AT_ONCE: usize = 1_024;

/// Records handed over before those who serve watchers are woken: a thread that is woken for each
/// would find less to do each time.
const RECORDS_TO_A_WAKE: usize = 64;

/// How long to wait before a log that could not be read is read again.
const FILL_AGAIN: Duration = Duration::from_secs(1);

/// News between the store and the hub: bounded by [`crate::Options::inbox_records`], so that a
/// slow hub can neither hold the store up nor eat its memory. What does not fit is dropped and
/// remembered by name, and read from the log. That a job was removed is never dropped: it is told
/// once of each that is watched.
#[derive(Debug)]
pub(crate) struct Inbox {
    waiting: Mutex<Waiting>,
    notify: Notify,
    bound: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    news: VecDeque<News>,
    /// Watched jobs whose records were dropped; bounded by the watched jobs.
    lost: BTreeSet<JobId>,
    /// Whether something was dropped that a feed may have wanted.
    feeds_lost: bool,
}

/// What the store told. It keeps the slot of the time at which it was told, because a name may be
/// another job's when its turn comes.
#[derive(Debug)]
enum News {
    /// Something was appended, to a job that is watched when there is a slot.
    Appended(Appended, Option<Arc<Slot>>),
    /// The watched job is no more.
    Removed(Arc<Slot>),
}

impl Inbox {
    pub(crate) fn new(bound: usize) -> Self {
        Self { waiting: Mutex::default(), notify: Notify::new(), bound }
    }
}

/// What the store calls.
#[derive(Debug)]
pub(crate) struct Ear {
    hub: Weak<Shared>,
}

impl Ear {
    pub(crate) fn new(hub: &Arc<Shared>) -> Self {
        Self { hub: Arc::downgrade(hub) }
    }
}

impl Sink for Ear {
    fn wake(&self, appended: &[Appended]) {
        let Some(hub) = self.hub.upgrade() else { return };
        let feeds = !hub.feeds.is_empty();
        let mut waiting = hub.inbox.waiting.lock();
        let mut dropped = 0;
        for record in appended {
            let slot = hub.registry.slot(&record.job);
            if !feeds && slot.is_none() {
                continue;
            }
            if waiting.news.len() < hub.inbox.bound {
                waiting.news.push_back(News::Appended(record.clone(), slot));
                continue;
            }
            dropped += 1;
            waiting.feeds_lost |= feeds;
            if slot.is_some() {
                waiting.lost.insert(record.job.clone());
            }
        }
        let work = !waiting.news.is_empty() || dropped > 0;
        drop(waiting);
        if dropped > 0 {
            hub.setting.metrics.dropped.fetch_add(dropped, Ordering::Relaxed);
        }
        if work {
            hub.inbox.notify.notify_one();
        }
    }

    fn removed(&self, jobs: &[JobId]) {
        let Some(hub) = self.hub.upgrade() else { return };
        let mut waiting = hub.inbox.waiting.lock();
        let watched = jobs.iter().filter_map(|job| hub.registry.forget(job));
        waiting.news.extend(watched.map(News::Removed));
        let work = !waiting.news.is_empty();
        drop(waiting);
        if work {
            hub.inbox.notify.notify_one();
        }
    }
}

/// Runs until `stop`. It holds the hub only while it works, so that the last handle's end is seen.
pub(crate) async fn run(hub: Weak<Shared>, stop: CancellationToken) {
    let Some((inbox, grace)) =
        hub.upgrade().map(|hub| (Arc::clone(&hub.inbox), hub.setting.options.topic_grace_ms))
    else {
        return;
    };
    let mut sweeps = tokio::time::interval(Duration::from_millis((grace / 2).max(50)));
    sweeps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let sweep = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = inbox.notify.notified() => false,
            _ = sweeps.tick() => true,
        };
        let Some(hub) = hub.upgrade() else { return };
        if sweep {
            hub.registry.sweep();
            hub.feeds.sweep();
        }
        while pass_on(&hub, &stop) {
            tokio::task::yield_now().await;
        }
        hub.setting.metrics.topics.store(hub.registry.len() as u64, Ordering::Relaxed);
    }
}

/// Hands over some of what waits. Whether more waits.
fn pass_on(hub: &Arc<Shared>, stop: &CancellationToken) -> bool {
    let (news, lost, feeds_lost, more) = {
        let mut waiting = hub.inbox.waiting.lock();
        let count = waiting.news.len().min(RECORDS_AT_ONCE);
        let news: Vec<_> = waiting.news.drain(..count).collect();
        let more = !waiting.news.is_empty();
        // Losses are told after the records that came before them.
        let (lost, feeds_lost) = if more {
            (BTreeSet::new(), false)
        } else {
            (std::mem::take(&mut waiting.lost), std::mem::take(&mut waiting.feeds_lost))
        };
        (news, lost, feeds_lost, more)
    };
    for some in news.chunks(RECORDS_TO_A_WAKE) {
        let mut wakes = Wakes::default();
        for news in some {
            match news {
                News::Appended(appended, slot) => {
                    let slot = slot.as_ref();
                    if let Some(topic) = slot.and_then(|slot| slot.apply(appended, &mut wakes)) {
                        fill(hub, topic, stop);
                    }
                    // After the topic: a session that gave a job up at its end then either still
                    // sees that it goes on, or hears of it here.
                    hub.feeds.announce(appended, &mut wakes);
                }
                News::Removed(slot) => {
                    if let Some(topic) = slot.end(&mut wakes) {
                        hub.feeds.forget(topic);
                    }
                }
            }
        }
    }
    let mut wakes = Wakes::default();
    for job in &lost {
        if let Some(topic) = hub.registry.lost(job) {
            fill(hub, topic, stop);
        }
    }
    if feeds_lost {
        hub.feeds.lost(&mut wakes);
    }
    more
}

/// Reads a topic's log in a task of its own; a topic has one such task at the most.
fn fill(hub: &Arc<Shared>, topic: Arc<Topic>, stop: &CancellationToken) {
    let hub = Arc::downgrade(hub);
    let stop = stop.clone();
    tokio::spawn(async move {
        loop {
            let Some(hub) = hub.upgrade() else { return };
            hub.setting.metrics.rereads.fetch_add(1, Ordering::Relaxed);
            match hub.registry.fill(&*hub.store, &topic).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(job = %topic.job(), %error, "a watched job's log could not be read");
                }
            }
            drop(hub);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(FILL_AGAIN) => {}
            }
        }
    });
}
