//! Telling the sinks of a commit.

use headway_protocol::JobId;
use headway_store::{Appended, Sink};

/// What the sinks are told of a group, in order.
#[derive(Debug, Default)]
pub(super) struct News {
    appended: Vec<Appended>,
    /// Removed jobs, each with how many of the records came before that.
    removed: Vec<(usize, JobId)>,
}

impl News {
    /// A record was appended.
    pub(super) fn appended(&mut self, appended: Appended) {
        self.appended.push(appended);
    }

    /// A job was removed.
    pub(super) fn removed(&mut self, job: JobId) {
        self.removed.push((self.appended.len(), job));
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.appended.is_empty() && self.removed.is_empty()
    }

    /// Tells it all. Removals are rare: mostly it is one call.
    pub(super) fn tell(&self, sink: &dyn Sink) {
        let mut rest = self.appended.as_slice();
        let mut told = 0;
        for together in self.removed.chunk_by(|one, next| one.0 == next.0) {
            let until = together.first().map_or(told, |(before, _)| *before);
            let (before, after) = rest.split_at_checked(until - told).unwrap_or((rest, &[]));
            if !before.is_empty() {
                sink.wake(before);
            }
            let jobs: Vec<JobId> = together.iter().map(|(_, job)| job.clone()).collect();
            sink.removed(&jobs);
            (rest, told) = (after, until);
        }
        if !rest.is_empty() {
            sink.wake(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use headway_protocol::{Cursor, JobStatus, Owner, Timestamp};
    use headway_store::{Facets, Record};
    use parking_lot::Mutex;
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Default)]
    struct Diary(Mutex<Vec<String>>);

    impl Sink for Diary {
        fn wake(&self, appended: &[Appended]) {
            let jobs: Vec<&str> = appended.iter().map(|news| news.job.as_str()).collect();
            self.0.lock().push(jobs.join(" "));
        }

        fn removed(&self, jobs: &[JobId]) {
            let jobs: Vec<&str> = jobs.iter().map(JobId::as_str).collect();
            self.0.lock().push(format!("-{}", jobs.join(" -")));
        }
    }

    fn appended(job: JobId) -> Appended {
        Appended {
            job,
            cursor: Cursor { epoch: 1, offset: 1 },
            record: Arc::new(Record {
                from: 0,
                to: 1,
                at: Timestamp::from_millis(1),
                events: Vec::new(),
                patch: RawValue::NULL.to_owned(),
                private: RawValue::NULL.to_owned(),
            }),
            facets: Arc::new(Facets {
                status: JobStatus::Running,
                kind: "k".to_owned(),
                session: None,
                tags: Vec::new(),
                owner: Owner::default(),
                created_at: Timestamp::from_millis(1),
                finished_at: None,
                due_at: None,
            }),
        }
    }

    /// `-a` is the removal of `a`.
    fn check(group: &str, told: &[&str]) {
        let mut news = News::default();
        for word in group.split_whitespace() {
            match word.strip_prefix('-') {
                Some(job) => news.removed(job.parse().unwrap()),
                None => news.appended(appended(word.parse().unwrap())),
            }
        }
        assert_eq!(news.is_empty(), told.is_empty());
        let diary = Diary::default();
        news.tell(&diary);
        assert_eq!(*diary.0.lock(), told, "{group}");
    }

    #[test]
    fn a_group_is_told_in_order_and_in_few_calls() {
        check("", &[]);
        check("a b a", &["a b a"]);
        check("-a -b", &["-a -b"]);
        check("a -a a", &["a", "-a", "a"]);
        check("a b -a -b a -a", &["a b", "-a -b", "a", "-a"]);
        check("-a a b", &["-a", "a b"]);
    }
}
