//! What is on its way to one socket.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::{Buf as _, Bytes};
use tokio::net::TcpStream;

/// Frames that leave in one write. Each is shared with the other watchers of its job; only places in
/// them are kept here.
pub(super) const FRAMES: usize = 16;

/// No further frame is taken while so many bytes wait. What waits is therefore less than this and
/// one frame.
pub(super) const BYTES: usize = 32 * 1024;

/// Whole frames, and what remains of the first.
///
/// Owner: the watcher. Bounded by its caller, who asks [`Self::has_room`] before it takes a frame:
/// what a slow reader has not taken stays in the session, where newer states replace it.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    frames: VecDeque<Bytes>,
    bytes: usize,
}

/// How a write went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Everything is in the hands of the system.
    All,
    /// The socket took some or nothing, and takes no more now.
    Blocked {
        /// Whether it took something.
        some: bool,
    },
}

impl Outbound {
    /// Takes a frame.
    pub(super) fn push(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    /// Whether another frame may be taken.
    pub(super) fn has_room(&self) -> bool {
        self.frames.len() < FRAMES && self.bytes < BYTES
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Writes as much as the socket takes at once.
    pub(super) fn write(&mut self, socket: &TcpStream) -> io::Result<Written> {
        let mut some = false;
        while !self.frames.is_empty() {
            let mut slices = [IoSlice::new(&[]); FRAMES];
            for (slice, frame) in slices.iter_mut().zip(&self.frames) {
                *slice = IoSlice::new(frame);
            }
            let count = self.frames.len().min(FRAMES);
            match socket.try_write_vectored(slices.get(..count).unwrap_or_default()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    some = true;
                    self.advance(written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Written::Blocked { some });
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // An idle watcher keeps no room for frames that may never come.
        self.frames = VecDeque::new();
        Ok(Written::All)
    }

    fn advance(&mut self, mut written: usize) {
        self.bytes = self.bytes.saturating_sub(written);
        while let Some(frame) = self.frames.front_mut() {
            if written < frame.len() {
                frame.advance(written);
                return;
            }
            written -= frame.len();
            self.frames.pop_front();
        }
    }
}
