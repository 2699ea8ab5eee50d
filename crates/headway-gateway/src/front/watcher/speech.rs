//! What is different for a watcher that speaks the format of an older service: how it is heard, in
//! which words its frames leave, and when it is told something by the clock.

use headway_hub::Frame;
use headway_protocol::CloseCode;
use headway_protocol::frame::ClosingReason;
use headway_websocket::frame;

use super::{Over, Transport, Watcher, millis};
use crate::compatible::speech::Speech;
use crate::front::admission::Limit;
use crate::front::outbound::Outbound;
use crate::front::shard::Context;
use crate::front::wheel::Tick;
use crate::stream::last_of_job;

impl Watcher {
    /// Whether it speaks a format.
    pub(super) fn speaks(&self) -> bool {
        self.speech().is_some()
    }

    /// Whether something that is no text is a mistake: not where nobody listens.
    pub(super) fn minds_foreign(&self) -> bool {
        self.speech().is_none_or(Speech::listens)
    }

    /// Takes a text of a client that speaks a format.
    pub(super) fn hear_text(&mut self, text: &[u8], outbound: &mut Outbound, context: &Context) {
        let Self { session, transport, .. } = self;
        let Some(speech) = transport.speech() else { return };
        let most = context.app.hub.options().max_message_bytes;
        let answer = speech.hear((text, most), session, (context.now, context.time()));
        if let Some(answer) = answer {
            outbound.push(frame::text(answer.to_string().as_bytes()));
        }
    }

    /// Why it is over after a frame, when nothing of its one job follows.
    pub(super) fn last_after(&self, frame: &Frame) -> Option<Over> {
        let subscribed = self.session.has_subscriptions();
        match self.speech() {
            None => last_of_job(frame, subscribed).map(Over::Close),
            Some(speech) => {
                speech.last(frame, subscribed).map(|(code, reason)| Over::Fault(code, reason))
            }
        }
    }

    /// A frame in the words that it speaks; `None`: there are none for it.
    pub(super) fn in_its_words(&mut self, frame: Frame, context: &Context) -> Option<Frame> {
        let Self { session, transport, .. } = self;
        match transport.speech() {
            None => Some(frame),
            Some(speech) => speech.reword(frame, session, (context.now, context.time())),
        }
    }

    /// Says what is due by the clock; whether that was the farewell.
    pub(super) fn keep_talking(&mut self, outbound: &mut Outbound, context: &Context) -> bool {
        let options = &context.app.options;
        let stopping = self.stopping;
        let Some(speech) = self.transport.speech().filter(|_| !stopping) else { return false };
        let silence_ms = millis(options.compatible.client_silence);
        if let Some(said) = speech.break_silence(silence_ms, (context.now, context.time())) {
            outbound.push(frame::text(said.to_string().as_bytes()));
        }
        let idle = speech.idle_due(millis(options.limits.idle_within));
        if idle.is_none_or(|due| due > context.now) {
            return false;
        }
        context.admission.hit(Limit::Idle);
        self.stopping = true;
        self.session.close(ClosingReason::Idle, 0, CloseCode::GoingAway);
        true
    }

    /// When something is due by the clock.
    pub(super) fn speech_due(&self, context: &Context) -> Option<Tick> {
        let options = &context.app.options;
        let speech = self.speech().filter(|_| !self.stopping)?;
        let silence = speech.silence_due(millis(options.compatible.client_silence));
        let idle = speech.idle_due(millis(options.limits.idle_within));
        silence.into_iter().chain(idle).min()
    }

    fn speech(&self) -> Option<&Speech> {
        match &self.transport {
            Transport::Messages(conversation) => conversation.speech.as_deref(),
            Transport::Events | Transport::Poll(_) => None,
        }
    }
}

impl Transport {
    fn speech(&mut self) -> Option<&mut Speech> {
        match self {
            Self::Messages(conversation) => conversation.speech.as_deref_mut(),
            Self::Events | Self::Poll(_) => None,
        }
    }
}
