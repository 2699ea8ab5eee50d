//! How long a watcher stays that says nothing, takes nothing or says too much, and when it is looked
//! at again.

use headway_protocol::CloseCode;
use headway_protocol::frame::ClosingReason;
use headway_websocket::frame;

use super::{Over, Transport, Watcher, millis};
use crate::front::admission::Limit;
use crate::front::outbound::Outbound;
use crate::front::shard::Context;
use crate::front::wheel::Tick;

impl Watcher {
    /// Sees to it that a connection whose other side is gone, or has nothing to say, does not stay.
    /// `blocked`: since when the socket has taken nothing while something waits.
    pub(in crate::front) fn keep_alive(
        &mut self,
        blocked: Option<Tick>,
        outbound: &mut Outbound,
        context: &Context,
    ) {
        if self.over.is_some() {
            return;
        }
        let options = &context.app.options;
        let now = context.now;
        // A browser's session ends when nobody uses it; to watch is to use it. Whoever reads slowly has
        // no more time than others.
        let caller = self.session.caller();
        let expired = caller.expires_at.is_some_and(|at| at <= context.time());
        let ended = (expired || caller.session.is_some()) && self.has_ended(context);
        // A reader that does not take what was sent before a ping cannot answer it.
        if let Some(since) = blocked {
            if now.ms_since(since) >= millis(options.write_within) {
                self.fail(Limit::StalledWrite, CloseCode::TooSlow, context);
            }
            return;
        }
        if ended {
            return;
        }
        let Transport::Messages(conversation) = &mut self.transport else { return };
        let unsigned = conversation.unsigned.as_ref().map(|waiting| waiting.0);
        let late = |since| now.ms_since(since) >= millis(options.limits.sign_in_within);
        if unsigned.is_some_and(late) && !self.stopping {
            context.admission.hit(Limit::SignIn);
            self.stopping = true;
            self.session.close(ClosingReason::Unauthenticated, 0, CloseCode::InvalidToken);
            return;
        }
        if self.keep_talking(outbound, context) {
            return;
        }
        let Transport::Messages(conversation) = &mut self.transport else { return };
        if self.session.has_subscriptions() {
            conversation.idle = None;
        } else {
            let since = *conversation.idle.get_or_insert(now);
            if now.ms_since(since) >= millis(options.limits.idle_within) && !self.stopping {
                context.admission.hit(Limit::Idle);
                self.stopping = true;
                self.session.close(ClosingReason::Idle, 0, CloseCode::Ended);
                return;
            }
        }
        if conversation
            .flooding
            .is_some_and(|since| now.ms_since(since) >= millis(options.limits.flood_within))
        {
            let retry_ms = context.app.retry_ms();
            context.admission.hit(Limit::Messages);
            conversation.flooding = None;
            self.session.close(ClosingReason::RateLimited, retry_ms, CloseCode::RateLimited);
            return;
        }
        if now.ms_since(conversation.pinged) < millis(options.ping_every) {
            return;
        }
        if now.ms_since(conversation.heard) > millis(options.pong_within) {
            self.fail(Limit::Pong, CloseCode::NoPong, context);
            return;
        }
        conversation.pinged = now;
        outbound.push(frame::ping());
    }

    pub(super) fn fail(&mut self, limit: Limit, code: CloseCode, context: &Context) {
        context.admission.hit(limit);
        self.connected.fail(&context.app.metrics);
        self.over = Some(Over::Close(code));
    }

    /// When there is something to do although nothing happened.
    pub(in crate::front) fn due(&self, blocked: Option<Tick>, context: &Context) -> Tick {
        let options = &context.app.options;
        let expires = self.session.caller().expires_at.filter(|_| !self.stopping);
        let or_expires = |due: Tick| {
            expires.map_or(due, |at| due.min(context.now.after_ms(context.until(at).max(1))))
        };
        if let Some(since) = blocked {
            return or_expires(since.after_ms(millis(options.write_within)));
        }
        let session = or_expires(context.now.after_ms(context.until(self.session.next_deadline())));
        match &self.transport {
            Transport::Messages(conversation) => {
                let ping = conversation.pinged.after_ms(millis(options.ping_every));
                let idle = conversation
                    .idle
                    .map(|since| since.after_ms(millis(options.limits.idle_within)));
                let credit = conversation.credit_due(context);
                let unsigned = conversation.unsigned.as_ref().filter(|_| !self.stopping);
                let session = unsigned.map_or(session, |waiting| {
                    session.min(waiting.0.after_ms(millis(options.limits.sign_in_within)))
                });
                let first = session.min(ping);
                let first = idle.map_or(first, |idle| first.min(idle));
                let speech = self.speech_due(context);
                let first = speech.map_or(first, |speech| first.min(speech));
                credit.map_or(first, |credit| first.min(credit))
            }
            Transport::Events => session,
            Transport::Poll(polling) => session.min(polling.patience),
        }
    }
}
