//! The jobs that a shard remembers: the ones used lately, in two generations.

use std::collections::HashMap;

use headway_core::JobState;
use headway_protocol::JobId;

/// Jobs of one generation. Two generations of the largest documents without results stay below
/// 200 MB; of usual ones, below 40 MB.
const GENERATION: usize = 16_384;

/// The states of jobs that were used lately. A job that is not here is read from the store.
#[derive(Debug, Default)]
pub(super) struct Cache {
    young: HashMap<JobId, JobState>,
    old: HashMap<JobId, JobState>,
}

impl Cache {
    /// The job's state, if it is remembered.
    pub(super) fn get(&mut self, job: &JobId) -> Option<&mut JobState> {
        if !self.young.contains_key(job) {
            let (job, state) = self.old.remove_entry(job)?;
            self.insert(job, state);
        }
        self.young.get_mut(job)
    }

    /// Whether the job's state is remembered.
    pub(super) fn holds(&self, job: &JobId) -> bool {
        self.young.contains_key(job) || self.old.contains_key(job)
    }

    /// Remembers a job's state.
    pub(super) fn insert(&mut self, job: JobId, state: JobState) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(job, state);
    }

    /// Forgets a job.
    pub(super) fn remove(&mut self, job: &JobId) {
        self.young.remove(job);
        self.old.remove(job);
    }
}

#[cfg(test)]
mod tests {
    use headway_core::{Create, Settings, create};
    use headway_protocol::{Currency, Owner, Timestamp};

    use super::*;

    fn state(id: &JobId) -> JobState {
        let create_request = Create {
            id: id.clone(),
            epoch: 1,
            kind: "test".to_owned(),
            name: None,
            session: None,
            tags: Vec::new(),
            metadata: serde_json::Value::Null,
            owner: Owner::default(),
            steps: std::collections::BTreeMap::new(),
            total: None,
            unit: None,
            currency: Currency::default(),
            batch: false,
            settings: Settings::default(),
        };
        create(Timestamp::from_millis(1), create_request).unwrap().0
    }

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let mut cache = Cache::default();
        let kept = JobId::new_job(0, 0);
        cache.insert(kept.clone(), state(&kept));
        let template = state(&kept);
        for number in 1..=(3 * GENERATION as u64) {
            cache.insert(JobId::new_job(number, 0), template.clone());
            assert!(cache.get(&kept).is_some());
        }
        assert!(!cache.holds(&JobId::new_job(1, 0)));
        assert!(cache.young.len() + cache.old.len() <= 2 * GENERATION + 1);
        cache.remove(&kept);
        assert!(!cache.holds(&kept));
    }
}
