//! Deliveries that are written with the record that they announce.

use headway_core::{JobState, announced};
use headway_protocol::webhook::{JobEvent, Webhook, WebhookEvent, event_id};
use headway_protocol::{Event, Job, JobStatus};
use headway_store::{ExpectedEntry, PutEntry, StoreError};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::delivery::{Delivery, Message};
use super::places::{self, MESSAGES, QUEUE};

/// The largest body, in bytes. Receivers refuse more sooner or later, and every copy is kept until
/// it is delivered.
const BODY_BYTES: usize = 256 * 1024;

/// The most deliveries of one record. A record has few events that are announced: it ends a job once
/// at the most, and a budget has few marks.
const DELIVERIES: usize = 32;

/// What one record announces.
#[derive(Debug, Default)]
pub(crate) struct Outbox(Vec<PutEntry>);

impl Outbox {
    /// Takes in an event that was just applied to the job; `before` is the status that it had. Free
    /// of cost for a job without a webhook.
    pub(crate) fn take(
        &mut self,
        state: &JobState,
        before: JobStatus,
        event: &Event,
    ) -> Result<(), StoreError> {
        let Some(webhook) = &state.private.settings.webhook else { return Ok(()) };
        let Some(what) = announced(before, event, state.job.status) else { return Ok(()) };
        if webhook.wants(what) && self.0.len() < 2 * DELIVERIES {
            self.0.extend(delivery(&state.job, webhook, what, event)?);
        }
        Ok(())
    }

    /// The entries to append.
    pub(crate) fn entries(self) -> Vec<PutEntry> {
        self.0
    }
}

fn delivery(
    job: &Job,
    webhook: &Webhook,
    what: WebhookEvent,
    event: &Event,
) -> Result<[PutEntry; 2], StoreError> {
    let id = event_id(event.at.as_millis(), rand::random());
    let tenant = &job.owner.tenant;
    let lane = places::lane(tenant, &webhook.url);
    let message = Message {
        written_at: event.at,
        body: body(&id, job, what, event)?,
        secret: webhook.secret.clone(),
    };
    let delivery = Delivery {
        id: id.clone(),
        tenant: tenant.clone(),
        job: job.id.clone(),
        url: webhook.url.clone(),
        event: what,
        happened_at: event.at,
        attempts: 0,
        failed: None,
    };
    Ok([
        PutEntry::new(QUEUE, places::in_queue(&lane, event.at, &id), &delivery)?
            .expecting(ExpectedEntry::Absent),
        PutEntry::new(MESSAGES, id, &message)?.expecting(ExpectedEntry::Absent),
    ])
}

/// The event with the job's document; with less and less of it where it would be too large.
fn body(id: &str, job: &Job, what: WebhookEvent, event: &Event) -> Result<String, StoreError> {
    let data = written(to_raw_value(job))?;
    let whole = written(envelope(id, job, what, event, data, None))?;
    if whole.len() <= BODY_BYTES {
        return Ok(whole);
    }
    let shorter = |job: &Job| {
        let data = written(to_raw_value(job))?;
        written(envelope(id, job, what, event, data, Some(true)))
    };
    let mut job = Job { result: None, ..job.clone() };
    let body = shorter(&job)?;
    if body.len() <= BODY_BYTES {
        return Ok(body);
    }
    // Steps and metadata are the only other members without a small limit.
    job.steps.clear();
    job.metadata = Value::Null;
    shorter(&job)
}

fn envelope(
    id: &str,
    job: &Job,
    what: WebhookEvent,
    event: &Event,
    data: Box<RawValue>,
    headwayshortened: Option<bool>,
) -> Result<String, serde_json::Error> {
    serde_json::to_string(&JobEvent {
        specversion: "1.0".to_owned(),
        id: id.to_owned(),
        source: "/api/v1/jobs".to_owned(),
        event_type: what.event_type(),
        time: event.at,
        subject: job.id.clone(),
        datacontenttype: "application/json".to_owned(),
        headwayshortened,
        data,
    })
}

fn written<T>(result: Result<T, serde_json::Error>) -> Result<T, StoreError> {
    result.map_err(|error| StoreError::Failed {
        doing: "write a delivery",
        detail: error.to_string(),
    })
}
