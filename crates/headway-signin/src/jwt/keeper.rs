//! Reads an identity provider's keys, and reads them again.
//!
//! They are read when half of the time is over that an answer may be kept, and when a token names a
//! key that is not known, which happens when a provider changes its keys. Anybody can write such a
//! token, so that is done once a minute at most, by one reader for all who wait.

use std::path::PathBuf;
use std::time::Duration;

use headway_protocol::Timestamp;
use reqwest::header::{ACCEPT, CACHE_CONTROL, HeaderMap};
use tokio::sync::Mutex;

use super::Tokens;
use super::key_set::KeySet;
use crate::metrics::Metrics;
use crate::options::JwtKeys;
use crate::{Error, Refused};

/// The longest that one reading may take.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// The largest key set, bytes.
const SET_BYTES: usize = 256 * 1024;

/// Between two readings that strangers can cause, milliseconds.
const ON_DEMAND_MS: u64 = 60_000;
/// The same while there are no keys at all, and nobody can sign in.
const WITHOUT_KEYS_MS: u64 = 5_000;

/// What was read so lately is not read by plan.
const FRESH_MS: u64 = *PLANNED_MS.start() / 2;

/// How long an answer is kept that does not say.
const MAX_AGE_MS: u64 = 3_600_000;
/// Between two readings by plan: at least, and at most.
const PLANNED_MS: std::ops::RangeInclusive<u64> = 60_000..=12 * 3_600_000;
/// After a failed reading: first, and at most. Doubled in between.
const AGAIN_MS: (u64, u64) = (5_000, 300_000);

/// Reads keys for [`Tokens`].
#[derive(Debug)]
pub(crate) struct Keeper {
    source: Source,
    metrics: Metrics,
    /// Held while reading, so that there is one reader.
    progress: Mutex<Progress>,
}

#[derive(Debug)]
enum Source {
    Url { client: reqwest::Client, url: String },
    File(PathBuf),
}

#[derive(Debug, Default)]
struct Progress {
    tried_at: Option<Timestamp>,
    failed: u32,
    /// When to read again what was read last, as it said.
    planned_ms: u64,
}

impl Keeper {
    /// A keeper, where the configuration names something that is read again.
    pub(crate) fn new(keys: &JwtKeys, metrics: &Metrics) -> Result<Option<Self>, Error> {
        let source = match keys {
            JwtKeys::Jwks { url, allow_loopback: _ } => {
                // The first to say so wins; there is one provider in the build.
                drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
                let client = reqwest::Client::builder()
                    .user_agent(concat!("headway/", env!("CARGO_PKG_VERSION")))
                    .no_proxy()
                    .redirect(reqwest::redirect::Policy::none())
                    .timeout(TIME_LIMIT)
                    .build()
                    .map_err(|error| Error::Options {
                        field: "jwt.jwks_url",
                        detail: format!("cannot be asked: {error}"),
                    })?;
                Source::Url { client, url: url.clone() }
            }
            JwtKeys::JwksFile { path } => Source::File(path.clone()),
            JwtKeys::Secret(_) | JwtKeys::PublicKey { .. } | JwtKeys::PublicKeyFile { .. } => {
                return Ok(None);
            }
        };
        let (metrics, progress) = (metrics.clone(), Mutex::default());
        Ok(Some(Self { source, metrics, progress }))
    }

    /// Whether an unreadable source is the configuration's fault: a file that is not there when the
    /// node starts is, a provider that is down is not.
    pub(crate) fn must_be_there(&self) -> bool {
        matches!(self.source, Source::File(_))
    }

    /// Reads by plan, unless that was done a moment ago for somebody who came, and answers in how
    /// many milliseconds to do so again.
    pub(crate) async fn read(&self, tokens: &Tokens, now: Timestamp) -> Result<u64, (String, u64)> {
        let mut progress = self.progress.lock().await;
        if tokens.read_at().is_some_and(|read_at| now.since(read_at) < FRESH_MS) {
            return Ok(progress.planned_ms);
        }
        self.read_once(tokens, &mut progress, now).await
    }

    /// Reads for a token whose key is not known, if that may be; answers whether the token is worth
    /// another check. While there are no keys at all, it answers that nothing can be told.
    pub(crate) async fn read_for_unknown(
        &self,
        tokens: &Tokens,
        now: Timestamp,
    ) -> Result<bool, Refused> {
        let before = tokens.read_at();
        let mut progress = self.progress.lock().await;
        if tokens.read_at() != before {
            // Somebody has read while this one waited.
            return Ok(true);
        }
        let had_keys = tokens.has_keys(now);
        let step = if had_keys { ON_DEMAND_MS } else { WITHOUT_KEYS_MS };
        let may = progress.tried_at.is_none_or(|tried_at| now.since(tried_at) >= step);
        if may && self.read_once(tokens, &mut progress, now).await.is_ok() {
            return Ok(true);
        }
        if had_keys { Ok(false) } else { Err(Refused::Unavailable { retry_after_ms: step }) }
    }

    async fn read_once(
        &self,
        tokens: &Tokens,
        progress: &mut Progress,
        now: Timestamp,
    ) -> Result<u64, (String, u64)> {
        progress.tried_at = Some(now);
        let (planned, fetched) = match self.fetch().await {
            Ok((bytes, max_age_ms)) => (planned_ms(max_age_ms), Ok(bytes)),
            Err(detail) => (0, Err(detail)),
        };
        let set = fetched.and_then(|bytes| KeySet::of_jwks(&bytes, &tokens.options().algorithms));
        match set {
            Ok(set) => {
                progress.failed = 0;
                progress.planned_ms = planned;
                tokens.replace(set, now);
                Ok(planned)
            }
            Err(detail) => {
                let wait = again_ms(progress.failed);
                progress.failed = progress.failed.saturating_add(1);
                self.metrics.key_set_failures.inc();
                tracing::warn!(%detail, again_in_ms = wait, "the identity provider's keys");
                Err((detail, wait))
            }
        }
    }

    /// The bytes, and how long they may be kept.
    async fn fetch(&self) -> Result<(Vec<u8>, Option<u64>), String> {
        match &self.source {
            Source::File(path) => {
                let bytes = tokio::fs::read(path).await;
                let bytes = bytes
                    .map_err(|error| format!("cannot be read from {}: {error}", path.display()))?;
                Ok((bytes, Some(0)))
            }
            Source::Url { client, url } => {
                // What stands behind the question mark may be a secret.
                let shown = url.split(['?', '#']).next().unwrap_or_default();
                let failed = |error: reqwest::Error| {
                    format!("cannot be read from {shown}: {}", chain(&error.without_url()))
                };
                let request = client.get(url).header(ACCEPT, "application/json");
                let mut answer = request.send().await.map_err(failed)?;
                if answer.status() != reqwest::StatusCode::OK {
                    return Err(format!(
                        "cannot be read from {shown}: it answers {}",
                        answer.status()
                    ));
                }
                let max_age_ms = max_age_ms(answer.headers());
                let mut bytes = Vec::new();
                while let Some(chunk) = answer.chunk().await.map_err(failed)? {
                    if bytes.len() + chunk.len() > SET_BYTES {
                        return Err(format!("from {shown} is larger than {SET_BYTES} bytes"));
                    }
                    bytes.extend_from_slice(&chunk);
                }
                Ok((bytes, max_age_ms))
            }
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// In how many milliseconds to read again what may be kept so long.
fn planned_ms(max_age_ms: Option<u64>) -> u64 {
    (max_age_ms.unwrap_or(MAX_AGE_MS) / 2).clamp(*PLANNED_MS.start(), *PLANNED_MS.end())
}

/// In how many milliseconds to try again after so many failures in a row before this one.
fn again_ms(failed: u32) -> u64 {
    let (first, most) = AGAIN_MS;
    first.saturating_mul(1_u64.checked_shl(failed.min(16)).unwrap_or(u64::MAX)).min(most)
}

fn max_age_ms(headers: &HeaderMap) -> Option<u64> {
    let said = headers.get(CACHE_CONTROL)?.to_str().ok()?;
    let mut directives = said.split(',').map(str::trim);
    let seconds: u64 = directives.find_map(|one| one.strip_prefix("max-age=")?.parse().ok())?;
    Some(seconds.saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_again_when_half_of_their_time_is_over() {
        for (max_age, planned) in [
            (None, 1_800_000),
            (Some(0), 60_000),
            (Some(600_000), 300_000),
            (Some(u64::MAX), 12 * 3_600_000),
        ] {
            assert_eq!(planned_ms(max_age), planned, "{max_age:?}");
        }
    }

    #[test]
    fn failures_are_repeated_less_and_less() {
        let waits: Vec<u64> = (0..8).map(again_ms).collect();
        let (first, most) = AGAIN_MS;
        assert_eq!(waits, [first, 10_000, 20_000, 40_000, 80_000, 160_000, most, most]);
        assert_eq!(again_ms(u32::MAX), most);
    }

    #[test]
    fn an_answer_says_how_long_it_may_be_kept() {
        for (said, found) in
            [("public, max-age=600", Some(600_000)), ("max-age=soon", None), ("no-store", None)]
        {
            let headers = HeaderMap::from_iter([(CACHE_CONTROL, said.parse().unwrap())]);
            assert_eq!(max_age_ms(&headers), found, "{said}");
        }
    }
}
