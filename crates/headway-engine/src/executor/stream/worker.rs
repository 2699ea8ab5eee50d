//! One slot of a pool: starts a worker when there is work, and another when it is gone.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use headway_protocol::JobError;
use tokio::time::Instant;

use super::super::Failure;
use super::super::command::Written;
use super::super::program::Program;
use super::board::{Board, ended, failed};
use super::session::{Farewell, Session};
use super::ticket::Ticket;

/// The wait after the first death; it doubles with each that follows without an answer between.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// The longest wait.
const LONGEST_DELAY: Duration = Duration::from_secs(10);
/// A worker that dies within this time of its start, without an answer, died soon.
const SOON: Duration = Duration::from_secs(5);
/// How often an attempt may be sent again because another item had its worker ended.
const MOVES: u32 = 3;

/// Runs one slot until the pool closes.
pub(super) async fn run(board: Arc<Board>, program: Arc<Program>, slot: usize, output_bytes: u64) {
    let mut deaths = 0_u32;
    loop {
        tokio::select! {
            biased;
            () = board.closed.cancelled() => break,
            () = board.work(slot) => {}
        }
        let started_at = Instant::now();
        let (farewell, answers) = match program.start(Vec::new()).await {
            Ok(started) => {
                let written = Written::new(output_bytes);
                Session::new(&board, slot, program.name(), started, written).run().await
            }
            Err(error) => (Farewell::unstarted(program.start_error(&error)), 0),
        };
        let Farewell { mut held, cause } = farewell;
        if answers > 0 {
            deaths = 0;
        }
        let mut wait = None;
        match cause {
            Cause::Closed => {
                for ticket in held {
                    ticket.end(ended(Err(Failure::Stopped)));
                }
                break;
            }
            Cause::Useless => board.put_back(held),
            Cause::Ended { item, error } => {
                if let Some(place) = held.iter().position(|ticket| ticket.index == item) {
                    held.remove(place).end(failed(error, None));
                }
                board.put_back(movable(held));
            }
            Cause::Died(error) => {
                deaths = deaths.saturating_add(1);
                let delay = delay(deaths);
                let soon = answers == 0 && started_at.elapsed() < SOON;
                let broken = if soon { board.barren(slot, delay, &error) } else { None };
                tracing::warn!(
                    program = program.name(),
                    slot,
                    held = held.len(),
                    error = error.message,
                    "a worker died"
                );
                let error = broken.unwrap_or(error);
                for ticket in held {
                    ticket.end(failed(error.clone(), None));
                }
                wait = Some(delay);
            }
        }
        board.gone(slot, wait.is_some());
        if let Some(delay) = wait {
            tokio::select! {
                biased;
                () = board.closed.cancelled() => break,
                () = tokio::time::sleep(delay) => board.rested(slot),
            }
        }
    }
}

/// Why a worker is gone.
#[derive(Debug)]
pub(super) enum Cause {
    /// The pool closes.
    Closed,
    /// Nobody waited for anything that it held.
    Useless,
    /// It was ended because of one item; the others are not at fault.
    Ended {
        /// The item.
        item: u64,
        /// Why.
        error: JobError,
    },
    /// It died, or behaved so that nothing it held can be trusted.
    Died(JobError),
}

/// Those that may be sent to another worker; the others fail.
fn movable(held: Vec<Arc<Ticket>>) -> Vec<Arc<Ticket>> {
    let (moved, lost): (Vec<_>, Vec<_>) =
        held.into_iter().partition(|ticket| ticket.moves.fetch_add(1, Ordering::Relaxed) < MOVES);
    for ticket in lost {
        let message = "its worker was ended because of another item, again and again";
        ticket.end(failed(JobError::passing("worker_lost", message), None));
    }
    moved
}

fn delay(deaths: u32) -> Duration {
    let doublings = deaths.saturating_sub(1).min(16);
    FIRST_DELAY.saturating_mul(1 << doublings).min(LONGEST_DELAY)
}
