//! Sign-in, as a configuration says it.

use headway_access::Role;
use headway_signin::{Error, GuessLimits, JwtAlgorithm, JwtKeys, JwtOptions, Modes, Options};

use super::key::KEYS;
use super::{Configuration, ConfigurationError};

/// Where the keys of a provider can come from.
const KEY_SOURCES: [&str; 4] = [
    "sign_in.jwt.jwks_url",
    "sign_in.jwt.jwks_file",
    "sign_in.jwt.secret",
    "sign_in.jwt.public_key_file",
];

impl Configuration {
    pub(super) fn sign_in(&self) -> Result<Options, ConfigurationError> {
        let modes = self.list("sign_in.modes");
        let modes = Modes::from_words(modes.iter().map(String::as_str))
            .map_err(|error| self.wrong("sign_in.modes", error.to_string()))?;
        let admin_key = self.secret("sign_in.admin_key")?;
        if admin_key.is_some() && !modes.asks() {
            // Whoever gives a key thinks that the door is locked.
            let message = "there is a key, and nobody is asked for it: say `sign_in.modes = \
                           [\"keys\"]`, or --sign-in keys";
            return Err(self.wrong(self.path_of_secret("sign_in.admin_key"), message));
        }
        let small = |path| u32::try_from(self.whole(path)).unwrap_or(u32::MAX);
        let options = Options {
            modes,
            admin_key,
            jwt: self.jwt(modes)?,
            session_ttl_ms: self.whole("sign_in.session_ttl_ms"),
            session_idle_ms: self.whole("sign_in.session_idle_ms"),
            audit_for_ms: self.whole("sign_in.audit_for_ms"),
            poll_every_ms: self.whole("sign_in.poll_every_ms"),
            guesses: GuessLimits {
                burst: small("sign_in.guess_burst"),
                every_ms: self.whole("sign_in.guess_every_ms"),
            },
        };
        options.check().map_err(|error| self.not_signed_in(&error))?;
        Ok(options)
    }

    fn jwt(&self, modes: Modes) -> Result<Option<JwtOptions>, ConfigurationError> {
        if !modes.jwt {
            // Keys with a default describe nobody in particular.
            let of_provider = |path: &str| path.starts_with("sign_in.jwt.");
            let own = KEYS.iter().filter(|key| of_provider(key.path) && key.default.is_none());
            let said = own.map(|key| key.path).find(|path| self.values.contains_key(path));
            return match said {
                None => Ok(None),
                Some(path) => Err(self.wrong(
                    path,
                    "a provider is described, and its tokens are not taken: add `jwt` to \
                     `sign_in.modes`",
                )),
            };
        }
        let keys = self.provider_keys()?;
        let algorithms = self.algorithms(&keys)?;
        let default_role = self.optional_text("sign_in.jwt.default_role");
        let default_role = default_role.map(|text| {
            Role::named(&text).ok_or_else(|| {
                let message = format!("`{text}` is no role: use viewer, operator or admin");
                self.wrong("sign_in.jwt.default_role", message)
            })
        });
        Ok(Some(JwtOptions {
            issuer: self.text("sign_in.jwt.issuer"),
            audience: self.list("sign_in.jwt.audience"),
            keys,
            algorithms,
            leeway_ms: self.whole("sign_in.jwt.leeway_ms"),
            tenant: self.optional_text("sign_in.jwt.tenant"),
            tenant_claim: self.text("sign_in.jwt.tenant_claim"),
            subject_claim: self.text("sign_in.jwt.subject_claim"),
            scopes_claim: self.text("sign_in.jwt.scopes_claim"),
            role_claim: self.text("sign_in.jwt.role_claim"),
            default_role: default_role.transpose()?,
            sees_claim: self.text("sign_in.jwt.sees_claim"),
        }))
    }

    fn provider_keys(&self) -> Result<JwtKeys, ConfigurationError> {
        let secret = self.secret("sign_in.jwt.secret")?;
        let [url, file, _, public] = KEY_SOURCES.map(|path| self.optional_text(path));
        match (url, file, secret, public) {
            (Some(url), None, None, None) => Ok(JwtKeys::Jwks { url, allow_loopback: true }),
            (None, Some(path), None, None) => Ok(JwtKeys::JwksFile { path: path.into() }),
            (None, None, Some(secret), None) => Ok(JwtKeys::Secret(secret)),
            (None, None, None, Some(path)) => Ok(JwtKeys::PublicKeyFile { path: path.into() }),
            (None, None, None, None) => Err(self.wrong(
                "sign_in.modes",
                format!("`jwt` needs the provider's keys: set one of {}", KEY_SOURCES.join(", ")),
            )),
            (url, file, secret, _) => {
                let given = [url.is_some(), file.is_some(), secret.is_some(), true];
                let first = KEY_SOURCES.into_iter().zip(given).find(|(_, given)| *given);
                let path = first.map_or("sign_in.jwt.public_key_file", |(path, _)| path);
                let message =
                    format!("keys come from one place: keep one of {}", KEY_SOURCES.join(", "));
                Err(self.wrong(self.path_of_secret(path), message))
            }
        }
    }

    fn algorithms(&self, keys: &JwtKeys) -> Result<Vec<JwtAlgorithm>, ConfigurationError> {
        let named = self.list("sign_in.jwt.algorithms");
        if !named.is_empty() {
            let named = named.iter().map(|text| {
                JwtAlgorithm::named(text).ok_or_else(|| {
                    let message = format!(
                        "`{text}` is not an algorithm here: use HS256, RS256, ES256 or EdDSA"
                    );
                    self.wrong("sign_in.jwt.algorithms", message)
                })
            });
            return named.collect();
        }
        match keys {
            JwtKeys::Secret(_) => Ok(vec![JwtAlgorithm::Hs256]),
            JwtKeys::Jwks { .. } | JwtKeys::JwksFile { .. } => {
                Ok(vec![JwtAlgorithm::Rs256, JwtAlgorithm::Es256, JwtAlgorithm::EdDsa])
            }
            JwtKeys::PublicKey { .. } | JwtKeys::PublicKeyFile { .. } => Err(self.wrong(
                "sign_in.jwt.public_key_file",
                "say what it is for: `sign_in.jwt.algorithms = [\"RS256\"]`, or ES256 or EdDSA",
            )),
        }
    }

    /// What sign-in refuses, with the place where it was said.
    fn not_signed_in(&self, error: &Error) -> ConfigurationError {
        match error {
            Error::Options { field, detail } => {
                let path = format!("sign_in.{field}");
                self.wrong(self.path_of_secret(&path), detail.clone())
            }
            Error::Denied(_)
            | Error::Refused(_)
            | Error::Problem(_)
            | Error::NoSuchKey
            | Error::Full { .. }
            | Error::Contended
            | Error::Store(_) => self.wrong("sign_in", error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
