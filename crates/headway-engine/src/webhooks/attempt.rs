//! One attempt of one delivery: taken, sent, and written down.
//!
//! A delivery is taken by putting it off for longer than an attempt lasts, as an entry that nobody
//! has changed since it was read. Whoever does that first sends it; if that node ends before it has
//! written down what came of it, the delivery is due again.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use headway_protocol::Timestamp;
use headway_protocol::webhook::DeadReason;
use headway_store::{Entry, EntryError, ExpectedEntry, PutEntry, StoreError};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, Url};

use super::delivery::{Dead, Delivery, Failed, Message, Next, Outcome};
use super::places::{self, DEAD, DEAD_MESSAGES, ENDPOINTS, MESSAGES, QUEUE};
use super::signing::SigningKeys;
use crate::context::Context;
use crate::outgoing::retry_after::retry_after;
use crate::outgoing::{Request, SendError, Server, Showed, refused};

/// How long an endpoint has to answer: what the specification recommends at least.
const TIME_LIMIT: Duration = Duration::from_secs(15);

/// How long a delivery is put off while it is sent, in milliseconds: the time limit, and what
/// writing down may take.
const TAKEN_MS: u64 = 20_000;

/// How soon a delivery is looked at again when the store failed, in milliseconds.
const STORE_FAILED_MS: u64 = 5_000;

/// What is read of an answer's body, so that its connection can be used again. Nothing of it is
/// kept.
const ANSWER_BYTES: usize = 4 * 1024;

/// The longest error that is kept, in characters.
const ERROR_CHARACTERS: usize = 300;

/// What an attempt leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// Nothing: the delivery is not in the queue any more, or is another node's.
    Settled,
    /// A delivery that is due then.
    Again(Timestamp),
    /// The delivery as it was; its server does not answer before then.
    Rest(Timestamp),
}

/// A delivery that was taken.
struct Taken {
    delivery: Delivery,
    lane: String,
    key: String,
    revision: u64,
}

/// Tries one delivery, as it was found in the queue.
pub(super) async fn attempt(context: Arc<Context>, lane: String, entry: Entry) -> After {
    match tried(&context, lane, entry).await {
        Ok(after) => after,
        Err(EntryError::Conflict { .. }) => After::Settled,
        Err(EntryError::Store(error)) => {
            tracing::error!(%error, "what became of a webhook's delivery could not be written down");
            After::Again(context.now().plus(STORE_FAILED_MS))
        }
    }
}

async fn tried(context: &Context, lane: String, entry: Entry) -> Result<After, EntryError> {
    let found = PutEntry::removal(QUEUE, &entry.key);
    let found = found.expecting(ExpectedEntry::Revision(entry.revision));
    let delivery: Delivery = match entry.parse() {
        Ok(delivery) => delivery,
        Err(error) => {
            tracing::error!(%error, "a webhook's delivery cannot be read and is dropped");
            context.store.put_entries(vec![found]).await?;
            return Ok(After::Settled);
        }
    };
    if is_gone(context, &delivery).await? {
        let error = "the endpoint said to an earlier delivery that it is gone".to_owned();
        let failed = Failed { status: Some(410), error };
        let taken = Taken { delivery, lane, key: entry.key, revision: entry.revision };
        return bury(context, taken, DeadReason::Gone, failed).await;
    }
    let url = Url::parse(&delivery.url).ok();
    let outgoing = context.surroundings.outgoing_of_requests();
    let permit = match &url {
        Some(url) => {
            let server = Server::of(&delivery.tenant, url);
            match outgoing.admit(&server, context.now()) {
                Ok(permit) => Some(permit),
                Err(until) => return Ok(After::Rest(until)),
            }
        }
        None => None,
    };

    let taken = take(context, lane, found, delivery).await?;
    let message = message(context, &taken.delivery).await?;
    let Some(message) = message else {
        tracing::error!(id = taken.delivery.id, "a webhook's message is missing; it is dropped");
        context.store.put_entries(vec![taken.removal()]).await?;
        return Ok(After::Settled);
    };
    let outcome = match (url, signed(context, &taken.delivery, &message)) {
        (None, _) => Outcome::Refused("its address is none".to_owned()),
        (Some(_), None) => Outcome::Unsigned,
        (Some(url), Some(headers)) => {
            let body = Some(message.body.into_bytes());
            let request = Request { method: Method::POST, url, headers, body };
            let sent = tokio::time::timeout(TIME_LIMIT, async {
                let response = outgoing.send_once(&request).await?;
                Ok(read(context, response).await)
            });
            let (outcome, showed) = match sent.await {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => unsent(error),
                Err(_) => {
                    let error = format!("no answer within {} s", TIME_LIMIT.as_secs());
                    (Outcome::Unanswered(error), Showed::Absent { retry_after_ms: None })
                }
            };
            if let Some(permit) = permit {
                permit.record(showed, context.now());
            }
            outcome
        }
    };
    let retries = &context.options.webhooks.retries_ms;
    let next = taken.delivery.after(outcome, context.now(), retries, rand::random());
    settle(context, taken, next).await
}

async fn is_gone(context: &Context, delivery: &Delivery) -> Result<bool, StoreError> {
    let endpoint = places::of_endpoint(&delivery.tenant, &delivery.url);
    Ok(context.store.entry(ENDPOINTS, &endpoint).await?.is_some())
}

/// Puts the delivery off for as long as it is sent, and counts the attempt.
async fn take(
    context: &Context,
    lane: String,
    found: PutEntry,
    delivery: Delivery,
) -> Result<Taken, EntryError> {
    let delivery = Delivery { attempts: delivery.attempts.saturating_add(1), ..delivery };
    let due = context.now().plus(TAKEN_MS);
    let key = places::in_queue(&lane, due, &delivery.id);
    let put = PutEntry::new(QUEUE, &key, &delivery)?.expecting(ExpectedEntry::Absent);
    let revisions = context.store.put_entries(vec![found, put]).await?;
    let revision = revisions.last().copied().unwrap_or_default();
    Ok(Taken { delivery, lane, key, revision })
}

async fn message(context: &Context, delivery: &Delivery) -> Result<Option<Message>, StoreError> {
    let entry = context.store.entry(MESSAGES, &delivery.id).await?;
    entry.map(|entry| entry.parse()).transpose()
}

/// The headers with the signature; `None` when there is nothing to sign with.
fn signed(context: &Context, delivery: &Delivery, message: &Message) -> Option<HeaderMap> {
    let own = message.secret.as_ref().and_then(|secret| SigningKeys::of_request(secret).ok());
    let keys = own.as_ref().unwrap_or(&context.webhooks.keys);
    if keys.is_empty() {
        return None;
    }
    let seconds = context.now().as_millis() / 1_000;
    let signature = keys.sign(&delivery.id, seconds, &message.body);
    let mut headers = HeaderMap::new();
    let media = HeaderValue::from_static("application/cloudevents+json; charset=utf-8");
    headers.insert(CONTENT_TYPE, media);
    for (name, value) in [
        ("webhook-id", delivery.id.clone()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signature),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?);
    }
    Some(headers)
}

/// What an answer says, and what it shows of its server.
async fn read(context: &Context, mut response: Response) -> (Outcome, Showed) {
    let status = response.status().as_u16();
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(context.now().as_millis());
    let wait = text(RETRY_AFTER).and_then(|asked| retry_after(asked, text(DATE), now));
    let retry_after_ms = wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    let mut read = 0;
    while read < ANSWER_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => read += chunk.len(),
            Ok(None) | Err(_) => break,
        }
    }
    let showed = match status {
        502..=504 => Showed::Absent { retry_after_ms },
        _ => Showed::Alive,
    };
    (Outcome::Answered { status, retry_after_ms }, showed)
}

/// Why there is no answer, and what that shows of the server.
fn unsent(error: SendError) -> (Outcome, Showed) {
    match error {
        SendError::Refused(refused) => (Outcome::Refused(refused.to_string()), Showed::Nothing),
        SendError::Redirect(error) => (Outcome::Unanswered(error), Showed::Alive),
        SendError::Transport(error) | SendError::Onward(error) => match refused(&error) {
            Some(refused) => (Outcome::Refused(refused.to_string()), Showed::Nothing),
            None => (
                Outcome::Unanswered(in_words(&error.without_url())),
                Showed::Absent { retry_after_ms: None },
            ),
        },
    }
}

/// An error with its causes, bounded.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text.chars().take(ERROR_CHARACTERS).collect()
}

/// Writes down what follows.
async fn settle(context: &Context, taken: Taken, next: Next) -> Result<After, EntryError> {
    let outcomes = &context.metrics.webhooks;
    match next {
        Next::Delivered => {
            let id = taken.delivery.id.clone();
            let puts = vec![taken.removal(), PutEntry::removal(MESSAGES, id)];
            context.store.put_entries(puts).await?;
            outcomes.count("delivered");
            Ok(After::Settled)
        }
        Next::Again(at, failed) => {
            let delivery = Delivery { failed: Some(failed), ..taken.delivery.clone() };
            let key = places::in_queue(&taken.lane, at, &delivery.id);
            let put = PutEntry::new(QUEUE, key, &delivery)?.expecting(ExpectedEntry::Absent);
            context.store.put_entries(vec![taken.removal(), put]).await?;
            outcomes.count("failed");
            Ok(After::Again(at))
        }
        Next::Dead(reason, failed) => bury(context, taken, reason, failed).await,
    }
}

/// Makes the delivery a dead letter.
async fn bury(
    context: &Context,
    taken: Taken,
    reason: DeadReason,
    failed: Failed,
) -> Result<After, EntryError> {
    let id = taken.delivery.id.clone();
    let message = context.store.entry(MESSAGES, &id).await?;
    let now = context.now();
    let mut puts = vec![taken.removal(), PutEntry::removal(MESSAGES, &id)];
    let Taken { delivery, .. } = taken;
    let letter = places::of_letter(&delivery.tenant, &id);
    if reason == DeadReason::Gone {
        let endpoint = places::of_endpoint(&delivery.tenant, &delivery.url);
        puts.push(PutEntry::new(ENDPOINTS, endpoint, &now)?);
    }
    if let Some(message) = message {
        puts.push(PutEntry::new(DEAD_MESSAGES, &letter, &message.value)?);
    }
    let (tenant, attempts) = (delivery.tenant.clone(), delivery.attempts);
    let dead =
        Dead { delivery: Delivery { failed: Some(failed), ..delivery }, reason, failed_at: now };
    puts.push(PutEntry::new(DEAD, letter, &dead)?);
    context.store.put_entries(puts).await?;
    context.metrics.webhooks.count(reason.as_str());
    tracing::warn!(id, tenant, attempts, reason = reason.as_str(), "a webhook is given up");
    Ok(After::Settled)
}

impl Taken {
    /// Removes the delivery as it was taken.
    fn removal(&self) -> PutEntry {
        PutEntry::removal(QUEUE, &self.key).expecting(ExpectedEntry::Revision(self.revision))
    }
}
