//! Refusals as HTTP responses.

use axum::extract::rejection::PathRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headway_protocol::problem::CONTENT_TYPE;
use headway_protocol::{Problem, ProblemCode};
use headway_websocket::handshake;

/// When a request may be repeated that was refused for a while, in seconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// A refusal on its way out. Every handler's error.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Told>);

#[derive(Debug)]
struct Told {
    problem: Problem,
    /// What goes with it.
    headers: HeaderMap,
}

/// What a handler answers.
pub(crate) type Answer = Result<Response, Refusal>;

impl Refusal {
    /// A refusal of this kind, with its story.
    pub(crate) fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Problem::new(code, detail).into()
    }

    /// A value that cannot be used, and where it is.
    pub(crate) fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Problem::new(ProblemCode::Invalid, detail).at_field(field).into()
    }

    /// The refusal as it is told; for tests.
    #[cfg(test)]
    pub(crate) fn problem(&self) -> &Problem {
        &self.0.problem
    }

    /// The refusal as a message tells it.
    pub(crate) fn into_problem(self) -> Problem {
        self.0.problem
    }

    /// The same, with more headers.
    pub(crate) fn with(mut self, mark: impl FnOnce(&mut HeaderMap)) -> Self {
        mark(&mut self.0.headers);
        self
    }

    /// The same, to be tried again after so many seconds.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.with(|headers| {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        })
    }

    /// The answer for a path at which nothing is.
    pub(crate) fn nothing_at(path: &str) -> Self {
        let shown: String = path.chars().take(200).collect();
        let detail = format!("there is nothing at {shown}: see /api/v1/openapi.json");
        Self::new(ProblemCode::NotFound, detail)
    }

    /// The answer for a job that is not there, or that the caller may not see.
    pub(crate) fn no_such_job(job: &str) -> Self {
        let shown: String = job.chars().take(128).collect();
        Self::new(ProblemCode::NotFound, format!("there is no job {shown}"))
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(Box::new(Told { problem, headers: HeaderMap::new() }))
    }
}

impl From<headway_engine::Error> for Refusal {
    fn from(error: headway_engine::Error) -> Self {
        let problem = error.problem();
        if problem.status >= 500 {
            tracing::error!(error = &error as &dyn std::error::Error, "the engine failed");
        }
        problem.into()
    }
}

impl From<headway_hub::Error> for Refusal {
    fn from(error: headway_hub::Error) -> Self {
        let problem = error.problem();
        if problem.status >= 500 {
            tracing::error!(error = &error as &dyn std::error::Error, "a read failed");
        }
        problem.into()
    }
}

impl From<headway_signin::Error> for Refusal {
    fn from(error: headway_signin::Error) -> Self {
        if let headway_signin::Error::Refused(refused) = error {
            return refused.into();
        }
        let problem = error.problem();
        if problem.status >= 500 {
            tracing::error!(error = &error as &dyn std::error::Error, "sign-in failed");
        }
        problem.into()
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        // The router decided that the path fits; what cannot be read of it is nobody's name.
        Self::new(ProblemCode::NotFound, rejection.body_text())
    }
}

impl Refusal {
    /// The refusal as the parts of an answer.
    pub(crate) fn into_parts(self) -> (StatusCode, HeaderMap, Vec<u8>) {
        let Told { problem, mut headers } = *self.0;
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            headers.entry(header::RETRY_AFTER).or_insert(RETRY_AFTER_SECONDS);
        }
        if status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(header::SEC_WEBSOCKET_VERSION, handshake::VERSION);
        }
        (status, headers, body)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.into_parts().into_response()
    }
}
