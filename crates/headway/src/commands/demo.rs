//! `headway demo`: a node with an example batch. Everything that it needs is in the program, but
//! for Python.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use headway_client::{Client, FileFormat, JobsQuery};
use headway_protocol::batch::BatchOptions;
use headway_protocol::{Job, JobId};
use serde_json::json;
use tokio::process::Command;

use super::follow::follow;
use super::serve::{listen, shut_down};
use crate::arguments::{Common, DemoArguments, ServeArguments};
use crate::configuration::{Configuration, ConfiguredValue, Environment};
use crate::display;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::{Node, TemporaryFolder};
use crate::{output, telemetry};

/// The example, as it lies in `examples/quickstart`.
const FILES: &[(&str, &[u8])] = &[
    ("airports.csv", include_bytes!("../../../../examples/quickstart/airports.csv")),
    ("worker.py", include_bytes!("../../../../examples/quickstart/worker.py")),
    (CONFIGURATION, include_bytes!("../../../../examples/quickstart/headway.toml")),
    (RATES, include_bytes!("../../../../examples/quickstart/costs.json")),
];
const CONFIGURATION: &str = "headway.toml";
const RATES: &str = "costs.json";
const ITEMS: &str = "airports.csv";
/// The kind that the example's configuration names.
const KIND: &str = "round-trips";
/// What the example's batch is called.
const NAME: &str = "Round trips between airports";
/// The folder of the example inside the data folder.
const FOLDER: &str = "quickstart";
/// The port that is tried first.
const PORT: u16 = 4323;

pub(crate) async fn run(
    common: &Common,
    environment: &Environment,
    arguments: &DemoArguments,
) -> Result<Exit, Failure> {
    need_python().await?;
    let (data, temporary) = if let Some(data) = &arguments.data {
        (data.clone(), None)
    } else {
        let folder = TemporaryFolder::new()?;
        (folder.path.clone(), Some(folder))
    };
    let example = unpack(&data)?;
    let flags = ServeArguments {
        listen: Some(arguments.listen.clone().unwrap_or_else(free_address)),
        data: Some(data),
        rates: Some(example.join(RATES)),
        ..ServeArguments::default()
    };
    let wrong = |error| Failure::usage(format!("the configuration cannot be used: {error}"));
    let mut configuration =
        Configuration::read(Some(&example.join(CONFIGURATION)), environment, &flags)
            .map_err(wrong)?;
    configuration.for_one_command();
    let folder = ConfiguredValue::Text(example.display().to_string());
    configuration.set("work_dir", folder, "the example");
    let settings = configuration.settings().map_err(wrong)?;
    telemetry::start(&settings.log_filter, settings.log_json).map_err(Failure::usage)?;
    let grace = settings.grace;
    let mut stop = listen()?;

    let mut node = Node::start(settings).await?;
    if let Some(temporary) = temporary {
        node = node.with_folder(temporary);
    }
    let client = node.client()?;
    let job = tokio::select! {
        job = submit(&client, &example) => job,
        _ = stop.recv() => return shut_down(node, grace, &mut stop).await,
    };
    let job = match job {
        Ok(job) => job,
        Err(failure) => {
            node.shutdown(grace).await;
            return Err(failure);
        }
    };
    announce(common, node.url(), &job);
    let followed = tokio::spawn(tell_the_end(client, job.id));
    stop.recv().await;
    followed.abort();
    shut_down(node, grace, &mut stop).await
}

/// Begins the example's batch, unless one of an earlier demonstration is still there.
async fn submit(client: &Client, example: &Path) -> Result<Job, Failure> {
    let query = JobsQuery { kind: Some(KIND.to_owned()), ..JobsQuery::default() };
    let unfinished =
        client.jobs(&query).await?.jobs.into_iter().find(|job| Exit::of(job).is_none());
    if let Some(job) = unfinished {
        return Ok(job);
    }
    let options = BatchOptions {
        kind: Some(KIND.to_owned()),
        name: Some(NAME.to_owned()),
        ..BatchOptions::default()
    };
    Ok(client.create_batch_file(&options, &example.join(ITEMS), FileFormat::Csv).await?)
}

fn announce(common: &Common, url: &str, job: &Job) {
    let page = format!("{url}/#/batches/{}", job.id);
    if common.json {
        output::json(&json!({ "listening": url, "page": page, "batch": job.id }));
        return;
    }
    output::line(&format!("headway listening on {url}"));
    output::line(&page);
    output::say("open the page to see the batch move; Ctrl-C ends the demonstration");
}

async fn tell_the_end(client: Client, id: JobId) {
    match follow(&client, &id, None).await {
        Ok((job, _)) => output::say(&display::verdict(&job)),
        Err(failure) => output::complain(&failure.to_string()),
    }
}

async fn need_python() -> Result<(), Failure> {
    let mut python = Command::new("python3");
    python.arg("-c").arg("import sys; sys.exit(sys.version_info < (3, 10))");
    match python.output().await {
        Ok(output) if output.status.success() => Ok(()),
        Ok(_) => Err(Failure::new(
            "the example's worker needs Python 3.10 or later, and `python3` is an older one",
        )),
        Err(error) => Err(Failure::new(format!(
            "the example's worker is a Python program, and `python3` cannot be started ({error}): \
             install it (Debian: `apt install python3`), or try `headway batch run` with a worker \
             of your own"
        ))),
    }
}

/// Writes the example's files, and answers where.
fn unpack(data: &Path) -> Result<PathBuf, Failure> {
    let folder = data.join(FOLDER);
    let failed = |error: std::io::Error| {
        Failure::because(&format!("{} cannot be written", folder.display()), &error)
    };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    for (name, content) in FILES {
        std::fs::write(folder.join(name), content).map_err(failed)?;
    }
    folder.canonicalize().map_err(failed)
}

/// The default address, or one with a free port when that is taken.
fn free_address() -> String {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
    let taken = TcpListener::bind(wanted).is_err();
    let port = if taken { 0 } else { PORT };
    SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string()
}
