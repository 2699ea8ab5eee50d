//! How long the writer lets commands gather before it begins a commit.
//!
//! A commit costs nearly the same whether it carries one report or fifty: the disk, two sleeps and
//! the wake-ups around them. So a commit does not follow the one before at once while more is to be
//! expected: it waits until as many commands wait as lately came together, and never longer than
//! [`APART`] after the last commit began. Those who say something only after their last word is
//! answered all come back at once, and nobody waits for more than them; whether more would come is
//! tried now and then, and the less often the less it brought.
//!
//! Owner: the writer. Pure: it is told what came, and says how many to wait for.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Thread;
use std::time::Duration;

/// The longest time from the beginning of a commit to that of the next, while commands wait. An
/// answer is given in about half of it and the time of a commit.
pub(crate) const APART: Duration = Duration::from_micros(750);

/// Groups that are remembered.
const GROUPS: usize = 8;

/// Commands in all remembered groups from which on it pays to wait: with fewer than three in two
/// groups, the sleep costs more than the commits that it saves.
const WORTH_WAITING: usize = GROUPS / 2 * 3;

/// Commits from one try to the next, at first and at the most.
const TRIES: (u32, u32) = (8, 64);

/// How commands come together.
#[derive(Debug)]
pub(crate) struct Rhythm {
    /// The sizes of the last groups.
    groups: [usize; GROUPS],
    next: usize,
    /// Commits until the next try.
    rest: u32,
    /// Commits from a try that brings nothing to the next.
    between: u32,
}

impl Default for Rhythm {
    fn default() -> Self {
        let (between, _) = TRIES;
        Self { groups: [0; GROUPS], next: 0, rest: between, between }
    }
}

impl Rhythm {
    /// How many commands to wait for: one is as good as none.
    pub(crate) fn enough(&self) -> usize {
        if self.rest == 0 {
            usize::MAX
        } else if self.groups.iter().sum::<usize>() < WORTH_WAITING {
            1
        } else {
            self.largest()
        }
    }

    /// So many commands came together.
    pub(crate) fn came(&mut self, group: usize) {
        if let Some(rest) = self.rest.checked_sub(1) {
            self.rest = rest;
        } else {
            let (least, most) = TRIES;
            let better = group > self.largest().max(1);
            self.between = if better { least } else { self.between.saturating_mul(2).min(most) };
            self.rest = self.between;
        }
        if let Some(oldest) = self.groups.get_mut(self.next) {
            *oldest = group;
        }
        self.next = (self.next + 1) % GROUPS;
    }

    fn largest(&self) -> usize {
        self.groups.iter().copied().max().unwrap_or_default()
    }
}

/// Commands that wait for the writer, counted by those who send them, and how many wake it from
/// letting them gather.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    commands: AtomicUsize,
    /// 0: the writer does not let anything gather.
    enough: AtomicUsize,
    writer: OnceLock<Thread>,
}

impl Waiting {
    /// A command is about to be put into the queue.
    pub(crate) fn comes(&self) {
        self.commands.fetch_add(1, Ordering::SeqCst);
    }

    /// It is in the queue. One that is `urgent` ends the gathering.
    pub(crate) fn came(&self, urgent: bool) {
        let enough = self.enough.load(Ordering::SeqCst);
        if enough > 0
            && (urgent || self.commands.load(Ordering::SeqCst) >= enough)
            && let Some(writer) = self.writer.get()
        {
            self.enough.store(0, Ordering::SeqCst);
            writer.unpark();
        }
    }

    /// The writer took so many out of the queue.
    pub(crate) fn taken(&self, commands: usize) {
        self.commands.fetch_sub(commands, Ordering::SeqCst);
    }

    /// Lets commands gather: until there are `enough`, one is urgent, or the time is over. Called by
    /// the writer alone.
    pub(crate) fn gather(&self, enough: usize, left: impl Fn() -> Duration) {
        self.writer.get_or_init(std::thread::current);
        self.enough.store(enough, Ordering::SeqCst);
        while self.enough.load(Ordering::SeqCst) > 0
            && self.commands.load(Ordering::SeqCst) < enough
        {
            let left = left();
            if left.is_zero() {
                break;
            }
            std::thread::park_timeout(left);
        }
        self.enough.store(0, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups as they come when each waits for `enough` up to a time in which `most` come.
    fn groups(rhythm: &mut Rhythm, count: usize, most: usize, at_least: usize) -> Vec<usize> {
        (0..count)
            .map(|_| {
                let group = rhythm.enough().min(most).max(at_least);
                rhythm.came(group);
                group
            })
            .collect()
    }

    #[test]
    fn one_that_waits_for_each_answer_is_seldom_held_up() {
        let mut rhythm = Rhythm::default();
        let mut held_up = 0;
        for _ in 0..1_000 {
            held_up += usize::from(rhythm.enough() > 1);
            rhythm.came(1);
        }
        assert!((1..30).contains(&held_up), "{held_up} of 1000");
    }

    #[test]
    fn a_steady_stream_comes_in_groups() {
        let mut rhythm = Rhythm::default();
        groups(&mut rhythm, 100, 6, 1);
        let settled = groups(&mut rhythm, 1_000, 6, 1);
        assert!(settled.iter().all(|group| *group == 6), "{settled:?}");
    }

    #[test]
    fn those_who_wait_for_answers_are_not_waited_for_in_vain() {
        let mut rhythm = Rhythm::default();
        groups(&mut rhythm, 100, 8, 1);
        let in_vain = (0..1_000).filter(|_| {
            let in_vain = rhythm.enough() > 8;
            rhythm.came(8);
            in_vain
        });
        assert!(in_vain.count() < 30);
    }

    #[test]
    fn a_pair_now_and_then_is_not_waited_for() {
        let mut rhythm = Rhythm::default();
        let waits = (0..1_000).filter(|commit| {
            let waits = rhythm.enough() > 1;
            rhythm.came(if commit % 4 == 0 { 2 } else { 1 });
            waits
        });
        let waits = waits.count();
        assert!(waits < 30, "{waits} of 1000");
    }

    #[test]
    fn a_stream_that_runs_dry_is_not_waited_for() {
        let mut rhythm = Rhythm::default();
        groups(&mut rhythm, 100, 50, 1);
        for _ in 0..GROUPS {
            rhythm.came(1);
        }
        let waits = (0..100).filter(|_| {
            let waits = rhythm.enough() > 1;
            rhythm.came(1);
            waits
        });
        assert!(waits.count() <= 8);
    }

    #[test]
    fn enough_commands_and_urgent_ones_end_the_gathering() {
        for (enough, urgent) in [(2, false), (100, true)] {
            let waiting = Waiting::default();
            std::thread::scope(|scope| {
                let writer = scope.spawn(|| waiting.gather(enough, || Duration::from_mins(1)));
                // Until the writer gathers, what comes is only counted; it looks before it sleeps.
                while !writer.is_finished() {
                    waiting.comes();
                    waiting.came(urgent);
                    std::thread::yield_now();
                }
            });
        }
    }
}
