//! Answers that take a look through many items, shared by everybody who asks the same of a batch.
//!
//! Owner: the hub. For one question a batch is looked through by one request at a time; whoever comes
//! meanwhile waits for it, and for another look only if its answer is older than what they have seen
//! of the batch.
//!
//! **Invariant:** nobody gets an answer that is older than the document that they had read before
//! they asked: an answer carries the position of the document that it was begun at, and serves
//! readers who have come as far as that.
//!
//! **Invariant:** what failed, or was given up, leaves nothing behind: the next one in the line looks.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use headway_protocol::Cursor;
use parking_lot::Mutex;
use tokio::sync::Mutex as Line;

/// Questions whose answers are kept: more than people ask within the seconds that an answer of a
/// running batch lasts. Beyond it the one that was asked longest ago makes room.
const QUESTIONS: usize = 64;

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

/// Answers of one kind; see the module. `Q` is the question: the batch, and what else it depends on.
#[derive(Debug)]
pub(crate) struct Looks<Q, T> {
    kept: Mutex<Kept<Q, T>>,
}

#[derive(Debug)]
struct Kept<Q, T> {
    questions: HashMap<Q, Place<T>>,
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

impl<Q, T> Default for Looks<Q, T> {
    fn default() -> Self {
        Self { kept: Mutex::new(Kept { questions: HashMap::new(), bytes: 0, requests: 0 }) }
    }
}

impl<Q: Clone + Eq + Hash, T> Looks<Q, T> {
    /// The answer for a batch of which `seen` was read: one that is there, one that is looked for
    /// now, or what `look` finds, which is `None` when there is no such batch any more.
    ///
    /// Cancel safe if `look` is.
    pub(crate) async fn share<E>(
        &self,
        counts: &LookCounts,
        question: &Q,
        seen: Cursor,
        look: impl Future<Output = Result<Option<Looked<T>>, E>>,
    ) -> Result<Option<Arc<T>>, E> {
        let place = self.kept.lock().come(question);
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
        self.kept.lock().keep(question, &place, bytes);
        // Also where the place has made room meanwhile: those who wait at it still come by.
        *held = Some((cursor, Arc::clone(&answer)));
        Ok(Some(answer))
    }
}

impl<Q: Clone + Eq + Hash, T> Kept<Q, T> {
    fn come(&mut self, question: &Q) -> Answer<T> {
        self.requests += 1;
        let asked_at = self.requests;
        if !self.questions.contains_key(question) {
            while self.questions.len() >= QUESTIONS {
                self.forget_oldest();
            }
        }
        let place = self.questions.entry(question.clone()).or_insert_with(|| Place {
            answer: Arc::default(),
            bytes: 0,
            asked_at,
        });
        place.asked_at = asked_at;
        Arc::clone(&place.answer)
    }

    /// Makes room for an answer at its place, if that is still there.
    fn keep(&mut self, question: &Q, answer: &Answer<T>, bytes: usize) {
        let Some(place) = self.questions.get_mut(question) else { return };
        if !Arc::ptr_eq(&place.answer, answer) {
            return;
        }
        self.bytes -= place.bytes;
        if bytes > BYTES {
            self.questions.remove(question);
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
        let oldest = self.questions.iter().min_by_key(|(_, place)| place.asked_at);
        let Some(oldest) = oldest.map(|(question, _)| question.clone()) else { return };
        if let Some(place) = self.questions.remove(&oldest) {
            self.bytes -= place.bytes;
        }
    }
}

#[cfg(test)]
mod tests;
