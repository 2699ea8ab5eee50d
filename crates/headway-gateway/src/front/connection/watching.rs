//! While somebody watches: what the client says is heard, and what there is to send is written.

use std::io;

use super::{Connection, EARLY_BYTES, Phase, Step};
use crate::front::inbox::is_momentary;
use crate::front::outbound::Written;
use crate::front::shard::Context;
use crate::front::socket::Read;
use crate::front::watcher::Taken;

impl Connection {
    pub(super) fn watch(&mut self, key: u32, context: &mut Context) -> Step {
        if let Err(step) = self.hear(context) {
            return step;
        }
        let Phase::Watching(watcher) = &mut self.phase else { return Step::Go };
        watcher.work(key, self.serial, context);
        if self.blocked.is_some() {
            // Newer states wait in the session until what was taken has left.
            if !self.ready.writable {
                return self.wait_or_leave(context);
            }
            let written = self.outbound.write(&mut self.socket, []);
            match self.wrote(written, context) {
                Ok(Written::Blocked { .. }) => return self.wait_or_leave(context),
                Ok(Written::All) => {}
                Err(step) => return step,
            }
        }
        let Phase::Watching(watcher) = &mut self.phase else { return Step::Go };
        let mut frames = std::mem::take(&mut context.frames);
        let taken = watcher.take(&mut frames, &mut self.outbound, context);
        let written = if frames.is_empty() && self.outbound.is_empty() {
            Ok(Written::All)
        } else {
            let pieces = frames.iter().map(|frame| watcher.encode(frame));
            self.outbound.write(&mut self.socket, pieces)
        };
        context.app.delivered(&frames, context.time());
        frames.clear();
        context.frames = frames;
        match self.wrote(written, context) {
            Ok(Written::Blocked { .. }) => return self.wait_or_leave(context),
            Ok(Written::All) => {}
            Err(step) => return step,
        }
        let Phase::Watching(watcher) = &mut self.phase else { return Step::Go };
        if watcher.over().is_some() {
            return self.farewell(context);
        }
        // Reads may have been asked for on the way.
        let asked = watcher.work(key, self.serial, context);
        // And what was not wanted before may be now.
        let unheard = self.ready.readable || !self.unread.is_empty() && watcher.converses();
        let hears = unheard && watcher.wants_bytes(&self.outbound, context);
        if taken == Taken::Some || asked || hears { Step::Go } else { Step::Wait }
    }

    /// Hears what the client says, as far as it is wanted.
    pub(super) fn hear(&mut self, context: &mut Context) -> Result<(), Step> {
        let Phase::Watching(watcher) = &mut self.phase else { return Ok(()) };
        if !self.unread.is_empty() && watcher.converses() {
            let unread = std::mem::take(&mut self.unread);
            let mut bytes = unread.as_slice();
            watcher.hear(&mut bytes, &mut self.outbound, context);
            if !bytes.is_empty() {
                self.unread = bytes.to_vec();
                return Ok(());
            }
        }
        if !self.ready.readable || !watcher.wants_bytes(&self.outbound, context) {
            return Ok(());
        }
        match self.socket.read(&mut context.buffers) {
            Ok(Read { length: 0, .. }) => Err(Step::Gone),
            Ok(read) => {
                self.ready.readable = read.more || self.ready.hung_up;
                let buffers = std::mem::take(&mut context.buffers);
                let mut bytes = buffers.of(read);
                watcher.hear(&mut bytes, &mut self.outbound, context);
                self.unread.extend_from_slice(bytes);
                context.buffers = buffers;
                let early = !watcher.converses() && self.unread.len() > EARLY_BYTES;
                if early { Err(Step::Gone) } else { Ok(()) }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) if is_momentary(&error) => {
                self.ready.readable = false;
                Ok(())
            }
            Err(error) => {
                tracing::debug!(%error, "a watcher's connection broke");
                Err(Step::Gone)
            }
        }
    }

    pub(super) fn wait_or_leave(&mut self, context: &mut Context) -> Step {
        let over = self.watcher().and_then(|watcher| watcher.over());
        if over.is_some() { self.farewell(context) } else { Step::Wait }
    }
}
