//! A batch on a node of its own: it lives as long as the run, keeps its data in a folder, and the
//! same command again goes on where an unfinished run stopped.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use headway_client::{Client, JobsQuery};
use headway_protocol::batch::BatchOptions;
use headway_protocol::request::CommandRequest;
use headway_protocol::{Action, Job, JobId, JobStatus};

use super::request::{named_host, options};
use super::{results, save, tell};
use crate::arguments::{Common, RunBatchArguments, ServeArguments};
use crate::commands::follow::follow;
use crate::commands::serve::listen;
use crate::configuration::Environment;
use crate::display::Display;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::{Node, own_settings};
use crate::output;
use crate::signals::{Asked, Stop};
use crate::words;

/// The tag that a run is found again by begins with this.
const RUN_TAG: &str = "run:";
/// How long the node has to write down its last words.
const GRACE: Duration = Duration::from_secs(10);
/// Unfinished batches that are looked at; there are seldom more than a few in one folder.
const UNFINISHED: u32 = 100;

/// Runs a batch on a node of its own.
pub(super) async fn run(
    common: &Common,
    environment: &Environment,
    arguments: &RunBatchArguments,
) -> Result<Exit, Failure> {
    let (mut options, format) = options(arguments)?;
    if let Some(output) = &arguments.output {
        results::check(output)?;
    }
    let flags = ServeArguments {
        data: arguments.data.clone(),
        listen: arguments.listen.clone(),
        rates: arguments.items.rates.clone(),
        allow_exec: true,
        allow_hosts: named_host(&arguments.items.executor).into_iter().collect(),
        ..ServeArguments::default()
    };
    let settings = own_settings(common, environment, &flags)?;
    if arguments.budget.is_some() && settings.rates.is_empty() {
        output::say(
            "there are no prices (--rates): the budget counts only money that items report as \
             `cost`, not what they report as `usage`",
        );
    }
    let folder = settings.data.clone();
    let tag = fingerprint(&arguments.items.file, &options)?;
    options.tags.push(tag.clone());
    let mut stop = listen()?;
    let node = Node::start(settings).await?;
    let client = node.client()?;
    let run = OwnRun { common, arguments, client: &client, page: node.url(), folder };
    let done = run.start_and_follow(&tag, &options, format, &mut stop).await;
    node.shutdown(GRACE).await;
    done
}

/// What identifies a run: the file with its content, and everything that decides what an item's
/// outcome is. The budget is not part of it, so that a larger one lets a stopped run go on.
fn fingerprint(file: &Path, options: &BatchOptions) -> Result<String, Failure> {
    let failed = |error: std::io::Error| {
        Failure::because(&format!("{} cannot be read", file.display()), &error)
    };
    let mut hasher = blake3::Hasher::new();
    let path = file.canonicalize().map_err(failed)?;
    let identity = BatchOptions { budget: None, ..options.clone() };
    let identity = serde_json::to_vec(&identity).unwrap_or_default();
    for part in [path.as_os_str().as_encoded_bytes(), &identity] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut content = File::open(file).map_err(failed)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let length = content.read(&mut buffer).map_err(failed)?;
        if length == 0 {
            break;
        }
        hasher.update(buffer.get(..length).unwrap_or_default());
    }
    let hash = hasher.finalize().to_hex();
    Ok(format!("{RUN_TAG}{}", hash.get(..32).unwrap_or(&hash)))
}

struct OwnRun<'a> {
    common: &'a Common,
    arguments: &'a RunBatchArguments,
    client: &'a Client,
    page: &'a str,
    folder: PathBuf,
}

impl OwnRun<'_> {
    async fn start_and_follow(
        &self,
        tag: &str,
        options: &BatchOptions,
        format: headway_client::FileFormat,
        stop: &mut Stop,
    ) -> Result<Exit, Failure> {
        let unfinished = self.quiet_others(tag).await?;
        let job = match unfinished {
            Some(job) if self.arguments.again || job.status == JobStatus::Pending => {
                // One that is pending was killed before it had all its items.
                self.ask(&job.id, Action::Cancel).await?;
                None
            }
            other => other,
        };
        let job = if let Some(job) = job {
            self.resume(job).await?
        } else {
            let file = &self.arguments.items.file;
            let submitted = tokio::select! {
                submitted = self.client.create_batch_file(options, file, format) => submitted,
                _ = stop.recv() => return Ok(Exit::Interrupted),
            };
            submitted?
        };
        output::say(&format!("{} at {}/#/batches/{}", job.id, self.page, job.id));
        let mut display = (!self.common.json).then(Display::new);
        let followed = tokio::select! {
            followed = follow(self.client, &job.id, display.as_mut()) => Ok(followed?),
            asked = stop.recv() => Err(asked),
        };
        if let Some(display) = &display {
            display.finish();
        }
        let (job, exit) = match followed {
            Ok(followed) => followed,
            Err(asked) => return self.interrupt(&job.id, asked, stop).await,
        };
        self.tell(&job).await;
        save(self.client, &job, self.arguments).await?;
        if exit == Exit::Budget && job.status == JobStatus::Paused {
            output::say("the same command with a larger --budget goes on from here");
        }
        Ok(exit)
    }

    /// Finds the unfinished run of this command. Others that a crash left unfinished in the same
    /// folder are paused: nobody asked for them now, and they may cost money.
    async fn quiet_others(&self, tag: &str) -> Result<Option<Job>, Failure> {
        let mut mine = None;
        for status in JobStatus::ALL.iter().copied().filter(|status| !status.is_terminal()) {
            let query =
                JobsQuery { status: Some(status), limit: Some(UNFINISHED), ..JobsQuery::default() };
            for job in self.client.jobs(&query).await?.jobs {
                if job.tags.iter().any(|other| other == tag) {
                    mine.get_or_insert(job);
                } else if job.tags.iter().any(|other| other.starts_with(RUN_TAG))
                    && matches!(job.status, JobStatus::Queued | JobStatus::Running)
                {
                    self.ask(&job.id, Action::Pause).await?;
                    output::say(&format!(
                        "{} is another unfinished run in {}: it stays paused",
                        job.name.as_deref().unwrap_or(job.id.as_str()),
                        self.folder.display()
                    ));
                }
            }
        }
        Ok(mine)
    }

    async fn resume(&self, job: Job) -> Result<Job, Failure> {
        let finished = job.items.map(|items| (items.finished(), items.total)).unwrap_or_default();
        output::say(&format!(
            "going on with {}: {} of {} items are done",
            job.id, finished.0, finished.1
        ));
        let budget = self.arguments.budget;
        let held = job.cost.as_ref().and_then(|cost| cost.budget);
        match job.status {
            JobStatus::Paused | JobStatus::Pausing => {
                let out_of_money = Exit::of(&job) == Some(Exit::Budget);
                if out_of_money
                    && budget.is_none_or(|budget| held.is_some_and(|held| budget <= held))
                {
                    // Resuming would pause it again at once: its end is told as it is.
                    return Ok(job);
                }
                let max_budget = budget.filter(|budget| held != Some(*budget));
                let request = CommandRequest { max_budget, ..CommandRequest::default() };
                Ok(self.client.command(&job.id, Action::Resume, &request).await?)
            }
            JobStatus::Pending
            | JobStatus::Queued
            | JobStatus::Running
            | JobStatus::Cancelling
            | JobStatus::Completed
            | JobStatus::Failed
            | JobStatus::Cancelled
            | JobStatus::Expired => Ok(job),
        }
    }

    /// Ctrl-C: items in flight end, no others start, and the run can go on later. A second time:
    /// at once. After SIGTERM nobody asks a second time: items in flight have the engine's grace.
    async fn interrupt(&self, id: &JobId, asked: Asked, stop: &mut Stop) -> Result<Exit, Failure> {
        match asked {
            Asked::ByPerson => {
                output::say(
                    "pausing: items in flight are finished first; Ctrl-C again stops at once",
                );
                let pausing = async {
                    self.ask(id, Action::Pause).await?;
                    self.until_paused(id).await
                };
                tokio::select! {
                    paused = pausing => {
                        let job = paused?;
                        self.tell(&job).await;
                        if let Some(exit) = Exit::of(&job) {
                            save(self.client, &job, self.arguments).await?;
                            return Ok(exit);
                        }
                    }
                    _ = stop.recv() => {}
                }
            }
            Asked::ByProgram => {}
        }
        output::say(&format!(
            "the run is kept in {}: the same command goes on from here",
            self.folder.display()
        ));
        Ok(Exit::Interrupted)
    }

    /// Says how the run ended. Its node ends with it, so that another has to show more.
    async fn tell(&self, job: &Job) {
        let folder = self.folder.display().to_string();
        let serve = words::join(["headway", "serve", "--data", &folder]);
        let more = format!("`{serve}` and then `headway batch errors {}`", job.id);
        tell(self.common, self.client, job, &more).await;
    }

    async fn until_paused(&self, id: &JobId) -> Result<Job, Failure> {
        let selector = headway_client::Selector::job(id.clone());
        let mut watch = self.client.watch(vec![selector], headway_client::WatchOptions::default());
        let mut watched = headway_client::Watched::default();
        while let Some(message) = watch.next().await {
            watched.apply(&message?);
            let Some(job) = watched.job() else { continue };
            if job.status == JobStatus::Paused || job.status.is_terminal() {
                return Ok(job);
            }
        }
        Ok(self.client.job(id).await?)
    }

    /// Asks something of a batch that may just have ended by itself.
    async fn ask(&self, id: &JobId, action: Action) -> Result<(), Failure> {
        match self.client.command(id, action, &CommandRequest::default()).await {
            Ok(_) => Ok(()),
            Err(error) if error.problem().is_some_and(|problem| problem.status == 409) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use headway_protocol::batch::Budget;

    use super::*;

    #[test]
    fn a_run_is_known_by_its_file_and_its_work() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.csv");
        let write = |text: &str| std::fs::write(&file, text).unwrap();
        let plain = BatchOptions::default();
        write("a\n1\n");
        let first = fingerprint(&file, &plain).unwrap();
        assert_eq!(fingerprint(&file, &plain).unwrap(), first);
        let budget = Budget {
            max_budget: "5".parse().unwrap(),
            soft_budget: None,
            on_budget: headway_protocol::batch::OnBudget::Pause,
        };
        let richer = BatchOptions { budget: Some(budget), ..plain.clone() };
        assert_eq!(fingerprint(&file, &richer).unwrap(), first, "more money is the same run");
        let named = BatchOptions { name: Some("b".into()), ..plain.clone() };
        assert_ne!(fingerprint(&file, &named).unwrap(), first);
        write("a\n2\n");
        assert_ne!(fingerprint(&file, &plain).unwrap(), first);
        assert!(fingerprint(&folder.path().join("none.csv"), &plain).is_err());
    }
}
