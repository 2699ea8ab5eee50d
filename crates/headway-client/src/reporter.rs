//! A producer's side of one job.

use headway_protocol::event::Producer;
use headway_protocol::report::SequencedReport;
use headway_protocol::request::ReportReply;
use headway_protocol::{JobId, Report};

use crate::{Client, Error};

/// Reports of one producer about one job. Every request carries the next number of the producer's
/// sequence, so that a request whose answer was lost is sent again and applied once.
#[derive(Debug)]
pub struct Reporter {
    client: Client,
    job: JobId,
    producer: Producer,
    /// Reports of a request that has its number and may or may not have arrived.
    unanswered: Vec<SequencedReport>,
}

impl Reporter {
    /// Reports under the producer's own name, beginning its sequence at 1.
    pub fn new(client: Client, job: JobId, id: String) -> Self {
        Self { client, job, producer: Producer { id, seq: 0 }, unanswered: Vec::new() }
    }

    /// The job.
    pub fn job(&self) -> &JobId {
        &self.job
    }

    /// Whether a request is left whose answer never came; the next call sends it first.
    pub fn has_unanswered(&self) -> bool {
        !self.unanswered.is_empty()
    }

    /// Sends reports: all are applied, or none. An empty list only asks for waiting commands when
    /// the server takes it as such.
    ///
    /// After a failure that may pass the reports are kept and go first with the next call; after a
    /// refusal they are dropped, because they would be refused again.
    ///
    /// Cancel safety: a call that is dropped keeps its reports for the next one.
    pub async fn report(&mut self, reports: Vec<Report>) -> Result<ReportReply, Error> {
        if self.has_unanswered() {
            let reply = self.flush().await?;
            if reports.is_empty() {
                return Ok(reply);
            }
        }
        self.unanswered =
            reports.into_iter().map(|report| SequencedReport { seq: None, report }).collect();
        self.producer.seq += 1;
        self.flush().await
    }

    async fn flush(&mut self) -> Result<ReportReply, Error> {
        let answer = self.client.report(&self.job, Some(&self.producer), &self.unanswered).await;
        match answer {
            Ok(reply) => {
                self.unanswered.clear();
                Ok(reply)
            }
            Err(error) => {
                if !error.is_retryable() {
                    self.unanswered.clear();
                }
                Err(error)
            }
        }
    }
}
