//! A program ready to be started: found, checked, with the environment that it was promised.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use headway_protocol::batch::CommandExecutor;
use headway_protocol::{JobError, Problem, ProblemCode};
use tokio::process::{Child, Command};

use super::Surroundings;

/// A program ready to be started. Everything about it was settled when the executor was built: a
/// change of the server's environment or working folder does not reach it.
#[derive(Clone, Debug)]
pub(super) struct Program {
    path: PathBuf,
    argv: Vec<String>,
    env: Vec<(String, OsString)>,
    cwd: PathBuf,
}

impl Program {
    /// Finds the program. A name without a slash is searched for in the server's own `PATH`; one
    /// with a slash is relative to the folder that it runs in.
    pub(super) fn find(
        executor: &CommandExecutor,
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
        let cwd = executor.cwd.as_ref().map_or_else(|| base.clone(), |cwd| base.join(cwd));
        if !cwd.is_dir() {
            return refuse("cwd", format!("there is no folder `{}`", cwd.display()));
        }
        let path = if name.contains('/') {
            Some(cwd.join(name)).filter(|path| is_executable(path))
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
            if let Some(value) = std::env::var_os(name) {
                env.push((name.clone(), value));
            }
        }
        Ok(Self { path, argv: executor.argv.clone(), env, cwd })
    }

    /// What people call it.
    pub(super) fn name(&self) -> &str {
        self.argv.first().map_or("", String::as_str)
    }

    /// Starts it as the leader of a process group of its own, with three pipes and these variables
    /// beside those that its executor names.
    ///
    /// The start itself blocks until the program was loaded, so it is done where that is allowed.
    /// Dropping the future kills what it started.
    pub(super) async fn start(&self, env: Vec<(&'static str, String)>) -> io::Result<Child> {
        let mut command = Command::new(&self.path);
        if let [name, arguments @ ..] = self.argv.as_slice() {
            command.arg0(name).args(arguments);
        }
        command
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .envs(env)
            .current_dir(&self.cwd)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        tokio::task::spawn_blocking(move || command.spawn()).await.map_err(io::Error::other)?
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
