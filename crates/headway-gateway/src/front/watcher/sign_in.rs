//! Who a watcher is: the token that its client sends, and the end of what was signed in with.

use std::net::IpAddr;
use std::sync::Arc;

use headway_access::{Act, Caller, Denial, On, authorize};
use headway_protocol::frame::ClosingReason;
use headway_protocol::{CloseCode, Problem, ProblemCode, Secret};
use headway_signin::{Ended, Presented, Refused};

use super::{Transport, Watcher, apply};
use crate::front::shard::Context;
use crate::problem::Refusal;

impl Watcher {
    /// Takes a token with which its client says who it is, or goes on being who it was.
    pub(super) fn sign_in(
        &mut self,
        key: u32,
        serial: u32,
        token: Secret,
        address: IpAddr,
        context: &Context,
    ) {
        let signin = &context.app.door.signin;
        if !signin.asks() {
            let detail = "this server asks nobody to sign in: go on without a token";
            let problem = Problem::new(ProblemCode::Invalid, detail);
            return self.session.handle_sign_in(Err(problem), context.time());
        }
        match signin.identify(Presented::Bearer(token.expose()), address, context.time()) {
            Err(Refused::NotKnownYet) => context.identify(key, serial, token, address),
            outcome => self.signed_in(outcome, context),
        }
    }

    /// Takes what was found out of who it is.
    pub(in crate::front) fn signed_in(
        &mut self,
        outcome: Result<Arc<Caller>, Refused>,
        context: &Context,
    ) {
        let now = context.time();
        let first = self.session.caller().is_nobody();
        let outcome = outcome.map_err(Refused::problem).and_then(|caller| {
            authorize(&caller, Act::Watch, On::Anything).map_err(Denial::problem)?;
            Ok(caller)
        });
        let outcome = outcome.and_then(|caller| {
            if first {
                let places = context.admission.places_of(&caller.owner);
                self.places.extend(places.map_err(|limit| Refusal::from(limit).into_problem())?);
            }
            Ok(caller)
        });
        self.session.handle_sign_in(outcome, now);
        let known = !self.session.caller().is_nobody();
        if let Transport::Messages(conversation) = &mut self.transport
            && let Some(waiting) = conversation.unsigned.take_if(|_| known)
        {
            let (_, selection) = *waiting;
            conversation.is_signed_in();
            apply(selection, &mut self.session, context);
        }
        // It may have been revoked between the check and now.
        self.has_ended(context);
    }

    /// Says farewell when its sign-in has ended. Whether it did.
    pub(in crate::front) fn has_ended(&mut self, context: &Context) -> bool {
        if self.stopping {
            return false;
        }
        let caller = self.session.caller();
        let reason = match context.app.door.signin.stands(caller, context.time()) {
            Ok(()) => return false,
            Err(Ended::Expired) => ClosingReason::TokenExpired,
            Err(Ended::Revoked) => ClosingReason::Revoked,
        };
        self.stopping = true;
        self.session.close(reason, 0, CloseCode::InvalidToken);
        true
    }
}
