//! A long poll: frames are collected until there is something to answer with.

use super::{Over, Taken, Transport, Watcher};
use crate::front::answer::Answer;
use crate::front::outbound::Outbound;
use crate::front::shard::Context;
use crate::front::wheel::Tick;
use crate::observe::Seen;
use crate::stream::opening::Page;
use crate::stream::poll::Collected;

/// What is collected for one answer, and until when.
#[derive(Debug)]
pub(super) struct Polling {
    pub(super) collected: Collected,
    pub(super) patience: Tick,
    pub(super) one_job: bool,
    pub(super) page: Page,
    /// The request, and whether it is the last on its connection; taken by its answer.
    pub(super) seen: Option<(Seen, bool)>,
}

impl Watcher {
    /// Collects frames for one answer, and gives it when there is something, or the time is up.
    pub(super) fn collect(&mut self, outbound: &mut Outbound, context: &Context) -> Taken {
        let Self { session, transport, .. } = self;
        let Transport::Poll(polling) = transport else { return Taken::All };
        let now = context.time();
        let mut full = false;
        while !full {
            let Some(frame) = session.poll_frame(now) else { break };
            full = polling.collected.add(&frame);
        }
        let impatient = context.now >= polling.patience || self.stopping;
        let settled = self.working == 0 && !session.is_waiting();
        if !full && !(settled && (polling.collected.has_frames() || impatient)) {
            return Taken::All;
        }
        let body = polling.collected.finish(polling.one_job, session.positions());
        if let Some((seen, last)) = polling.seen.take() {
            let mut answer = Answer::json(body);
            polling.page.mark(&mut answer.headers);
            outbound.push(context.bytes(answer, seen, last || self.stopping));
        }
        self.over = Some(Over::Answered);
        Taken::All
    }
}
