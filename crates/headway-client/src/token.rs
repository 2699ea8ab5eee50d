//! What a client signs in with: a token that is given once, or one that is asked for whenever the
//! last one is about to end.
//!
//! **Invariants:** a token is never in debug output, and whoever needs one waits for the same
//! question instead of asking another.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use headway_protocol::Secret;
use reqwest::header::HeaderValue;
use tokio::time::Instant;

use crate::Error;

/// A token or an API key, and for how long it holds.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub secret: Secret,
    /// For how long it holds from now on; `None`: nobody knows, and the next one is asked for when
    /// the server refuses this one.
    pub holds_for: Option<Duration>,
}

impl From<Secret> for Token {
    fn from(secret: Secret) -> Self {
        Self { secret, holds_for: None }
    }
}

/// Why there is no token, in the words of whoever was asked.
pub type TokenError = Box<dyn std::error::Error + Send + Sync>;

type Answer = Pin<Box<dyn Future<Output = Result<Token, TokenError>> + Send>>;

/// The share of its life after which a token is replaced. The rest is for a question that has to be
/// repeated; up to [`SPREAD`] is taken off, so that clients that began together do not renew together.
const REPLACED_AFTER: f64 = 0.8;
const SPREAD: f64 = 0.2;

/// How soon somebody who had no token is asked again while the last one still holds.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Where a client's tokens come from. Clones share what was asked for.
#[derive(Clone)]
pub(crate) enum Tokens {
    /// Nobody is asked to sign in.
    None,
    /// One for good.
    Fixed(Secret),
    /// Whoever is asked.
    Asked(Arc<Asked>),
}

/// Tokens that are asked for.
pub(crate) struct Asked {
    ask: Box<dyn Fn() -> Answer + Send + Sync>,
    held: tokio::sync::Mutex<Held>,
}

#[derive(Default)]
struct Held {
    current: Option<Issued>,
    count: u64,
}

/// A token in use.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    secret: Secret,
    /// Tells it from the one before.
    number: u64,
    /// When to ask for the next one.
    pub(crate) renew_at: Option<Instant>,
    /// When it ends.
    ends_at: Option<Instant>,
}

impl Issued {
    pub(crate) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Whether it is the same one, and not one that took its place.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.number == other.number
    }

    /// The value of an `Authorization` header.
    pub(crate) fn authorization(&self) -> Result<HeaderValue, Error> {
        authorization(&self.secret)
    }
}

impl Tokens {
    pub(crate) fn fixed(secret: Secret) -> Result<Self, Error> {
        authorization(&secret)?;
        Ok(Self::Fixed(secret))
    }

    pub(crate) fn asked<F, A>(ask: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<Token, TokenError>> + Send + 'static,
    {
        let ask = Box::new(move || Box::pin(ask()) as Answer);
        Self::Asked(Arc::new(Asked { ask, held: tokio::sync::Mutex::default() }))
    }

    /// Whether there is another token when one is refused.
    pub(crate) fn can_renew(&self) -> bool {
        matches!(self, Self::Asked(_))
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The token to use now; a new one when the last is about to end. While that still holds, it is
    /// given although whoever is asked has no new one.
    ///
    /// Cancel safety: a dropped call has asked in vain, and the next one asks again.
    pub(crate) async fn current(&self) -> Result<Option<Issued>, Error> {
        let asked = match self {
            Self::None => return Ok(None),
            Self::Fixed(secret) => {
                let secret = secret.clone();
                return Ok(Some(Issued { secret, number: 0, renew_at: None, ends_at: None }));
            }
            Self::Asked(asked) => asked,
        };
        let mut held = asked.held.lock().await;
        let due = |issued: &Issued| issued.renew_at.is_some_and(|at| at <= Instant::now());
        if let Some(issued) = held.current.as_ref().filter(|issued| !due(issued)) {
            return Ok(Some(issued.clone()));
        }
        let token = match (asked.ask)().await {
            Ok(token) => token,
            Err(source) => {
                let now = Instant::now();
                let held = held.current.as_mut();
                let held = held.filter(|held| held.ends_at.is_none_or(|end| end > now));
                let Some(held) = held else { return Err(Error::NoToken { source }) };
                tracing::warn!(%source, "no new token: the last one is used while it holds");
                held.renew_at = Some(now + ASK_AGAIN);
                return Ok(Some(held.clone()));
            }
        };
        authorization(&token.secret)?;
        held.count += 1;
        let share = REPLACED_AFTER - SPREAD * rand::random::<f64>();
        let now = Instant::now();
        let renew_at = token.holds_for.map(|life| now + life.mul_f64(share));
        let ends_at = token.holds_for.map(|life| now + life);
        let issued = Issued { secret: token.secret, number: held.count, renew_at, ends_at };
        held.current = Some(issued.clone());
        Ok(Some(issued))
    }

    /// A token ends soon, by its server's words: whoever comes next asks for another one, and keeps
    /// this one while there is no other.
    pub(crate) async fn replace(&self, last: &Issued) {
        if let Self::Asked(asked) = self {
            let mut held = asked.held.lock().await;
            if let Some(current) = held.current.as_mut().filter(|current| current.is(last)) {
                current.renew_at = Some(Instant::now());
            }
        }
    }

    /// A token was refused: whoever comes next asks for another one. One that was replaced in the
    /// meantime stays.
    pub(crate) async fn refuse(&self, refused: &Issued) {
        if let Self::Asked(asked) = self {
            let mut held = asked.held.lock().await;
            if held.current.as_ref().is_some_and(|current| current.number == refused.number) {
                held.current = None;
            }
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Fixed(_) => "Fixed",
            Self::Asked(_) => "Asked",
        })
    }
}

pub(crate) fn authorization(secret: &Secret) -> Result<HeaderValue, Error> {
    // Whitespace could be sent, and would be cut off or misread on the way.
    if secret.expose().is_empty() || !secret.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::Token);
    }
    let mut value =
        HeaderValue::try_from(format!("Bearer {}", secret.expose())).map_err(|_| Error::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Tokens `t1`, `t2`, … that hold for so long.
    fn counted(holds_for: Option<Duration>) -> Tokens {
        let count = Arc::new(AtomicU64::new(0));
        Tokens::asked(move || {
            let number = count.fetch_add(1, Ordering::Relaxed) + 1;
            async move { Ok(Token { secret: Secret::new(format!("t{number}")), holds_for }) }
        })
    }

    async fn secret(tokens: &Tokens) -> String {
        tokens.current().await.unwrap().unwrap().secret().expose().to_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_token_is_asked_for_before_the_last_one_ends() {
        let tokens = counted(Some(Duration::from_secs(100)));
        assert_eq!(secret(&tokens).await, "t1");
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(secret(&tokens.clone()).await, "t1");
        tokio::time::advance(Duration::from_secs(22)).await;
        assert_eq!(secret(&tokens).await, "t2");
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_used_to_its_end_when_there_is_no_other() {
        let count = Arc::new(AtomicU64::new(0));
        let tokens = Tokens::asked(move || {
            let first = count.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                let holds_for = Some(Duration::from_secs(100));
                if first {
                    Ok(Token { secret: Secret::new("t1"), holds_for })
                } else {
                    Err("no".into())
                }
            }
        });
        let first = tokens.current().await.unwrap().unwrap();
        tokio::time::advance(Duration::from_secs(90)).await;
        let again = tokens.current().await.unwrap().unwrap();
        assert!(
            again.is(&first) && again.renew_at > first.renew_at,
            "and is asked for again later"
        );
        tokio::time::advance(Duration::from_secs(11)).await;
        assert!(matches!(tokens.current().await, Err(Error::NoToken { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_whose_end_only_the_server_knows_is_used_while_there_is_no_other() {
        let count = Arc::new(AtomicU64::new(0));
        let tokens = Tokens::asked(move || {
            let first = count.fetch_add(1, Ordering::Relaxed) == 0;
            async move { if first { Ok(Secret::new("t1").into()) } else { Err("no".into()) } }
        });
        let first = tokens.current().await.unwrap().unwrap();
        tokens.replace(&first).await;
        assert!(tokens.current().await.unwrap().unwrap().is(&first));
        tokens.refuse(&first).await;
        assert!(matches!(tokens.current().await, Err(Error::NoToken { .. })));
    }

    #[tokio::test]
    async fn a_refused_token_is_replaced_once() {
        let tokens = counted(None);
        let first = tokens.current().await.unwrap().unwrap();
        tokens.refuse(&first).await;
        assert_eq!(secret(&tokens).await, "t2");
        tokens.refuse(&first).await;
        assert_eq!(secret(&tokens).await, "t2", "the refusal was about the one before");
    }

    #[tokio::test]
    async fn many_who_wait_ask_once() {
        let tokens = counted(Some(Duration::from_mins(1)));
        let all: Vec<_> = (0..10).map(|_| secret(&tokens)).collect();
        let all = futures_util::future::join_all(all).await;
        assert!(all.iter().all(|secret| secret == "t1"), "{all:?}");
    }

    #[tokio::test]
    async fn what_no_header_can_carry_is_refused_before_it_is_sent() {
        for text in ["", "a b", "a\r\nb: c", "ä"] {
            assert!(Tokens::fixed(Secret::new(text)).is_err(), "{text:?}");
            let asked = Tokens::asked(move || async move { Ok(Secret::new(text).into()) });
            assert!(matches!(asked.current().await, Err(Error::Token)), "{text:?}");
        }
    }
}
