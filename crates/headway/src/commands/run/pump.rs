//! Carrying output to where it would have gone without us, and a copy of it to the outbox.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use headway_protocol::report::LogLevel;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::signal::unix::{SignalKind, signal};

use super::child::{Streams, terminal_size};
use super::recogniser::{Found, Tracker, recognise};
use super::reporting::SharedOutbox;
use super::screen::{Screen, Shown};

/// How long output is still read after the process has ended: another process may hold it open.
const AFTERMATH: Duration = Duration::from_millis(500);

/// Tasks that carry output, and input to a terminal.
pub(super) struct Pumps {
    outputs: Vec<tokio::task::JoinHandle<()>>,
    others: Vec<tokio::task::JoinHandle<()>>,
}

impl Pumps {
    /// Waits for the rest of the output.
    pub(super) async fn drain(self) {
        for mut output in self.outputs {
            if tokio::time::timeout(AFTERMATH, &mut output).await.is_err() {
                output.abort();
            }
        }
        for other in self.others {
            other.abort();
        }
    }
}

/// Begins to carry. `raw` says that what is typed is ours to pass on.
pub(super) fn pump(streams: Streams, outbox: &SharedOutbox, raw: bool) -> Pumps {
    let mut outputs = Vec::new();
    let mut others = Vec::new();
    let reader = OutputReader::new(Arc::clone(outbox), LogLevel::Info);
    outputs.push(tokio::spawn(copy(streams.stdout, reader, Target::Stdout)));
    if let Some(stderr) = streams.stderr {
        let reader = OutputReader::new(Arc::clone(outbox), LogLevel::Warning);
        outputs.push(tokio::spawn(copy(stderr, reader, Target::Stderr)));
    }
    if let Some(mut terminal) = streams.terminal {
        others.push(tokio::spawn(async move {
            let Ok(mut resized) = signal(SignalKind::window_change()) else { return };
            let mut stdin = tokio::io::stdin();
            let mut buffer = [0; 4096];
            loop {
                tokio::select! {
                    _ = resized.recv() => {
                        if let Some(size) = terminal_size() {
                            // The process draws for the old size then.
                            terminal.resize(size).ok();
                        }
                    }
                    read = stdin.read(&mut buffer), if raw => {
                        let Ok(length @ 1..) = read else { return };
                        let typed = buffer.get(..length).unwrap_or_default();
                        if terminal.write_all(typed).await.is_err() {
                            return;
                        }
                    }
                }
            }
        }));
    }
    Pumps { outputs, others }
}

#[derive(Clone, Copy, Debug)]
enum Target {
    Stdout,
    Stderr,
}

/// Passes output on as it is, and shows a copy of it to the reader.
async fn copy(mut from: Box<dyn AsyncRead + Send + Unpin>, mut reader: OutputReader, to: Target) {
    let mut buffer = vec![0; 16 * 1024];
    // A terminal whose process has ended answers with an error: that is its end.
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let bytes = buffer.get(..length).unwrap_or_default();
        let written = match to {
            Target::Stdout => write(&mut std::io::stdout().lock(), bytes),
            Target::Stderr => write(&mut std::io::stderr().lock(), bytes),
        };
        reader.read(bytes);
        if written.is_err() {
            // Whoever read it is gone: the process learns it as it would have without us.
            return;
        }
    }
    reader.finish();
}

fn write(stream: &mut impl Write, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// Reads one stream of output into the outbox.
struct OutputReader {
    outbox: SharedOutbox,
    level: LogLevel,
    screen: Screen,
    tracker: Tracker,
}

impl OutputReader {
    fn new(outbox: SharedOutbox, level: LogLevel) -> Self {
        Self { outbox, level, screen: Screen::new(), tracker: Tracker::default() }
    }

    fn read(&mut self, bytes: &[u8]) {
        for shown in self.screen.push(bytes) {
            self.take(shown);
        }
    }

    fn finish(mut self) {
        if let Some(shown) = self.screen.finish() {
            self.take(shown);
        }
    }

    fn take(&mut self, shown: Shown) {
        let (text, found) = match &shown {
            Shown::Line(text) | Shown::Fleeting(text) => (text, recognise(text)),
            // A count may still be cut in the middle of a number; a percent has its sign.
            Shown::Unfinished(text) => (text, recognise(text).filter(|found| is_percent(*found))),
        };
        let reported = found.and_then(|found| self.tracker.advance(found));
        let Ok(mut outbox) = self.outbox.lock() else { return };
        if let Some(reported) = reported {
            outbox.progress(reported, text);
        }
        if let Shown::Line(line) = shown {
            outbox.line(self.level, line);
        }
    }
}

fn is_percent(found: Found) -> bool {
    matches!(found, Found::Percent(_))
}

#[cfg(test)]
mod tests {
    use headway_protocol::Report;

    use super::*;

    #[test]
    fn output_becomes_lines_and_progress() {
        let outbox = SharedOutbox::default();
        let mut reader = OutputReader::new(Arc::clone(&outbox), LogLevel::Info);
        reader.read(b"begin\n 10%\r 20%\r 30%");
        reader.read(b" done\nlast");
        reader.finish();
        let reports = outbox.lock().unwrap().take(10);
        let [Report::Progress { percent: Some(percent), .. }, logs @ ..] = reports.as_slice()
        else {
            panic!("{reports:?}");
        };
        assert!((percent.value() - 30.0).abs() < 0.1);
        assert_eq!(logs.len(), 3, "{logs:?}");
    }
}
