//! What a request says of its webhook, before anything is kept.

use headway_protocol::webhook::Webhook;
use headway_protocol::{Problem, ProblemCode};
use reqwest::Url;

use super::{SigningKeys, Webhooks};
use crate::outgoing::Outgoing;

/// The longest address, bytes.
const URL_BYTES: usize = 2_048;

/// Refuses a webhook that could never be delivered: an address that is none, or may not be reached;
/// nothing to announce; nothing to sign with.
pub(crate) fn check(
    webhook: &Webhook,
    webhooks: &Webhooks,
    outgoing: &Outgoing,
) -> Result<(), Problem> {
    let invalid = |field: &str, detail: String| {
        Err(Problem::new(ProblemCode::Invalid, detail).at_field(field))
    };
    let field = "webhook.url";
    let url = Url::parse(&webhook.url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(url) = url.filter(|_| webhook.url.len() <= URL_BYTES) else {
        let detail = format!("`{field}` is an http or https address of at most {URL_BYTES} bytes");
        return invalid(field, detail);
    };
    if !url.username().is_empty() || url.password().is_some() {
        let detail = format!(
            "`{field}` has a user or a password in it: leave them out, the signature says whom a \
             delivery is from"
        );
        return invalid(field, detail);
    }
    if let Err(refused) = outgoing.check(&url) {
        return invalid(field, refused.to_string());
    }
    if webhook.events.as_ref().is_some_and(Vec::is_empty) {
        let detail = "`webhook.events` is empty: leave it out for the ends of a job, or name some";
        return invalid("webhook.events", detail.to_owned());
    }
    match &webhook.secret {
        Some(secret) => drop(SigningKeys::of_request(secret)?),
        None if webhooks.keys.is_empty() => {
            let detail = "there is nothing to sign deliveries with: give `webhook.secret`, or \
                          configure `webhooks.secret` on the server";
            return invalid("webhook.secret", detail.to_owned());
        }
        None => {}
    }
    Ok(())
}
