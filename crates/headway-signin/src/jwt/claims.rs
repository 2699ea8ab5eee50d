//! What a token says, as a caller.

use headway_access::{Caller, Credential, Reach, Role, Scope, Scopes};
use headway_protocol::limits::NAME_BYTES;
use headway_protocol::{Owner, Timestamp};
use serde_json::Value;

use super::Fault;
use crate::JwtOptions;
use crate::revocation::KEPT_MS;

/// The longest `jti`, bytes.
const ID_BYTES: usize = 256;

/// Checks the claims of a token whose signature was checked, and says who comes with it.
pub(super) fn check(said: &Value, options: &JwtOptions, now: Timestamp) -> Result<Caller, Fault> {
    check_audience(said, options)?;
    let leeway = options.leeway_ms;
    let ends = moment(said, "exp")?.ok_or(Fault::Times)?;
    let issued = moment(said, "iat")?;
    let later = |moment: Option<Timestamp>| moment.is_some_and(|moment| moment > now.plus(leeway));
    if later(moment(said, "nbf")?) || later(issued) {
        return Err(Fault::TooEarly);
    }
    // Its revocation would be forgotten before it ends.
    if ends > now.plus(KEPT_MS) {
        return Err(Fault::TooLong);
    }
    let expires_at = ends.plus(leeway);
    if now >= expires_at {
        return Err(Fault::Expired);
    }
    let (scopes, reach) = rights(said, options);
    Ok(Caller {
        owner: Owner {
            tenant: match &options.tenant {
                Some(tenant) => tenant.clone(),
                None => name(claim(said, &options.tenant_claim)).ok_or(Fault::Tenant)?,
            },
            subject: Some(name(claim(said, &options.subject_claim)).ok_or(Fault::Subject)?),
        },
        scopes,
        reach,
        credential: Credential::Jwt {
            id: match claim(said, "jti") {
                None => None,
                Some(Value::String(id)) if id.len() <= ID_BYTES => Some(id.clone()),
                Some(_) => return Err(Fault::Id),
            },
            // A provider whose clock is ahead must not make tokens that outlive a revocation.
            issued_at: issued.unwrap_or_default().min(now),
        },
        expires_at: Some(expires_at),
        session: None,
    })
}

/// Whether it is of the provider, and for this server.
pub(super) fn check_audience(said: &Value, options: &JwtOptions) -> Result<(), Fault> {
    if said.get("iss").and_then(Value::as_str) != Some(&options.issuer) {
        return Err(Fault::Issuer);
    }
    let mut audience = said.get("aud").into_iter().flat_map(texts);
    if audience.any(|one| options.audience.iter().any(|ours| ours == one)) {
        Ok(())
    } else {
        Err(Fault::Audience)
    }
}

/// Scopes and reach: see [`JwtOptions`].
fn rights(said: &Value, options: &JwtOptions) -> (Scopes, Reach) {
    let scopes: Scopes = claim(said, &options.scopes_claim)
        .into_iter()
        .flat_map(texts)
        .flat_map(|text| text.split(' '))
        .filter_map(|word| word.parse::<Scope>().ok())
        .collect();
    let roles: Vec<Role> = claim(said, &options.role_claim)
        .into_iter()
        .flat_map(texts)
        .filter_map(Role::named)
        .collect();
    let says_nothing = scopes.is_empty() && roles.is_empty();
    let roles = match options.default_role {
        Some(role) if says_nothing => vec![role],
        Some(_) | None => roles,
    };
    let sees = claim(said, &options.sees_claim).and_then(Value::as_str);
    let reach = match sees {
        Some("own") => Reach::Own,
        Some("tenant") => Reach::Tenant,
        Some(_) | None if roles.is_empty() => Reach::Own,
        Some(_) | None => Reach::Tenant,
    };
    (roles.iter().fold(scopes, |scopes, role| scopes.or(role.scopes())), reach)
}

/// A claim by its name, or by a JSON pointer.
fn claim<'a>(said: &'a Value, name: &str) -> Option<&'a Value> {
    let found = if name.starts_with('/') { said.pointer(name) } else { said.get(name) };
    found.filter(|value| !value.is_null())
}

/// A text, or the texts of a list.
fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let one = std::slice::from_ref(value);
    value.as_array().map_or(one, Vec::as_slice).iter().filter_map(Value::as_str)
}

/// A name of somebody: a text, or a number as some providers have it.
fn name(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let fits = (1..=NAME_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    fits.then_some(text)
}

/// A moment in seconds since the epoch, which may have a fraction (RFC 7519, 2).
fn moment(said: &Value, name: &str) -> Result<Option<Timestamp>, Fault> {
    let Some(value) = claim(said, name) else { return Ok(None) };
    let millis = match (value.as_u64(), value.as_f64()) {
        (Some(seconds), _) => seconds.saturating_mul(1_000),
        (None, Some(seconds)) if seconds >= 0.0 => fraction_millis(seconds),
        (None, _) => return Err(Fault::Times),
    };
    Ok(Some(Timestamp::from_millis(millis)))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is not negative, and a number that is too large becomes the largest"
)]
fn fraction_millis(seconds: f64) -> u64 {
    (seconds * 1_000.0) as u64
}
