//! The only way into the engine.

use std::sync::Arc;
use std::time::Duration;

use headway_core::rates::RateCard;
use headway_protocol::batch::{BatchOptions, Estimate};
use headway_protocol::event::Producer;
use headway_protocol::report::SequencedReport;
use headway_protocol::request::{CommandRequest, CreateJob, ReportReply};
use headway_protocol::{Action, Job, JobId, Owner};
use headway_store::{Clock, Store};

use crate::{Error, ItemSource, Options};

/// The only way into the engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {}

/// A job that was made, or that an earlier request with the same idempotency key had made.
#[derive(Clone, Debug)]
pub struct Created {
    /// The document.
    pub job: Job,
    /// Whether an earlier request had made it.
    pub repeated: bool,
}

impl Handle {
    /// Starts an engine over a store. Jobs that were running when the last one stopped go on.
    pub async fn start(
        _options: Options,
        _store: Arc<dyn Store>,
        _clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        unimplemented!()
    }

    /// Makes a job. `key` is the request's `Idempotency-Key`.
    pub async fn create_job(
        &self,
        _caller: &Owner,
        _request: CreateJob,
        _key: Option<&str>,
    ) -> Result<Created, Error> {
        unimplemented!()
    }

    /// Makes a batch and takes in its items; answers when all of them are durable.
    pub async fn create_batch(
        &self,
        _caller: &Owner,
        _options: BatchOptions,
        _items: ItemSource,
        _key: Option<&str>,
    ) -> Result<Created, Error> {
        unimplemented!()
    }

    /// What a batch would cost. Nothing is kept and nothing is run.
    pub async fn estimate(
        &self,
        _caller: &Owner,
        _options: BatchOptions,
        _items: ItemSource,
    ) -> Result<Estimate, Error> {
        unimplemented!()
    }

    /// Takes a producer's report: all of it or none, durable when answered.
    pub async fn report(
        &self,
        _caller: &Owner,
        _job: &JobId,
        _producer: Option<Producer>,
        _reports: Vec<SequencedReport>,
    ) -> Result<ReportReply, Error> {
        unimplemented!()
    }

    /// Asks something of a job; answers with its document after the wish was written down.
    pub async fn command(
        &self,
        _caller: &Owner,
        _job: &JobId,
        _action: Action,
        _request: CommandRequest,
    ) -> Result<Job, Error> {
        unimplemented!()
    }

    /// Prices for usage from now on; what was booked stays.
    pub fn set_rates(&self, _rates: RateCard) {}

    /// Stops: takes nothing new, gives items in flight back, writes down what happened. After
    /// `grace` whatever still runs is killed.
    pub async fn shutdown(&self, _grace: Duration) {}
}
