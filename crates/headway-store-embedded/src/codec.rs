//! Records as bytes, in the journal and in segments.
//!
//! A record is a version byte, the length of what follows, and then positions, time, patches and
//! events. A reader skips what follows the members it knows, so a later version may add members at
//! the end without a new version byte; a change that is not an addition takes a new one.
//! Whole numbers are LEB128.
//!
//! Records together, as a row of the journal or a segment, are packed: see [`pack`].

use std::borrow::Cow;

use headway_protocol::Timestamp;
use headway_store::Record;
use serde_json::value::RawValue;

use crate::failure::Failure;

pub(crate) const VERSION: u8 = 1;

/// The first byte of a packed row; what is packed begins with [`VERSION`].
const PACKED: u8 = 2;

/// Fewer bytes than this are not worth packing.
const WORTH_PACKING: usize = 256;

/// LZ4 cannot make more of a byte: a size beyond that was never written.
const LARGEST_RATIO: usize = 255;

/// Records as they rest in a row: compressed (LZ4), where that makes them smaller. The records of
/// one job, or of one moment, repeat each other's words, so that half the bytes are saved and more.
pub(crate) fn pack(records: &[u8]) -> Cow<'_, [u8]> {
    if records.len() < WORTH_PACKING {
        return Cow::Borrowed(records);
    }
    let mut packed = Vec::with_capacity(records.len() / 2);
    packed.push(PACKED);
    number(records.len() as u64, &mut packed);
    packed.extend_from_slice(&lz4_flex::block::compress(records));
    if packed.len() < records.len() { Cow::Owned(packed) } else { Cow::Borrowed(records) }
}

/// The records of a row.
pub(crate) fn unpack(row: &[u8]) -> Result<Cow<'_, [u8]>, Failure> {
    let Some(packed) = row.strip_prefix(&[PACKED]) else { return Ok(Cow::Borrowed(row)) };
    let mut reader = Reader::new(packed);
    let size = usize::try_from(reader.number()?)
        .ok()
        .filter(|size| *size <= packed.len().saturating_mul(LARGEST_RATIO))
        .ok_or_else(|| damaged("a size"))?;
    lz4_flex::block::decompress(reader.rest, size)
        .map(Cow::Owned)
        .map_err(|_| damaged("a packed text"))
}

/// Appends the record's bytes to `into`.
pub(crate) fn encode(record: &Record, into: &mut Vec<u8>) {
    let mut body = Vec::with_capacity(size(record));
    number(record.from, &mut body);
    number(record.to - record.from, &mut body);
    number(record.at.as_millis(), &mut body);
    text(&record.patch, &mut body);
    text(&record.private, &mut body);
    for event in &record.events {
        text(event, &mut body);
    }
    into.push(VERSION);
    number(body.len() as u64, into);
    into.extend_from_slice(&body);
}

/// About how many bytes the record takes.
pub(crate) fn size(record: &Record) -> usize {
    let texts: usize = record.events.iter().map(|event| event.get().len() + 3).sum();
    texts + record.patch.get().len() + record.private.get().len() + 40
}

/// Appends a whole number to `into`.
pub(crate) fn number(mut value: u64, into: &mut Vec<u8>) {
    while value >= 0x80 {
        into.push(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
        value >>= 7;
    }
    into.push(u8::try_from(value).unwrap_or_default());
}

fn text(json: &RawValue, into: &mut Vec<u8>) {
    number(json.get().len() as u64, into);
    into.extend_from_slice(json.get().as_bytes());
}

/// Reads bytes from the front.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

/// A record whose positions are known and whose texts are not yet read.
#[derive(Debug)]
pub(crate) struct Sketch<'a> {
    /// The offset before its first event.
    pub(crate) from: u64,
    /// The offset of its last event.
    pub(crate) to: u64,
    rest: Reader<'a>,
}

impl<'a> Reader<'a> {
    /// A reader of these bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn bytes(&mut self, length: u64) -> Result<&'a [u8], Failure> {
        let length = usize::try_from(length).map_err(|_| damaged("a length"))?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| damaged("an end"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// A whole number.
    pub(crate) fn number(&mut self) -> Result<u64, Failure> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or_else(|| damaged("an end"))?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(damaged("a number"))
    }

    fn text(&mut self) -> Result<Box<RawValue>, Failure> {
        let length = self.number()?;
        let text = std::str::from_utf8(self.bytes(length)?).map_err(|_| damaged("a text"))?;
        RawValue::from_string(text.to_owned()).map_err(|_| damaged("a JSON text"))
    }

    /// Passes over the version that a record, and a row of the journal, begins with.
    pub(crate) fn version(&mut self) -> Result<(), Failure> {
        match self.bytes(1)? {
            [VERSION] => Ok(()),
            _ => Err(damaged("a version")),
        }
    }

    /// The next record's positions.
    pub(crate) fn sketch(&mut self) -> Result<Sketch<'a>, Failure> {
        self.version()?;
        let length = self.number()?;
        let mut rest = Reader::new(self.bytes(length)?);
        let from = rest.number()?;
        let to = from.checked_add(rest.number()?).ok_or_else(|| damaged("a position"))?;
        Ok(Sketch { from, to, rest })
    }
}

impl Sketch<'_> {
    /// The record whole.
    pub(crate) fn record(self) -> Result<Record, Failure> {
        let Self { from, to, mut rest } = self;
        let at = Timestamp::from_millis(rest.number()?);
        let patch = rest.text()?;
        let private = rest.text()?;
        let mut events = Vec::new();
        for _ in from..to {
            events.push(rest.text()?);
        }
        Ok(Record { from, to, at, events, patch, private })
    }
}

fn damaged(what: &str) -> Failure {
    Failure::Damaged(format!("a record of the log is not readable: {what} is wrong"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    fn same(left: &Record, right: &Record) -> bool {
        format!("{left:?}") == format!("{right:?}")
    }

    proptest! {
        #[test]
        fn a_record_comes_back_and_bytes_after_it_stay(
            from in any::<u64>().prop_map(|from| from >> 8),
            at in any::<u64>(),
            words in prop::collection::vec("[a-zä]{0,200}", 1..5),
            after in prop::collection::vec(any::<u8>(), 0..5),
        ) {
            let events: Vec<_> = words.iter().map(|word| raw(&format!("\"{word}\""))).collect();
            let record = Record {
                from,
                to: from + events.len() as u64,
                at: Timestamp::from_millis(at),
                events,
                patch: raw("{\"a\":1}"),
                private: raw("{}"),
            };
            let mut bytes = Vec::new();
            encode(&record, &mut bytes);
            bytes.extend_from_slice(&after);
            let mut reader = Reader::new(&bytes);
            let sketch = reader.sketch().unwrap();
            prop_assert_eq!((sketch.from, sketch.to), (record.from, record.to));
            prop_assert!(same(&sketch.record().unwrap(), &record));
            prop_assert_eq!(reader.rest, &after[..]);
        }

        #[test]
        fn packed_records_come_back(bytes in prop::collection::vec(0_u8..4, 0..2_000)) {
            // Records begin with their version, and never with the mark of packed ones.
            let records: Vec<u8> = [VERSION].into_iter().chain(bytes).collect();
            let packed = pack(&records);
            prop_assert!(packed.len() <= records.len());
            prop_assert_eq!(&unpack(&packed).unwrap()[..], &records[..]);
        }

        #[test]
        fn any_row_is_unpacked_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let row: Vec<u8> = [PACKED, 100].into_iter().chain(bytes).collect();
            let _unread = unpack(&row);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::new(&bytes);
            while let Ok(sketch) = reader.sketch() {
                let _unread = sketch.record();
            }
        }

        #[test]
        fn a_cut_record_is_damage(cut in 0_usize..60) {
            let record = Record {
                from: 7,
                to: 8,
                at: Timestamp::from_millis(1),
                events: vec![raw("{\"type\":\"start\"}")],
                patch: raw("{\"status\":\"running\"}"),
                private: raw("{}"),
            };
            let mut bytes = Vec::new();
            encode(&record, &mut bytes);
            prop_assume!(cut < bytes.len());
            let found = Reader::new(&bytes[..cut]).sketch().and_then(Sketch::record);
            prop_assert!(matches!(found, Err(Failure::Damaged(_))));
        }
    }

    /// Bytes of the first version, written down when it was made: they must be readable for ever.
    #[test]
    fn records_of_the_first_version_are_read() {
        let bytes = include_bytes!("../tests/fixtures/record_v1.bin");
        let mut reader = Reader::new(bytes);
        let first = reader.sketch().and_then(Sketch::record).unwrap();
        assert_eq!((first.from, first.to, first.at.as_millis()), (0, 2, 1_768_037_400_000));
        assert_eq!(first.events[0].get(), r#"{"type":"created","kind":"analyze"}"#);
        assert_eq!(first.events[1].get(), r#"{"type":"queued"}"#);
        assert_eq!(first.patch.get(), r#"{"id":"job_1","kind":"analyze","status":"queued"}"#);
        assert_eq!(first.private.get(), r#"{"deadline":1768037460000}"#);
        let second = reader.sketch().and_then(Sketch::record).unwrap();
        assert_eq!((second.from, second.to), (2, 3));
        assert_eq!(second.events[0].get(), r#"{"type":"progress","percent":42.5}"#);
        assert_eq!(second.patch.get(), r#"{"progress":{"percent":42.5}}"#);
        assert!(reader.is_empty());
    }
}
