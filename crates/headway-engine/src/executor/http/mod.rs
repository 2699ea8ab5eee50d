//! One request for each item.
//!
//! [`request`] fills in what is sent from [`template`]s, the engine's way out sends it where it may
//! go, and [`answer`] says what came of it. Dropping an attempt gives its connection up.
//!
//! A server that does not answer is left alone for a while: what is not sent to it meanwhile does
//! not count as an attempt, and neither does asking a server that has answered before whether it is
//! back.

use async_trait::async_trait;
use headway_protocol::batch::HttpExecutor;
use headway_protocol::{JobError, Problem, ProblemCode, Timestamp};
use reqwest::Response;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::spent::Spent;
use super::{Attempt, Ended, Execute, Failure, News, NewsSink, Readiness, Surroundings};
use crate::outgoing::{Request, SendError, Server, Showed, Standing, refused};
use answer::AnswerTemplate;
use request::RequestTemplate;
use scrub::Secrets;

mod answer;
mod request;
mod scrub;
mod template;

/// Sends one request for each attempt.
#[derive(Debug)]
pub(super) struct HttpRunner {
    request: RequestTemplate,
    answer: AnswerTemplate,
    tenant: String,
    /// The server of every item's request, where it is the same one.
    server: Option<Server>,
    surroundings: Surroundings,
}

impl HttpRunner {
    /// Checks the templates, the pointers, and the address as far as it is no template.
    pub(super) fn new(
        executor: &HttpExecutor,
        tenant: &str,
        surroundings: &Surroundings,
    ) -> Result<Self, Problem> {
        let request = RequestTemplate::new(executor)?;
        let answer = AnswerTemplate::new(executor)?;
        let invalid =
            |detail: String| Problem::new(ProblemCode::Invalid, detail).at_field("executor.url");
        let url = request.example_url().map_err(invalid)?;
        surroundings.outgoing.check(&url).map_err(|refused| invalid(refused.to_string()))?;
        let server = request.only_server().map(|url| Server::of(tenant, &url));
        Ok(Self {
            request,
            answer,
            tenant: tenant.to_owned(),
            server,
            surroundings: surroundings.clone(),
        })
    }

    async fn outcome(
        &self,
        attempt: &Attempt,
        spent: &mut Spent,
        complain: impl FnMut(String),
    ) -> Result<Box<RawValue>, Failure> {
        let request = self.request.fill(attempt).map_err(|why| answer::fatal("template", why))?;
        let secrets = Secrets::of(&request.headers);
        let response = self.sent(request, &secrets).await?;
        if !response.status().is_success() {
            return Err(answer::status_failure(response, &secrets).await);
        }
        answer::check_encoding(&response)?;
        let body = answer::body(response).await.map_err(|error| unsent(error.into()))??;
        self.answer.read(&body, spent, complain)
    }

    /// Sends a request if its server is there, and tells what it showed.
    async fn sent(&self, request: Request, secrets: &Secrets) -> Result<Response, Failure> {
        let Surroundings { outgoing, clock, .. } = &self.surroundings;
        let server = Server::of(&self.tenant, &request.url);
        let permit = outgoing.admit(&server, clock.now()).map_err(|until| {
            let wait_ms = until.since(clock.now());
            let message = format!("{} does not answer and is left alone", server.origin());
            let error = JobError::passing("circuit_open", message);
            Failure::Away { error, retry_after_ms: wait_ms }
        })?;
        let asks_if_back = permit.finds_out_if_back();
        let sent = outgoing.send(request).await;
        let now = clock.now();
        let showed = match &sent {
            Ok(response) if matches!(response.status().as_u16(), 502..=504) => {
                Showed::Absent { retry_after_ms: answer::asked_wait(response.headers()) }
            }
            Ok(_) | Err(SendError::Redirect(_) | SendError::Onward(_)) => Showed::Alive,
            Err(SendError::Refused(_)) => Showed::Nothing,
            Err(SendError::Transport(error)) if refused(error).is_some() => Showed::Nothing,
            Err(SendError::Transport(_)) => Showed::Absent { retry_after_ms: None },
        };
        permit.record(showed, now);
        match (sent, showed) {
            (Err(error), Showed::Absent { .. }) if asks_if_back => {
                Err(away(unsent(error), || self.wait_for(&server, now)))
            }
            (Ok(response), Showed::Absent { .. }) if asks_if_back => {
                let failure = answer::status_failure(response, secrets).await;
                Err(away(failure, || self.wait_for(&server, now)))
            }
            (sent, Showed::Alive | Showed::Absent { .. } | Showed::Nothing) => sent.map_err(unsent),
        }
    }

    /// How long a server is left alone, in milliseconds.
    fn wait_for(&self, server: &Server, now: Timestamp) -> u64 {
        match self.surroundings.outgoing.standing(server, now) {
            Standing::Open(until) => until.since(now),
            Standing::Closed | Standing::Probe => 0,
        }
    }
}

/// A failure that says no more than that a server is still away.
fn away(failure: Failure, wait_ms: impl FnOnce() -> u64) -> Failure {
    match failure {
        Failure::Error { error, .. } => Failure::Away { error, retry_after_ms: wait_ms() },
        other @ (Failure::Away { .. } | Failure::Stopped) => other,
    }
}

#[async_trait]
impl Execute for HttpRunner {
    async fn run(&self, attempt: &Attempt, news: &NewsSink, stop: &CancellationToken) -> Ended {
        let mut spent = Spent::default();
        let complain = |why| news(attempt, News::Line(why));
        let limit = async {
            match attempt.timeout {
                Some(timeout) => tokio::time::sleep(timeout).await,
                None => std::future::pending().await,
            }
        };
        let outcome = tokio::select! {
            biased;
            () = stop.cancelled() => Err(Failure::Stopped),
            outcome = Box::pin(self.outcome(attempt, &mut spent, complain)) => outcome,
            () = limit => Err(Failure::Error {
                error: super::command::timed_out(attempt),
                retry_after_ms: None,
            }),
        };
        Ended { outcome, usage: spent.usage, cost: spent.cost }
    }

    async fn close(&self) {}

    fn readiness(&self) -> Readiness {
        let Some(server) = &self.server else { return Readiness::Ready };
        match self.surroundings.outgoing.standing(server, self.surroundings.clock.now()) {
            Standing::Closed => Readiness::Ready,
            Standing::Probe => Readiness::ForOne,
            Standing::Open(until) => Readiness::NotBefore {
                until,
                why: format!("{} does not answer and is left alone", server.origin()),
            },
        }
    }
}

/// Why a request has no answer, without the address: it may hold a secret.
fn unsent(error: SendError) -> Failure {
    let error = match error {
        SendError::Refused(refused) => JobError::fatal("address_refused", refused.to_string()),
        SendError::Redirect(why) => JobError::fatal("redirect", why),
        SendError::Transport(error) | SendError::Onward(error) => {
            if let Some(refused) = refused(&error) {
                JobError::fatal("address_refused", refused.to_string())
            } else {
                let code = if error.is_timeout() {
                    "timeout"
                } else if error.is_connect() {
                    "connect"
                } else {
                    "http"
                };
                JobError::passing(code, chain(&error.without_url()))
            }
        }
    };
    Failure::Error { error, retry_after_ms: None }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
