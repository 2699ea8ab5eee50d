//! The real program, started, killed and started again over the same folder and port.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How long the program may take to begin and to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// How the program is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It cannot say farewell.
    Kill,
    /// It may.
    Terminate,
}

/// A running program.
#[derive(Debug)]
pub(crate) struct Server {
    binary: PathBuf,
    folder: PathBuf,
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts the program on a free port.
    pub(crate) async fn start(binary: &Path, folder: &Path) -> Result<Self, String> {
        let (child, address) = launch(binary, folder, "127.0.0.1:0").await?;
        Ok(Self { binary: binary.to_owned(), folder: folder.to_owned(), child, address })
    }

    /// Ends the program and starts it again.
    pub(crate) async fn restart(&mut self, ending: Ending) -> Result<(), String> {
        self.end(ending).await?;
        let address = self.address.to_string();
        (self.child, _) = launch(&self.binary, &self.folder, &address).await?;
        Ok(())
    }

    /// Ends the program.
    pub(crate) async fn end(&mut self, ending: Ending) -> Result<(), String> {
        let signal = match ending {
            Ending::Kill => Signal::SIGKILL,
            Ending::Terminate => Signal::SIGTERM,
        };
        let process = self.process().ok_or("the server has ended by itself")?;
        kill(Pid::from_raw(process), signal).map_err(|error| error.to_string())?;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = ended.map_err(|_| format!("the server did not end on {signal}"))?;
        let status = status.map_err(|error| error.to_string())?;
        if ending == Ending::Terminate && !status.success() {
            return Err(format!("the server ended with {status} on {signal}"));
        }
        Ok(())
    }

    /// Its resident memory in KiB and its open files.
    pub(crate) fn sample(&self) -> Option<(u64, u64)> {
        let process = self.process()?;
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let memory = line.split_whitespace().next()?.parse().ok()?;
        let files = std::fs::read_dir(format!("/proc/{process}/fd")).ok()?.count();
        Some((memory, files as u64))
    }

    fn process(&self) -> Option<i32> {
        self.child.id().and_then(|id| i32::try_from(id).ok())
    }
}

async fn launch(binary: &Path, folder: &Path, listen: &str) -> Result<(Child, SocketAddr), String> {
    let mut child = Command::new(binary)
        .args(["serve", "--listen", listen, "--data"])
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{} cannot be started: {error}", binary.display()))?;
    let output = child.stdout.take().ok_or("the server has no output")?;
    let mut lines = BufReader::new(output).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
    let line = line.map_err(|_| "the server did not say that it is ready")?;
    let line = line.map_err(|error| error.to_string())?.unwrap_or_default();
    let address = line.rsplit("http://").next().and_then(|text| text.trim().parse().ok());
    let address = address.ok_or_else(|| format!("the server began with `{line}`"))?;
    Ok((child, address))
}
