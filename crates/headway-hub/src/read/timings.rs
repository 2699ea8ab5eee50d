//! How fast a batch's items finished, and how long they took.

use headway_access::Caller;
use headway_protocol::batch::{Durations, TimingPoint, Timings};
use headway_protocol::{ItemStatus, JobId, Timestamp};
use headway_store::{Indexes, ItemQuery, ItemSummary, Store, StoreError};

use super::looks::Looked;
use crate::error::Error;
use crate::handle::Handle;

/// Up to so many finished items are all read; of more, about as many as an even sample.
const READ_ALL: u64 = 20_000;

/// Items of one read.
const READ: usize = 1_000;

/// Where an item is that has run and is finished.
const FINISHED: [ItemStatus; 3] = [ItemStatus::Succeeded, ItemStatus::Failed, ItemStatus::Skipped];

/// Steps of the length that a scale of time has.
const STEPS_MS: [u64; 16] = {
    const SECOND: u64 = 1_000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    [
        SECOND,
        2 * SECOND,
        5 * SECOND,
        10 * SECOND,
        30 * SECOND,
        MINUTE,
        2 * MINUTE,
        5 * MINUTE,
        10 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
        3 * HOUR,
        6 * HOUR,
        12 * HOUR,
        DAY_MS,
    ]
};

const DAY_MS: u64 = 86_400_000;

impl Handle {
    /// How fast a batch's items finished, in at most `points` points, and how long they took;
    /// `None` when the caller sees no such batch. Whoever asks while nothing has changed shares one
    /// look, whatever the points.
    pub async fn timings(
        &self,
        caller: &Caller,
        job: &JobId,
        points: usize,
    ) -> Result<Option<Timings>, Error> {
        let Some((seen, _)) = self.item_counts(caller, job).await? else { return Ok(None) };
        let counts = &self.metrics().timing_looks;
        let look = self.shared.turns.wait(caller.tenant(), self.look_at_times(caller, job));
        let read = self.shared.timing_looks.share(counts, job, seen, look).await?;
        Ok(read.map(|read| read.timings(points)))
    }

    async fn look_at_times(
        &self,
        caller: &Caller,
        job: &JobId,
    ) -> Result<Option<Looked<Read>>, Error> {
        let Some((cursor, counts)) = self.item_counts(caller, job).await? else { return Ok(None) };
        let finished =
            counts.succeeded.saturating_add(counts.failed).saturating_add(counts.skipped);
        let store = &*self.shared.store;
        let mut read = Read::default();
        if finished <= READ_ALL {
            read_all(store, job, &mut read).await?;
        } else {
            read_sample(store, job, counts.total, &mut read).await?;
        }
        read.timed.shrink_to_fit();
        // Items may have finished since they were counted.
        read.finished = finished.max(read.items);
        let bytes = size_of::<Read>() + read.timed.len() * size_of::<Timed>();
        Ok(Some(Looked { cursor, answer: read, bytes }))
    }
}

/// Reads every finished item. Some may have finished since they were counted: the bound holds for
/// them as well.
async fn read_all(store: &dyn Store, job: &JobId, read: &mut Read) -> Result<(), StoreError> {
    for status in FINISHED {
        let mut query = ItemQuery { statuses: vec![status], limit: READ, ..ItemQuery::default() };
        while read.items < READ_ALL {
            let items = store.item_summaries(job, &query).await?;
            for item in &items {
                read.add(item);
            }
            query.after = items.last().map(|item| item.index);
            if items.len() < READ {
                break;
            }
        }
    }
    Ok(())
}

/// Reads items at even distances, as far as any has finished.
async fn read_sample(
    store: &dyn Store,
    job: &JobId,
    total: u64,
    read: &mut Read,
) -> Result<(), StoreError> {
    let reach = find_reach(store, job, total).await?;
    let at = |number: u64| {
        u64::try_from(u128::from(number) * u128::from(reach) / u128::from(READ_ALL))
            .unwrap_or(u64::MAX)
    };
    let mut begin = 0;
    while begin < READ_ALL {
        let end = READ_ALL.min(begin.saturating_add(READ as u64));
        let query = ItemQuery {
            statuses: FINISHED.to_vec(),
            only: Some((begin..end).map(at).collect::<Indexes>()),
            limit: READ,
            ..ItemQuery::default()
        };
        for item in store.item_summaries(job, &query).await? {
            read.add(&item);
        }
        begin = end;
    }
    Ok(())
}

/// One more than the largest index of a finished item, found by halves.
async fn find_reach(store: &dyn Store, job: &JobId, total: u64) -> Result<u64, StoreError> {
    let (mut low, mut high) = (0, total);
    while low < high {
        let middle = low + (high - low) / 2;
        let query = ItemQuery {
            statuses: FINISHED.to_vec(),
            after: middle.checked_sub(1),
            limit: 1,
            ..ItemQuery::default()
        };
        match store.item_summaries(job, &query).await?.first() {
            Some(item) => low = item.index + 1,
            None => high = middle,
        }
    }
    Ok(low)
}

/// Finished items that were read.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// How many.
    items: u64,
    /// How many there are.
    finished: u64,
    /// Those whose times are known: an input line that could not be read has none.
    timed: Vec<Timed>,
}

#[derive(Debug)]
struct Timed {
    /// When it finished, in milliseconds.
    at: u64,
    duration_ms: u64,
    failed: bool,
}

impl Read {
    fn add(&mut self, item: &ItemSummary) {
        self.items += 1;
        if let (Some(started_at), Some(duration_ms)) = (item.started_at, item.duration_ms) {
            let at = started_at.plus(duration_ms).as_millis();
            let failed = item.status == ItemStatus::Failed;
            self.timed.push(Timed { at, duration_ms, failed });
        }
    }

    /// What was read, as if it were all that have finished.
    fn timings(&self, points: usize) -> Timings {
        let finished = self.finished;
        let scaled = |count: usize| {
            let all = u128::try_from(count).unwrap_or_default() * u128::from(finished);
            let read = u128::from(self.items.max(1));
            u64::try_from((all + read / 2) / read).unwrap_or(u64::MAX)
        };
        let first = self.timed.iter().map(|item| item.at).min().unwrap_or_default();
        let last = self.timed.iter().map(|item| item.at).max().unwrap_or_default();
        let scale = Scale::new(first, last, points);
        let mut steps: Vec<Step> = Vec::new();
        if !self.timed.is_empty() {
            steps.resize_with(scale.place(last) + 1, Step::default);
        }
        for item in &self.timed {
            if let Some(step) = steps.get_mut(scale.place(item.at)) {
                step.durations.push(item.duration_ms);
                step.failed += usize::from(item.failed);
            }
        }
        let points = (0..)
            .zip(steps)
            .map(|(place, mut step)| {
                step.durations.sort_unstable();
                TimingPoint {
                    at: scale.at(place),
                    finished: scaled(step.durations.len()),
                    failed: scaled(step.failed),
                    p50_ms: percentile(&step.durations, 50),
                    p95_ms: percentile(&step.durations, 95),
                }
            })
            .collect();
        let mut durations: Vec<u64> = self.timed.iter().map(|item| item.duration_ms).collect();
        durations.sort_unstable();
        let at = |percent| percentile(&durations, percent);
        let duration = at(50).zip(at(90)).zip(at(99).zip(at(100))).map(
            |((p50_ms, p90_ms), (p99_ms, max_ms))| Durations { p50_ms, p90_ms, p99_ms, max_ms },
        );
        Timings { step_ms: scale.step, points, duration, read: self.items, finished }
    }
}

/// What finished within one step.
#[derive(Default)]
struct Step {
    durations: Vec<u64>,
    failed: usize,
}

/// Times in steps of a round length.
struct Scale {
    origin: u64,
    step: u64,
}

impl Scale {
    /// The shortest steps with which at most `points` lead from the first time to the last.
    fn new(first: u64, last: u64, points: usize) -> Self {
        let points = u64::try_from(points).unwrap_or(u64::MAX).max(1);
        let found = STEPS_MS
            .into_iter()
            .map(|step| Self { origin: first / step * step, step })
            .find(|scale| last.saturating_sub(scale.origin) / scale.step < points);
        found.unwrap_or_else(|| {
            let origin = first / DAY_MS * DAY_MS;
            let days = (last - origin) / DAY_MS / points + 1;
            Self { origin, step: days * DAY_MS }
        })
    }

    fn place(&self, at: u64) -> usize {
        usize::try_from(at.saturating_sub(self.origin) / self.step).unwrap_or(usize::MAX)
    }

    fn at(&self, place: u64) -> Timestamp {
        Timestamp::from_millis(self.origin + place * self.step)
    }
}

/// The smallest of ascending values that so many of 100 do not pass.
fn percentile(ascending: &[u64], percent: usize) -> Option<u64> {
    let rank = (ascending.len() * percent).div_ceil(100);
    ascending.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests;
