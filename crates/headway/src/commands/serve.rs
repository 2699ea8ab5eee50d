//! `headway serve`: a node until somebody asks it to stop.

use serde_json::json;

use crate::arguments::{Common, ServeArguments};
use crate::configuration::{Configuration, Environment};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::Node;
use crate::signals::Stop;
use crate::{output, telemetry};

pub(crate) async fn run(
    common: &Common,
    environment: &Environment,
    arguments: &ServeArguments,
) -> Result<Exit, Failure> {
    let wrong = |error| Failure::usage(format!("the configuration cannot be used: {error}"));
    let configuration =
        Configuration::read(common.config.as_deref(), environment, arguments).map_err(wrong)?;
    let settings = configuration.settings().map_err(wrong)?;
    telemetry::start(&settings.log_filter, settings.log_json).map_err(Failure::usage)?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let grace = settings.grace;
    let mut stop = listen()?;

    let node = Node::start(settings).await?;
    if common.json {
        output::json(&json!({ "listening": node.url() }));
    } else {
        output::line(&format!("headway listening on {}", node.url()));
    }
    stop.recv().await;
    tracing::info!("stopping");
    shut_down(node, grace, &mut stop).await
}

/// Signals, from now on.
pub(crate) fn listen() -> Result<Stop, Failure> {
    Stop::listen().map_err(|error| Failure::because("signals cannot be listened to", &error))
}

/// Takes a node down in order, or at once when it is asked again.
pub(crate) async fn shut_down(
    node: Node,
    grace: std::time::Duration,
    stop: &mut Stop,
) -> Result<Exit, Failure> {
    tokio::select! {
        () = node.shutdown(grace) => Ok(Exit::Success),
        _ = stop.recv() => {
            output::complain("stopped at once; unfinished work is taken up again at the next start");
            Ok(Exit::Interrupted)
        }
    }
}
