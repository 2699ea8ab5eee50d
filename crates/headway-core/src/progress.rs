//! Percent, rate and time to the end.
//!
//! All of it is worked out while events are applied, from the times of those events. The rate is a
//! mean that forgets: what happened one half-life ago counts half. The half-life grows with the time
//! worked, from [`HALF_LIFE_SHORTEST`] to [`HALF_LIFE_LONGEST`] seconds. Samples are taken no closer
//! than a fortieth of the half-life, so that a burst of reports is one sample and a report costs a
//! few additions. Time in which a job stands still is not counted.

use headway_protocol::{Job, JobStatus, Percent, Progress, Timestamp, diff_whole};
use serde::{Deserialize, Serialize};

use crate::JobState;
use crate::job::steps;

const HALF_LIFE_SHORTEST: f64 = 10.0;
const HALF_LIFE_LONGEST: f64 = 300.0;
/// Samples in a half-life, at the most.
const SAMPLES_PER_HALF_LIFE: f64 = 40.0;
/// Samples before a rate is shown.
const EVIDENCE_SAMPLES: u32 = 3;
/// Seconds of work before a rate is shown.
const EVIDENCE_SECONDS: f64 = 1.0;
/// The quantile of a range that holds the truth in 9 of 10 cases, were samples independent.
const QUANTILE: f64 = 1.645;
/// The narrowest and the widest range, as shares of the time that is left.
const SPREAD: (f64, f64) = (0.05, 4.0);
/// Beyond a hundred years a time to the end says nothing.
const LONGEST_MS: f64 = 100.0 * 365.0 * 86_400_000.0;

/// How fast a job goes, from the times of its own events. Numbers are kept to six digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RateEstimate {
    /// When the newest sample was taken.
    pub at: Timestamp,
    /// Where the job was then, in units, or in percent points.
    pub position: f64,
    /// Whether positions are percent points.
    pub in_percent: bool,
    /// Samples taken.
    pub samples: u32,
    /// Seconds worked.
    pub worked: f64,
    /// Σ seconds of the samples, forgetting.
    pub seconds: f64,
    /// Σ units moved, forgetting.
    pub units: f64,
    /// Σ units² ÷ seconds, forgetting.
    pub squares: f64,
    /// Σ 1, forgetting: how many samples the others rest on.
    pub weight: f64,
}

diff_whole!(RateEstimate);

impl RateEstimate {
    /// The first look at a position: nothing is known of what led there.
    fn new(at: Timestamp, position: f64, in_percent: bool) -> Self {
        Self { at, position, in_percent, ..Self::default() }
    }

    fn half_life(&self) -> f64 {
        (self.worked / 3.0).clamp(HALF_LIFE_SHORTEST, HALF_LIFE_LONGEST)
    }

    /// Looks at the position; takes a sample when the last one is long enough ago.
    fn look(&mut self, at: Timestamp, position: f64) {
        let seconds = at.since(self.at) as f64 / 1_000.0;
        let half_life = self.half_life();
        if seconds < half_life / SAMPLES_PER_HALF_LIFE {
            return;
        }
        let units = (position - self.position).max(0.0);
        let keep = (-seconds / half_life).exp2();
        *self = Self {
            at,
            position: position.max(self.position),
            in_percent: self.in_percent,
            samples: self.samples.saturating_add(1),
            worked: digits(self.worked + seconds, 6),
            seconds: digits(self.seconds * keep + seconds, 6),
            units: digits(self.units * keep + units, 6),
            squares: digits(self.squares * keep + units * units / seconds, 6),
            weight: digits(self.weight * keep + 1.0, 6),
        };
    }

    /// Units (or percent points) per second, once there is evidence.
    fn rate(&self) -> Option<f64> {
        let seen = self.samples >= EVIDENCE_SAMPLES && self.worked >= EVIDENCE_SECONDS;
        let rate = self.units / self.seconds;
        (seen && rate.is_finite() && rate > 0.0).then_some(rate)
    }

    /// Milliseconds for what is left, with a range. Its width comes from how much samples differ:
    /// once because the rate rests on so few of them, and once because those to come will differ
    /// as much.
    fn time_left(&self, left: f64) -> Option<(u64, u64, u64)> {
        let rate = self.rate()?;
        let seconds = left / rate;
        let variance = (self.squares / self.seconds - rate * rate).max(0.0);
        let to_come = (seconds * self.weight / self.seconds).max(1.0);
        let spread = QUANTILE * (variance * (1.0 / self.weight + 1.0 / to_come)).sqrt() / rate;
        let spread = spread.clamp(SPREAD.0, SPREAD.1);
        let low = millis(seconds / (1.0 + spread))?;
        Some((millis(seconds)?, low, millis(seconds * (1.0 + spread))?))
    }
}

/// What a report says of percent and units. A percent that was said in this attempt, or that units
/// give, is never worked out from steps again.
pub(crate) fn reported(
    state: &mut JobState,
    percent: Option<Percent>,
    done: Option<u64>,
    total: Option<u64>,
) {
    let progress = &mut state.job.progress;
    progress.done = done.or(progress.done);
    progress.total = total.or(progress.total);
    if let Some(percent) = percent {
        state.private.percent_said = true;
        raise(progress, percent);
    } else if let (true, Some(percent)) = (done.or(total).is_some(), share(progress)) {
        raise(progress, percent);
    }
}

/// Something moved: percent from steps where nothing better is known, then rate and time left.
pub(crate) fn move_on(state: &mut JobState, at: Timestamp) {
    let job = &mut state.job;
    if !state.private.percent_said
        && share(&job.progress).is_none()
        && let Some(percent) = steps::percent(&job.steps, state.private.steps_open)
    {
        raise(&mut job.progress, percent);
    }
    estimate(state, at);
}

/// A batch's units are its items: done with are those that were worked on, whatever came of it.
pub(crate) fn counted(state: &mut JobState) {
    let Some(items) = &state.job.items else { return };
    let done = [items.failed, items.skipped].into_iter().fold(items.succeeded, u64::saturating_add);
    let progress = &mut state.job.progress;
    progress.done = Some(done);
    progress.total = Some(items.total);
    if items.total > 0
        && let Some(percent) = share(progress)
    {
        raise(progress, percent);
    }
}

fn share(progress: &Progress) -> Option<Percent> {
    Some(Percent::of(progress.done? as f64, progress.total? as f64))
}

fn raise(progress: &mut Progress, percent: Percent) {
    progress.percent = Some(progress.percent.unwrap_or_default().max(percent));
}

fn estimate(state: &mut JobState, at: Timestamp) {
    let job = &mut state.job;
    if !works(job.status) {
        return;
    }
    let Some((position, left, in_percent)) = position(job) else { return };
    let rate = &mut state.private.rate;
    match rate {
        Some(estimate) if estimate.in_percent == in_percent => estimate.look(at, position),
        Some(_) | None => *rate = Some(RateEstimate::new(at, position, in_percent)),
    }
    let progress = &mut job.progress;
    progress.rate = rate.and_then(|estimate| estimate.rate()).map(|rate| digits(rate, 3));
    let left = left.filter(|left| *left > 0.0);
    let time = left.and_then(|left| rate.and_then(|estimate| estimate.time_left(left)));
    progress.eta_ms = time.map(|(middle, _, _)| middle);
    progress.eta_low_ms = time.map(|(_, low, _)| low);
    progress.eta_high_ms = time.map(|(_, _, high)| high);
}

/// Where the job is, how much is left, and whether that is in percent points.
fn position(job: &Job) -> Option<(f64, Option<f64>, bool)> {
    let percent = job.progress.percent.map(Percent::value);
    match (job.progress.done, job.progress.total, percent) {
        (Some(done), Some(total), _) => {
            Some((done as f64, Some(total.saturating_sub(done) as f64), false))
        }
        (Some(done), None, Some(percent)) if percent > 0.0 => {
            Some((done as f64, Some(done as f64 * (100.0 / percent - 1.0)), false))
        }
        (Some(done), None, _) => Some((done as f64, None, false)),
        (None, _, Some(percent)) => Some((percent, Some(100.0 - percent), true)),
        (None, _, None) => None,
    }
}

const fn works(status: JobStatus) -> bool {
    match status {
        JobStatus::Running | JobStatus::Pausing | JobStatus::Cancelling => true,
        JobStatus::Pending
        | JobStatus::Queued
        | JobStatus::Paused
        | JobStatus::Completed
        | JobStatus::Failed
        | JobStatus::Cancelled
        | JobStatus::Expired => false,
    }
}

/// It stands still: no rate, no end in sight. What is known of its rate is kept.
pub(crate) fn stand_still(state: &mut JobState) {
    let progress = &mut state.job.progress;
    progress.rate = None;
    progress.eta_ms = None;
    progress.eta_low_ms = None;
    progress.eta_high_ms = None;
}

/// It goes on: the time in between is not counted.
pub(crate) fn go_on(state: &mut JobState, at: Timestamp) {
    if let Some(estimate) = &mut state.private.rate {
        estimate.at = at;
    }
}

/// The attempt is over.
pub(crate) fn end(state: &mut JobState) {
    stand_still(state);
    state.private.rate = None;
}

/// A new attempt: nothing is done, and what a unit is stays.
pub(crate) fn reset(state: &mut JobState) {
    end(state);
    state.private.percent_said = false;
    state.job.progress.percent = None;
    state.job.progress.done = None;
}

/// A number rounded to so many digits, which keeps JSON short and exact.
fn digits(number: f64, digits: i32) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return 0.0;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a logarithm of a double lies within ±400")]
    let places = digits - 1 - number.abs().log10().floor() as i32;
    let scale = 10_f64.powi(places.abs());
    if !scale.is_finite() {
        return 0.0;
    }
    if places >= 0 { (number * scale).round() / scale } else { (number / scale).round() * scale }
}

/// Seconds as milliseconds to three digits, at least 1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number is checked to lie between 1 and a hundred years"
)]
fn millis(seconds: f64) -> Option<u64> {
    let millis = digits(seconds * 1_000.0, 3).max(1.0).round();
    (millis <= LONGEST_MS).then_some(millis as u64)
}
