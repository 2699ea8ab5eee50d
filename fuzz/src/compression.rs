//! Compression of messages, beside another implementation of DEFLATE.

use flate2::{Decompress, FlushDecompress};
use headway_websocket::{Fault, deflate};
use miniz_oxide::inflate::decompress_to_vec_with_limit;

/// The largest message here, in bytes.
const LIMIT: usize = 64 * 1024;

/// What ends every flush, and is left out on the wire (RFC 7692, section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// Any bytes as a compressed message: nothing is larger than its limit, and what another inflater
/// makes of them is the same.
pub fn inflate(bytes: &[u8]) {
    let small = deflate::inflate(bytes, 100);
    let large = deflate::inflate(bytes, LIMIT);
    match (&small, &large) {
        (Ok(small), large) => assert_eq!(Ok(small), large.as_ref()),
        (Err(Fault::TooBig), Ok(large)) => assert!(large.len() > 100 && large.len() <= LIMIT),
        (Err(Fault::TooBig), Err(_)) | (Err(_), Err(Fault::NotDeflate)) => {}
        (Err(small), large) => panic!("{small:?} with little room, {large:?} with more"),
    }
    // The other one takes one stream to its last block; here a message may have several streams, and
    // ends with a flush. So it sees the same bytes with a last block of its own.
    let stream = [bytes, &TAIL, &[0x03, 0x00]].concat();
    if let (Ok(theirs), Ok(large)) = (decompress_to_vec_with_limit(&stream, LIMIT), &large) {
        assert!(large.starts_with(&theirs), "the first stream is read alike");
    }
}

/// A text, twice, so that there is something to save: what leaves is smaller, one frame, and comes
/// back from three inflaters, one of which has no larger window than was agreed on.
pub fn deflate(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).repeat(2);
    let Some(frame) = deflate::text(text.as_bytes()) else { return };
    assert!(text.len() >= deflate::WORTH_BYTES && frame.len() < text.len() + 10);
    assert_eq!(frame[0], 0xC1, "one frame, text, compressed");
    let (length, head) = match frame[1] {
        126 => (usize::from(u16::from_be_bytes([frame[2], frame[3]])), 4),
        127 => (u64::from_be_bytes(frame[2..10].try_into().unwrap()) as usize, 10),
        short => (usize::from(short), 2),
    };
    let payload = &frame[head..];
    assert_eq!(payload.len(), length);

    assert_eq!(deflate::inflate(payload, text.len()).as_deref(), Ok(text.as_bytes()));
    let stream = [payload, &TAIL, &[0x03, 0x00]].concat();
    assert_eq!(decompress_to_vec_with_limit(&stream, text.len()).unwrap(), text.as_bytes());
    let mut output = Vec::with_capacity(text.len() + 1);
    let mut window = Decompress::new_with_window_bits(false, deflate::WINDOW_BITS);
    let input = [payload, &TAIL].concat();
    window.decompress_vec(&input, &mut output, FlushDecompress::Sync).unwrap();
    assert_eq!(output, text.as_bytes());
}
