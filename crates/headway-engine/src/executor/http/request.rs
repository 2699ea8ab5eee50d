//! The request that an item makes: read and checked once, filled in for each attempt.

use std::fmt;
use std::str::FromStr;

use headway_protocol::batch::HttpExecutor;
use headway_protocol::{Problem, ProblemCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    TRANSFER_ENCODING,
};
use reqwest::{Method, Url};
use serde_json::Value;

use super::super::Attempt;
use super::template::{Body, Parts, Template};
use crate::outgoing::Request;

/// What a part of a URL keeps as it is: the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Headers that belong to the connection and not to a request.
const CONNECTION_HEADERS: [HeaderName; 4] = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION];
/// Methods whose request has the input as its body unless another is given.
const WITH_BODY: [Method; 3] = [Method::POST, Method::PUT, Method::PATCH];

/// The request that items make.
#[derive(Clone)]
pub(super) struct RequestTemplate {
    method: Method,
    url: Template,
    headers: Vec<(HeaderName, Template)>,
    body: Option<Body>,
}

impl fmt::Debug for RequestTemplate {
    /// Without what headers hold, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&HeaderName> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("RequestTemplate")
            .field("method", &self.method)
            .field("headers", &headers)
            .finish_non_exhaustive()
    }
}

impl RequestTemplate {
    /// Reads a request's templates and checks whatever can be checked without an item.
    pub(super) fn new(executor: &HttpExecutor) -> Result<Self, Problem> {
        let refuse = |field: &str, detail: String| {
            Problem::new(ProblemCode::Invalid, detail).at_field(format!("executor.{field}"))
        };
        let method = match executor.method.to_ascii_uppercase().as_str() {
            "GET" => Method::GET,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            _ => {
                let detail = format!(
                    "`{}` is not a method: use GET, POST, PUT, PATCH or DELETE",
                    executor.method
                );
                return Err(refuse("method", detail));
            }
        };
        let url = Template::parse(&executor.url).map_err(|why| refuse("url", why))?;
        let mut headers = Vec::with_capacity(executor.headers.len());
        for (name, value) in &executor.headers {
            let field = format!("headers.{name}");
            let header = HeaderName::from_str(name)
                .map_err(|_| refuse(&field, format!("`{name}` is not a header's name")))?;
            if CONNECTION_HEADERS.contains(&header) {
                return Err(refuse(&field, format!("`{name}` is set by the connection itself")));
            }
            let template = Template::parse(value).map_err(|why| refuse(&field, why))?;
            if let Some(text) = template.only_text() {
                header_value(text).map_err(|why| refuse(&field, format!("`{name}` {why}")))?;
            }
            headers.push((header, template));
        }
        let body = executor.body.as_ref().map(Body::parse).transpose();
        let body = body.map_err(|why| refuse("body", why))?;
        let request = Self { method, url, headers, body };
        request.example_url().map_err(|why| refuse("url", why))?;
        Ok(request)
    }

    /// The URL with something in every place: good for judging scheme, host and port where they are
    /// not templates.
    pub(super) fn example_url(&self) -> Result<Url, String> {
        // A port is digits only.
        address(&self.url.example("x"))
            .or_else(|why| address(&self.url.example("1")).map_err(|_| why))
    }

    /// A URL on the server that every item's request goes to, if it is the same for all: no part of
    /// an item stands in what names it.
    pub(super) fn only_server(&self) -> Option<Url> {
        let one = address(&self.url.example("1")).ok()?;
        let other = address(&self.url.example("2")).ok()?;
        (one.origin() == other.origin()).then_some(one)
    }

    /// The request of one attempt; an error says which part of the item does not fit.
    pub(super) fn fill(&self, attempt: &Attempt) -> Result<Request, String> {
        let input: Value = serde_json::from_str(attempt.input.get())
            .map_err(|error| format!("the input cannot be read: {error}"))?;
        let parts = Parts { attempt, input: &input };
        let url = address(&self.url.fill(&parts, encode)?)?;
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 1);
        for (name, template) in &self.headers {
            let text = template.fill(&parts, |text, filled| filled.push_str(text))?;
            let mut value = header_value(&text).map_err(|why| format!("header `{name}` {why}"))?;
            value.set_sensitive(true);
            headers.append(name, value);
        }
        let body = match &self.body {
            Some(body) => Some(body.fill(&parts)?.to_string().into_bytes()),
            None if WITH_BODY.contains(&self.method) => {
                Some(attempt.input.get().as_bytes().to_vec())
            }
            None => None,
        };
        if body.is_some() && !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(Request { method: self.method.clone(), url, headers, body })
    }
}

fn encode(text: &str, filled: &mut String) {
    filled.extend(utf8_percent_encode(text, ENCODED));
}

fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`url` is not an address: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err("`url` is not an http or https address".to_owned());
    }
    Ok(url)
}

fn header_value(text: &str) -> Result<HeaderValue, &'static str> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| "has a line break or another control character")
}
