//! Which subscriptions cover a lane, and what they want of it together.

use std::sync::Arc;

use headway_protocol::JobId;

use super::lane::{Step, Terms};
use super::subscription::millis;
use super::wanted::Wanted;
use super::{Session, past};
use crate::feed::Selector;
use crate::options::Setting;
use crate::topic::State;

impl Session {
    /// Gives up a lane that only selectors hold, once its job's end was said: it comes back by the
    /// feed when the job is retried, and its events go on where they ended.
    pub(super) fn leave_if_over(&mut self, key: u32) {
        let Some(lane) = self.lanes.get(key).filter(|lane| lane.is_over()) else { return };
        let chosen = lane.subscriptions.iter().any(|key| {
            let subscription = self.subscriptions.get(key);
            subscription.is_some_and(|known| matches!(known.selector, Selector::Job(_)))
        });
        if chosen {
            return;
        }
        let Some(lane) = self.lanes.remove(key) else { return };
        if let Some(at) = lane.events_position() {
            let most = self.setting.options.max_jobs.min(past::JOBS);
            let past = self.past.get_or_insert_default();
            past.remember(lane.job().clone(), at, self.tickets, most);
        }
    }

    /// A lane's job has begun another log, as a job of a name that was given away, or the caller may
    /// see other things: subscriptions that the job is not for any more lose it.
    pub(super) fn refit(&mut self, lane_key: u32) {
        let Some(lane) = self.lanes.get_mut(lane_key) else { return };
        let topic = Arc::clone(lane.topic());
        let (epoch, lost) = {
            let state = topic.look();
            let visible = state.is_seen_by(&self.caller);
            let stays = |key: u16| {
                let known = self.subscriptions.get(key);
                visible && known.is_some_and(|known| fits(&known.selector, &state))
            };
            let lost = lane.subscriptions.iter().filter(|key| !stays(*key));
            (state.cursor().epoch, lost.collect::<Vec<_>>())
        };
        if lane.epoch() != epoch {
            lane.enter_log(epoch);
            self.lanes.make_ready(lane_key);
        }
        for key in lost {
            self.lose(key, lane_key, topic.job());
        }
    }

    /// A lane's job was removed: what is at hand and was not sent is for its reader still, at most
    /// what the ring holds; then whoever chose the job by its name is told so, and the lane goes.
    pub(super) fn part(&mut self, lane_key: u32) {
        let Setting { options, metrics } = &*self.setting;
        let terms = Terms {
            now: self.last_sent,
            max_lag: options.max_event_lag,
            metrics,
            dialect: self.dialect.as_ref(),
        };
        let Some(lane) = self.lanes.get_mut(lane_key) else { return };
        let mut left = Vec::new();
        while !lane.is_reading()
            && let Step::Frame(frame) | Step::Last(frame) = lane.next(terms)
        {
            left.push(frame);
        }
        let job = lane.job().clone();
        let all: Vec<u16> = lane.subscriptions.iter().collect();
        // Of a session that has said farewell nothing comes.
        if self.closing.is_none() && !left.is_empty() {
            self.busy().outbox.extend(left);
        }
        for key in all {
            self.lose(key, lane_key, &job);
        }
    }

    /// A subscription loses a job: by its name it is over, a selector goes on without it.
    fn lose(&mut self, key: u16, lane_key: u32, job: &JobId) {
        let known = self.subscriptions.get(key);
        if known.is_some_and(|known| matches!(known.selector, Selector::Job(_))) {
            self.refuse_job(key, job);
        } else {
            self.take_away(key, lane_key);
        }
    }

    /// Takes a lane from a subscription.
    pub(super) fn take_away(&mut self, key: u16, lane_key: u32) {
        let Some(lane) = self.lanes.get_mut(lane_key) else { return };
        lane.subscriptions.remove(key);
        if lane.subscriptions.is_empty() {
            self.lanes.remove(lane_key);
        } else {
            self.tune(lane_key);
        }
    }

    /// Adds what a new subscription wants to what its lane wants.
    pub(super) fn tune_to(&mut self, lane_key: u32, key: u16) {
        let interval_of = self.intervals(lane_key);
        let (Some(lane), Some(subscription)) =
            (self.lanes.get_mut(lane_key), self.subscriptions.get(key))
        else {
            return;
        };
        let mut asked = (subscription.wanted.clone(), interval_of(subscription.interval_ms));
        if !lane.subscriptions.is_empty() {
            let (wanted, interval) = lane.asked();
            asked = (asked.0.and(wanted), asked.1.min(interval));
        }
        lane.subscriptions.insert(key);
        lane.set(asked.0, asked.1);
    }

    /// Sets what a lane wants to the union of what its subscriptions want, after one has gone. The
    /// search ends as soon as those that are left want what was wanted before, so that a crowd of
    /// the same costs no more than a few.
    fn tune(&mut self, lane_key: u32) {
        let interval_of = self.intervals(lane_key);
        let Some(lane) = self.lanes.get_mut(lane_key) else { return };
        let mut left: Option<(Wanted, u32)> = None;
        for key in lane.subscriptions.iter() {
            let Some(subscription) = self.subscriptions.get(key) else { continue };
            let interval = interval_of(subscription.interval_ms);
            left = Some(match left {
                None => (subscription.wanted.clone(), interval),
                Some((wanted, least)) => (wanted.and(&subscription.wanted), least.min(interval)),
            });
            if left.as_ref().is_some_and(|(wanted, least)| lane.asked() == (wanted, *least)) {
                return;
            }
        }
        let (wanted, interval) = left.unwrap_or_else(|| (Wanted::Nothing, interval_of(None)));
        lane.set(wanted, interval);
    }

    /// The interval of a lane, by what a subscription asks for.
    fn intervals(&self, lane_key: u32) -> impl Fn(Option<u32>) -> u32 + use<> {
        let options = &self.setting.options;
        let (least, usual) = match self.lanes.get(lane_key) {
            Some(lane) => options.intervals_of(lane.topic().look().kind()),
            None => (0, options.min_interval_ms),
        };
        let (least, usual) = (millis(least), millis(usual));
        move |asked: Option<u32>| asked.map_or(usual, |asked| asked.max(least))
    }
}

/// Whether a selector is about a job, among those of one tenant.
pub(super) fn fits(selector: &Selector, state: &State) -> bool {
    match selector {
        Selector::Job(_) | Selector::All => true,
        Selector::Session(session) => state.session() == Some(session),
        Selector::Tag(tag) => state.has_tag(tag),
    }
}
