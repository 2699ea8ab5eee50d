//! One request for each item.
//!
//! [`request`] fills in what is sent from [`template`]s, [`client`] sends it where it may go, and
//! [`answer`] says what came of it. Connections are kept for the life of the executor and shared by
//! its attempts; dropping an attempt gives its connection up.

use async_trait::async_trait;
use headway_protocol::batch::HttpExecutor;
use headway_protocol::{JobError, Problem, ProblemCode};
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::guard::AddressGuard;
use super::spent::Spent;
use super::{Attempt, Ended, Execute, Failure, News, NewsSink, Surroundings};
use answer::AnswerTemplate;
use client::{GuardedClient, SendError};
use request::RequestTemplate;

mod answer;
mod client;
mod request;
mod template;

/// Sends one request for each attempt.
#[derive(Debug)]
pub(super) struct HttpRunner {
    request: RequestTemplate,
    answer: AnswerTemplate,
    client: GuardedClient,
}

impl HttpRunner {
    /// Checks the templates, the pointers, and the address as far as it is no template.
    pub(super) fn new(
        executor: &HttpExecutor,
        surroundings: &Surroundings,
    ) -> Result<Self, Problem> {
        let request = RequestTemplate::new(executor)?;
        let answer = AnswerTemplate::new(executor)?;
        let client = GuardedClient::new(AddressGuard::new(&surroundings.allow_hosts)?);
        let invalid =
            |detail: String| Problem::new(ProblemCode::Invalid, detail).at_field("executor.url");
        let url = request.example_url().map_err(invalid)?;
        client.check(&url).map_err(|refused| invalid(refused.to_string()))?;
        Ok(Self { request, answer, client })
    }

    async fn outcome(
        &self,
        attempt: &Attempt,
        spent: &mut Spent,
        complain: impl FnMut(String),
    ) -> Result<Box<RawValue>, Failure> {
        let request = self.request.fill(attempt).map_err(|why| answer::fatal("template", why))?;
        let response = self.client.send(request).await.map_err(unsent)?;
        if !response.status().is_success() {
            return Err(answer::status_failure(response).await);
        }
        let body = answer::body(response).await.map_err(|error| unsent(error.into()))??;
        self.answer.read(&body, spent, complain)
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
}

/// Why a request has no answer, without the address: it may hold a secret.
fn unsent(error: SendError) -> Failure {
    let error = match error {
        SendError::Refused(refused) => JobError::fatal("address_refused", refused.to_string()),
        SendError::Redirect(why) => JobError::fatal("redirect", why),
        SendError::Transport(error) => {
            if let Some(refused) = client::refused(&error) {
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
