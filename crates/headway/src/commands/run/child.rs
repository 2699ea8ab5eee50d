//! The process that is run: on a terminal of its own when this program has one, else on pipes.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::process::{ExitStatus, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::sys::termios::{self, SetArg, Termios};
use nix::unistd::Pid;
use pty_process::{OwnedReadPty, OwnedWritePty, Size};
use tokio::io::AsyncRead;
use tokio::process::Child;

/// A running process with what it prints.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    group: Option<Pid>,
}

/// Where the output of a process comes out.
pub(crate) struct Streams {
    pub(crate) stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// Absent when it comes out together with the other.
    pub(crate) stderr: Option<Box<dyn AsyncRead + Send + Unpin>>,
    /// The terminal's other side, when there is one.
    pub(crate) terminal: Option<OwnedWritePty>,
}

impl Process {
    /// Starts a command. What it prints comes out of the streams; its input is this program's.
    pub(crate) fn start(command: &[OsString]) -> std::io::Result<(Self, Streams)> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(std::io::Error::other("there is no command"));
        };
        if std::io::stdout().is_terminal() {
            Self::on_terminal(program, arguments)
        } else {
            Self::on_pipes(program, arguments)
        }
    }

    /// Programs draw bars, colour and prompt as they would without this program between. The
    /// process leads a session, and so a group of its own.
    fn on_terminal(program: &OsString, arguments: &[OsString]) -> std::io::Result<(Self, Streams)> {
        let (pty, pts) = pty_process::open().map_err(std::io::Error::other)?;
        if let Some(size) = terminal_size() {
            pty.resize(size).map_err(std::io::Error::other)?;
        }
        let mut command = pty_process::Command::new(program).args(arguments);
        if !std::io::stdin().is_terminal() {
            command = command.stdin(Stdio::inherit());
        }
        let split = !std::io::stderr().is_terminal();
        if split {
            command = command.stderr(Stdio::piped());
        }
        let mut child = command.spawn(pts).map_err(|error| {
            if let pty_process::Error::Io(error) = error {
                error
            } else {
                std::io::Error::other(error)
            }
        })?;
        let stderr = child.stderr.take().map(|stream| Box::new(stream) as _);
        let (reader, writer): (OwnedReadPty, OwnedWritePty) = pty.into_split();
        let group = group_of(&child);
        let streams = Streams { stdout: Box::new(reader), stderr, terminal: Some(writer) };
        Ok((Self { child, group }, streams))
    }

    fn on_pipes(program: &OsString, arguments: &[OsString]) -> std::io::Result<(Self, Streams)> {
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A process outside the terminal's group would be stopped when it reads from the terminal,
        // so that it stays inside it then.
        let own_group = !std::io::stdin().is_terminal();
        if own_group {
            command.process_group(0);
        }
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| std::io::Error::other("no output"))?;
        let stderr = child.stderr.take().map(|stream| Box::new(stream) as _);
        let group = if own_group { group_of(&child) } else { None };
        Ok((Self { child, group }, Streams { stdout: Box::new(stdout), stderr, terminal: None }))
    }

    /// Sends a signal to the process and, where it has a group of its own, to all of it.
    pub(crate) fn signal(&self, signal: Signal) {
        let sent = match (self.group, self.child.id().and_then(|id| i32::try_from(id).ok())) {
            (Some(group), _) => killpg(group, signal),
            (None, Some(id)) => nix::sys::signal::kill(Pid::from_raw(id), signal),
            (None, None) => Ok(()),
        };
        // A process that has just ended needs no signal.
        sent.ok();
    }

    /// Whether signals of the terminal reach the process without being passed on.
    pub(crate) fn shares_the_terminals_group(&self) -> bool {
        self.group.is_none()
    }

    /// Waits for the end. Cancel safe.
    pub(crate) async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }
}

fn group_of(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw)
}

/// The size of this program's terminal.
pub(crate) fn terminal_size() -> Option<Size> {
    let (rows, columns) = console::Term::stdout().size_checked()?;
    Some(Size::new(rows, columns))
}

/// The terminal in raw mode: every key goes to the process's own terminal, which does with it what
/// this one would have done. Given back when dropped.
pub(crate) struct RawTerminal {
    before: Termios,
}

impl RawTerminal {
    /// Takes the terminal, if standard input is one.
    pub(crate) fn take() -> Option<Self> {
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return None;
        }
        let before = termios::tcgetattr(stdin.as_fd()).ok()?;
        let mut raw = before.clone();
        termios::cfmakeraw(&mut raw);
        termios::tcsetattr(stdin.as_fd(), SetArg::TCSANOW, &raw).ok()?;
        Some(Self { before })
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        termios::tcsetattr(std::io::stdin().as_fd(), SetArg::TCSANOW, &self.before).ok();
    }
}
