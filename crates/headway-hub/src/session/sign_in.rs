//! Signing in on a connection that stands: a token is taken in, checked by others, and answered.
//!
//! One token is checked at a time, and it is kept no longer than until somebody takes it to check it.
//! Until it is answered, and after it was refused, what stood before goes on standing. When the
//! caller may see other things afterwards, everything that the session has is judged again.

use std::sync::Arc;

use headway_access::Caller;
use headway_protocol::{Problem, ProblemCode, Secret, ServerMessage, Timestamp};
use serde_json::json;

use super::Session;
use super::message::Refused;
use crate::feed::Selector;

/// What answers to `auth` are called: the message has no `id`, and there is one at a time.
const ID: &str = "auth";

/// A sign-in that has no answer yet.
#[derive(Debug)]
pub(super) struct SignIn {
    /// The token, until it is taken to be checked.
    token: Option<Secret>,
}

impl Session {
    /// The token to check, if its reader has sent one; answered once by [`Self::handle_sign_in`].
    pub fn poll_sign_in(&mut self) -> Option<Secret> {
        self.busy.as_mut()?.sign_in.as_mut()?.token.take()
    }

    /// Takes what came of the token that [`Self::poll_sign_in`] gave: the caller whose it is, or why
    /// it is of no use. Without a token that waits for it, it is passed over.
    ///
    /// A connection stays with whom it belongs to: somebody else's token is refused with
    /// `other_caller`. A refusal changes nothing else, and counts among the messages that could not
    /// be carried out unless the same token may be of use later.
    pub fn handle_sign_in(&mut self, outcome: Result<Arc<Caller>, Problem>, now: Timestamp) {
        let asked = self.busy.as_mut().and_then(|busy| busy.sign_in.take());
        if asked.is_none() || self.closing.is_some() {
            return;
        }
        let id = || Some(ID.to_owned());
        match outcome {
            Ok(caller) if self.caller.may_become(&caller) => self.go_on_as(caller),
            Ok(_) => {
                let message =
                    "this connection belongs to somebody else: open another for this token";
                self.mistake(id(), ("other_caller", message.to_owned()), now);
            }
            Err(Problem { code, detail: message, retryable: true, .. }) => {
                self.answer(&ServerMessage::Error { id: id(), code, message });
            }
            Err(problem) => self.mistake(id(), (&problem.code, problem.detail), now),
        }
    }

    /// Takes a token in, to be checked.
    pub(super) fn ask_to_sign_in(&mut self, token: Secret, now: Timestamp) {
        let busy = self.busy();
        if busy.sign_in.is_none() {
            busy.sign_in = Some(SignIn { token: Some(token) });
            return;
        }
        let message = "another token is being checked: wait for its answer".to_owned();
        self.mistake(Some(ID.to_owned()), ("sign_in_under_way", message), now);
    }

    /// Whether its caller has said who they are; if not, why nothing can be done for them.
    pub(super) fn is_signed_in(&self) -> Result<(), Refused> {
        if !self.caller.is_nobody() {
            return Ok(());
        }
        let message = r#"say who you are first: send {"type":"auth","token":"…"}"#;
        Err((ProblemCode::Unauthenticated.as_str(), message.to_owned()))
    }

    /// The connection goes on with this caller.
    fn go_on_as(&mut self, caller: Arc<Caller>) {
        let same = caller.may_the_same_as(&self.caller);
        let data = json!({ "expires_at": caller.expires_at });
        self.caller = caller;
        self.answer(&ServerMessage::Result { id: ID.to_owned(), data: Some(data) });
        if !same {
            self.judge_again();
        }
    }

    /// The caller may see other things than before: what is not for them any more ends, and what
    /// was found or listed for them before is looked for again.
    fn judge_again(&mut self) {
        if let Some(busy) = &mut self.busy {
            busy.searches.outdate();
        }
        let subscriptions: Vec<u16> = self.subscriptions.iter().map(|(key, _)| key).collect();
        for key in subscriptions {
            let Some(subscription) = self.subscriptions.get(key) else { continue };
            if let Err((code, message)) = self.may_use(&subscription.selector) {
                let id = Some(subscription.id.to_string());
                self.forget(key);
                self.answer(&ServerMessage::Error { id, code: code.to_owned(), message });
            } else if !matches!(subscription.selector, Selector::Job(_)) {
                self.list_again(key);
            }
        }
        let lanes: Vec<u32> = self.lanes.iter().map(|(key, _)| key).collect();
        for key in lanes {
            self.refit(key);
        }
    }
}
