//! Signatures of Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use headway_protocol::{Problem, ProblemCode, Secret};

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// How many bytes a secret has, by the specification.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Keys that sign a delivery, the newest first: a receiver that knows any of them can verify it.
pub(crate) struct SigningKeys(Vec<hmac::Key>);

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeys({})", self.0.len())
    }
}

impl SigningKeys {
    /// The keys of a node's configuration.
    pub(super) fn of_node(secrets: &[Secret]) -> Result<Self, Problem> {
        secrets
            .iter()
            .map(|secret| key(secret, "webhooks.secret"))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The key of a request.
    pub(super) fn of_request(secret: &Secret) -> Result<Self, Problem> {
        Ok(Self(vec![key(secret, "webhook.secret")?]))
    }

    /// Whether there is nothing to sign with.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The header `webhook-signature`, from the header `webhook-id`, the header `webhook-timestamp`
    /// and the body.
    pub(super) fn sign(&self, id: &str, timestamp: u64, body: &str) -> String {
        let signed = format!("{id}.{timestamp}.{body}");
        let signatures = self
            .0
            .iter()
            .map(|key| format!("v1,{}", STANDARD.encode(hmac::sign(key, signed.as_bytes()))));
        signatures.collect::<Vec<_>>().join(" ")
    }
}

/// Says what a secret has to look like, and nothing of the one that does not.
fn key(secret: &Secret, field: &str) -> Result<hmac::Key, Problem> {
    let bytes = secret
        .expose()
        .strip_prefix(PREFIX)
        .and_then(|text| STANDARD.decode(text).ok())
        .filter(|bytes| BYTES.contains(&bytes.len()));
    let Some(bytes) = bytes else {
        let (least, most) = (BYTES.start(), BYTES.end());
        let detail = format!(
            "`{field}` is not a webhook secret: it is `{PREFIX}` and {least} to {most} random bytes \
             in base64, for example from `echo {PREFIX}$(openssl rand -base64 32)`"
        );
        return Err(Problem::new(ProblemCode::Invalid, detail).at_field(field));
    };
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &str = r#"{"test": 2432232314}"#;

    fn keys(secrets: &[&str]) -> SigningKeys {
        let secrets: Vec<_> = secrets.iter().map(|text| Secret::new(*text)).collect();
        SigningKeys::of_node(&secrets).unwrap()
    }

    /// The example that the libraries of Standard Webhooks test themselves with.
    #[test]
    fn the_specifications_example_is_signed_alike() {
        let keys = keys(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]);
        let signature = keys.sign(ID, 1_614_265_330, BODY);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn every_key_signs_while_they_change() {
        let old = format!("whsec_{}", STANDARD.encode([7; 32]));
        let new = format!("whsec_{}", STANDARD.encode([8; 64]));
        let both = keys(&[&new, &old]).sign(ID, 5, BODY);
        let each = [keys(&[&new]).sign(ID, 5, BODY), keys(&[&old]).sign(ID, 5, BODY)];
        assert_eq!(both, each.join(" "));
        assert_ne!(each[0], each[1]);
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_repeated() {
        let short = format!("whsec_{}", STANDARD.encode([7; 23]));
        let long = format!("whsec_{}", STANDARD.encode([7; 65]));
        let bare = STANDARD.encode([7; 32]);
        for text in [&short, &long, &bare, "whsec_", "whsec_not base64", ""] {
            let problem = SigningKeys::of_request(&Secret::new(text)).unwrap_err();
            let words = format!("{problem:?}");
            assert!(words.contains("24 to 64"), "{words}");
            assert!(text.len() < 7 || !words.contains(text), "{words}");
        }
    }
}
