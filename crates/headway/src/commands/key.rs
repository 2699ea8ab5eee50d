//! `headway key`: at a server, or on the data folder of a node that is not running.

use std::time::Duration;

use headway_protocol::access::{KeyInfo, KeyRequest};

use super::client;
use crate::arguments::{Common, CreateKeyArguments, KeyCommand};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::table::Table;
use crate::{offline, output, text};

pub(crate) async fn run(common: &Common, command: KeyCommand) -> Result<Exit, Failure> {
    match command {
        KeyCommand::Create(arguments) => create(common, arguments).await,
        KeyCommand::List { limit, after } => list(common, limit, after.as_deref()).await,
        KeyCommand::Revoke { id } => {
            // Somebody may give the whole key: what is secret of it stays here.
            let id = id_of(&id);
            client(common)?.revoke_key(id).await?;
            output::say(&format!("key {id} is revoked: streams that use it end within seconds"));
            Ok(Exit::Success)
        }
    }
}

async fn create(common: &Common, arguments: CreateKeyArguments) -> Result<Exit, Failure> {
    let CreateKeyArguments { name, scopes, role, tenant, subject, own_only, expires_in, data } =
        arguments;
    let request = KeyRequest {
        name,
        scopes: scopes.into_iter().map(|scope| scope.as_str().to_owned()).collect(),
        role: role.map(|role| role.as_str().to_owned()),
        tenant,
        subject,
        own_only,
        ttl_ms: expires_in.map(millis),
    };
    let (key, place) = if let Some(folder) = data {
        let key = offline::create_key(&folder, request).await?;
        (key, format!("in the data folder {}, without a server", folder.display()))
    } else {
        let client = client(common)?;
        let key = client.create_key(&request).await.map_err(Failure::from)?;
        (key, format!("at {}", client.server()))
    };
    if common.json {
        output::json(&key);
    } else {
        output::line(key.key.expose());
    }
    output::say(&format!("{}, made {place}", sentence(&key.info)));
    output::say("it is shown this once: keep it as HEADWAY_TOKEN or in a file for --token-file");
    Ok(Exit::Success)
}

async fn list(common: &Common, limit: u32, after: Option<&str>) -> Result<Exit, Failure> {
    let page = client(common)?.keys(after, Some(limit)).await?;
    if common.json {
        output::json(&page);
        return Ok(Exit::Success);
    }
    let mut table =
        Table::new(&["ID", "NAME", "TENANT", "SUBJECT", "MAY", "STATUS", "LAST USED", "CREATED"]);
    for key in &page.keys {
        let subject = key.owner.subject.clone().unwrap_or_default();
        let subject = if key.own_only { format!("{subject} (own jobs)") } else { subject };
        table.row(&[
            key.id.clone(),
            key.name.clone(),
            key.owner.tenant.clone(),
            subject,
            key.scopes.join(","),
            status(key),
            key.last_used_at.map_or_else(|| "-".to_owned(), |at| at.to_string()),
            key.created_at.to_string(),
        ]);
    }
    for line in table.lines() {
        output::line(&line);
    }
    if let Some(next) = page.next {
        output::say(&format!("more: --after {next}"));
    }
    Ok(Exit::Success)
}

fn status(key: &KeyInfo) -> String {
    match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) => format!("until {at}"),
        (None, None) => "holds".to_owned(),
    }
}

fn sentence(key: &KeyInfo) -> String {
    let KeyInfo { id, name, owner, scopes, own_only, .. } = key;
    let whose = match (&owner.subject, own_only) {
        (Some(subject), true) => format!(" for {subject}, own jobs only"),
        (Some(subject), false) => format!(" for {subject}"),
        (None, _) => String::new(),
    };
    let until = key.expires_at.map(|at| format!(", until {at}")).unwrap_or_default();
    text::plain(&format!(
        "key {id} ({name}) of tenant {}{whose}, may {}{until}",
        owner.tenant,
        scopes.join(", ")
    ))
}

/// The id of a key, also when the whole key was given.
fn id_of(text: &str) -> &str {
    match text.strip_prefix("hw_") {
        Some(rest) => rest.split_once('_').map_or(rest, |(id, _)| id),
        None => text,
    }
}

/// A duration as requests have it.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_whole_key_is_cut_to_its_id() {
        assert_eq!(id_of("abc123"), "abc123");
        assert_eq!(id_of("hw_abc123"), "abc123");
        assert_eq!(id_of("hw_abc123_s3cretCHECK"), "abc123");
    }

    #[test]
    fn says_what_a_key_is() {
        let mut key: KeyInfo = serde_json::from_value(json!({
            "id": "hw_a", "name": "ci", "owner": {"tenant": "acme"}, "scopes": ["watch", "report"],
            "created_at": "2026-01-10T09:30:00.000Z",
        }))
        .unwrap();
        assert_eq!(sentence(&key), "key hw_a (ci) of tenant acme, may watch, report");
        assert_eq!(status(&key), "holds");
        key.owner.subject = Some("maya".into());
        key.own_only = true;
        key.expires_at = Some("2026-02-10T09:30:00.000Z".parse().unwrap());
        assert_eq!(
            sentence(&key),
            "key hw_a (ci) of tenant acme for maya, own jobs only, may watch, report, until \
             2026-02-10T09:30:00.000Z"
        );
        key.revoked_at = Some("2026-01-11T09:30:00.000Z".parse().unwrap());
        assert_eq!(status(&key), "revoked 2026-01-11T09:30:00.000Z");
    }
}
