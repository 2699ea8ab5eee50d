//! Sign-in: who somebody is, keys, tokens, tickets, and people's sessions.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use headway_protocol::ProblemCode;
use headway_protocol::access::{KeyRequest, RevocationRequest, SignInRequest, TokenRequest};
use headway_signin::{Actor, Presented, SignedIn};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::json;
use crate::app::{App, Id, Shared};
use crate::body::{self, Form};
use crate::door::Entry;
use crate::door::credential::{cookie, cookie_name};
use crate::door::site::Origin;
use crate::problem::{Answer, Refusal};
use crate::query::Query;

/// Keys of a page, unless the request says; and at the most.
const PAGE: (usize, usize) = (100, 1_000);

impl Entry {
    /// The caller, as the audit log tells of it.
    pub(crate) fn actor(&self) -> Actor<'_> {
        Actor { caller: &self.caller, address: Some(self.address) }
    }
}

/// `GET /identity`.
pub(crate) async fn identity(State(app): State<App>, entry: Entry) -> Answer {
    not_kept(json(StatusCode::OK, &app.door.signin.identity(&entry.caller)))
}

/// `POST /session`.
pub(crate) async fn sign_in(
    State(app): State<App>,
    entry: Entry,
    headers: HeaderMap,
    text: Body,
) -> Answer {
    if entry.origin == Origin::Allowed {
        // Its cookie would never be sent back: cookies are for this server's own pages.
        let detail = "a session is for this server's own pages: send a token in `Authorization`";
        return Err(Refusal::new(ProblemCode::Forbidden, detail));
    }
    let request: SignInRequest = read(&app, &headers, text).await?;
    let now = app.hub.now();
    let signed_in = app.door.signin.sign_in(&request, entry.address, now).await?;
    let SignedIn { cookie: value, identity, .. } = signed_in;
    let mut response = json(StatusCode::OK, &identity)?;
    let secure = is_secure(&app, &headers);
    let left = identity.expires_at.map(|at| at.since(now) / 1_000);
    let age = left.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let line = format!("{}{age}", cookie_line(secure, value.expose()));
    set_cookie(&mut response, &line)?;
    not_kept(Ok(response))
}

/// `DELETE /session`.
pub(crate) async fn sign_out(State(app): State<App>, entry: Entry, headers: HeaderMap) -> Answer {
    if let Some(value) = cookie(&headers)
        && entry.origin != Origin::Allowed
    {
        let (signin, now) = (&app.door.signin, app.hub.now());
        let shown = Presented::Cookie(value);
        // A session that has ended already needs no end.
        if let Ok(caller) = signin.identify_patiently(shown, entry.address, now).await {
            let actor = Actor { caller: &caller, address: Some(entry.address) };
            signin.sign_out(actor, now).await?;
        }
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    // Whichever way it was set.
    for secure in [true, false] {
        set_cookie(&mut response, &format!("{}; Max-Age=0", cookie_line(secure, "")))?;
    }
    Ok(response)
}

/// `POST /tickets`.
pub(crate) async fn create_ticket(State(app): State<App>, entry: Entry) -> Answer {
    made(&app.door.signin.ticket(&entry.caller, app.hub.now()).await?)
}

/// `POST /tokens`.
pub(crate) async fn create_token(
    State(app): State<App>,
    entry: Entry,
    headers: HeaderMap,
    text: Body,
) -> Answer {
    let request: TokenRequest = read(&app, &headers, text).await?;
    made(&app.door.signin.create_token(entry.actor(), &request, app.hub.now()).await?)
}

/// `POST /revocations`.
pub(crate) async fn revoke(
    State(app): State<App>,
    entry: Entry,
    headers: HeaderMap,
    text: Body,
) -> Answer {
    let request: RevocationRequest = read(&app, &headers, text).await?;
    app.door.signin.revoke(entry.actor(), &request, app.hub.now()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /keys`.
pub(crate) async fn create_key(
    State(app): State<App>,
    entry: Entry,
    headers: HeaderMap,
    text: Body,
) -> Answer {
    let request: KeyRequest = read(&app, &headers, text).await?;
    made(&app.door.signin.create_key(entry.actor(), &request, app.hub.now()).await?)
}

/// `GET /keys`.
pub(crate) async fn keys(State(app): State<App>, entry: Entry, query: Query) -> Answer {
    let limit = query.limit(PAGE.0, PAGE.1)?;
    let page = app.door.signin.keys(&entry.caller, query.one("after")?, limit)?;
    not_kept(json(StatusCode::OK, &page))
}

/// `DELETE /keys/{id}`.
pub(crate) async fn revoke_key(State(app): State<App>, entry: Entry, Id(id): Id) -> Answer {
    app.door.signin.revoke_key(entry.actor(), &id, app.hub.now()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn read<T: DeserializeOwned>(
    app: &Shared,
    headers: &HeaderMap,
    text: Body,
) -> Result<T, Refusal> {
    body::form(headers, &[Form::Json])?;
    let text = body::read(headers, text, app.options.body_bytes).await?;
    Ok(body::parse(&text)?)
}

/// The answer to a request that made a secret, which nobody on the way may keep.
fn made<T: Serialize>(body: &T) -> Answer {
    not_kept(json(StatusCode::CREATED, body))
}

fn not_kept(answer: Answer) -> Answer {
    let mut response = answer?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A session's cookie: no script reads it, and no other site's page sends it.
fn cookie_line(secure: bool, value: &str) -> String {
    let also = if secure { "; Secure" } else { "" };
    format!("{}={value}; Path=/; HttpOnly; SameSite=Strict{also}", cookie_name(secure))
}

/// Whether the browser speaks TLS, to us or to a proxy: its pages then have an origin that says so.
fn is_secure(app: &Shared, headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).map(HeaderValue::as_bytes);
    app.options.tls.is_some() || origin.is_some_and(|origin| origin.starts_with(b"https://"))
}

fn set_cookie(response: &mut Response, line: &str) -> Result<(), Refusal> {
    let mut line = HeaderValue::from_str(line)
        .map_err(|_| Refusal::new(ProblemCode::Internal, "the cookie could not be written"))?;
    line.set_sensitive(true);
    response.headers_mut().append(header::SET_COOKIE, line);
    Ok(())
}
