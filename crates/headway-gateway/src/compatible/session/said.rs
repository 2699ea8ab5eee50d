//! What a client of the session format says, and what of the session it wants to hear of.

use std::collections::BTreeSet;

use headway_hub::Frame;
use headway_hub::session::Session;
use headway_protocol::frame::{EventFilter, Subscribe};
use headway_protocol::limits::NAME_BYTES;
use headway_protocol::{Action, ClientMessage, JobId, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::WHOLE;

/// Agents that one connection may name.
const AGENTS: usize = 64;

/// What the name of a subscription to one transaction begins with.
const ONE: &str = "transaction ";

/// A message of a client.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Said {
    Ping,
    #[serde(alias = "heartbeat")]
    Pong,
    Cancel {
        transaction_id: String,
    },
    Pause {
        transaction_id: String,
    },
    Resume {
        transaction_id: String,
    },
    Retry {
        transaction_id: String,
    },
    Subscribe(What),
    Unsubscribe(What),
}

/// What a client wants to hear of, or does not any more.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct What {
    transaction_id: Option<String>,
    transaction_ids: Vec<String>,
    agents: Vec<String>,
}

/// What of the session a connection hears of: everything, until it names something.
///
/// Bounded by the subscriptions that a connection may have, and by [`AGENTS`] with names of at most
/// [`NAME_BYTES`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Narrowing {
    /// Those that it was asked to hear of and that have not been found yet: they narrow nothing.
    asked: BTreeSet<JobId>,
    transactions: BTreeSet<JobId>,
    agents: BTreeSet<String>,
}

impl Said {
    /// Does what a client says; what it is answered at once, beside what the session answers.
    pub(crate) fn carry_out(
        self,
        narrowing: &mut Narrowing,
        session: &mut Session,
        now: Timestamp,
    ) -> Option<Value> {
        let (action, transaction) = match self {
            Self::Ping => {
                session.handle_message(ClientMessage::Ping { at: None }, now);
                return None;
            }
            Self::Pong => return None,
            Self::Subscribe(what) => return narrowing.narrow(what, session, now),
            Self::Unsubscribe(what) => return Some(narrowing.widen(what, session, now)),
            Self::Cancel { transaction_id } => (Action::Cancel, transaction_id),
            Self::Pause { transaction_id } => (Action::Pause, transaction_id),
            Self::Resume { transaction_id } => (Action::Resume, transaction_id),
            Self::Retry { transaction_id } => (Action::Retry, transaction_id),
        };
        match transaction.parse() {
            Ok(job) => {
                let id = format!("{action} {transaction}");
                session.handle_message(ClientMessage::Command { id, job, action }, now);
            }
            Err(_) => session.handle_foreign(&no_such(&transaction), now),
        }
        None
    }
}

impl Narrowing {
    /// What of a message is for this connection; `None`: nothing. Only who has named agents has a
    /// message of their own.
    pub(crate) fn of(&self, frame: Frame) -> Option<Frame> {
        let named = |job: &JobId| self.transactions.is_empty() || self.transactions.contains(job);
        if !frame.job().is_some_and(named) {
            return None;
        }
        if self.agents.is_empty() {
            return Some(frame);
        }
        let mut message: Value = serde_json::from_slice(frame.text()).ok()?;
        self.of_agents(&mut message).then(|| frame.reworded(message.to_string()))
    }

    /// Leaves of a message what is about the agents that were named, or about none. Whether
    /// anything is left of it.
    fn of_agents(&self, message: &mut Value) -> bool {
        let wanted = |name: &Value| name.as_str().is_some_and(|name| self.agents.contains(name));
        let Some(message) = message.as_object_mut() else { return false };
        let mut some = false;
        match message.get_mut("current_agent") {
            Some(current) if wanted(current) => some = true,
            Some(current) => *current = Value::Null,
            None => {}
        }
        if let Some(Value::Object(tasks)) = message.get_mut("current_tasks") {
            tasks.retain(|agent, _| self.agents.contains(agent));
            some |= !tasks.is_empty();
        }
        if let Some(Value::Array(events)) = message.get_mut("progress_events") {
            events.retain(|event| {
                event.get("agent").is_none_or(|name| name.is_null() || wanted(name))
            });
            some |= !events.is_empty();
        }
        if let Some(Value::Array(order)) = message.get_mut("execution_order") {
            order.retain(|entry| entry.get("agent").is_some_and(wanted));
        }
        // What is not here any more may have been about them.
        some || message
            .get("missed_events")
            .and_then(Value::as_u64)
            .is_some_and(|missed| missed > 0)
    }

    fn narrow(&mut self, what: What, session: &mut Session, now: Timestamp) -> Option<Value> {
        if self.agents.len() + what.agents.len() > AGENTS {
            let message = format!("a connection may name at most {AGENTS} agents: name fewer");
            session.handle_foreign(&message, now);
            return None;
        }
        if what.agents.iter().any(|agent| agent.len() > NAME_BYTES) {
            let message = format!(
                "the name of an agent has at most {NAME_BYTES} bytes: give the name of its step"
            );
            session.handle_foreign(&message, now);
            return None;
        }
        let What { transaction_id, transaction_ids, agents } = what;
        let transactions: Vec<String> = transaction_id.into_iter().chain(transaction_ids).collect();
        if transactions.is_empty() && agents.is_empty() {
            let message = "say what to hear of: `transaction_id`, `transaction_ids` or `agents`";
            session.handle_foreign(message, now);
            return None;
        }
        let named_agents = !agents.is_empty();
        self.agents.extend(agents);
        for transaction in transactions {
            let Ok(job) = transaction.parse::<JobId>() else {
                session.handle_foreign(&no_such(&transaction), now);
                continue;
            };
            let id = format!("{ONE}{job}");
            // Who asks again wants to know where it is.
            session.unsubscribe(&id);
            self.asked.insert(job.clone());
            let events = Some(EventFilter::All(true));
            let subscribe = Subscribe { id, job: Some(job), events, ..Subscribe::default() };
            session.handle_message(ClientMessage::Subscribe(subscribe), now);
        }
        named_agents
            .then(|| json!({ "type": "subscribed", "agents": self.agents, "timestamp": now }))
    }

    /// Takes back what was named; all of it when nothing is.
    fn widen(&mut self, what: What, session: &mut Session, now: Timestamp) -> Value {
        let What { transaction_id, transaction_ids, agents } = what;
        let named: Vec<JobId> = transaction_id
            .iter()
            .chain(&transaction_ids)
            .filter_map(|transaction| transaction.parse().ok())
            .collect();
        let all = transaction_id.is_none() && transaction_ids.is_empty() && agents.is_empty();
        let before = self.clone();
        self.agents.retain(|agent| !all && !agents.contains(agent));
        for transactions in [&mut self.asked, &mut self.transactions] {
            transactions.retain(|job| !all && !named.contains(job));
        }
        self.tell_what_was_passed_over(&before, session);
        for job in before.asked.difference(&self.asked).chain(&before.transactions) {
            if !self.transactions.contains(job) {
                session.unsubscribe(&format!("{ONE}{job}"));
            }
        }
        json!({
            "type": "subscribed", "transaction_ids": self.transactions, "agents": self.agents,
            "timestamp": now,
        })
    }

    /// Has the session told from its present state on when more of it is wanted than before: the
    /// messages that were passed over are gone, and the positions have moved past them. Of
    /// transactions of which nothing was passed over only what is new comes.
    fn tell_what_was_passed_over(&self, before: &Self, session: &mut Session) {
        let more_agents = !before.agents.is_subset(&self.agents) && !before.agents.is_empty();
        let more_jobs = self.transactions.is_empty() && !before.transactions.is_empty();
        if !more_agents && !more_jobs {
            return;
        }
        let told = |job: &JobId| before.agents.is_empty() && before.transactions.contains(job);
        let positions = session.positions().filter(|(job, _)| told(job));
        let positions: Vec<_> = positions.map(|(job, cursor)| (job.clone(), cursor)).collect();
        session.resume(positions);
        session.begin_again(WHOLE);
    }

    /// The answer when a subscription stands that the client has asked for.
    pub(super) fn subscribed(
        &mut self,
        id: &str,
        session: &mut Session,
        now: Timestamp,
    ) -> Option<Value> {
        let transaction = id.strip_prefix(ONE)?;
        let job: JobId = transaction.parse().ok()?;
        if !self.asked.remove(&job) {
            return None;
        }
        if session.is_about(WHOLE, &job) {
            self.transactions.insert(job);
            let said = json!({
                "type": "subscribed", "transaction_id": transaction, "timestamp": now,
            });
            return Some(said);
        }
        // Of another session, which this connection is not for.
        session.unsubscribe(id);
        let message = format!("{} in this session", no_such(transaction));
        Some(self.refused(Some(id), ("not_found", &message), session, now))
    }

    /// The answer when something that was asked for could not be done.
    pub(super) fn refused(
        &mut self,
        id: Option<&str>,
        (code, message): (&str, &str),
        session: &mut Session,
        now: Timestamp,
    ) -> Value {
        let mut members = Map::new();
        let mut put = |name: &str, value: &str| members.insert(name.to_owned(), value.into());
        put("type", "error");
        put("code", code);
        put("message", message);
        if let Some(transaction) = id.and_then(|id| id.strip_prefix(ONE)) {
            put("transaction_id", transaction);
            let before = self.clone();
            for transactions in [&mut self.asked, &mut self.transactions] {
                transactions.retain(|named| named.as_str() != transaction);
            }
            self.tell_what_was_passed_over(&before, session);
        } else if let Some((action, transaction)) = id.and_then(|id| id.split_once(' ')) {
            put("command", action);
            put("transaction_id", transaction);
        }
        members.insert("timestamp".to_owned(), json!(now));
        members.into()
    }
}

/// The answer to a command that was carried out, or that a worker was asked for.
pub(super) fn done(id: &str, data: Option<&Value>, now: Timestamp) -> Option<Value> {
    let (command, transaction) = id.split_once(' ')?;
    Some(json!({
        "type": "command_accepted",
        "command": command,
        "transaction_id": transaction,
        "status": data.and_then(|data| data.get("status")),
        "timestamp": now,
    }))
}

fn no_such(transaction: &str) -> String {
    let shown: String = transaction.chars().take(128).collect();
    format!("there is no transaction {shown}")
}
