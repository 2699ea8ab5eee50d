//! What a session sends: records of what it is given, and the word that nothing more comes.

use rustls::server::ServerConnectionData;
use rustls::unbuffered::{ConnectionState, EncryptError, WriteTraffic};

use super::{RECORD_PLAINTEXT, Session, SessionError, Stage, State};

/// What sending one record may need beside its plaintext: its header, nonce, content type and tag
/// (22 bytes in TLS 1.3, 29 in TLS 1.2), and before it a change of keys that the peer has asked for
/// and one that is due (27 bytes each).
const RECORD_OVERHEAD: usize = 128;

type Traffic<'a> = WriteTraffic<'a, ServerConnectionData>;

impl Session {
    /// Encrypts `pieces`, as if they were one, and appends the records to `outgoing`: one record
    /// for each 16 KiB begun. Pieces share a record, so that many small ones cost one record.
    ///
    /// # Errors
    ///
    /// Before the handshake is over, and after the end. `outgoing` is then as it was.
    pub fn send<'a>(
        &mut self,
        pieces: impl IntoIterator<Item = &'a [u8]>,
        outgoing: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        match self.state.stage {
            Stage::New => return Err(SessionError::Handshaking),
            Stage::Open => {}
            Stage::Closed | Stage::Failed => return Err(SessionError::Over),
        }
        let mut pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
        let Some(first) = pieces.next() else { return Ok(()) };
        let start = outgoing.len();
        let sent = match pieces.next() {
            None => self.encrypt(first, outgoing),
            Some(second) => self.encrypt_joined(first, second, pieces, outgoing),
        };
        if let Err(error) = &sent {
            outgoing.truncate(start);
            // Records that were made and not sent are missed by the peer, whatever comes next.
            if *error != SessionError::Handshaking {
                self.state.stage = Stage::Failed;
            }
        }
        sent
    }

    /// Joins pieces at the end of `outgoing`, one record at a time, where the record then takes
    /// their place.
    fn encrypt_joined<'a>(
        &mut self,
        first: &'a [u8],
        second: &'a [u8],
        more: impl Iterator<Item = &'a [u8]>,
        outgoing: &mut Vec<u8>,
    ) -> Result<(), SessionError> {
        let mut start = outgoing.len();
        for mut piece in [first, second].into_iter().chain(more) {
            while let room @ 1.. = RECORD_PLAINTEXT - (outgoing.len() - start)
                && !piece.is_empty()
            {
                let (now, later) = piece.split_at(room.min(piece.len()));
                outgoing.extend_from_slice(now);
                piece = later;
                if now.len() == room {
                    self.seal(start, outgoing)?;
                    start = outgoing.len();
                }
            }
        }
        self.seal(start, outgoing)
    }

    /// Replaces the plaintext from `start` on by its record.
    fn seal(&mut self, start: usize, outgoing: &mut Vec<u8>) -> Result<(), SessionError> {
        let end = outgoing.len();
        if start == end {
            return Ok(());
        }
        outgoing.resize(end + (end - start) + RECORD_OVERHEAD, 0);
        let (before, room) = outgoing.split_at_mut(end);
        let plaintext = before.get(start..).unwrap_or_default();
        let length = self.with_traffic(|traffic| traffic.encrypt(plaintext, room))?;
        outgoing.copy_within(end..end + length, start);
        outgoing.truncate(start + length);
        Ok(())
    }

    /// Encrypts one piece where it stands.
    fn encrypt(&mut self, piece: &[u8], outgoing: &mut Vec<u8>) -> Result<(), SessionError> {
        for plaintext in piece.chunks(RECORD_PLAINTEXT) {
            let start = outgoing.len();
            outgoing.resize(start + plaintext.len() + RECORD_OVERHEAD, 0);
            let room = outgoing.get_mut(start..).unwrap_or_default();
            let length = self.with_traffic(|traffic| traffic.encrypt(plaintext, room))?;
            outgoing.truncate(start + length);
        }
        Ok(())
    }

    /// Asks the library for the means to send application data.
    ///
    /// It only fails for want of room, which [`RECORD_OVERHEAD`] excludes, and in TLS 1.2 after
    /// more records than one pair of keys is good for.
    fn with_traffic(
        &mut self,
        write: impl FnOnce(&mut Traffic<'_>) -> Result<usize, EncryptError>,
    ) -> Result<usize, SessionError> {
        let State { tls, waiting, .. } = &mut *self.state;
        match tls.process_tls_records(waiting).state {
            Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                write(&mut traffic).map_err(|_| SessionError::Over)
            }
            Ok(ConnectionState::BlockedHandshake) => Err(SessionError::Handshaking),
            // `process` left the library where it wants more, and sending does not change that.
            Ok(_) => Err(SessionError::Over),
            Err(error) => Err(error.into()),
        }
    }

    /// Appends the message that nothing more will be sent (`close_notify`), once. What the peer
    /// still sends is ignored from then on. During the handshake there is nothing to say; the
    /// session is closed all the same.
    pub fn close(&mut self, outgoing: &mut Vec<u8>) {
        if matches!(self.state.stage, Stage::Closed | Stage::Failed) {
            return;
        }
        if self.state.stage == Stage::Open {
            let start = outgoing.len();
            outgoing.resize(start + RECORD_OVERHEAD, 0);
            let room = outgoing.get_mut(start..).unwrap_or_default();
            let length = self.with_traffic(|traffic| traffic.queue_close_notify(room));
            outgoing.truncate(start + length.unwrap_or(0));
        }
        self.state.stage = Stage::Closed;
        self.state.waiting = Vec::new();
    }
}
