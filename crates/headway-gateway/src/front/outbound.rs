//! What is on its way to one socket.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use bytes::{Buf as _, Bytes};

use super::socket::Socket;

/// Pieces that leave in one write. Frames are shared with the other watchers of their job; only
/// places in them are kept here.
pub(super) const PIECES: usize = 16;

/// No further frame is taken while so many bytes wait. What waits is therefore less than this and
/// one frame.
pub(super) const BYTES: usize = 32 * 1024;

/// Pieces that leave in order, and what remains of the first.
///
/// Owner: the connection. Bounded by its caller, who asks [`Self::has_room`] before it takes a
/// frame: what a slow reader has not taken stays in the session, where newer states replace it.
/// Empty, it owns no memory beside itself.
#[derive(Debug, Default)]
pub(super) struct Outbound {
    waiting: Option<Box<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    pieces: VecDeque<Bytes>,
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
    /// Takes a piece.
    pub(super) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            let waiting = self.waiting.get_or_insert_default();
            waiting.bytes += piece.len();
            waiting.pieces.push_back(piece);
        }
    }

    /// Whether another piece may be taken beside `pieces` of `bytes` that are about to be.
    pub(super) fn has_room(&self, pieces: usize, bytes: usize) -> bool {
        let (waiting, weight) =
            self.waiting.as_ref().map_or((0, 0), |waiting| (waiting.pieces.len(), waiting.bytes));
        waiting + pieces < PIECES && weight + bytes < BYTES
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_none()
    }

    /// Writes what waits and then `fresh`, as much as the socket takes at once; keeps the rest.
    pub(super) fn write<'a, I>(&mut self, socket: &mut Socket, fresh: I) -> io::Result<Written>
    where
        I: IntoIterator<Item = &'a Bytes>,
        I::IntoIter: Clone,
    {
        let fresh = fresh.into_iter();
        if self.waiting.is_none() {
            let mut pieces = fresh.clone();
            match (pieces.next(), pieces.next()) {
                (None, _) => return socket.flush(),
                // By far the most common: one frame, and a socket that takes it.
                (Some(only), None) => return self.write_one(socket, only),
                (Some(_), Some(_)) => {}
            }
        }
        for piece in fresh {
            self.push(piece.clone());
        }
        self.write_waiting(socket)
    }

    fn write_one(&mut self, socket: &mut Socket, piece: &Bytes) -> io::Result<Written> {
        match socket.write(&[IoSlice::new(piece)]) {
            Ok(written) if written == piece.len() => socket.flush(),
            Ok(0) if !piece.is_empty() => Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                self.push(piece.slice(written..));
                let rest = self.write_waiting(socket)?;
                Ok(match rest {
                    Written::All => Written::All,
                    Written::Blocked { .. } => Written::Blocked { some: true },
                })
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.push(piece.clone());
                Ok(Written::Blocked { some: false })
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.push(piece.clone());
                self.write_waiting(socket)
            }
            Err(error) => Err(error),
        }
    }

    fn write_waiting(&mut self, socket: &mut Socket) -> io::Result<Written> {
        let mut some = false;
        while let Some(waiting) = &mut self.waiting {
            let mut slices = [IoSlice::new(&[]); PIECES];
            for (slice, piece) in slices.iter_mut().zip(&waiting.pieces) {
                *slice = IoSlice::new(piece);
            }
            let count = waiting.pieces.len().min(PIECES);
            match socket.write(slices.get(..count).unwrap_or_default()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    some = true;
                    if waiting.advance(written) {
                        // An idle watcher keeps no room for frames that may never come.
                        self.waiting = None;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Written::Blocked { some });
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        socket.flush()
    }
}

impl Waiting {
    /// Moves past what was written. Whether nothing is left.
    fn advance(&mut self, mut written: usize) -> bool {
        self.bytes = self.bytes.saturating_sub(written);
        while let Some(piece) = self.pieces.front_mut() {
            if written < piece.len() {
                piece.advance(written);
                return false;
            }
            written -= piece.len();
            self.pieces.pop_front();
        }
        true
    }
}
