//! `headway whoami`.

use headway_protocol::JobId;
use headway_protocol::access::{Identity, Listed};

use super::client;
use crate::arguments::Common;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{output, text};

pub(crate) async fn run(common: &Common) -> Result<Exit, Failure> {
    let identity = client(common)?.identity().await?;
    if common.json {
        output::json(&identity);
    } else {
        output::line(&sentence(&identity));
    }
    Ok(Exit::Success)
}

/// Who somebody is, for people.
pub(super) fn sentence(identity: &Identity) -> String {
    if !identity.sign_in {
        return "nobody is asked to sign in there: everybody may do everything".to_owned();
    }
    let subject = identity.owner.subject.as_deref().unwrap_or("somebody");
    let scopes = identity.scopes.join(", ");
    let may = match &identity.role {
        Some(role) => format!("{role} ({scopes})"),
        None if scopes.is_empty() => "may do nothing".to_owned(),
        None => format!("may {scopes}"),
    };
    let sees = match identity.sees.as_str() {
        "tenant" => "sees all jobs of the tenant".to_owned(),
        "own" => "sees jobs of its own".to_owned(),
        "listed" => identity.listed.as_ref().map_or_else(|| "sees what it names".to_owned(), sees),
        other => other.to_owned(),
    };
    let how = match identity.credential.as_str() {
        "key" => "by an API key",
        "admin_key" => "by the configured admin key",
        "jwt" => "by the identity provider",
        "token" => "by a watch token",
        "none" => "without a key or a token",
        other => other,
    };
    let until = identity.expires_at.map(|at| format!(", until {at}")).unwrap_or_default();
    text::plain(&format!(
        "{subject} of tenant {}: {may}; {sees}; signed in {how}{until}",
        identity.owner.tenant
    ))
}

/// What a watch token is for.
fn sees(listed: &Listed) -> String {
    let Listed { jobs, sessions, tags, actions, .. } = listed;
    let one = |what: &str, names: Vec<&str>| {
        (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")))
    };
    let parts = [
        one("jobs", jobs.iter().map(JobId::as_str).collect()),
        one("sessions", sessions.iter().map(String::as_str).collect()),
        one("tags", tags.iter().map(String::as_str).collect()),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let may = match actions.as_slice() {
        [] => String::new(),
        actions => {
            let words: Vec<_> = actions.iter().map(|action| action.as_str()).collect();
            format!(" and may {} them", words.join(", "))
        }
    };
    format!("sees {}{may}", parts.join(" and "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(change: &serde_json::Value, expected: &str) {
        let mut identity = json!({
            "sign_in": true, "owner": {"tenant": "acme", "subject": "maya"},
            "scopes": ["watch"], "sees": "tenant", "credential": "key",
        });
        headway_protocol::patch::apply(&mut identity, change);
        let identity: Identity = serde_json::from_value(identity).unwrap();
        assert_eq!(sentence(&identity), expected);
    }

    #[test]
    fn says_who_somebody_is() {
        check(
            &json!({"role": "viewer"}),
            "maya of tenant acme: viewer (watch); sees all jobs of the tenant; signed in by an API \
             key",
        );
        check(
            &json!({
                "owner": {"subject": null}, "sees": "listed", "credential": "token",
                "listed": {"jobs": ["a", "b"], "tags": ["t"], "actions": ["cancel"]},
                "expires_at": "2026-01-10T09:30:00.000Z",
            }),
            "somebody of tenant acme: may watch; sees jobs a, b and tags t and may cancel them; \
             signed in by a watch token, until 2026-01-10T09:30:00.000Z",
        );
        check(
            &json!({"sign_in": false}),
            "nobody is asked to sign in there: everybody may do everything",
        );
        check(
            &json!({"owner": {"subject": "a\u{1b}[2J"}, "scopes": []}),
            "a [2J of tenant acme: may do nothing; sees all jobs of the tenant; signed in by an API \
             key",
        );
    }
}
