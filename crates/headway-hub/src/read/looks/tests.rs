use std::cell::Cell;
use std::pin::{Pin, pin};
use std::task::Poll;

use futures_util::poll;
use headway_protocol::JobId;
use tokio::sync::Notify;

use super::*;

/// What a look finds is the number of looks before it.
#[derive(Default)]
struct World {
    looks: Looks<JobId, u64>,
    counts: LookCounts,
    /// Where the batch is when a look begins.
    cursor: Cell<u64>,
    begun: Cell<u64>,
    /// A look ends when it is let.
    gate: Notify,
    failing: Cell<bool>,
}

fn job(name: &str) -> JobId {
    name.parse().unwrap()
}

fn at(offset: u64) -> Cursor {
    Cursor { epoch: 1, offset }
}

type Asked<'w> = Pin<Box<dyn Future<Output = Result<Option<Arc<u64>>, &'static str>> + 'w>>;

impl World {
    fn at(offset: u64) -> Self {
        Self { cursor: Cell::new(offset), ..Self::default() }
    }

    /// Somebody asks for a batch whose document they saw.
    fn ask(&self, seen: Cursor) -> Asked<'_> {
        Box::pin(async move {
            let look = async {
                let cursor = at(self.cursor.get());
                let answer = self.begun.get();
                self.begun.set(answer + 1);
                self.gate.notified().await;
                if self.failing.get() {
                    return Err("the store is away");
                }
                Ok(Some(Looked { cursor, answer, bytes: 8 }))
            };
            self.looks.share(&self.counts, &job("a"), seen, look).await
        })
    }

    fn counted(&self) -> (u64, u64) {
        (self.counts.made.load(Ordering::Relaxed), self.counts.shared.load(Ordering::Relaxed))
    }
}

fn told(answer: u64) -> Poll<Result<Option<Arc<u64>>, &'static str>> {
    Poll::Ready(Ok(Some(Arc::new(answer))))
}

#[tokio::test]
async fn many_at_once_share_a_look_and_so_does_whoever_comes_while_nothing_changes() {
    let world = World::at(5);
    let mut all: Vec<_> = (0..20).map(|_| world.ask(at(5))).collect();
    for asked in &mut all {
        assert!(poll!(asked).is_pending());
    }
    assert_eq!(world.begun.get(), 1);
    world.gate.notify_one();
    for asked in &mut all {
        assert_eq!(poll!(asked), told(0));
    }
    assert_eq!(poll!(&mut world.ask(at(5))), told(0));
    assert_eq!(poll!(&mut world.ask(at(3))), told(0), "who has seen less takes newer ones");
    assert_eq!((world.begun.get(), world.counted()), (1, (1, 21)));
}

#[tokio::test]
async fn whoever_has_seen_more_waits_for_another_look_and_all_of_them_for_the_same() {
    let world = World::at(5);
    let mut first = world.ask(at(5));
    assert!(poll!(&mut first).is_pending());
    // It changed while it was looked through.
    world.cursor.set(7);
    let mut later: Vec<_> = (6..=7).map(|offset| world.ask(at(offset))).collect();
    let mut early = world.ask(at(5));
    for asked in later.iter_mut().chain([&mut early]) {
        assert!(poll!(asked).is_pending());
    }
    world.gate.notify_one();
    assert_eq!(poll!(&mut first), told(0));
    assert!(poll!(&mut later[0]).is_pending(), "it looks");
    assert!(poll!(&mut later[1]).is_pending());
    world.gate.notify_one();
    for asked in later.iter_mut().chain([&mut early]) {
        assert_eq!(poll!(asked), told(1));
    }
    assert_eq!((world.begun.get(), world.counted()), (2, (2, 2)));
    // A batch of the same name that was made anew is another one.
    let mut other = world.ask(Cursor { epoch: 2, offset: 1 });
    assert!(poll!(&mut other).is_pending());
    assert_eq!(world.begun.get(), 3);
}

#[tokio::test]
async fn what_failed_or_was_given_up_is_not_kept() {
    let world = World::at(5);
    world.failing.set(true);
    let (mut first, mut second) = (world.ask(at(5)), world.ask(at(5)));
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    world.gate.notify_one();
    assert_eq!(poll!(&mut first), Poll::Ready(Err("the store is away")));
    world.failing.set(false);
    assert!(poll!(&mut second).is_pending(), "the next one looks");
    let mut third = world.ask(at(5));
    assert!(poll!(&mut third).is_pending());
    drop(second);
    assert!(poll!(&mut third).is_pending(), "the one after it looks");
    assert_eq!((world.begun.get(), world.counted()), (3, (0, 0)));
    world.gate.notify_one();
    assert_eq!(poll!(&mut third), told(2));
    assert_eq!(world.counted(), (1, 0));
}

/// An answer of so many bytes for a batch, and whether it was looked for.
async fn get(looks: &Looks<JobId, u64>, name: &str, bytes: usize) -> bool {
    let looked = Cell::new(false);
    let look = async {
        looked.set(true);
        Ok::<_, ()>(Some(Looked { cursor: at(1), answer: 0, bytes }))
    };
    looks.share(&LookCounts::default(), &job(name), at(1), look).await.unwrap().unwrap();
    looked.get()
}

#[tokio::test]
async fn what_was_asked_for_longest_ago_makes_room() {
    let looks = Looks::default();
    for number in 0..QUESTIONS {
        assert!(get(&looks, &format!("b{number}"), 10).await);
    }
    assert!(!get(&looks, "b0", 10).await);
    assert!(get(&looks, "more", 10).await);
    assert!(!get(&looks, "b0", 10).await, "it was asked for since");
    assert!(get(&looks, "b1", 10).await);
    let kept = looks.kept.lock();
    assert_eq!((kept.questions.len(), kept.bytes), (QUESTIONS, 10 * QUESTIONS));
}

#[tokio::test]
async fn bytes_are_bounded_and_what_is_too_large_alone_is_not_kept() {
    let looks = Looks::default();
    for name in ["a", "b", "c"] {
        assert!(get(&looks, name, BYTES / 2).await);
    }
    assert!(!get(&looks, "c", 0).await && !get(&looks, "b", 0).await);
    assert!(get(&looks, "a", 10).await);
    assert!(get(&looks, "large", BYTES + 1).await);
    assert!(get(&looks, "large", BYTES + 1).await);
    let kept = looks.kept.lock();
    assert_eq!((kept.questions.len(), kept.bytes), (2, BYTES / 2 + 10), "others stay");
}

#[tokio::test]
async fn those_who_wait_at_a_place_that_made_room_still_share() {
    let world = World::at(5);
    let (mut first, mut second) = (pin!(world.ask(at(5))), pin!(world.ask(at(5))));
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    for number in 0..QUESTIONS {
        get(&world.looks, &format!("b{number}"), 10).await;
    }
    world.gate.notify_one();
    assert_eq!(poll!(&mut first), told(0));
    assert_eq!(poll!(&mut second), told(0));
    let kept = world.looks.kept.lock();
    assert!(!kept.questions.contains_key(&job("a")) && kept.bytes == 10 * QUESTIONS);
}
