//! Compression of messages, each by itself (RFC 7692).
//!
//! Nothing is kept from one message to the next, in neither direction. That is what lets all
//! watchers share one compressed frame, and what keeps an idle connection without a window: a
//! thread has one compressor and one inflater, whatever the number of its connections.

use std::cell::RefCell;

use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::frame::{self, OWN_HEAD_BYTES};
use crate::message::Fault;

/// Smaller messages are sent as they are: their bytes are few already.
pub const WORTH_BYTES: usize = 512;

/// The window of what is compressed here, as a power of two: 4 KiB. Documents repeat themselves
/// within it, and a client that asks for a window this small (as Python's `websockets` does) shares
/// the frames of all others.
pub const WINDOW_BITS: u8 = 12;

/// What ends every flush, and is left out on the wire (section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// What the output grows by at the least, in bytes.
const STEP_BYTES: usize = 256;

thread_local! {
    static COMPRESS: RefCell<Compress> =
        RefCell::new(Compress::new_with_window_bits(Compression::new(6), false, WINDOW_BITS));
    static DECOMPRESS: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// A text message, compressed, complete as it leaves; `None` when it has fewer than [`WORTH_BYTES`]
/// bytes or compression saves nothing. For connections that agreed on compression only.
pub fn text(text: &[u8]) -> Option<Bytes> {
    if text.len() < WORTH_BYTES {
        return None;
    }
    let mut room = Vec::with_capacity(OWN_HEAD_BYTES + text.len() / 2);
    room.resize(OWN_HEAD_BYTES, 0);
    COMPRESS.with_borrow_mut(|compress| deflate(compress, text, &mut room)).ok()?;
    room.truncate(room.strip_suffix(&TAIL)?.len());
    room.shrink_to_fit();
    (room.len() < OWN_HEAD_BYTES + text.len()).then(|| frame::compressed(room))
}

fn deflate(
    compress: &mut Compress,
    mut input: &[u8],
    output: &mut Vec<u8>,
) -> Result<(), flate2::CompressError> {
    compress.reset();
    loop {
        if output.len() == output.capacity() {
            output.reserve(STEP_BYTES);
        }
        let before = compress.total_in();
        compress.compress_vec(input, output, FlushCompress::Sync)?;
        let taken = usize::try_from(compress.total_in() - before).unwrap_or(usize::MAX);
        input = input.get(taken..).unwrap_or_default();
        // Room that is left says that the flush is complete.
        if input.is_empty() && output.len() < output.capacity() {
            return Ok(());
        }
    }
}

/// Inflates a message of at most `limit` bytes, which came without what ends its flush; the output
/// never takes more than that, whatever the input promises.
///
/// # Errors
///
/// [`Fault::NotDeflate`] when it is none, [`Fault::TooBig`] when it would be larger.
pub fn inflate(input: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
    DECOMPRESS.with_borrow_mut(|decompress| {
        decompress.reset(false);
        let mut output = Vec::with_capacity(input.len().saturating_mul(2).min(limit));
        for mut rest in [input, &TAIL] {
            while inflate_some(decompress, &mut rest, &mut output, limit)? {}
        }
        output.shrink_to_fit();
        Ok(output)
    })
}

/// Whether there may be more.
fn inflate_some(
    decompress: &mut Decompress,
    input: &mut &[u8],
    output: &mut Vec<u8>,
    limit: usize,
) -> Result<bool, Fault> {
    if output.len() == output.capacity() {
        // One byte above the limit is room enough to see that there is more.
        let room = limit.saturating_add(1).saturating_sub(output.len());
        output.reserve_exact(output.len().max(STEP_BYTES).min(room));
    }
    let (before_in, before_out) = (decompress.total_in(), decompress.total_out());
    let status = decompress.decompress_vec(input, output, FlushDecompress::Sync);
    let status = status.map_err(|_| Fault::NotDeflate)?;
    if output.len() > limit {
        return Err(Fault::TooBig);
    }
    let taken = usize::try_from(decompress.total_in() - before_in).unwrap_or(usize::MAX);
    let made = decompress.total_out() - before_out;
    *input = input.get(taken..).unwrap_or_default();
    match status {
        // A block may say that it is the last, and others follow (section 7.2.3.5).
        Status::StreamEnd => {
            decompress.reset(false);
            Ok(!input.is_empty())
        }
        Status::Ok | Status::BufError => {
            let full = output.len() == output.capacity();
            Ok((taken > 0 || made > 0 || full) && (full || !input.is_empty()))
        }
    }
}
