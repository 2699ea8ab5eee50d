//! Records of the log, as they rest on disk.

use crate::codec::{Reader, encode, pack, unpack};
use crate::failure::Failure;

/// Any bytes as a row of the log. A damaged row is an error that says so, never a record that says
/// something else when it is written again.
pub fn record(bytes: &[u8]) {
    let row = match unpack(bytes) {
        Ok(row) => row,
        Err(Failure::Damaged(words)) => return assert!(!words.is_empty()),
    };
    let mut reader = Reader::new(&row);
    while !reader.is_empty() {
        let Ok(record) = reader.sketch().and_then(|sketch| sketch.record()) else { return };
        assert_eq!(record.events.len() as u64, record.to - record.from);
        let mut written = Vec::new();
        encode(&record, &mut written);
        let packed = pack(&written).into_owned();
        let row = unpack(&packed).expect("what was packed");
        assert_eq!(&*row, &*written);
        let again =
            Reader::new(&row).sketch().and_then(|sketch| sketch.record()).expect("a record");
        assert_eq!(format!("{again:?}"), format!("{record:?}"));
    }
}
