//! Answers that take a look through many items, shared by everybody who asks for the same batch.
//!
//! Owner: the hub. A batch is looked through by one request at a time; whoever comes meanwhile waits
//! for it, and for another look only if its answer is older than what they have seen of the batch.
//!
//! **Invariant:** nobody gets an answer that is older than the document that they had read before
//! they asked: an answer carries the position of the document that it was begun at, and serves
//! readers who have come as far as that.
//!
//! **Invariant:** what failed, or was given up, leaves nothing behind: the next one in the line looks.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use headway_protocol::{Cursor, JobId};
use parking_lot::Mutex;
use tokio::sync::Mutex as Line;

/// Batches whose answers are kept: more than people look at within the seconds that an answer of a
/// running batch lasts. Beyond it the one that was asked for longest ago makes room.
const BATCHES: usize = 64;

/// Bytes of all answers that are kept: some 30 of the largest, about 480 KiB each.
const BYTES: usize = 16 * 1024 * 1024;

/// What a look gave.
#[derive(Debug)]
pub(crate) struct Looked<T> {
    /// Where the batch was when the look began.
    pub(crate) cursor: Cursor,
    /// What was found.
    pub(crate) answer: T,
    /// About how many bytes it takes.
    pub(crate) bytes: usize,
}

/// How often answers of one kind were looked for, and how often shared.
#[derive(Debug, Default)]
pub struct LookCounts {
    /// Looks that were finished.
    pub made: AtomicU64,
    /// Requests that were answered from a look of another one.
    pub shared: AtomicU64,
}

/// Answers of one kind; see the module.
#[derive(Debug)]
pub(crate) struct Looks<T> {
    kept: Mutex<Kept<T>>,
}

#[derive(Debug)]
struct Kept<T> {
    batches: HashMap<JobId, Place<T>>,
    bytes: usize,
    /// Requests so far, which say who asked last.
    requests: u64,
}

#[derive(Debug)]
struct Place<T> {
    answer: Answer<T>,
    bytes: usize,
    asked_at: u64,
}

/// An answer, if there is one; whoever holds the lock looks for it.
type Answer<T> = Arc<Line<Option<(Cursor, Arc<T>)>>>;

impl<T> Default for Looks<T> {
    fn default() -> Self {
        Self { kept: Mutex::new(Kept { batches: HashMap::new(), bytes: 0, requests: 0 }) }
    }
}

impl<T> Looks<T> {
    /// The answer for a batch of which `seen` was read: one that is there, one that is looked for
    /// now, or what `look` finds, which is `None` when there is no such batch any more.
    ///
    /// Cancel safe if `look` is.
    pub(crate) async fn share<E>(
        &self,
        counts: &LookCounts,
        job: &JobId,
        seen: Cursor,
        look: impl Future<Output = Result<Option<Looked<T>>, E>>,
    ) -> Result<Option<Arc<T>>, E> {
        let place = self.kept.lock().come(job);
        let mut held = place.lock().await;
        if let Some((cursor, answer)) = &*held
            && cursor.epoch == seen.epoch
            && cursor.offset >= seen.offset
        {
            counts.shared.fetch_add(1, Ordering::Relaxed);
            return Ok(Some(Arc::clone(answer)));
        }
        let Some(Looked { cursor, answer, bytes }) = look.await? else { return Ok(None) };
        counts.made.fetch_add(1, Ordering::Relaxed);
        let answer = Arc::new(answer);
        self.kept.lock().keep(job, &place, bytes);
        // Also where the place has made room meanwhile: those who wait at it still come by.
        *held = Some((cursor, Arc::clone(&answer)));
        Ok(Some(answer))
    }
}

impl<T> Kept<T> {
    fn come(&mut self, job: &JobId) -> Answer<T> {
        self.requests += 1;
        let asked_at = self.requests;
        if !self.batches.contains_key(job) {
            while self.batches.len() >= BATCHES {
                self.forget_oldest();
            }
        }
        let place = self.batches.entry(job.clone()).or_insert_with(|| Place {
            answer: Arc::default(),
            bytes: 0,
            asked_at,
        });
        place.asked_at = asked_at;
        Arc::clone(&place.answer)
    }

    /// Makes room for an answer at its place, if that is still there.
    fn keep(&mut self, job: &JobId, answer: &Answer<T>, bytes: usize) {
        let Some(place) = self.batches.get_mut(job) else { return };
        if !Arc::ptr_eq(&place.answer, answer) {
            return;
        }
        self.bytes -= place.bytes;
        if bytes > BYTES {
            self.batches.remove(job);
            return;
        }
        self.bytes += bytes;
        place.bytes = bytes;
        // Others make room for it, and not the other way about.
        self.requests += 1;
        place.asked_at = self.requests;
        while self.bytes > BYTES {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.batches.iter().min_by_key(|(_, place)| place.asked_at);
        let Some(oldest) = oldest.map(|(job, _)| job.clone()) else { return };
        if let Some(place) = self.batches.remove(&oldest) {
            self.bytes -= place.bytes;
        }
    }
}

#[cfg(test)]
mod tests;
