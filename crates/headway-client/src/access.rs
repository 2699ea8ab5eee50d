//! Keys, tokens, revocations, people's sessions, tickets and the audit log.

use headway_protocol::Secret;
use headway_protocol::access::{
    AuditPage, Identity, KeyPage, KeyRequest, NewKey, NewTicket, NewToken, RevocationRequest,
    SignInRequest, TokenRequest,
};
use reqwest::header::{ACCEPT, COOKIE, HeaderValue, SET_COOKIE};
use reqwest::{Method, Url};
use tokio::io::AsyncWrite;

use crate::jobs::append;
use crate::{Client, Error};

/// Which entries of the audit log, and how many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only of this kind, such as `job.cancel`.
    pub what: Option<String>,
    /// Only before this one; a page's `next`.
    pub before: Option<String>,
    /// At most so many.
    pub limit: Option<u32>,
}

/// How a whole audit log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditFormat {
    /// One JSON object a line.
    #[default]
    Jsonl,
    /// Comma-separated values with a header row.
    Csv,
}

/// A person's session.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who has signed in.
    pub identity: Identity,
    /// The cookie, `NAME=VALUE`. Whoever has it is that person until the session ends.
    pub cookie: Secret,
}

impl Client {
    /// Who this client is, as the server sees it.
    pub async fn identity(&self) -> Result<Identity, Error> {
        let url = self.address(&["identity"]);
        self.read(self.send(|| self.request(Method::GET, url.clone())).await?).await
    }

    /// Makes an API key. The key is in this answer only.
    ///
    /// Not repeated by itself: a repeat after a lost answer would make a second key.
    pub async fn create_key(&self, request: &KeyRequest) -> Result<NewKey, Error> {
        let url = self.address(&["keys"]);
        self.read(self.send_once(self.request(Method::POST, url).json(request)).await?).await
    }

    /// A page of API keys after a position, oldest first; from the beginning without one.
    pub async fn keys(&self, after: Option<&str>, limit: Option<u32>) -> Result<KeyPage, Error> {
        let url = self.page(&["keys"], &[("after", after)], limit);
        self.read(self.send(|| self.request(Method::GET, url.clone())).await?).await
    }

    /// Revokes an API key and the tokens that it made, at once and wherever they are used.
    pub async fn revoke_key(&self, id: &str) -> Result<(), Error> {
        let url = self.address(&["keys", id]);
        self.send(|| self.request(Method::DELETE, url.clone())).await?;
        Ok(())
    }

    /// Makes a watch token. The token is in this answer only; one whose answer is lost ends by
    /// itself.
    pub async fn create_token(&self, request: &TokenRequest) -> Result<NewToken, Error> {
        let url = self.address(&["tokens"]);
        let send = || self.request(Method::POST, url.clone()).json(request);
        self.read(self.send(send).await?).await
    }

    /// Ends what a subject holds, or one token, or one key with its tokens, at once.
    pub async fn revoke(&self, request: &RevocationRequest) -> Result<(), Error> {
        let url = self.address(&["revocations"]);
        self.send(|| self.request(Method::POST, url.clone()).json(request)).await?;
        Ok(())
    }

    /// A ticket that opens one stream, once, where no header can be sent.
    pub async fn create_ticket(&self) -> Result<NewTicket, Error> {
        let url = self.address(&["tickets"]);
        self.read(self.send(|| self.request(Method::POST, url.clone())).await?).await
    }

    /// Signs a person in, for a server that keeps their cookie for them or hands it on.
    pub async fn sign_in(&self, request: &SignInRequest) -> Result<SignedIn, Error> {
        let url = self.address(&["session"]);
        let response = self.send_once(self.request(Method::POST, url).json(request)).await?;
        let cookie = response.headers().get(SET_COOKIE).and_then(|value| value.to_str().ok());
        let pair = cookie.and_then(|cookie| cookie.split(';').next()).map(str::trim);
        let cookie = pair.filter(|pair| pair.contains('=')).map(Secret::new);
        let cookie = cookie.ok_or_else(|| self.not_understood("it signed in without a cookie"))?;
        Ok(SignedIn { identity: self.read(response).await?, cookie })
    }

    /// Ends a person's session.
    pub async fn sign_out(&self, cookie: &Secret) -> Result<(), Error> {
        let mut value = HeaderValue::try_from(cookie.expose()).map_err(|_| Error::Token)?;
        value.set_sensitive(true);
        let url = self.address(&["session"]);
        self.send_once(self.request(Method::DELETE, url).header(COOKIE, value)).await?;
        Ok(())
    }

    /// A page of the audit log, newest first.
    pub async fn audit(&self, query: &AuditQuery) -> Result<AuditPage, Error> {
        let url = self.audit_address(query);
        self.read(self.send(|| self.request(Method::GET, url.clone())).await?).await
    }

    /// Writes the whole audit log, or all of it before an entry, to `writer` as it comes, newest first,
    /// and answers how many bytes it wrote. The query's limit does not count. The writer is flushed.
    pub async fn export_audit(
        &self,
        query: &AuditQuery,
        format: AuditFormat,
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Result<u64, Error> {
        let mut url = self.audit_address(query);
        let accept = match format {
            AuditFormat::Jsonl => "application/x-ndjson",
            AuditFormat::Csv => {
                append(&mut url, &[("format", Some("csv"))]);
                "text/csv"
            }
        };
        let accept = HeaderValue::from_static(accept);
        let build = || self.request(Method::GET, url.clone()).header(ACCEPT, accept.clone());
        let response = self.send(build).await?;
        self.copy(response, "the audit log", writer).await
    }

    fn audit_address(&self, query: &AuditQuery) -> Url {
        let parameters = [("what", query.what.as_deref()), ("before", query.before.as_deref())];
        self.page(&["audit"], &parameters, query.limit)
    }

    pub(crate) fn page(
        &self,
        parts: &[&str],
        parameters: &[(&str, Option<&str>)],
        limit: Option<u32>,
    ) -> Url {
        let mut url = self.address(parts);
        let limit = limit.map(|limit| limit.to_string());
        append(&mut url, parameters);
        append(&mut url, &[("limit", limit.as_deref())]);
        url
    }
}
