//! Starting the program and reading what it says.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// The program with nothing of the caller's settings, in a folder of its own.
pub(crate) fn headway(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headway"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    let settings = std::env::vars_os().map(|(name, _)| name);
    for name in settings.filter(|name| name.to_string_lossy().starts_with("HEADWAY_")) {
        command.env_remove(name);
    }
    command
}

/// Runs the program to its end.
pub(crate) fn finish(folder: &Path, arguments: &[&str]) -> Output {
    headway(folder, arguments).output().expect("the program starts")
}

/// Runs the program to its end and checks its exit code.
#[track_caller]
pub(crate) fn expect(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = finish(folder, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).expect("text")
}

/// What the program said on standard error.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Sends a signal to a process of ours.
pub(crate) fn signal(child: &Child, signal: Signal) {
    let id = i32::try_from(child.id()).expect("a process id");
    kill(Pid::from_raw(id), signal).expect("the process is there");
}

/// Waits until something holds. Panics after a minute: then it never will.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..3_000 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what} never came");
}

/// A server in a folder of its own; killed when dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) url: String,
    pub(crate) folder: PathBuf,
}

impl Server {
    pub(crate) fn start(folder: &Path) -> Self {
        Self::start_over(folder, "data")
    }

    /// A server where another one was, as soon as nobody else uses its port for a moment.
    #[track_caller]
    pub(crate) fn start_at(folder: &Path, listen: &str) -> Self {
        eventually("the port of the server before", || Self::try_start(folder, listen, "data"))
    }

    /// A server over the data that something else left.
    pub(crate) fn start_over(folder: &Path, data: &str) -> Self {
        Self::try_start(folder, "127.0.0.1:0", data).expect("the server starts")
    }

    /// `None` when it ended without a word, as it does where it cannot listen.
    fn try_start(folder: &Path, listen: &str, data: &str) -> Option<Self> {
        let arguments = ["--json", "serve", "--listen", listen, "--data", data, "--allow-exec"];
        let child = headway(folder, &arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        Self::greeted(child, folder)
    }

    /// A server that was started with `--json`.
    pub(crate) fn adopt(child: Child, folder: &Path) -> Self {
        Self::greeted(child, folder).expect("the ready line")
    }

    fn greeted(mut child: Child, folder: &Path) -> Option<Self> {
        let stdout = child.stdout.take().expect("its output");
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line).expect("the ready line");
        if read == 0 {
            child.wait().expect("its end");
            return None;
        }
        let ready: Value = serde_json::from_str(&line).expect("a line of JSON");
        let url = ready["listening"].as_str().expect("an address").to_owned();
        Some(Self { child, url, folder: folder.to_owned() })
    }

    /// The address without its scheme.
    pub(crate) fn address(&self) -> String {
        self.url.trim_start_matches("http://").to_owned()
    }

    /// Runs the program against this server.
    pub(crate) fn finish(&self, arguments: &[&str]) -> Output {
        headway(&self.folder, arguments).env("HEADWAY_URL", &self.url).output().expect("starts")
    }

    /// Runs the program against this server, checks its exit code and gives its output.
    #[track_caller]
    pub(crate) fn expect(&self, arguments: &[&str], code: i32) -> String {
        let output = self.finish(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    /// The document of the newest job of a kind, once there is one.
    pub(crate) fn newest(&self, kind: &str) -> Option<Value> {
        let page = self.expect(&["--json", "job", "list", "--kind", kind], 0);
        let page: Value = serde_json::from_str(&page).expect("JSON");
        page["jobs"].get(0).cloned()
    }

    /// A job's document.
    pub(crate) fn job(&self, id: &str) -> Value {
        serde_json::from_str(&self.expect(&["--json", "job", "get", id], 0)).expect("JSON")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A CSV file with one column `n` that counts from 1.
pub(crate) fn numbers(folder: &Path, count: u32) -> String {
    let rows: Vec<_> = (1..=count).map(|n| n.to_string()).collect();
    let text = format!("n\n{}\n", rows.join("\n"));
    std::fs::write(folder.join("numbers.csv"), text).expect("written");
    "numbers.csv".to_owned()
}

/// A worker for the stream mode that costs a cent for each item and fails every tenth.
pub(crate) fn worker(folder: &Path) -> String {
    let text = r#"
import json, sys
for line in sys.stdin:
    item = json.loads(line)
    n = int(item["input"]["n"])
    with open("worked.txt", "a") as worked:
        worked.write(f"{n}\n")
    if n % 10 == 0:
        answer = {"error": {"code": "tenth", "message": "every tenth fails", "retryable": False}}
    else:
        answer = {"output": n * n, "usage": {"sku": "page", "pages": 1}}
    print(json.dumps({"index": item["index"], **answer}), flush=True)
"#;
    std::fs::write(folder.join("worker.py"), text).expect("written");
    let rates = r#"{"currency":"USD","rates":{"page":{"pages":"0.01"}}}"#;
    std::fs::write(folder.join("costs.json"), rates).expect("written");
    "python3 worker.py".to_owned()
}
