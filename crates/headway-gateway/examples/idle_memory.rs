//! What an idle watcher costs in user memory: `idle_memory PROGRAM [CONNECTIONS]`.
//!
//! It starts `PROGRAM serve` on a free port with an empty data directory, opens many watchers of
//! one job, waits until each has its snapshot, and reads what the server's anonymous memory
//! (`RssAnon` of `/proc/PID/status`) grew by. Both ends are on this machine, but only the server's
//! own memory is counted; the kernel's socket buffers are not part of it. Linux only.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, process, thread};

/// What the server is given to settle before its memory is read: its allocator returns pages with
/// a delay.
const SETTLE: Duration = Duration::from_secs(3);

/// Kills the server when the measurement is over or has failed.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is as well.
        let _killed = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let program = arguments.next().ok_or("say which program to measure")?;
    let connections: u32 = arguments.next().map_or(Ok(5_000), |count| count.parse())?;
    let directory = env::temp_dir().join(format!("headway-idle-{}", process::id()));
    let child = Command::new(program)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(&directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut server = Server(child);
    let output = server.0.stdout.take().ok_or("the server has no output")?;
    let mut lines = BufReader::new(output).lines();
    let address = loop {
        let line = lines.next().ok_or("the server ended")??;
        if let Some((_, rest)) = line.split_once("http://") {
            break rest.split(['/', ' ']).next().unwrap_or_default().to_owned();
        }
    };
    let measured = measure(&address, server.0.id(), connections);
    drop(server);
    fs::remove_dir_all(directory)?;
    measured
}

fn measure(address: &str, server: u32, connections: u32) -> Result<(), Box<dyn Error>> {
    let body = r#"{"kind":"import","id":"one","total":100}"#;
    let length = body.len();
    let mut producer = TcpStream::connect(address)?;
    write!(
        producer,
        "POST /api/v1/jobs HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    producer.read_to_end(&mut Vec::new())?;
    // The first watchers pay for what all share.
    let mut sockets = vec![watch(address)?, watch(address)?];
    thread::sleep(SETTLE);
    let before = anonymous_kib(server)?;
    for _ in 0..connections {
        sockets.push(watch(address)?);
    }
    let at_once = anonymous_kib(server)?;
    thread::sleep(SETTLE);
    let after = anonymous_kib(server)?;
    let each = |grown: u64| (grown as f64) / f64::from(connections);
    println!(
        "{connections} watchers: {:.2} KiB each ({:.2} before the allocator settled); the server held {before} KiB",
        each(after.saturating_sub(before)),
        each(at_once.saturating_sub(before)),
    );
    drop(sockets);
    Ok(())
}

/// Opens a watcher of the job and reads up to its snapshot.
fn watch(address: &str) -> Result<TcpStream, Box<dyn Error>> {
    let mut socket = TcpStream::connect(address)?;
    write!(
        socket,
        "GET /api/v1/jobs/one/stream HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: headway.v1\r\n\r\n"
    )?;
    let mut seen = Vec::new();
    let mut piece = [0; 4_096];
    let wanted: &[u8] = b"\"snapshot\"";
    while !seen.windows(wanted.len()).any(|window| window == wanted) {
        let length = socket.read(&mut piece)?;
        if length == 0 {
            return Err("the server closed a watcher".into());
        }
        seen.extend_from_slice(piece.get(..length).unwrap_or_default());
    }
    Ok(socket)
}

fn anonymous_kib(process: u32) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("no RssAnon")?;
    Ok(kib.parse()?)
}
