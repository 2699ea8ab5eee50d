//! Connections to other servers, guarded and kept.
//!
//! Answers are not decompressed and none that is compressed is asked for: what is read of an answer
//! is what is kept of it, so that a bound on the one bounds the other.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, HeaderMap, LOCATION,
};
use reqwest::{Client, Method, Response, StatusCode, Url};

use super::guard::{AddressGuard, Lookup, Refused, SystemLookup};

#[cfg(test)]
mod tests;

/// Redirects that are followed for one request.
const REDIRECTS: usize = 5;
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection is kept that nobody uses: less than most servers keep it.
const IDLE: Duration = Duration::from_secs(30);
/// The most ports for which connections are kept; with one more, all are let go.
const PORTS: usize = 64;
/// The most headers that an answer may have in HTTP/1, whose head is some 400 KiB at most.
const HEADERS: usize = 100;
/// The most that the headers of an answer may be in HTTP/2, in bytes.
const HEAD_BYTES: u32 = 64 * 1024;

/// One request.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Vec<u8>>,
}

impl fmt::Debug for Request {
    /// Without what may be secret: what headers hold, the body, and of the URL all but its server.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("server", &self.url.origin().ascii_serialization())
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Sends requests to addresses that may be reached. A name is allowed with or without a port, and
/// a resolver is not told the port, so there is one client for each.
#[derive(Debug)]
pub(crate) struct GuardedClient {
    guard: Arc<AddressGuard>,
    names: Arc<dyn Lookup>,
    by_port: Mutex<HashMap<u16, Client>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The address may not be reached.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A redirect leads nowhere, or there are too many.
    #[error("{0}")]
    Redirect(String),
    /// The request did not get through.
    #[error(transparent)]
    Transport(#[from] reqwest::Error),
    /// It did, and what it was sent on to did not answer.
    #[error(transparent)]
    Onward(reqwest::Error),
}

impl GuardedClient {
    pub(crate) fn new(guard: AddressGuard) -> Self {
        Self::over(guard, Arc::new(SystemLookup))
    }

    fn over(guard: AddressGuard, names: Arc<dyn Lookup>) -> Self {
        // Whoever installed a provider before decided; any will do.
        if rustls::crypto::CryptoProvider::get_default().is_none()
            && rustls::crypto::aws_lc_rs::default_provider().install_default().is_err()
        {
            tracing::debug!("a TLS provider was installed at the same time");
        }
        Self { guard: Arc::new(guard), names, by_port: Mutex::new(HashMap::new()) }
    }

    /// Judges a URL as far as that can be done without resolving its name.
    pub(crate) fn check(&self, url: &Url) -> Result<(), Refused> {
        self.guard.check(url)
    }

    /// Sends a request and follows redirects, each judged as the first address was. What was meant
    /// for one server alone, every header that the request was given, is not sent to another.
    pub(crate) async fn send(&self, mut request: Request) -> Result<Response, SendError> {
        let mut hops = 0;
        loop {
            let response = match self.send_once(&request).await {
                Err(SendError::Transport(error)) if hops > 0 => {
                    return Err(SendError::Onward(error));
                }
                sent => sent?,
            };
            let Some(next) = redirected(&response, &request.url)? else { return Ok(response) };
            hops += 1;
            if hops > REDIRECTS {
                return Err(SendError::Redirect(format!("more than {REDIRECTS} redirects")));
            }
            request.send_on(response.status(), next);
        }
    }

    /// Sends a request; a redirect is an answer like others.
    pub(crate) async fn send_once(&self, request: &Request) -> Result<Response, SendError> {
        self.guard.check(&request.url)?;
        let client = self.client(request.url.port_or_known_default().unwrap_or_default())?;
        let mut attempt = client.request(request.method.clone(), request.url.clone());
        attempt = attempt.headers(request.headers.clone());
        if let Some(bytes) = &request.body {
            attempt = attempt.body(bytes.clone());
        }
        Ok(attempt.send().await?)
    }

    fn client(&self, port: u16) -> Result<Client, reqwest::Error> {
        if let Some(client) = self.by_port.lock().get(&port) {
            return Ok(client.clone());
        }
        let client = Client::builder()
            .user_agent(concat!("headway/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .dns_resolver(self.guard.resolver(port, &self.names))
            .tcp_nodelay(true)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .http1_max_headers(HEADERS)
            .http2_max_header_list_size(HEAD_BYTES)
            .build()?;
        let mut by_port = self.by_port.lock();
        if by_port.len() >= PORTS {
            by_port.clear();
        }
        Ok(by_port.entry(port).or_insert(client).clone())
    }
}

impl Request {
    /// Makes it the request that follows a redirect.
    fn send_on(&mut self, status: StatusCode, next: Url) {
        let Self { method, url, headers, body } = self;
        let rewritten = match status {
            StatusCode::SEE_OTHER => *method != Method::GET,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method == Method::POST,
            _ => false,
        };
        if rewritten {
            *method = Method::GET;
            *body = None;
            for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION] {
                headers.remove(name);
            }
        }
        if next.origin() != url.origin() {
            let content_type = headers.remove(CONTENT_TYPE);
            *headers = HeaderMap::new();
            headers.extend(content_type.map(|value| (CONTENT_TYPE, value)));
        }
        *url = next;
    }
}

/// Where an answer sends the request on to.
fn redirected(response: &Response, from: &Url) -> Result<Option<Url>, SendError> {
    let moved = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = response.headers().get(LOCATION).filter(|_| moved) else {
        return Ok(None);
    };
    onward(from, location.to_str().unwrap_or_default())
        .map(Some)
        .map_err(|why| SendError::Redirect(why.to_owned()))
}

/// Where a redirect leads, if it may be followed.
fn onward(from: &Url, location: &str) -> Result<Url, &'static str> {
    let next = from.join(location).ok();
    let next = next.filter(|url| matches!(url.scheme(), "http" | "https"));
    let next = next.ok_or("a redirect to what is not an http or https address")?;
    if from.scheme() == "https" && next.scheme() == "http" {
        return Err("a redirect from https to http: it would send in the open what was not");
    }
    Ok(next)
}

/// Whether a request was refused while its name was resolved.
pub(crate) fn refused(error: &reqwest::Error) -> Option<&Refused> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return Some(refused);
        }
        cause = error.source();
    }
    None
}
