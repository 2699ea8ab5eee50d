//! `headway token`.

use headway_protocol::access::{RevocationRequest, TokenRequest};

use super::client;
use super::key::millis;
use crate::arguments::{Common, CreateTokenArguments, TokenCommand};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{offline, output};

pub(crate) async fn run(common: &Common, command: TokenCommand) -> Result<Exit, Failure> {
    match command {
        TokenCommand::Create(arguments) => create(common, arguments).await,
        TokenCommand::Revoke { id, subject } => {
            let what = match (&id, &subject) {
                (Some(id), _) => format!("token {id} is revoked"),
                (None, Some(subject)) => format!("what {subject} holds is revoked"),
                (None, None) => String::new(),
            };
            let request = RevocationRequest { token: id, subject, ..RevocationRequest::default() };
            client(common)?.revoke(&request).await?;
            output::say(&format!("{what}: streams that use it end within seconds"));
            Ok(Exit::Success)
        }
        TokenCommand::Rotate { data } => {
            offline::rotate_signing_key(&data).await?;
            output::say(
                "watch tokens are signed with a new secret; those from before hold until they end, \
                 or until this is done once more",
            );
            Ok(Exit::Success)
        }
    }
}

async fn create(common: &Common, arguments: CreateTokenArguments) -> Result<Exit, Failure> {
    let CreateTokenArguments { jobs, sessions, tags, actions, subject, expires_in } = arguments;
    let ttl_ms = expires_in.map(millis);
    let request = TokenRequest { jobs, sessions, tags, actions, subject, ttl_ms };
    let token = client(common)?.create_token(&request).await?;
    if common.json {
        output::json(&token);
    } else {
        output::line(token.token.expose());
        output::say(&format!("watch token {}, until {}", token.id, token.expires_at));
    }
    Ok(Exit::Success)
}
