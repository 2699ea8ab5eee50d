//! The end: what was taken leaves, and then the other side has a moment to read it all.

use std::io;

use super::{Connection, Phase, Step};
use crate::front::inbox::is_momentary;
use crate::front::outbound::Written;
use crate::front::shard::Context;
use crate::front::socket::Read;

/// How long the other side has to close its end once everything has left, in milliseconds.
const LINGER_MS: u64 = 1_000;

/// What an ending connection may still send before it is cut, in bytes.
const LAST_BYTES: usize = 1024 * 1024;

impl Connection {
    /// A watcher is over: its connection ends, or waits for the next request.
    pub(super) fn farewell(&mut self, context: &mut Context) -> Step {
        let Phase::Watching(watcher) = &mut self.phase else { return Step::Go };
        let Some(over) = watcher.over() else { return Step::Go };
        self.outbound.push(watcher.farewell(over));
        if watcher.leaves_connection() && !self.last {
            self.phase = Phase::Request { since: context.now, first: false };
            self.write_waiting(context);
        } else {
            self.end(context);
        }
        Step::Go
    }

    /// Nothing more is said than what is on its way.
    pub(super) fn end(&mut self, context: &Context) {
        let until = context.now.after_ms(leave_ms(context));
        self.unread = Vec::new();
        self.phase = Phase::Ending { until, finished: false, heard: 0 };
    }

    /// Writes what is left, says that nothing follows, and then only reads: a socket that is closed
    /// with unread bytes is reset, which may destroy what is on its way.
    pub(super) fn leave(&mut self, context: &mut Context) -> Step {
        let Phase::Ending { until, finished, heard } = self.phase else { return Step::Go };
        if context.now >= until {
            return Step::Gone;
        }
        if !finished {
            let written = self.outbound.write(&mut self.socket, []);
            match self.wrote(written, context) {
                Ok(Written::All) => {}
                Ok(Written::Blocked { .. }) => {
                    // Whoever takes it slowly has time for as long as it takes some.
                    let since = self.blocked.unwrap_or(context.now);
                    let until = since.after_ms(leave_ms(context));
                    self.phase = Phase::Ending { until, finished, heard };
                    return Step::Wait;
                }
                Err(step) => return step,
            }
            if self.socket.finish().is_err() {
                return Step::Gone;
            }
            let until = context.now.after_ms(LINGER_MS);
            self.phase = Phase::Ending { until, finished: true, heard };
        }
        let mut total = heard;
        while self.ready.readable {
            match self.socket.read(&mut context.buffers) {
                Ok(Read { length: 0, .. }) => return Step::Gone,
                Ok(read) => total += read.length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_momentary(&error) => self.ready.readable = false,
                Err(_) => return Step::Gone,
            }
            if total > LAST_BYTES {
                return Step::Gone;
            }
        }
        if let Phase::Ending { heard, .. } = &mut self.phase {
            *heard = total;
        }
        Step::Wait
    }
}

/// How long what is on its way may stand still, in milliseconds.
fn leave_ms(context: &Context) -> u64 {
    u64::try_from(context.app.options.head_timeout.as_millis()).unwrap_or(5_000)
}
