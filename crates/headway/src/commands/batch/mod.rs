//! `headway batch`.

mod errors;
mod own;
mod reasons;
mod request;
mod results;

use headway_client::Client;
use headway_protocol::request::CommandRequest;
use headway_protocol::{Action, Job, JobId};

pub(crate) use self::errors::errors;
use self::request::options;
use super::client;
use super::follow::follow;
use super::serve::listen;
use crate::arguments::{
    Common, ItemsArguments, ResultsArguments, RetryArguments, RunBatchArguments, ServeArguments,
};
use crate::configuration::Environment;
use crate::display::{self, Display};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::{Node, TemporaryFolder};
use crate::output;

/// `headway batch run`.
pub(crate) async fn run(
    common: &Common,
    environment: &Environment,
    arguments: RunBatchArguments,
) -> Result<Exit, Failure> {
    if common.server.is_some() {
        return on_server(common, &arguments).await;
    }
    if arguments.no_wait {
        return Err(Failure::usage(
            "--no-wait needs --server: a node of its own lives only as long as the run",
        ));
    }
    own::run(common, environment, &arguments).await
}

/// Runs on a server that is there before and after.
async fn on_server(common: &Common, arguments: &RunBatchArguments) -> Result<Exit, Failure> {
    if arguments.items.rates.is_some() {
        return Err(Failure::usage(
            "--rates is for a node of its own: a server has its own prices",
        ));
    }
    let (options, format) = options(arguments)?;
    if let Some(output) = &arguments.output {
        results::check(output)?;
    }
    let client = client(common)?;
    let job = client.create_batch_file(&options, &arguments.items.file, format).await?;
    if arguments.no_wait {
        if common.json {
            output::json(&job);
        } else {
            output::line(job.id.as_str());
        }
        return Ok(Exit::Success);
    }
    output::say(&format!("{} at {}#/batches/{}", job.id, client.server(), job.id));
    let exit = wait(common, &client, &job.id).await?;
    if let Some((job, _)) = &exit {
        save(&client, job, arguments).await?;
    }
    Ok(exit.map_or(Exit::Interrupted, |(_, exit)| exit))
}

/// Shows a batch until its end; `None` when the person does not want to wait any more.
async fn wait(
    common: &Common,
    client: &Client,
    id: &JobId,
) -> Result<Option<(Job, Exit)>, Failure> {
    let mut stop = listen()?;
    let mut display = (!common.json).then(Display::new);
    let followed = tokio::select! {
        followed = follow(client, id, display.as_mut()) => followed.map(Some),
        _ = stop.recv() => Ok(None),
    };
    if let Some(display) = &display {
        display.finish();
    }
    match &followed {
        Ok(Some((job, _))) => {
            tell(common, client, job, &format!("`headway batch errors {id}`")).await;
        }
        // Also when looking on was refused: nothing has asked the batch to stop.
        Ok(None) | Err(_) => output::say(&format!(
            "the batch goes on at the server: `headway watch {id}` shows it, `headway job cancel \
             {id}` stops it"
        )),
    }
    followed
}

/// Says how a batch ended, and why items of it failed; `more` is how to see all of that.
async fn tell(common: &Common, client: &Client, job: &Job, more: &str) {
    if common.json {
        output::json(job);
        return;
    }
    output::say(&display::verdict(job));
    reasons::say(client, job, more).await;
}

async fn save(client: &Client, job: &Job, arguments: &RunBatchArguments) -> Result<(), Failure> {
    match &arguments.output {
        Some(path) => results::save(client, &job.id, None, None, path).await,
        None => Ok(()),
    }
}

/// `headway batch estimate`.
pub(crate) async fn estimate(
    common: &Common,
    environment: &Environment,
    items: ItemsArguments,
) -> Result<Exit, Failure> {
    let (options, format) = request::items_options(&items)?;
    let (node, client) = if common.server.is_some() {
        (None, client(common)?)
    } else {
        // Nothing is kept, so that a folder for the moment is enough.
        let folder = TemporaryFolder::new()?;
        let flags = ServeArguments {
            data: Some(folder.path.clone()),
            rates: items.rates.clone(),
            allow_exec: true,
            allow_hosts: request::named_host(&items.executor).into_iter().collect(),
            ..ServeArguments::default()
        };
        let settings = crate::node::own_settings(common, environment, &flags)?;
        let node = Node::start(settings).await?.with_folder(folder);
        let client = node.client()?;
        (Some(node), client)
    };
    let estimated = client.estimate_file(&options, &items.file, format).await;
    if let Some(node) = node {
        node.shutdown(std::time::Duration::from_secs(5)).await;
    }
    let estimate = estimated?;
    if common.json {
        output::json(&estimate);
        return Ok(Exit::Success);
    }
    output::line(&format!(
        "{} items: {} {} (from {} to {})",
        estimate.items, estimate.currency, estimate.mid, estimate.low, estimate.high
    ));
    if estimate.invalid > 0 {
        output::say(&format!("{} lines cannot be read and would fail", estimate.invalid));
    }
    for note in &estimate.notes {
        output::say(note);
    }
    Ok(Exit::Success)
}

/// `headway batch results`.
pub(crate) async fn results(
    common: &Common,
    arguments: &ResultsArguments,
) -> Result<Exit, Failure> {
    let client = client(common)?;
    let standard_output = std::path::PathBuf::from("-");
    let path = arguments.output.as_ref().unwrap_or(&standard_output);
    results::save(&client, &arguments.id, arguments.status, arguments.format, path).await?;
    Ok(Exit::Success)
}

/// `headway batch retry`.
pub(crate) async fn retry(common: &Common, arguments: &RetryArguments) -> Result<Exit, Failure> {
    let client = client(common)?;
    let request = if arguments.items.is_empty() {
        CommandRequest { status: Some(arguments.status.into()), ..CommandRequest::default() }
    } else {
        CommandRequest { items: Some(arguments.items.clone()), ..CommandRequest::default() }
    };
    let job = client.command(&arguments.id, Action::Retry, &request).await?;
    if arguments.no_wait {
        if common.json {
            output::json(&job);
        } else {
            output::line(&display::sentence(&job));
        }
        return Ok(Exit::Success);
    }
    let exit = wait(common, &client, &job.id).await?;
    Ok(exit.map_or(Exit::Interrupted, |(_, exit)| exit))
}
