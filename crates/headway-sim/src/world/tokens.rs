//! Tokens: who they make of somebody, and how whoever checks them answers.

use std::sync::Arc;

use headway_access::Caller;
use headway_hub::session::Session;
use headway_protocol::frame::ClosingReason;
use headway_protocol::{ClientMessage, CloseCode, Problem, ProblemCode, Secret, Timestamp};
use headway_store::Clock;

use super::World;
use super::watcher::Upstream;
use crate::mutation::Mutation;
use crate::viewer::Viewer;

/// How long a sign-in holds, in milliseconds: some end in the middle.
const HOLDS_MS: [u64; 3] = [1_000, 20_000, 3_600_000];

/// A token that somebody sent.
#[derive(Clone, Debug)]
pub(super) struct Token {
    /// Whose it is; `None` when it is of no use.
    viewer: Option<Viewer>,
    ends_at: Option<Timestamp>,
}

impl World {
    /// The caller whom the hub is told.
    pub(super) fn caller_of(&self, viewer: &Viewer, ends_at: Option<Timestamp>) -> Arc<Caller> {
        let caller = viewer.caller(ends_at);
        if self.mutation == Some(Mutation::SkipsTheSubject) && !caller.is_nobody() {
            let reach = headway_access::Reach::Tenant;
            return Arc::new(Caller { reach, ..(*caller).clone() });
        }
        caller
    }

    /// Who somebody comes as, and until when.
    pub(super) fn draw_viewer(&mut self, who: usize) -> (Viewer, Option<Timestamp>) {
        let Some(watcher) = self.watchers.get(who) else {
            return (Viewer::of_tenant("default"), None);
        };
        if !self.settings.signs_in {
            return (watcher.person.clone(), None);
        }
        let viewer = watcher.person.draw(&self.jobs, &mut self.chance);
        (viewer, self.draw_end())
    }

    fn draw_end(&mut self) -> Option<Timestamp> {
        if self.is_quiet {
            return None;
        }
        let holds = self.chance.pick(&HOLDS_MS).copied().unwrap_or_default();
        Some(self.clock.elapsed().plus(holds))
    }

    /// Somebody sends a token: their own with another reach, nobody's, or somebody else's.
    pub(super) fn renew(&mut self, who: usize) {
        let (mut viewer, ends_at) = self.draw_viewer(who);
        let Some(watcher) = self.watchers.get_mut(who) else { return };
        let Some(line) = &mut watcher.line else { return };
        if watcher.content || watcher.reader.is_signing_in() {
            return;
        }
        let (useless, foreign) = (self.chance.one_in(8), self.chance.one_in(6));
        if foreign {
            viewer = viewer.other();
        }
        // Nobody may become anybody, and somebody is who they are until the connection ends.
        let present = watcher.reader.viewer();
        let refused = useless || !(present.is_unknown() || present.is_same_person(&viewer));
        self.trace.note(format!("{who} sends a token of {viewer:?}, refused: {refused}"));
        watcher.reader.sign_in(Some(viewer.clone()).filter(|_| !refused));
        let token = Token { viewer: Some(viewer).filter(|_| !useless), ends_at };
        let text = self.tokens.len().to_string();
        self.tokens.push(token);
        let token = Secret::new(text);
        line.up.push_back(Upstream::Message(ClientMessage::Auth { token }));
    }

    /// Whoever checks tokens comes to somebody's. Whether there was one.
    pub(super) fn check_a_token(&mut self, who: usize) -> bool {
        let now = self.clock.now();
        let Some(line) = self.watchers.get_mut(who).and_then(|watcher| watcher.line.as_mut())
        else {
            return false;
        };
        let Some(secret) = line.sign_ins.pop_front() else { return false };
        let before = Arc::clone(line.session().caller());
        let token =
            secret.expose().parse::<usize>().ok().and_then(|at| self.tokens.get(at)).cloned();
        let elapsed = self.clock.elapsed();
        let outcome = match token {
            Some(Token { viewer: Some(viewer), ends_at })
                if ends_at.is_none_or(|ends_at| ends_at > elapsed) =>
            {
                let ends_at = ends_at.filter(|_| !self.is_quiet);
                Ok((self.caller_of(&viewer, ends_at), ends_at))
            }
            Some(_) | None => Err(Problem::new(ProblemCode::Unauthenticated, "it is of no use")),
        };
        let outcome = outcome.map(|(caller, ends_at)| (self.mistaken(&before, caller), ends_at));
        self.trace.note(format!("the token of {who} is checked: {}", outcome.is_ok()));
        let Some(line) = self.watchers.get_mut(who).and_then(|watcher| watcher.line.as_mut())
        else {
            return false;
        };
        match outcome {
            Ok((caller, ends_at)) => {
                line.session().handle_sign_in(Ok(Arc::clone(&caller)), now);
                if Arc::ptr_eq(line.session().caller(), &caller) {
                    line.ends_at = ends_at;
                }
            }
            Err(problem) => line.session().handle_sign_in(Err(problem), now),
        }
        true
    }

    /// The caller whom a deliberate mistake makes of the one that a token is for.
    fn mistaken(&self, before: &Caller, caller: Arc<Caller>) -> Arc<Caller> {
        let (reach, owner) = (before.reach.clone(), before.owner.clone());
        match self.mutation {
            Some(Mutation::SkipsTheRenewal) if !before.is_nobody() => {
                Arc::new(Caller { reach, ..(*caller).clone() })
            }
            Some(Mutation::TakesAnyToken) if !before.is_nobody() => {
                Arc::new(Caller { owner, ..(*caller).clone() })
            }
            _ => caller,
        }
    }

    /// Connections whose sign-in has ended are closed.
    pub(super) fn end_sign_ins(&mut self) {
        if self.mutation == Some(Mutation::OutlivesItsToken) {
            return;
        }
        let elapsed = self.clock.elapsed();
        for (who, watcher) in self.watchers.iter_mut().enumerate() {
            let Some(line) = &mut watcher.line else { continue };
            if line.ends_at.take_if(|ends_at| *ends_at <= elapsed).is_some() {
                self.trace.note(format!("the sign-in of {who} has ended"));
                let session: &mut Session = line.session();
                session.close(ClosingReason::TokenExpired, 0, CloseCode::InvalidToken);
            }
        }
    }
}
