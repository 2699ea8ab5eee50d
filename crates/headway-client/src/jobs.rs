//! Jobs: create, read, list, command.

use headway_protocol::event::Producer;
use headway_protocol::report::SequencedReport;
use headway_protocol::request::{
    CommandRequest, CreateJob, HistoryPage, JobPage, RecordPage, ReportReply,
};
use headway_protocol::{Action, Cursor, Job, JobId, JobStatus};
use reqwest::Method;

use crate::{Client, Error, Reporter};

/// Which jobs, and how many. Members that are absent do not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobsQuery {
    /// Only with this status.
    pub status: Option<JobStatus>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only of this session.
    pub session: Option<String>,
    /// Only with this tag.
    pub tag: Option<String>,
    /// Only those in whose id, name, kind, session and tags each of these words is found. A page may
    /// then have few jobs or none and still have a next one.
    pub text: Option<String>,
    /// A page's `next`.
    pub page: Option<String>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// A key that makes repeating a request harmless.
pub(crate) fn idempotency_key() -> String {
    format!("{:032x}", rand::random::<u128>())
}

impl Client {
    /// Creates a job. The request carries a key of its own, so that a repeat after a lost answer
    /// does not create a second one.
    pub async fn create_job(&self, request: &CreateJob) -> Result<Job, Error> {
        self.create_job_once(request, &idempotency_key()).await
    }

    /// Creates a job, or gives back the one that an earlier request with the same key created.
    pub async fn create_job_once(&self, request: &CreateJob, key: &str) -> Result<Job, Error> {
        let url = self.address(&["jobs"]);
        let send =
            || self.request(Method::POST, url.clone()).header("Idempotency-Key", key).json(request);
        self.read(self.send(send).await?).await
    }

    /// A job's document.
    pub async fn job(&self, job: &JobId) -> Result<Job, Error> {
        let url = self.address(&["jobs", job.as_str()]);
        self.read(self.send(|| self.request(Method::GET, url.clone())).await?).await
    }

    /// A page of jobs, newest first.
    pub async fn jobs(&self, query: &JobsQuery) -> Result<JobPage, Error> {
        let mut url = self.address(&["jobs"]);
        let limit = query.limit.map(|limit| limit.to_string());
        append(
            &mut url,
            &[
                ("status", query.status.map(JobStatus::as_str)),
                ("kind", query.kind.as_deref()),
                ("session", query.session.as_deref()),
                ("tag", query.tag.as_deref()),
                ("text", query.text.as_deref()),
                ("page", query.page.as_deref()),
                ("limit", limit.as_deref()),
            ],
        );
        self.read(self.send(|| self.request(Method::GET, url.clone())).await?).await
    }

    /// A page of a job's history after a position, oldest first; from the beginning without one.
    pub async fn history(
        &self,
        job: &JobId,
        after: Option<Cursor>,
        limit: Option<u32>,
    ) -> Result<HistoryPage, Error> {
        let mut url = self.address(&["jobs", job.as_str(), "events"]);
        let after = after.map(|after| after.to_string());
        let limit = limit.map(|limit| limit.to_string());
        append(&mut url, &[("after", after.as_deref()), ("limit", limit.as_deref())]);
        self.read(self.send(|| self.request(Method::GET, url.clone())).await?).await
    }

    /// A page of a job's history before the event with this cursor, oldest first; without one the
    /// newest events.
    pub async fn history_before(
        &self,
        job: &JobId,
        before: Option<Cursor>,
        limit: Option<u32>,
    ) -> Result<HistoryPage, Error> {
        let mut url = self.address(&["jobs", job.as_str(), "events"]);
        let before = before.map_or_else(|| "latest".to_owned(), |before| before.to_string());
        let limit = limit.map(|limit| limit.to_string());
        append(&mut url, &[("before", Some(&before)), ("limit", limit.as_deref())]);
        self.read(self.send(|| self.request(Method::GET, url.clone())).await?).await
    }

    /// A page of how a job's document changed after a position, oldest first; from the beginning
    /// without one.
    pub async fn records(
        &self,
        job: &JobId,
        after: Option<Cursor>,
        limit: Option<u32>,
    ) -> Result<RecordPage, Error> {
        let mut url = self.address(&["jobs", job.as_str(), "records"]);
        let after = after.map(|after| after.to_string());
        let limit = limit.map(|limit| limit.to_string());
        append(&mut url, &[("after", after.as_deref()), ("limit", limit.as_deref())]);
        self.read(self.send(|| self.request(Method::GET, url.clone())).await?).await
    }

    /// Asks something of a job or a batch. Answers with its document after the wish was written
    /// down; its worker carries it out later.
    ///
    /// Not repeated by itself: a repeated `retry` would be refused although the first was heard.
    pub async fn command(
        &self,
        job: &JobId,
        action: Action,
        request: &CommandRequest,
    ) -> Result<Job, Error> {
        let url = self.address(&["jobs", job.as_str(), action.as_str()]);
        self.read(self.send_once(self.request(Method::POST, url).json(request)).await?).await
    }

    /// Sends reports in one request: all of them are applied, or none.
    ///
    /// With `producer` a failure that may pass is tried again, and the repeat is harmless; without
    /// it the request is sent once. [`Client::reporter`] does the numbering.
    pub async fn report(
        &self,
        job: &JobId,
        producer: Option<&Producer>,
        reports: &[SequencedReport],
    ) -> Result<ReportReply, Error> {
        let url = self.address(&["jobs", job.as_str(), "events"]);
        let build = || {
            let request = self.request(Method::POST, url.clone()).json(reports);
            match producer {
                Some(producer) => request
                    .header("Producer-Id", &producer.id)
                    .header("Producer-Seq", producer.seq.to_string()),
                None => request,
            }
        };
        let response = match producer {
            Some(_) => self.send(build).await?,
            None => self.send_once(build()).await?,
        };
        self.read(response).await
    }

    /// A producer of a job's reports with a sequence of its own.
    pub fn reporter(&self, job: JobId) -> Reporter {
        Reporter::new(self.clone(), job, format!("rust-{:016x}", rand::random::<u64>()))
    }
}

/// Adds the parameters that have a value.
pub(crate) fn append(url: &mut reqwest::Url, parameters: &[(&str, Option<&str>)]) {
    for (name, value) in parameters {
        if let Some(value) = value {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
}
