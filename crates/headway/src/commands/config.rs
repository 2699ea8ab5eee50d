//! `headway config`.

use crate::arguments::{Common, ConfigCommand, ServeArguments};
use crate::configuration::{self, Configuration, Environment};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(
    common: &Common,
    environment: &Environment,
    command: ConfigCommand,
) -> Result<Exit, Failure> {
    if let ConfigCommand::Schema = command {
        output::bytes(configuration::schema(common.json).as_bytes());
        return Ok(Exit::Success);
    }
    let flags = ServeArguments::default();
    let configuration = Configuration::read(common.config.as_deref(), environment, &flags)
        .map_err(|error| Failure::new(error.to_string()))?;
    match command {
        ConfigCommand::Print => output::bytes(configuration::print(&configuration).as_bytes()),
        ConfigCommand::Check | ConfigCommand::Schema => {
            let settings =
                configuration.settings().map_err(|error| Failure::new(error.to_string()))?;
            for warning in &settings.warnings {
                output::say(&format!("warning: {warning}"));
            }
            output::say("the configuration is good");
        }
    }
    Ok(Exit::Success)
}
