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

/// A last block without content, with the fixed codes.
const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

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
/// [`Fault::NotDeflate`] when it is none or breaks off, [`Fault::TooBig`] when it would be larger.
pub fn inflate(input: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
    // An empty message is one byte of a flush (section 7.2.3.6), or, as some send it, none.
    if input.is_empty() {
        return Ok(Vec::new());
    }
    DECOMPRESS.with_borrow_mut(|decompress| {
        decompress.reset(false);
        let mut output = Vec::with_capacity(input.len().saturating_mul(2).min(limit));
        if inflate_piece(decompress, input, &mut output, limit)? == Reached::Middle {
            inflate_piece(decompress, &TAIL, &mut output, limit)?;
            // Between two blocks, and only there, an empty last block says nothing and ends it all.
            let length = output.len();
            let reached = inflate_piece(decompress, &LAST_BLOCK, &mut output, limit)?;
            if reached != Reached::End || output.len() > length {
                return Err(Fault::NotDeflate);
            }
        }
        output.shrink_to_fit();
        Ok(output)
    })
}

/// Where compressed data stands after a piece of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reached {
    /// A block said that it was the last, and nothing follows it.
    End,
    Middle,
}

fn inflate_piece(
    decompress: &mut Decompress,
    mut input: &[u8],
    output: &mut Vec<u8>,
    limit: usize,
) -> Result<Reached, Fault> {
    loop {
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
        let moved = taken > 0 || decompress.total_out() > before_out;
        input = input.get(taken..).unwrap_or_default();
        let full = output.len() == output.capacity();
        match status {
            // A block may say that it is the last, and others follow (section 7.2.3.5).
            Status::StreamEnd => {
                decompress.reset(false);
                if input.is_empty() {
                    return Ok(Reached::End);
                }
            }
            Status::Ok | Status::BufError if full => {}
            Status::Ok | Status::BufError if input.is_empty() => return Ok(Reached::Middle),
            Status::Ok | Status::BufError if moved => {}
            Status::Ok | Status::BufError => return Err(Fault::NotDeflate),
        }
    }
}
