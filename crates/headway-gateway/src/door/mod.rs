//! The door: whoever asks for anything comes through here.
//!
//! A request is judged in this order, and the first refusal is the answer: where it comes from
//! ([`site`]), who asks ([`credential`], `headway-signin`), whether they may do such a thing at all
//! (the route's rule, `headway-access`), how fast ([`quota`]), and whether the server has room for new
//! work ([`overload`]). What it is done to is judged by the engine and the hub, which know it, with
//! the same function.
//!
//! The judgement needs no wait, so that the front's threads make it too; only a token whose key is
//! not known yet is asked about, by [`enter`].

pub(crate) mod credential;
pub(crate) mod overload;
pub(crate) mod quota;
pub(crate) mod site;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use headway_access::{Caller, Denial, On, authorize};
use headway_protocol::{ProblemCode, Timestamp};
use headway_signin::{Ended, Presented, Refused};

use crate::app::{App, Shared};
use crate::body;
use crate::front::admission::Limit;
use crate::handover::Peer;
use crate::options::Site;
use crate::problem::Refusal;
use crate::query::Query;
use crate::routes::{Load, Route, Rule};
use overload::Overload;
use quota::{Left, Measure, Quotas, TooFast};
use site::Origin;

/// What the door needs to judge.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) signin: headway_signin::Handle,
    pub(crate) quotas: Quotas,
    pub(crate) overload: Overload,
    /// Everybody, where nobody is asked.
    anyone: Arc<Caller>,
    /// Whoever has not said who they are.
    nobody: Arc<Caller>,
}

/// Somebody who was let in.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) caller: Arc<Caller>,
    pub(crate) address: IpAddr,
    pub(crate) origin: Origin,
    pub(crate) left: Option<Left>,
}

/// Somebody who was not let in.
#[derive(Debug)]
pub(crate) enum Turned {
    /// Because of where the request comes from, or to whom it was sent.
    Foreign(Refusal),
    /// Because of what they showed of themselves, or did not.
    Unknown(Refused),
    /// Because they may not do such a thing.
    Denied(Denial),
    /// Because there is too much of it.
    Busy(Refusal),
}

impl Door {
    pub(crate) fn new(signin: headway_signin::Handle, quotas: Quotas) -> Self {
        Self {
            signin,
            quotas,
            overload: Overload::default(),
            anyone: Arc::new(Caller::anyone()),
            nobody: Arc::new(Caller::nobody()),
        }
    }

    /// Who asks, by what they show. `origin` says whether a cookie may change something.
    fn identify(
        &self,
        parts: &Parts,
        presented: Presented<'_>,
        route: &Route,
        (origin, address, now): (Origin, IpAddr, Timestamp),
    ) -> Result<Arc<Caller>, Turned> {
        if !self.signin.asks() {
            return Ok(Arc::clone(&self.anyone));
        }
        match (route.rule, presented) {
            (Rule::Open, _) => return Ok(Arc::clone(&self.nobody)),
            (Rule::Stream, Presented::Nothing) if parts.headers.contains_key(header::UPGRADE) => {
                return Ok(Arc::clone(&self.nobody));
            }
            (Rule::Stream | Rule::SignedIn | Rule::May(_), Presented::Cookie(_)) => {
                Site::judge_cookie(parts, origin).map_err(Turned::Foreign)?;
            }
            (
                Rule::Stream | Rule::SignedIn | Rule::May(_),
                Presented::Bearer(_) | Presented::Ticket(_) | Presented::Nothing,
            ) => {}
        }
        self.signin.identify(presented, address, now).map_err(Turned::Unknown)
    }
}

impl Shared {
    /// Judges a request before anything is done for it. `known`: who asks, when that was found out
    /// elsewhere.
    pub(crate) fn admit(
        &self,
        parts: &Parts,
        query: &Query,
        route: &Route,
        peer: IpAddr,
        known: Option<Arc<Caller>>,
    ) -> Result<Entry, Turned> {
        let guarded = !self.door.signin.asks() && !self.options.insecure;
        let origin = self.options.site.judge(parts, guarded).map_err(Turned::Foreign)?;
        let address = self.admission.address_of(peer, &parts.headers);
        let caller = if let Some(caller) = known {
            caller
        } else {
            let presented = credential::presented(parts, query, route);
            let now = self.hub.now();
            self.door.identify(parts, presented, route, (origin, address, now))?
        };
        if let Some(act) = route.rule.act()
            && !(route.rule == Rule::Stream && caller.is_nobody())
        {
            authorize(&caller, act, On::Anything).map_err(Turned::Denied)?;
        }
        let mut left = self.spend(Measure::Requests, &caller, address)?;
        match route.load {
            Load::Work | Load::Job if self.door.overload.is_busy() => {
                self.admission.hit(Limit::Overload);
                let detail = "the server has too much to do and takes no new work: come back later";
                let refusal = Refusal::new(ProblemCode::Overloaded, detail);
                return Err(Turned::Busy(refusal.retry_after(5)));
            }
            Load::Light | Load::Work => {}
            Load::Grant => left = self.spend(Measure::Grants, &caller, address)?.or(left),
            Load::Job => left = self.spend(Measure::Jobs, &caller, address)?.or(left),
        }
        Ok(Entry { caller, address, origin, left })
    }

    /// The same, and finds out who asks when that takes a wait.
    pub(crate) async fn admit_patiently(
        &self,
        parts: &Parts,
        query: &Query,
        route: &Route,
        peer: IpAddr,
    ) -> Result<Entry, Turned> {
        match self.admit(parts, query, route, peer, None) {
            Err(Turned::Unknown(Refused::NotKnownYet)) => {}
            judged => return judged,
        }
        let presented = credential::presented(parts, query, route);
        let address = self.admission.address_of(peer, &parts.headers);
        let caller = self.door.signin.identify_patiently(presented, address, self.hub.now()).await;
        self.admit(parts, query, route, peer, Some(caller.map_err(Turned::Unknown)?))
    }

    /// Whether somebody whose answer takes long may have the rest of it. What ends by itself meanwhile
    /// may be brought to its end.
    pub(crate) fn is_not_revoked(&self, caller: &Caller) -> Result<(), Refused> {
        match self.door.signin.stands(caller, self.hub.now()) {
            Ok(()) | Err(Ended::Expired) => Ok(()),
            Err(Ended::Revoked) => Err(Refused::Revoked),
        }
    }

    fn spend(
        &self,
        measure: Measure,
        caller: &Caller,
        address: IpAddr,
    ) -> Result<Option<Left>, Turned> {
        self.door.quotas.spend(measure, caller, address).map_err(|TooFast { left, retry_after }| {
            let (limit, detail) = match measure {
                Measure::Jobs => (Limit::Jobs, "jobs are made too fast: wait, or use a batch"),
                Measure::Grants => {
                    (Limit::Grants, "keys and tokens are asked for too fast: use them for longer")
                }
                Measure::Requests => (Limit::Requests, "too many requests: send fewer"),
            };
            self.admission.hit(limit);
            let refusal = Refusal::new(ProblemCode::RateLimited, detail).retry_after(retry_after);
            Turned::Busy(refusal.with(|headers| left.mark(headers)))
        })
    }
}

impl From<Turned> for Refusal {
    fn from(turned: Turned) -> Self {
        match turned {
            Turned::Foreign(refusal) | Turned::Busy(refusal) => refusal,
            Turned::Denied(denial) => denial.problem().into(),
            Turned::Unknown(refused) => refused.into(),
        }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let mut refusal = Self::from(refused.problem());
        if let Some(retry_after_ms) = refused.retry_after_ms() {
            refusal = refusal.retry_after(retry_after_ms.div_ceil(1_000).max(1));
        }
        let Some(challenge) = refused.challenge() else { return refusal };
        refusal.with(|headers| {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        })
    }
}

/// Lets a request through to its handler, or refuses it.
pub(crate) async fn enter(
    State((app, route)): State<(App, &'static Route)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let peer = parts.extensions.get::<Peer>().map_or(IpAddr::from([0; 4]), |peer| peer.0);
    let asked = parts.headers.get(header::ORIGIN).cloned();
    // A page that may ask has to know why it is refused.
    let refused = app.options.site.judge(&parts, false).unwrap_or(Origin::Unsaid);
    let query = match Query::parse(parts.uri.query().unwrap_or_default(), route.parameters) {
        Ok(query) => query,
        Err(refusal) => {
            let mut response = refusal.into_response();
            Site::mark(refused, asked.as_ref(), response.headers_mut());
            return response;
        }
    };
    let (mut response, origin) = match app.admit_patiently(&parts, &query, route, peer).await {
        Err(turned) => (Refusal::from(turned).into_response(), refused),
        Ok(entry) => {
            let (origin, left) = (entry.origin, entry.left);
            parts.extensions.insert(entry);
            parts.extensions.insert(query);
            let body = body::paced(body, app.options.body_within, &app.admission);
            let mut response = next.run(Request::from_parts(parts, body)).await;
            if let Some(left) = left {
                left.mark(response.headers_mut());
            }
            (response, origin)
        }
    };
    Site::mark(origin, asked.as_ref(), response.headers_mut());
    response
}

/// Answers a preflight (Fetch standard, section 3.2): what a page of another origin may send.
pub(crate) fn preflight(app: &Shared, parts: &Parts, answer: &mut HeaderMap) {
    if let Ok(origin) = app.options.site.judge(parts, false) {
        Site::mark_preflight(origin, answer);
        Site::mark(origin, parts.headers.get(header::ORIGIN), answer);
    }
}
