//! Connections to other servers, guarded and kept.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, HeaderMap, LOCATION,
};
use reqwest::{Client, Method, Response, StatusCode, Url};

use super::super::guard::{AddressGuard, Refused};
use super::request::Request;

/// Redirects that are followed for one request.
const REDIRECTS: usize = 5;
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection is kept that nobody uses: less than most servers keep it.
const IDLE: Duration = Duration::from_secs(30);
/// The most ports for which connections are kept; with one more, all are let go.
const PORTS: usize = 16;

/// Sends requests to addresses that may be reached. A name is allowed with or without a port, and
/// a resolver is not told the port, so there is one client for each.
#[derive(Debug)]
pub(super) struct GuardedClient {
    guard: Arc<AddressGuard>,
    by_port: Mutex<HashMap<u16, Client>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// The address may not be reached.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A redirect leads nowhere, or there are too many.
    #[error("{0}")]
    Redirect(String),
    /// The request did not get through.
    #[error(transparent)]
    Transport(#[from] reqwest::Error),
}

impl GuardedClient {
    pub(super) fn new(guard: AddressGuard) -> Self {
        // Whoever installed a provider before decided; any will do.
        if rustls::crypto::CryptoProvider::get_default().is_none()
            && rustls::crypto::aws_lc_rs::default_provider().install_default().is_err()
        {
            tracing::debug!("a TLS provider was installed at the same time");
        }
        Self { guard: Arc::new(guard), by_port: Mutex::new(HashMap::new()) }
    }

    /// Judges a URL as far as that can be done without resolving its name.
    pub(super) fn check(&self, url: &Url) -> Result<(), Refused> {
        self.guard.check(url)
    }

    /// Sends a request and follows redirects, each judged as the first address was. What was meant
    /// for one server alone, every header that the request was given, is not sent to another.
    pub(super) async fn send(&self, request: Request) -> Result<Response, SendError> {
        let Request { mut method, mut url, mut headers, mut body } = request;
        for _ in 0..=REDIRECTS {
            self.guard.check(&url)?;
            let client = self.client(url.port_or_known_default().unwrap_or_default())?;
            let mut attempt = client.request(method.clone(), url.clone()).headers(headers.clone());
            if let Some(bytes) = &body {
                attempt = attempt.body(bytes.clone());
            }
            let response = attempt.send().await?;
            let Some(next) = redirected(&response, &url)? else { return Ok(response) };
            let rewritten = match response.status() {
                StatusCode::SEE_OTHER => method != Method::GET,
                StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => method == Method::POST,
                _ => false,
            };
            if rewritten {
                method = Method::GET;
                body = None;
                for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION] {
                    headers.remove(name);
                }
            }
            if next.origin() != url.origin() {
                let content_type = headers.remove(CONTENT_TYPE);
                headers = HeaderMap::new();
                headers.extend(content_type.map(|value| (CONTENT_TYPE, value)));
            }
            url = next;
        }
        Err(SendError::Redirect(format!("more than {REDIRECTS} redirects")))
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
            .dns_resolver(self.guard.resolver(port))
            .tcp_nodelay(true)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .build()?;
        let mut by_port = self.by_port.lock();
        if by_port.len() >= PORTS {
            by_port.clear();
        }
        Ok(by_port.entry(port).or_insert(client).clone())
    }
}

/// Where an answer sends the request on to.
fn redirected(response: &Response, from: &Url) -> Result<Option<Url>, SendError> {
    let moved = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let Some(location) = response.headers().get(LOCATION).filter(|_| moved) else {
        return Ok(None);
    };
    let next = location.to_str().ok().and_then(|location| from.join(location).ok());
    let next = next.filter(|url| matches!(url.scheme(), "http" | "https"));
    next.map(Some).ok_or_else(|| {
        SendError::Redirect("a redirect to what is not an http or https address".to_owned())
    })
}

/// Whether a request was refused while its name was resolved.
pub(super) fn refused(error: &reqwest::Error) -> Option<&Refused> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return Some(refused);
        }
        cause = error.source();
    }
    None
}
