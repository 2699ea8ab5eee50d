//! A program ready to be started: found, checked, with the environment that it was promised.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use headway_protocol::batch::CommandExecutor;
use headway_protocol::{JobError, Problem, ProblemCode};
use tokio::process::{Child, Command};

use super::confine::confine;
use super::folder::Folder;
use super::limits::KernelLimit;
use super::{Folders, Starter, Surroundings, Terms};

/// Where a program looks for others unless `PATH` is among the variables that its executor names.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Variables that begin so are the server's own: its settings, which may be secrets, and what it
/// tells a program about its item.
const OWN_VARIABLES: &str = "HEADWAY_";
/// How much rather than the server a program is ended when the machine is short of memory: from
/// -1000 to 1000.
const FIRST_TO_GO: &str = "500";

/// A program ready to be started. Everything about it was settled when the executor was built: a
/// change of the server's environment or working folder does not reach it.
#[derive(Clone, Debug)]
pub(super) struct Program {
    path: PathBuf,
    name: String,
    argv: Vec<OsString>,
    env: Vec<(String, OsString)>,
    /// Absent: the folder that is made for it.
    cwd: Option<PathBuf>,
    limits: Vec<KernelLimit>,
    folders: Folders,
    starter: Arc<Starter>,
}

/// A program that was started, and the folder that was made for it.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) child: Child,
    /// To be dropped when the whole process group has ended.
    pub(super) folder: Folder,
}

impl Program {
    /// Finds the program. A name without a slash is searched for in the server's own `PATH`; one
    /// with a slash is relative to the folder that its executor names, or to the server's working
    /// folder. Where it names none, the program runs in a folder of its own, so that arguments which
    /// are files of the working folder are given to it with their whole path.
    pub(super) fn find(
        executor: &CommandExecutor,
        terms: &Terms,
        surroundings: &Surroundings,
    ) -> Result<Self, Problem> {
        let refuse = |field: &str, detail: String| {
            Err(Problem::new(ProblemCode::Invalid, detail).at_field(format!("executor.{field}")))
        };
        let Some(name) = executor.argv.first().filter(|name| !name.is_empty()) else {
            return refuse("argv", "`argv` names no program".to_owned());
        };
        if executor.argv.iter().any(|argument| argument.contains('\0')) {
            return refuse("argv", "`argv` has a NUL byte".to_owned());
        }
        let base = std::path::absolute(&surroundings.work_dir)
            .unwrap_or_else(|_| surroundings.work_dir.clone());
        let cwd = executor.cwd.as_ref().map(|cwd| base.join(cwd));
        if let Some(cwd) = cwd.as_ref().filter(|cwd| !cwd.is_dir()) {
            return refuse("cwd", format!("there is no folder `{}`", cwd.display()));
        }
        let path = if name.contains('/') {
            Some(cwd.as_ref().unwrap_or(&base).join(name)).filter(|path| is_executable(path))
        } else {
            let folders = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&folders)
                .filter(|folder| folder.is_absolute())
                .map(|folder| folder.join(name))
                .find(|path| is_executable(path))
        };
        let Some(path) = path else {
            return refuse("argv", format!("there is no program `{name}` that can be run"));
        };
        let mut env = Vec::with_capacity(executor.env.len());
        for name in &executor.env {
            if name.is_empty() || name.contains(['=', '\0']) {
                return refuse("env", format!("`{name}` cannot name an environment variable"));
            }
            if name.starts_with(OWN_VARIABLES) {
                let detail = format!(
                    "`{name}` is the server's own and may be a secret: give the program what it \
                     needs by another name"
                );
                return refuse("env", detail);
            }
            if let Some(value) = std::env::var_os(name) {
                env.push((name.clone(), value));
            }
        }
        let mut argv: Vec<OsString> = executor.argv.iter().map(OsString::from).collect();
        if cwd.is_none() {
            for argument in argv.iter_mut().skip(1) {
                if let Some(file) = file_within(&base, argument) {
                    *argument = file.into_os_string();
                }
            }
        }
        Ok(Self {
            path,
            name: name.clone(),
            argv,
            env,
            cwd,
            limits: terms.limits.of_kernel(),
            folders: surroundings.folders.clone(),
            starter: Arc::clone(&surroundings.starter),
        })
    }

    /// What people call it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Starts it, confined, in a session of its own, with three pipes and these variables beside
    /// those that its executor names.
    ///
    /// The start itself blocks until the program was loaded, so it is done where that is allowed.
    /// Dropping the future kills what it started.
    pub(super) async fn start(&self, env: Vec<(&'static str, String)>) -> io::Result<Started> {
        let program = self.clone();
        self.starter.run(move || program.start_here(env)).await
    }

    fn start_here(self, env: Vec<(&'static str, String)>) -> io::Result<Started> {
        let folder = self.folders.make()?;
        let mut command = Command::new(&self.path);
        // Its name is its whole path: what looks for its parts beside itself, as a Python of a
        // virtual environment does, would look for the name in a `PATH` that is not the server's.
        command
            .args(self.argv.iter().skip(1))
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .envs(env)
            .current_dir(self.cwd.as_deref().unwrap_or(folder.path()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        confine(&mut command, self.limits);
        let child = command.spawn()?;
        let score = child.id().map(|id| format!("/proc/{id}/oom_score_adj"));
        if let Some(Err(error)) = score.map(|score| std::fs::write(score, FIRST_TO_GO)) {
            // It has ended, or whoever runs the server has put it further to the front.
            tracing::trace!(%error, "a program is ended no sooner than the server");
        }
        Ok(Started { child, folder })
    }

    /// Why it could not be started. What the machine lacks for the moment may pass.
    pub(super) fn start_error(&self, error: &io::Error) -> JobError {
        let passing = matches!(
            error.kind(),
            io::ErrorKind::WouldBlock
                | io::ErrorKind::OutOfMemory
                | io::ErrorKind::ExecutableFileBusy
                | io::ErrorKind::Interrupted
        ) || matches!(error.raw_os_error(), Some(OPEN_FILES | OPEN_FILES_IN_ALL));
        let message = format!("`{}` could not be started: {error}", self.name());
        JobError { retryable: passing, ..JobError::fatal("cannot_start", message) }
    }
}

/// `EMFILE` and `ENFILE`, which [`io::ErrorKind`] does not tell apart from others.
const OPEN_FILES: i32 = nix::errno::Errno::EMFILE as i32;
const OPEN_FILES_IN_ALL: i32 = nix::errno::Errno::ENFILE as i32;

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// The file of this folder that an argument names, if it does. What could be an option is none.
fn file_within(folder: &Path, argument: &OsStr) -> Option<PathBuf> {
    let bytes = argument.as_encoded_bytes();
    let named = !bytes.is_empty() && !bytes.starts_with(b"-") && Path::new(argument).is_relative();
    named.then(|| folder.join(argument)).filter(|path| path.is_file())
}
