//! What sign-in is told before it starts.

use std::path::PathBuf;

use headway_access::Role;
use headway_protocol::Secret;
use reqwest::Url;

use crate::Error;

/// The fewest characters of a configured key. A key that people think up is guessed.
const ADMIN_KEY_BYTES: usize = 32;

/// The fewest bytes of a secret that tokens are signed with: what the hash gives (RFC 7518, 3.2).
const JWT_SECRET_BYTES: usize = 32;

/// The most leeway: more would undo what an expiry is for.
const LEEWAY_MS: u64 = 10 * 60 * 1_000;

/// The longest session of a browser: revocations are kept for longer than this.
const SESSION_MS: u64 = 30 * 24 * 3_600_000;

/// What sign-in is told before it starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// With what one signs in.
    pub modes: Modes,
    /// A key with every scope over the tenant that looks after the node, at least 32 characters:
    /// for the first minutes of a node, and for whoever configures it.
    pub admin_key: Option<Secret>,
    /// The identity provider; given exactly when the modes have `jwt`.
    pub jwt: Option<JwtOptions>,
    /// How long a browser's session lasts in all, in milliseconds; at most 30 days.
    pub session_ttl_ms: u64,
    /// How long a browser's session lasts without being used, in milliseconds.
    pub session_idle_ms: u64,
    /// How long the audit log is kept, in milliseconds.
    pub audit_for_ms: u64,
    /// How often this node looks for what others have changed, in milliseconds: 100 to 5,000. A
    /// revocation ends streams of other nodes so much later.
    pub poll_every_ms: u64,
    /// How many wrong keys and tokens an address may try.
    pub guesses: GuessLimits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            modes: Modes::default(),
            admin_key: None,
            jwt: None,
            session_ttl_ms: 12 * 3_600_000,
            session_idle_ms: 2 * 3_600_000,
            audit_for_ms: 90 * 24 * 3_600_000,
            poll_every_ms: 1_000,
            guesses: GuessLimits::default(),
        }
    }
}

/// With what one signs in. Neither: nobody is asked, and everybody may do everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// With API keys.
    pub keys: bool,
    /// With tokens of an identity provider.
    pub jwt: bool,
}

/// Words that name no modes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a way to sign in: use none alone, or keys, jwt, or both")]
pub struct NotModes(String);

impl Modes {
    /// The modes of a list of words: `none` alone, or `keys`, `jwt`, or both.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, NotModes> {
        let words: Vec<&str> = words.into_iter().collect();
        let mut modes = Self::default();
        for word in &words {
            match *word {
                "keys" => modes.keys = true,
                "jwt" => modes.jwt = true,
                "none" if words.len() == 1 => {}
                _ => return Err(NotModes(words.join(", "))),
            }
        }
        Ok(modes)
    }

    /// Whether anybody is asked to sign in.
    pub const fn asks(self) -> bool {
        self.keys || self.jwt
    }
}

/// How many wrong keys and tokens an address (of IPv6: a /64) may try: some at once, then one in a
/// while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuessLimits {
    /// At once, at least 1.
    pub burst: u32,
    /// After these, one in so many milliseconds, at least 1.
    pub every_ms: u64,
}

impl Default for GuessLimits {
    fn default() -> Self {
        Self { burst: 20, every_ms: 3_000 }
    }
}

/// An identity provider, and what its tokens say.
///
/// Administrators of the tenant `default` look after the node. A provider whose people can choose
/// what the tenant's claim says lets them choose that.
///
/// A claim is named as it stands in the token (`tenant`, `https://example.org/roles`), or by a JSON
/// pointer where it lies deeper (`/realm_access/roles`).
///
/// What of its tenant a person sees: all of it when the token gives a role, or says
/// `"sees": "tenant"`; otherwise, and in any case when it says `"sees": "own"`, only jobs of its own
/// subject. `default_role` counts as a role.
#[derive(Clone, Debug)]
pub struct JwtOptions {
    /// The `iss` that tokens must have.
    pub issuer: String,
    /// The values of `aud` that are taken, at least one.
    pub audience: Vec<String>,
    /// Where the keys come from that tokens are signed with.
    pub keys: JwtKeys,
    /// The algorithms that are taken, at least one. What a token says of itself chooses among
    /// these, and only if the key is of that kind.
    pub algorithms: Vec<JwtAlgorithm>,
    /// How far clocks may be apart, in milliseconds: 0 to 600,000.
    pub leeway_ms: u64,
    /// The tenant that everybody belongs to; `None`: what the tenant's claim says, without which a
    /// token is refused.
    pub tenant: Option<String>,
    /// The claim that names the tenant.
    pub tenant_claim: String,
    /// The claim that names the subject. A token without it is refused.
    pub subject_claim: String,
    /// The claim with scopes: a list, or a text with spaces between. Unknown words are passed over.
    pub scopes_claim: String,
    /// The claim with roles: one, or a list. Unknown words are passed over.
    pub role_claim: String,
    /// The role of a token that gives neither a scope nor a role of Headway's.
    pub default_role: Option<Role>,
    /// The claim that says what of its tenant a person sees: `tenant` or `own`.
    pub sees_claim: String,
}

impl JwtOptions {
    /// The usual claims and one minute of leeway.
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: JwtKeys,
        algorithm: JwtAlgorithm,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            audience: vec![audience.into()],
            keys,
            algorithms: vec![algorithm],
            leeway_ms: 60_000,
            tenant: None,
            tenant_claim: "tenant".to_owned(),
            subject_claim: "sub".to_owned(),
            scopes_claim: "scope".to_owned(),
            role_claim: "role".to_owned(),
            default_role: None,
            sees_claim: "sees".to_owned(),
        }
    }
}

/// Where the keys come from that an identity provider's tokens are signed with.
#[derive(Clone, Debug)]
pub enum JwtKeys {
    /// A key set (RFC 7517) that the provider serves. It is read again when half of the time is over
    /// that the answer may be kept, and when a token names a key that is not in it.
    Jwks {
        /// Its address, `https`.
        url: String,
        /// Whether `http` is taken as well when the host is `localhost` or a loopback address.
        allow_loopback: bool,
    },
    /// A key set in a file, which is read again each minute.
    JwksFile {
        /// The file.
        path: PathBuf,
    },
    /// A secret that is shared with the provider, at least 32 bytes; for HS256 alone.
    Secret(Secret),
    /// A public key, PEM; for the one algorithm that is given.
    PublicKey {
        /// The text, from `-----BEGIN PUBLIC KEY-----` on.
        pem: String,
    },
    /// The same in a file, read once.
    PublicKeyFile {
        /// The file.
        path: PathBuf,
    },
}

/// An algorithm that tokens are signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// RSA (PKCS #1 v1.5) with SHA-256, keys of 2,048 bits and more.
    Rs256,
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl JwtAlgorithm {
    /// Every algorithm.
    pub const ALL: &'static [Self] = &[Self::Hs256, Self::Rs256, Self::Es256, Self::EdDsa];

    /// Its name in a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of that name.
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|algorithm| algorithm.as_str() == text)
    }
}

impl Options {
    /// Whether anybody is asked to sign in.
    pub const fn asks(&self) -> bool {
        self.modes.asks()
    }

    /// Refuses what nobody could sign in with, or what would let anybody in. The error names the
    /// setting.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(key) = &self.admin_key {
            ensure(
                "admin_key",
                self.asks(),
                "is given, but nobody is asked to sign in: set modes",
            )?;
            let key = key.expose();
            let fits =
                key.len() >= ADMIN_KEY_BYTES && key.bytes().all(|byte| byte.is_ascii_graphic());
            ensure(
                "admin_key",
                fits,
                "needs 32 or more visible ASCII characters: make one with `openssl rand -hex 32`",
            )?;
        }
        ensure(
            "jwt",
            self.modes.jwt == self.jwt.is_some(),
            "is given exactly when modes has `jwt`: give issuer, audience, keys and algorithms",
        )?;
        let session = 1_000..=SESSION_MS;
        let within = "is a time from 1,000 to 2,592,000,000 milliseconds";
        ensure("session_ttl_ms", session.contains(&self.session_ttl_ms), within)?;
        ensure("session_idle_ms", session.contains(&self.session_idle_ms), within)?;
        ensure("audit_for_ms", self.audit_for_ms >= 60_000, "is at least 60,000 milliseconds")?;
        let polls = (100..=5_000).contains(&self.poll_every_ms);
        ensure("poll_every_ms", polls, "is a time from 100 to 5,000 milliseconds")?;
        ensure("guesses.burst", self.guesses.burst >= 1, "is at least 1")?;
        let every = (1..=3_600_000).contains(&self.guesses.every_ms);
        ensure("guesses.every_ms", every, "is a time from 1 to 3,600,000 milliseconds")?;
        self.jwt.as_ref().map_or(Ok(()), JwtOptions::check)
    }
}

impl JwtOptions {
    fn check(&self) -> Result<(), Error> {
        ensure("jwt.issuer", !self.issuer.is_empty(), "must be given: the `iss` of your tokens")?;
        let named = !self.audience.is_empty() && self.audience.iter().all(|one| !one.is_empty());
        ensure("jwt.audience", named, "must be given: the `aud` that tokens for Headway have")?;
        ensure("jwt.leeway_ms", self.leeway_ms <= LEEWAY_MS, "is at most 600,000 milliseconds")?;
        let tenant_fits = self.tenant.as_deref().is_none_or(|tenant| !tenant.is_empty());
        ensure("jwt.tenant", tenant_fits, "names a tenant, or is left out")?;
        let claims = [
            ("jwt.tenant_claim", &self.tenant_claim),
            ("jwt.subject_claim", &self.subject_claim),
            ("jwt.scopes_claim", &self.scopes_claim),
            ("jwt.role_claim", &self.role_claim),
            ("jwt.sees_claim", &self.sees_claim),
        ];
        for (field, claim) in claims {
            ensure(field, !claim.is_empty(), "names a claim")?;
        }
        self.check_keys()
    }

    fn check_keys(&self) -> Result<(), Error> {
        let algorithms = self.algorithms.as_slice();
        ensure("jwt.algorithms", !algorithms.is_empty(), "names at least one algorithm")?;
        let shared = algorithms.contains(&JwtAlgorithm::Hs256);
        match &self.keys {
            JwtKeys::Secret(secret) => {
                ensure(
                    "jwt.algorithms",
                    algorithms == [JwtAlgorithm::Hs256],
                    "is HS256 alone with a shared secret",
                )?;
                let long = secret.expose().len() >= JWT_SECRET_BYTES;
                ensure("jwt.secret", long, "needs at least 32 bytes")
            }
            JwtKeys::PublicKey { .. } | JwtKeys::PublicKeyFile { .. } => ensure(
                "jwt.algorithms",
                algorithms.len() == 1 && !shared,
                "is one of RS256, ES256 and EdDSA with a public key",
            ),
            JwtKeys::JwksFile { .. } => {
                ensure("jwt.algorithms", !shared, "has no HS256 with a public key set")
            }
            JwtKeys::Jwks { url, allow_loopback } => {
                ensure("jwt.algorithms", !shared, "has no HS256 with a public key set")?;
                let fits = Url::parse(url).is_ok_and(|url| may_be_asked(&url, *allow_loopback));
                ensure(
                    "jwt.jwks_url",
                    fits,
                    "is an https address without a user name: whoever can change the answer on its \
                     way could sign in as anybody",
                )
            }
        }
    }
}

/// Whether keys may be read from there.
fn may_be_asked(url: &Url, allow_loopback: bool) -> bool {
    let is_plain = url.username().is_empty() && url.password().is_none();
    let is_loopback = url.host_str().is_some_and(|host| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    });
    is_plain && (url.scheme() == "https" || url.scheme() == "http" && allow_loopback && is_loopback)
}

fn ensure(field: &'static str, holds: bool, otherwise: &'static str) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::Options { field, detail: otherwise.to_owned() }) }
}

#[cfg(test)]
mod tests;
