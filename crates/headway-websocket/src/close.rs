//! Close frames: their codes and reasons (RFC 6455, sections 5.5.1 and 7.4).

use bytes::Bytes;

use crate::frame::{Opcode, control};
use crate::message::Fault;

/// The code of a closing that both sides wanted.
pub const NORMAL: u16 = 1000;

/// A reason beyond this many bytes does not fit beside its code.
const REASON_BYTES: usize = 123;

/// The code in a close frame's payload; `None` when it is empty.
pub(crate) fn parse(payload: &[u8]) -> Result<Option<u16>, Fault> {
    match payload {
        [] => Ok(None),
        [_] => Err(Fault::CloseWithoutCode),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !may_be_sent(code) {
                return Err(Fault::CloseCode);
            }
            std::str::from_utf8(reason).map_err(|_| Fault::NotUtf8)?;
            Ok(Some(code))
        }
    }
}

/// Whether a code may stand in a close frame. 1004 is reserved, 1005, 1006 and 1015 are for the use
/// of programming interfaces only, and the rest up to 2999 is unassigned (IANA's registry).
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// A close frame, complete as it leaves. A reason of more than 123 bytes is cut between characters.
///
/// The code is not checked: it is the caller's to choose one that may be sent.
pub fn frame(code: u16, reason: &str) -> Bytes {
    let end = reason.floor_char_boundary(REASON_BYTES);
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend(reason.bytes().take(end));
    control(Opcode::Close, &payload)
}
