//! Running other programs, their output passed on as it comes.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use crate::say;

/// Lines on their way from the reading threads to the printing one. A full channel makes the child
/// wait at its pipe, which is what a slow terminal does too.
const LINES_IN_FLIGHT: usize = 256;

/// A runner that says nothing for so long hangs: no test takes half of this, and no library takes
/// it to compile.
const SILENCE: Duration = Duration::from_mins(10);

/// The cargo that started this program, or the one on the path.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a program to its end with this program's own standard streams.
pub(crate) fn succeed(command: &mut Command) -> Result<(), String> {
    say(&format!("$ {}\n", shown(command)));
    let status = command.status().map_err(|error| not_started(command, &error))?;
    if status.success() { Ok(()) } else { Err(ended(command, status)) }
}

/// Runs a program silently; whether it could be started and exited with 0.
pub(crate) fn succeeds_silently(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a program silently and gives what it printed to standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| not_started(command, &error))?;
    if !output.status.success() {
        return Err(ended(command, output.status));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| format!("`{}` printed something that is not text", shown(command)))
}

/// Runs a program to its end; whether it exited with 0, and all that it printed.
pub(crate) fn judged(command: &mut Command) -> Result<(bool, String), String> {
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| not_started(command, &error))?;
    let told = [output.stderr, output.stdout].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&told).into_owned()))
}

/// Runs a program to its end, passes on every line of its two outputs and shows each to `watch`.
///
/// A program that falls silent is killed with everything that it started; that is an error.
pub(crate) fn watched(
    command: &mut Command,
    mut watch: impl FnMut(&str),
) -> Result<ExitStatus, String> {
    say(&format!("$ {}\n", shown(command)));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| not_started(command, &error))?;
    let (sender, lines) = sync_channel(LINES_IN_FLIGHT);
    if let Some(pipe) = child.stdout.take() {
        read_lines(pipe, sender.clone());
    }
    if let Some(pipe) = child.stderr.take() {
        read_lines(pipe, sender.clone());
    }
    drop(sender);
    loop {
        match lines.recv_timeout(SILENCE) {
            Ok(line) => {
                say(&line);
                watch(line.trim_end());
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                kill_with_descendants(child.id());
                let minutes = SILENCE.as_secs() / 60;
                let ended = child.wait().map_err(|error| not_started(command, &error))?;
                let command = shown(command);
                return Err(format!("`{command}` said nothing for {minutes} minutes: {ended}"));
            }
        }
    }
    child.wait().map_err(|error| not_started(command, &error))
}

/// Kills a process and those that descend from it, from the top down, so that none has time to
/// act on the death of another. They stay in this program's process group: an interrupt from the
/// terminal reaches them without help.
fn kill_with_descendants(process: u32) {
    let mut processes = vec![process];
    let mut looked_at = 0;
    while let Some(process) = processes.get(looked_at) {
        processes.extend(children(*process));
        looked_at += 1;
    }
    let processes = processes.iter().map(u32::to_string);
    succeeds_silently(Command::new("kill").arg("-KILL").args(processes));
}

fn children(process: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok())
        .flat_map(|list| {
            list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()
        })
        .collect()
}

/// Sends the lines of a pipe until it is closed, from a thread of its own.
fn read_lines(pipe: impl Read + Send + 'static, lines: SyncSender<String>) {
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while pipe.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
            if lines.send(String::from_utf8_lossy(&bytes).into_owned()).is_err() {
                break;
            }
            bytes.clear();
        }
    });
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(command.get_args().map(std::ffi::OsStr::to_string_lossy));
    words.join(" ")
}

fn not_started(command: &Command, error: &std::io::Error) -> String {
    format!("`{}` could not be run: {error}", shown(command))
}

fn ended(command: &Command, status: ExitStatus) -> String {
    format!("`{}` ended with {status}", shown(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_outputs_are_watched_to_the_end() {
        let mut lines = Vec::new();
        let mut script = Command::new("sh");
        script.args(["-c", "echo out; echo err >&2; exit 3"]);
        let status = watched(&mut script, |line| lines.push(line.to_owned())).unwrap();
        lines.sort();
        assert_eq!((lines, status.code()), (vec!["err".to_owned(), "out".to_owned()], Some(3)));
    }

    #[test]
    fn a_kill_reaches_what_was_started_below() {
        let mut script = Command::new("sh");
        script.args(["-c", "(sleep 5; echo late) & echo early; wait"]).stdout(Stdio::piped());
        let mut child = script.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        kill_with_descendants(child.id());
        child.wait().unwrap();
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "early\n");
    }
}
