//! The jobs that are watched.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use headway_protocol::{Cursor, JobId};
use headway_store::{Appended, Store};
use parking_lot::RwLock;
use tokio::sync::OnceCell;

use crate::error::Error;
use crate::options::{Options, Setting};
use crate::topic::{Applied, Topic};
use crate::wake::Wakes;

/// A job that is watched, or about to be.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// The topic, once the store was read.
    topic: OnceCell<Arc<Topic>>,
    /// A record came before the topic stood: it may be missing from what was read.
    missed: AtomicBool,
    /// The job was removed: whoever is making the topic looks for another slot.
    removed: AtomicBool,
}

impl Slot {
    /// Hands a record to the topic. `Some`: records before it are missing.
    pub(crate) fn apply(&self, appended: &Appended, wakes: &mut Wakes) -> Option<Arc<Topic>> {
        let topic = self.topic_or_missed()?;
        match topic.apply(appended.cursor.epoch, &appended.record, wakes) {
            Applied::Taken => None,
            Applied::Hole => Some(topic),
        }
    }

    /// Ends the topic of a job that was removed, once its records were handed over.
    pub(crate) fn end(&self, wakes: &mut Wakes) -> Option<&Topic> {
        let topic = self.topic.get()?;
        topic.end(wakes);
        Some(topic)
    }

    /// The topic; when there is none yet, whoever is making it will read the log again.
    fn topic_or_missed(&self) -> Option<Arc<Topic>> {
        if let Some(topic) = self.topic.get() {
            return Some(Arc::clone(topic));
        }
        self.missed.store(true, Ordering::SeqCst);
        // The topic may have been set between the two: then its maker may not have seen the mark.
        self.topic.get().cloned()
    }
}

/// All topics, by job. Owner of their lives: a topic is made for its first watcher and goes some
/// time after its last, or with its job. A name that is given again has another slot from the moment
/// at which the store says that the job is removed, so that nobody who comes later meets the old one.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    slots: RwLock<HashMap<JobId, Arc<Slot>>>,
}

impl Registry {
    /// The slot of a job that somebody watches, or is about to.
    pub(crate) fn slot(&self, job: &JobId) -> Option<Arc<Slot>> {
        self.slots.read().get(job).cloned()
    }

    /// Gives up the slot of a job that was removed. Its topic goes on until [`Slot::end`].
    pub(crate) fn forget(&self, job: &JobId) -> Option<Arc<Slot>> {
        let mut slots = self.slots.write();
        let slot = slots.remove(job)?;
        slot.removed.store(true, Ordering::SeqCst);
        // A topic that is made after this is given to nobody.
        if let Some(topic) = slot.topic.get() {
            topic.forget();
        }
        Some(slot)
    }

    /// How many jobs are watched.
    pub(crate) fn len(&self) -> usize {
        self.slots.read().len()
    }

    /// The job's topic, when it is at hand and has missed nothing.
    pub(crate) fn at_hand(&self, job: &JobId) -> Option<Arc<Topic>> {
        let slots = self.slots.read();
        let slot = slots.get(job)?;
        let topic = slot.topic.get().filter(|_| !slot.missed.load(Ordering::SeqCst))?;
        topic.touch();
        Some(Arc::clone(topic))
    }

    /// The job's topic, made if need be; `None` when there is no such job. Cancel safe.
    pub(crate) async fn open(
        &self,
        store: &dyn Store,
        setting: &Arc<Setting>,
        job: &JobId,
    ) -> Result<Option<Arc<Topic>>, Error> {
        loop {
            // The slot stands before the store is read, so that no record can pass between the two.
            let slot = Arc::clone(self.slots.write().entry(job.clone()).or_default());
            let opened = self.open_in(&slot, store, setting, job).await;
            // What was read of a job that is removed meanwhile may be the old one's.
            if !slot.removed.load(Ordering::SeqCst) || !matches!(opened, Ok(Some(_))) {
                return opened;
            }
        }
    }

    async fn open_in(
        &self,
        slot: &Arc<Slot>,
        store: &dyn Store,
        setting: &Arc<Setting>,
        job: &JobId,
    ) -> Result<Option<Arc<Topic>>, Error> {
        let topic = slot
            .topic
            .get_or_try_init(|| async {
                let stored = store.load(job).await.map_err(|error| Some(Error::from(error)))?;
                let stored = stored.ok_or(None)?;
                Topic::new(job.clone(), stored, setting).map(Arc::new).map_err(Some)
            })
            .await
            .cloned();
        match topic {
            Ok(topic) => {
                topic.touch();
                if slot.missed.load(Ordering::SeqCst) {
                    // Cleared only afterwards: a caller that is dropped on the way leaves it to
                    // the next one.
                    self.catch_up(store, &topic).await?;
                    slot.missed.store(false, Ordering::SeqCst);
                }
                Ok(Some(topic))
            }
            Err(absent_or_failed) => {
                // Whoever waits for the same topic tries again with the same slot: it must stay
                // for them, or they would watch a topic that no record reaches.
                let mut slots = self.slots.write();
                let alone = slots
                    .get(job)
                    .is_some_and(|known| Arc::ptr_eq(known, slot) && known.topic.get().is_none())
                    && Arc::strong_count(slot) == 2;
                if alone {
                    slots.remove(job);
                }
                absent_or_failed.map_or(Ok(None), Err)
            }
        }
    }

    /// Says that records of a job were lost. `Some`: its log has to be read.
    pub(crate) fn lost(&self, job: &JobId) -> Option<Arc<Topic>> {
        let topic = self.slot(job)?.topic_or_missed()?;
        match topic.lost() {
            Applied::Taken => None,
            Applied::Hole => Some(topic),
        }
    }

    /// Drops topics that nobody has watched for a while, and slots whose topic nobody came to make.
    /// What is being handed out is held by its taker and stays.
    pub(crate) fn sweep(&self) {
        let mut slots = self.slots.write();
        slots.retain(|_, slot| {
            let free = Arc::strong_count(slot) == 1;
            let topic = slot.topic.get();
            let idle = topic.is_none_or(|topic| topic.sweep() && Arc::strong_count(topic) == 1);
            !(free && idle)
        });
    }

    /// Reads the log up to its end after a hole. Cancel safe: what was read was applied.
    pub(crate) async fn fill(&self, store: &dyn Store, topic: &Topic) -> Result<(), Error> {
        loop {
            self.catch_up(store, topic).await?;
            if topic.filled() {
                return Ok(());
            }
        }
    }

    /// Brings the records after a cursor into the topic's ring, as far as they fit, and answers
    /// where the log is known to begin.
    pub(crate) async fn recover(
        &self,
        store: &dyn Store,
        topic: &Topic,
        cursor: Cursor,
        options: &Options,
    ) -> Result<u64, Error> {
        if topic.reaches(cursor) {
            return Ok(0);
        }
        let (head, begin) = {
            let state = topic.look();
            (state.cursor(), state.ring().begin())
        };
        if cursor.offset > head.offset {
            self.catch_up(store, topic).await?;
            return Ok(0);
        }
        let missing = usize::try_from(begin.saturating_sub(cursor.offset)).unwrap_or(usize::MAX);
        // Every record has an event, so that no more records can fit than this many events hold.
        let events = missing.min(options.ring_records);
        let Some(history) = store.read(topic.job(), cursor.offset, events).await? else {
            return Ok(0);
        };
        if history.cursor.epoch == head.epoch {
            topic.prepend(head.epoch, &history.records);
        }
        Ok(history.trimmed_to)
    }

    async fn catch_up(&self, store: &dyn Store, topic: &Topic) -> Result<(), Error> {
        const EVENTS: usize = 1_000;
        let at = topic.look().cursor();
        let Some(history) = store.read(topic.job(), at.offset, EVENTS).await? else {
            return Ok(());
        };
        let end = history.records.last().map_or(at.offset, |record| record.to);
        let whole = history.cursor.epoch == at.epoch
            && history.trimmed_to <= at.offset
            && end >= history.cursor.offset;
        if whole {
            let mut wakes = Wakes::default();
            for record in &history.records {
                // Live records may have come meanwhile, so that some of these are known.
                topic.refill(at.epoch, record, &mut wakes);
            }
            return Ok(());
        }
        if let Some(stored) = store.load(topic.job()).await? {
            topic.replace(stored, &mut Wakes::default())?;
        }
        Ok(())
    }
}
