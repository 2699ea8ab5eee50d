//! The one place that writes to the terminal: results to standard output, everything else to
//! standard error. A reader that went away (`headway job list | head`) is no fault.

use std::io::{self, IsTerminal, Write};
use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll};

use serde::Serialize;

use crate::exit::Exit;

/// Writes a line of the result.
pub(crate) fn line(text: &str) {
    quietly(write_line(&mut io::stdout().lock(), text));
}

/// Writes a part of the result as it stands.
pub(crate) fn bytes(bytes: &[u8]) {
    let mut stdout = io::stdout().lock();
    quietly(stdout.write_all(bytes).and_then(|()| stdout.flush()));
}

/// Writes a result as one line of JSON.
pub(crate) fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => line(&text),
        Err(error) => complain(&format!("the result is not JSON: {error}")),
    }
}

/// Writes a result as JSON that people read.
pub(crate) fn pretty(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => line(&text),
        Err(error) => complain(&format!("the result is not JSON: {error}")),
    }
}

/// Says something to the person at the terminal.
pub(crate) fn say(text: &str) {
    // With nobody to hear it there is nothing left to do.
    write_line(&mut io::stderr().lock(), text).ok();
}

/// Says what went wrong.
pub(crate) fn complain(text: &str) {
    say(&format!("headway: {text}"));
}

/// Answers a command line that is wrong, or one that asks for help.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // A closed terminal needs no help.
    error.print().ok();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Success.into() }
}

/// Whether people read standard error as it comes.
pub(crate) fn is_live() -> bool {
    io::stderr().is_terminal()
}

/// Standard output for results that come as a stream. Writing blocks: there is nothing else to do.
#[derive(Debug)]
pub(crate) struct Stdout;

impl tokio::io::AsyncWrite for Stdout {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        quietly(io::stdout().lock().write_all(bytes));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        quietly(io::stdout().lock().flush());
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

fn write_line(stream: &mut impl Write, text: &str) -> io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.write_all(b"\n")?;
    stream.flush()
}

fn quietly(written: io::Result<()>) {
    match written {
        Ok(()) => {}
        // The reader has what it wanted: there is no use in going on.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            std::process::exit(i32::from(Exit::Success.code()));
        }
        Err(error) => complain(&format!("standard output: {error}")),
    }
}
