//! The connection to one server: addresses, sign-in, refusals and retries of plain requests.

use std::time::Duration;

use headway_protocol::{Problem, Secret};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::token::{Issued, Token, TokenError, Tokens};
use crate::trust::{self, Authorities};
use crate::{Backoff, Error};

/// A client of one server. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    tokens: Tokens,
    authorities: Option<Authorities>,
    attempts: u32,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.base.as_str())
            .field("signed_in", &!self.tokens.is_none())
            .finish_non_exhaustive()
    }
}

/// How often a request is tried again unless [`Client::with_attempts`] says otherwise.
const ATTEMPTS: u32 = 5;
/// The longest wait that a server's `Retry-After` can impose.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

impl Client {
    /// A client of the server at `server`, such as `http://127.0.0.1:4323`, that signs in with
    /// `token` if there is one: an API key, a watch token or an identity provider's token. Nothing
    /// is sent yet.
    ///
    /// An address that holds a user's name or a password is refused: they would end up in messages
    /// and logs.
    pub fn new(server: &str, token: Option<&str>) -> Result<Self, Error> {
        let wrong =
            |reason: &str| Error::Address { address: server.to_owned(), reason: reason.to_owned() };
        let scheme = server.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if !matches!(scheme.as_deref(), Some("http" | "https")) {
            return Err(wrong("it begins with neither http:// nor https://"));
        }
        let mut base: Url = server.parse().map_err(|error| wrong(&format!("{error}")))?;
        if base.host_str().is_none() {
            return Err(wrong("it names no host"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            // The address is not repeated: it holds what is not to be written down.
            return Err(Error::Address {
                address: format!("{}://…", base.scheme()),
                reason: "it holds a name or a password: sign in with a token instead".to_owned(),
            });
        }
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        let tokens = match token {
            Some(token) => Tokens::fixed(Secret::new(token))?,
            None => Tokens::None,
        };
        let http = http(&base, None)?;
        Ok(Self { http, base, tokens, authorities: None, attempts: ATTEMPTS })
    }

    /// The same client, which signs in with `token`.
    pub fn with_token(mut self, token: Secret) -> Result<Self, Error> {
        self.tokens = Tokens::fixed(token)?;
        Ok(self)
    }

    /// The same client, which signs in with tokens that it asks for: before the first request, when
    /// four fifths of a token's time are over at the latest, and once more when the server refuses
    /// one. A watch over a WebSocket renews its sign-in in place. Clones share the token; only one
    /// question is asked at a time.
    ///
    /// ```no_run
    /// use headway_client::{Client, Token};
    /// use headway_protocol::Secret;
    /// use std::time::Duration;
    ///
    /// # async fn from_my_server() -> Result<String, std::io::Error> { Ok(String::new()) }
    /// # fn example() -> Result<(), headway_client::Error> {
    /// let client = Client::new("https://jobs.example", None)?.with_tokens(|| async {
    ///     let secret = Secret::new(from_my_server().await?);
    ///     Ok(Token { secret, holds_for: Some(Duration::from_mins(15)) })
    /// });
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_tokens<F, A>(mut self, ask: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<Token, TokenError>> + Send + 'static,
    {
        self.tokens = Tokens::asked(ask);
        self
    }

    /// The same client, which trusts a server if one of the authorities in `pem` has signed its
    /// certificate, and no other: for servers with a certificate of one's own. `pem` is what is in
    /// a PEM file of one or more certificates.
    pub fn with_authorities(mut self, pem: &[u8]) -> Result<Self, Error> {
        let authorities = Authorities::read(pem)?;
        self.http = http(&self.base, Some(&authorities))?;
        self.authorities = Some(authorities);
        Ok(self)
    }

    /// The same client, which tries again after at most `attempts` failures in a row: the server
    /// answers 429 or 503, or cannot be reached. 0 means never.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// The server's address, ending in `/`.
    pub fn server(&self) -> &str {
        self.base.as_str()
    }

    pub(crate) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    pub(crate) fn authorities(&self) -> Option<&Authorities> {
        self.authorities.as_ref()
    }

    pub(crate) fn backoff(&self) -> Backoff {
        Backoff::new(self.attempts)
    }

    /// The address of a path whose parts are percent-encoded.
    pub(crate) fn address(&self, parts: &[&str]) -> Url {
        let mut url = self.root(&["api", "v1"]);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(parts);
        }
        url
    }

    /// The address of a path that has no version.
    pub(crate) fn root(&self, parts: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(parts);
        }
        url
    }

    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends a request once and gives the answer back if it is a success. One that was refused for
    /// its token has done nothing, and is sent again with a new token where there is one.
    pub(crate) async fn send_once(&self, request: RequestBuilder) -> Result<Response, Error> {
        let repeat = if self.tokens.can_renew() { request.try_clone() } else { None };
        let issued = self.tokens.current().await?;
        match (self.send_signed(request, issued.as_ref()).await, issued, repeat) {
            (Err(error), Some(issued), repeat) if error.is_unauthenticated() => {
                self.tokens.refuse(&issued).await;
                let Some(repeat) = repeat else { return Err(error) };
                let issued = self.tokens.current().await?;
                self.send_signed(repeat, issued.as_ref()).await
            }
            (answer, _, _) => answer,
        }
    }

    /// Sends a request once with a token and gives the answer back if it is a success.
    pub(crate) async fn send_signed(
        &self,
        mut request: RequestBuilder,
        issued: Option<&Issued>,
    ) -> Result<Response, Error> {
        if let Some(issued) = issued {
            request = request.header(AUTHORIZATION, issued.authorization()?);
        }
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refusal(response).await)
    }

    /// Sends a request, again after a failure that may pass. Only for requests that are harmless
    /// to repeat.
    pub(crate) async fn send(&self, build: impl Fn() -> RequestBuilder) -> Result<Response, Error> {
        let mut backoff = self.backoff();
        loop {
            let error = match self.send_once(build()).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            if !error.is_retryable() {
                return Err(error);
            }
            let Some(wait) = backoff.next_random() else { return Err(error) };
            let asked = error.retry_after().unwrap_or_default().min(LONGEST_WAIT);
            tracing::debug!(%error, "trying again");
            tokio::time::sleep(wait.max(asked)).await;
        }
    }

    /// Reads an answer as JSON.
    pub(crate) async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T, Error> {
        let body = response.bytes().await.map_err(|error| self.unreachable(error))?;
        serde_json::from_slice(&body).map_err(|error| self.misread(&error))
    }

    /// Writes an answer to `writer` as it comes, flushes it, and tells how many bytes it was.
    pub(crate) async fn copy(
        &self,
        mut response: Response,
        what: &str,
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Result<u64, Error> {
        let failed = |source| Error::File { path: what.to_owned(), source };
        let mut written = 0;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(error))? {
            writer.write_all(&chunk).await.map_err(failed)?;
            written += chunk.len() as u64;
        }
        writer.flush().await.map_err(failed)?;
        Ok(written)
    }

    pub(crate) fn unreachable(
        &self,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Error {
        let server = self.base.to_string();
        match trust::refused(&source) {
            Some(reason) => Error::NotTrusted { server, reason },
            None => Error::Unreachable { server, source: Box::new(source) },
        }
    }

    /// An answer that is not the JSON that was expected. The parser's own words may repeat a value,
    /// and the value may be a secret: only the place is told.
    pub(crate) fn misread(&self, error: &serde_json::Error) -> Error {
        let what = match error.classify() {
            serde_json::error::Category::Data => "a member of its answer is not what it should be",
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => "its answer is not JSON",
        };
        self.not_understood(format!("{what} (line {}, column {})", error.line(), error.column()))
    }

    pub(crate) fn not_understood(&self, reason: impl Into<String>) -> Error {
        Error::NotUnderstood { server: self.base.to_string(), reason: reason.into() }
    }

    pub(crate) async fn refusal(&self, response: Response) -> Error {
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let elsewhere = response
            .headers()
            .get(LOCATION)
            .filter(|_| status.is_redirection())
            .and_then(|location| self.base.join(location.to_str().ok()?).ok())
            .map(|location| location.origin().ascii_serialization());
        let is_text = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/plain"));
        let body = response.bytes().await.unwrap_or_default();
        let problem = serde_json::from_slice(&body).unwrap_or_else(|_| Problem {
            type_uri: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Refused").to_owned(),
            status: status.as_u16(),
            code: "http".to_owned(),
            detail: match (elsewhere, words(is_text, &body)) {
                (Some(origin), _) => format!(
                    "the server sends requests on to {origin} ({status}), and a token does not \
                     follow: name the address where it is served"
                ),
                (None, Some(words)) => format!("the server answered {status}: {words}"),
                (None, None) => format!("the server answered {status} without saying why"),
            },
            index: None,
            field: None,
            retryable: false,
            details: None,
        });
        Error::Refused { problem: Box::new(problem), retry_after }
    }
}

/// How long an answer asks to wait, where it says so in seconds.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What sends requests to `base`.
fn http(base: &Url, authorities: Option<&Authorities>) -> Result<reqwest::Client, Error> {
    let host = base.host_str().unwrap_or_default();
    let loopback = host == "localhost"
        || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    trust::install_provider();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("headway-client/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        // A redirect would carry the token along.
        .redirect(reqwest::redirect::Policy::none());
    if let Some(authorities) = authorities {
        builder = builder.tls_backend_preconfigured(authorities.for_requests());
    }
    if loopback {
        builder = builder.no_proxy();
    }
    builder
        .build()
        .map_err(|error| Error::Address { address: base.to_string(), reason: error.to_string() })
}

/// The most of an answer in plain text that is passed on.
const WORDS: usize = 300;

/// What an answer that is no problem document says, if it says it in words.
fn words(is_text: bool, body: &[u8]) -> Option<&str> {
    let text = str::from_utf8(body).ok().map(str::trim)?;
    (is_text && !text.is_empty() && text.len() <= WORDS).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_keeps_its_path_and_encodes_names() {
        let client = Client::new("http://localhost:1/base", None).unwrap();
        let url = client.address(&["jobs", "a:b~c", "events"]);
        assert_eq!(url.as_str(), "http://localhost:1/base/api/v1/jobs/a:b~c/events");
        assert_eq!(client.address(&["jobs", "a/b"]).path(), "/base/api/v1/jobs/a%2Fb");
    }

    #[test]
    fn refuses_addresses_that_are_none() {
        for address in ["", "127.0.0.1:4323", "ftp://host", "http://", "http://me:s3cret@host"] {
            let error = Client::new(address, None).map(|_| ()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
        assert!(Client::new("http://host", Some("a\nb")).is_err());
    }

    #[test]
    fn debug_hides_the_token() {
        let client = Client::new("http://host", Some("hw_secret")).unwrap();
        assert!(!format!("{client:?}").contains("hw_secret"));
        assert!(format!("{client:?}").contains("signed_in: true"));
    }
}
