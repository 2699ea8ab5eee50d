//! What a WebSocket is told that is closed as soon as it is open. A browser cannot read the status
//! of a refused upgrade, but it can read a message and a close code.

use bytes::Bytes;
use headway_protocol::{CloseCode, Timestamp};
use headway_websocket::{close, frame};

use super::{Format, job_progress};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Farewell(Bytes);

impl Farewell {
    /// A close code alone, in the words of a format or of the stream itself.
    pub(crate) fn close(format: Option<Format>, code: CloseCode) -> Self {
        let (code, reason) = match format {
            None => (code.as_u16(), crate::stream::reason(code)),
            Some(format) => format.close(code),
        };
        Self(close::frame(code, reason))
    }

    /// That there is nothing of that name, as far as whoever asks may know.
    pub(crate) fn unknown(format: Option<Format>, name: &str, now: Timestamp) -> Self {
        let closed = Self::close(format, CloseCode::NoSuchJob);
        match format {
            Some(Format::JobProgress) => {
                let message = job_progress::unknown(name, now).to_string();
                let message = frame::text(message.as_bytes());
                Self([&*message, &*closed.0].concat().into())
            }
            None | Some(Format::Analysis | Format::Session) => closed,
        }
    }

    /// The bytes that follow the handshake.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.0
    }
}
