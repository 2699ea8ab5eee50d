//! The task of a watch: does what the session wants, and tells it what happened.

use std::future::pending;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use headway_protocol::Timestamp;
use headway_protocol::frame::ServerMessage;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::connection::{Connection, Signal};
use super::session::{Close, Output, Question, Session, after};
use crate::token::Issued;
use crate::{Client, Error};

/// A question for a token that is under way.
type Asking = Pin<Box<dyn Future<Output = Result<Option<Issued>, Error>> + Send>>;

/// What a watch owns beside its session.
pub(crate) struct Watcher {
    client: Client,
    session: Session,
    reader: mpsc::Sender<Result<ServerMessage, Error>>,
    connection: Connection,
    asking: Option<Asking>,
    /// The token that the session knows.
    issued: Option<Issued>,
    clock: Clock,
}

/// What to wait for is over, or nothing is waited for any more.
enum Next {
    Signal(Signal),
    Token(Result<Option<Issued>, Error>),
    Deadline,
    /// Nobody reads any more.
    Abandoned,
}

impl Watcher {
    pub(crate) fn new(
        client: Client,
        session: Session,
        reader: mpsc::Sender<Result<ServerMessage, Error>>,
    ) -> Self {
        let (connection, clock) = (Connection::None, Clock::new());
        Self { client, session, reader, connection, asking: None, issued: None, clock }
    }

    /// Runs until everything that is watched has ended, or nothing more can be had.
    pub(crate) async fn run(mut self) {
        self.session.start(self.clock.now());
        loop {
            while let Some(output) = self.session.poll_output() {
                if !self.act(output).await {
                    return self.connection.close().await;
                }
            }
            if self.session.is_finished() {
                return self.connection.close().await;
            }
            match self.next().await {
                Next::Signal(signal) => self.handle(signal),
                Next::Token(answer) => self.handle_token(answer),
                Next::Deadline => self.session.handle_timeout(self.clock.now(), rand::random()),
                Next::Abandoned => return self.connection.close().await,
            }
        }
    }

    /// Does one thing. Whether anything follows.
    async fn act(&mut self, output: Output) -> bool {
        match output {
            Output::AskToken(question) => self.asking = Some(self.ask(question)),
            Output::Connect(connect) => {
                self.connection = Connection::make(&self.client, self.issued.clone(), connect);
            }
            Output::Send(message) => {
                if let Err(close) = self.connection.send(&self.client, &message).await {
                    self.connection = Connection::None;
                    self.session.handle_close(close, self.clock.now(), rand::random());
                }
            }
            Output::Disconnect => self.connection = Connection::None,
            Output::Pass(message) => {
                if self.reader.send(Ok(message)).await.is_err() {
                    return false;
                }
                // While the reader took its time, nobody listened to the server.
                self.session.handle_activity(self.clock.now());
            }
            Output::Over(close) => {
                let error = self.error(close);
                // A reader that is gone needs no error.
                self.reader.send(Err(error)).await.ok();
                return false;
            }
        }
        true
    }

    fn ask(&mut self, question: Question) -> Asking {
        let (client, last) = (self.client.clone(), self.issued.clone());
        if question == Question::Instead {
            self.issued = None;
        }
        Box::pin(async move {
            let tokens = client.tokens();
            match (question, last) {
                (Question::Instead, Some(last)) => tokens.refuse(&last).await,
                (Question::ToRenew, Some(last)) => tokens.replace(&last).await,
                (Question::ToConnect | Question::ToRenew | Question::Instead, _) => {}
            }
            tokens.current().await
        })
    }

    async fn next(&mut self) -> Next {
        let deadline = self.session.next_deadline().map(|at| self.clock.instant(at));
        let due = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at).await,
                None => pending().await,
            }
        };
        let token = async {
            match &mut self.asking {
                Some(asking) => asking.await,
                None => pending().await,
            }
        };
        tokio::select! {
            // What came before a deadline counts before it.
            biased;
            signal = self.connection.next(&self.client) => Next::Signal(signal),
            token = token => Next::Token(token),
            () = self.reader.closed() => Next::Abandoned,
            () = due => Next::Deadline,
        }
    }

    fn handle(&mut self, signal: Signal) {
        let now = self.clock.now();
        match signal {
            Signal::Open => self.session.handle_open(now),
            Signal::Activity => self.session.handle_activity(now),
            Signal::Closed(close) => {
                tracing::debug!(?close, "a stream is over");
                self.session.handle_close(close, now, rand::random());
            }
            Signal::Text(text) => match serde_json::from_str(&text) {
                Ok(message) => self.session.handle_message(message, now, rand::random()),
                Err(error) if is_snapshot(&text) => {
                    // Without it nothing that follows fits.
                    self.connection = Connection::None;
                    let close = Close::Failed(self.client.not_understood(error.to_string()));
                    self.session.handle_close(close, now, rand::random());
                }
                Err(error) => {
                    tracing::debug!(%error, "what is no message is passed over");
                    self.session.handle_activity(now);
                }
            },
        }
    }

    fn handle_token(&mut self, answer: Result<Option<Issued>, Error>) {
        self.asking = None;
        let now = self.clock.now();
        match answer {
            Ok(Some(issued)) => {
                let renew_at = issued.renew_at.map(|at| self.clock.moment(at));
                let token = issued.secret().clone();
                let is_same = self.issued.as_ref().is_some_and(|last| last.is(&issued));
                self.issued = Some(issued);
                if is_same {
                    self.session.handle_same_token(token, renew_at, now);
                } else {
                    self.session.handle_token(token, renew_at, now);
                }
            }
            Ok(None) => self.session.handle_token_failure(Error::Token, now, rand::random()),
            Err(error) => {
                tracing::warn!(%error, "no token for a stream");
                self.session.handle_token_failure(error, now, rand::random());
            }
        }
    }

    /// Why nothing follows, for the reader.
    fn error(&self, close: Close) -> Error {
        match close {
            Close::Failed(error) | Close::NotUpgraded { error, .. } => error,
            Close::Silent => self.client.unreachable(Silence),
            Close::Hole => self.client.not_understood("an update does not fit the last one"),
            Close::Seen => self.client.not_understood("it says that nothing follows, too early"),
        }
    }
}

/// The server was silent for too long.
#[derive(Debug, thiserror::Error)]
#[error("nothing came for too long")]
struct Silence;

/// Whether a text that could not be read was to be a snapshot.
fn is_snapshot(text: &str) -> bool {
    let message: Option<Value> = serde_json::from_str(text).ok();
    message.is_some_and(|message| message.get("type").and_then(Value::as_str) == Some("snapshot"))
}

/// A clock that does not jump and says what time it is.
#[derive(Clone, Copy, Debug)]
struct Clock {
    began: Instant,
    began_at: Timestamp,
}

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the shell's clock; the session is told the time"
    )]
    fn new() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { began: Instant::now(), began_at: after(Timestamp::from_millis(0), since) }
    }

    fn now(&self) -> Timestamp {
        self.moment(Instant::now())
    }

    fn moment(&self, at: Instant) -> Timestamp {
        after(self.began_at, at.saturating_duration_since(self.began))
    }

    /// Not before that moment: a part of a millisecond is waited for as well.
    fn instant(&self, at: Timestamp) -> Instant {
        self.began + Duration::from_millis(at.since(self.began_at))
    }
}
