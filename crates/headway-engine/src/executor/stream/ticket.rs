//! One attempt on its way through a pool: shared by the one who waits for it and by the worker that
//! holds it.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;

use super::super::{Attempt, Ended, News};

/// The most pieces of news that wait to be heard; newer ones are dropped. One poll takes them all,
/// so only a worker that floods reaches it.
const NEWS: usize = 64;
/// Stands for no slot.
const NOWHERE: usize = usize::MAX;

/// One attempt on its way through a pool.
///
/// `abandoned` and `slot` change under the board's lock only.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) index: u64,
    pub(super) timeout: Option<Duration>,
    /// The line that a worker gets, with its line break.
    pub(super) line: Vec<u8>,
    /// How often it was sent to a worker that was then ended because of another item.
    pub(super) moves: AtomicU32,
    /// How many slots could not take it because they hold another of its index.
    pub(super) hops: AtomicU32,
    abandoned: AtomicBool,
    slot: AtomicUsize,
    fate: Mutex<Fate>,
}

#[derive(Debug, Default)]
struct Fate {
    news: VecDeque<News>,
    ended: Option<Ended>,
    waker: Option<Waker>,
}

impl Ticket {
    pub(super) fn new(attempt: &Attempt) -> Self {
        Self {
            index: attempt.index,
            timeout: attempt.timeout,
            line: line(attempt),
            moves: AtomicU32::new(0),
            hops: AtomicU32::new(0),
            abandoned: AtomicBool::new(false),
            slot: AtomicUsize::new(NOWHERE),
            fate: Mutex::new(Fate::default()),
        }
    }

    /// Hears the news in their order, and then the end.
    pub(super) fn poll(&self, context: &mut Context<'_>, hear: impl FnMut(News)) -> Poll<Ended> {
        let mut fate = self.fate.lock();
        let news = std::mem::take(&mut fate.news);
        let ended = fate.ended.take();
        if ended.is_none() && !fate.waker.as_ref().is_some_and(|w| w.will_wake(context.waker())) {
            fate.waker = Some(context.waker().clone());
        }
        drop(fate);
        news.into_iter().for_each(hear);
        ended.map_or(Poll::Pending, Poll::Ready)
    }

    /// Says something about it. Progress that was not heard yet is replaced by newer.
    pub(super) fn say(&self, news: News) {
        let mut fate = self.fate.lock();
        if let (
            Some(News::Progress { percent: before, message: said }),
            News::Progress { percent, message },
        ) = (fate.news.back_mut(), &news)
        {
            *before = percent.or(*before);
            if message.is_some() {
                said.clone_from(message);
            }
        } else if fate.news.len() < NEWS {
            fate.news.push_back(news);
        }
        wake(fate);
    }

    /// Ends it.
    pub(super) fn end(&self, ended: Ended) {
        let mut fate = self.fate.lock();
        fate.ended = Some(ended);
        wake(fate);
    }

    /// Nobody waits for it any more.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    /// The slot whose worker holds it.
    pub(super) fn slot(&self) -> Option<usize> {
        Some(self.slot.load(Ordering::Relaxed)).filter(|slot| *slot != NOWHERE)
    }

    pub(super) fn set_slot(&self, slot: Option<usize>) {
        self.slot.store(slot.unwrap_or(NOWHERE), Ordering::Relaxed);
    }
}

fn wake(mut fate: parking_lot::MutexGuard<'_, Fate>) {
    let waker = fate.waker.take();
    drop(fate);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// `{"index","custom_id","attempt","input"}`; a line break between the tokens of the input becomes
/// a blank, which means the same.
fn line(attempt: &Attempt) -> Vec<u8> {
    let input = attempt.input.get();
    let mut head = String::with_capacity(64 + input.len());
    let custom_id = attempt.custom_id.as_deref().map(crate::input::json_text::string);
    let custom_id = custom_id.as_ref().map_or("null", |id| id.get());
    let (index, number) = (attempt.index, attempt.number);
    let written = write!(
        head,
        "{{\"index\":{index},\"custom_id\":{custom_id},\"attempt\":{number},\"input\":"
    );
    debug_assert!(written.is_ok(), "a string takes everything");
    let mut line = head.into_bytes();
    let before = line.len();
    line.extend_from_slice(input.as_bytes());
    if memchr::memchr2(b'\n', b'\r', input.as_bytes()).is_some() {
        for byte in line.iter_mut().skip(before).filter(|byte| matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
    }
    line.extend_from_slice(b"}\n");
    line
}
