//! A pool of long-lived processes that each take many items: a line of JSON in, a line of JSON out.
//!
//! ```text
//! run() ─ ticket ─► board (one queue) ─► slot ─► session ─ line ─► worker
//!   ▲                                              │
//!   └────────────── news, end ◄────── ticket ◄─────┘◄──── line ───────
//! ```
//!
//! A [`ticket`] is one attempt on its way. The [`board`] holds those that wait and wakes a slot.
//! Each slot is a task that starts a [`worker`] when there is work, talks with it in a [`session`],
//! and replaces it. Owner of a worker's process group is its session.
//!
//! Invariants: an attempt is held by at most one worker; a worker holds at most one attempt of an
//! index; when a worker is gone, each attempt that it held was ended or is back in the queue.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use headway_protocol::batch::CommandExecutor;
use headway_protocol::{Problem, ProblemCode};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::program::Program;
use super::{Attempt, Ended, Execute, Failure, NewsSink, Surroundings, Terms};
use board::Board;
use ticket::Ticket;

mod answer;
mod board;
mod held;
mod session;
mod ticket;
mod worker;

/// The most processes of a pool.
const PROCESSES: u32 = 256;

/// A pool of long-lived processes. They are started when there is work for them.
#[derive(Debug)]
pub(super) struct StreamPool {
    board: Arc<Board>,
    program: Arc<Program>,
    /// What a worker may write between two answers.
    output_bytes: u64,
    slots: usize,
    started: AtomicBool,
    tasks: TaskTracker,
}

impl StreamPool {
    /// Finds the program. Nothing is started yet.
    pub(super) fn new(
        executor: &CommandExecutor,
        terms: &Terms,
        surroundings: &Surroundings,
    ) -> Result<Self, Problem> {
        if executor.processes.is_some_and(|processes| !(1..=PROCESSES).contains(&processes)) {
            let detail = format!("`processes` is 1 to {PROCESSES}");
            return Err(Problem::new(ProblemCode::Invalid, detail).at_field("executor.processes"));
        }
        let program = Arc::new(Program::find(executor, terms, surroundings)?);
        let slots = executor.processes.map_or_else(
            || std::thread::available_parallelism().map_or(1, NonZero::get),
            |processes| usize::try_from(processes).unwrap_or(1),
        );
        Ok(Self {
            board: Arc::new(Board::new(slots)),
            program,
            output_bytes: terms.limits.output_bytes(),
            slots,
            started: AtomicBool::new(false),
            tasks: TaskTracker::new(),
        })
    }

    fn start_slots(&self) {
        if self.started.load(Ordering::Relaxed) || self.started.swap(true, Ordering::Relaxed) {
            return;
        }
        for slot in 0..self.slots {
            let (board, program) = (Arc::clone(&self.board), Arc::clone(&self.program));
            self.tasks.spawn(worker::run(board, program, slot, self.output_bytes));
        }
    }
}

#[async_trait]
impl Execute for StreamPool {
    async fn run(&self, attempt: &Attempt, news: &NewsSink, stop: &CancellationToken) -> Ended {
        if stop.is_cancelled() {
            return board::ended(Err(Failure::Stopped));
        }
        self.start_slots();
        let ticket = Arc::new(Ticket::new(attempt));
        if let Err(failure) = self.board.enter(&ticket) {
            return board::ended(Err(failure));
        }
        let mut place = Place { board: &self.board, ticket: &ticket, ended: false };
        let answer =
            std::future::poll_fn(|context| ticket.poll(context, |what| news(attempt, what)));
        tokio::select! {
            biased;
            ended = answer => {
                place.ended = true;
                ended
            }
            () = stop.cancelled() => board::ended(Err(Failure::Stopped)),
            () = self.board.closed.cancelled() => board::ended(Err(Failure::Stopped)),
        }
    }

    async fn close(&self) {
        self.board.closed.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for StreamPool {
    fn drop(&mut self) {
        self.board.closed.cancel();
    }
}

/// A place on the board. Dropping it gives the attempt up, also when whoever waited was dropped.
struct Place<'a> {
    board: &'a Board,
    ticket: &'a Ticket,
    ended: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.board.leave(self.ticket, self.ended);
    }
}
