use proptest::prelude::*;

use super::*;

/// What is told, with the payload as text.
fn told(wire: &mut Wire, bytes: &[u8], told: &mut Vec<String>) {
    let result = wire.take(bytes, |arrived| {
        told.push(match arrived {
            Arrived::Message(text) => format!("message {}", String::from_utf8_lossy(text)),
            Arrived::Ping(text) => format!("ping {}", String::from_utf8_lossy(text)),
            Arrived::Closed => "closed".to_owned(),
        });
    });
    result.unwrap();
}

fn framed(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(u8::try_from(length).unwrap()),
        length @ 126..=0xffff => {
            frame.push(126);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(127);
            frame.extend(u64::try_from(length).unwrap().to_be_bytes());
        }
    }
    frame.extend(payload);
    frame
}

/// The same messages come whether the bytes come at once or in pieces.
fn check(new: fn() -> Wire, bytes: &[u8], cuts: &[usize], expected: &[String]) {
    let mut wire = new();
    let mut found = Vec::new();
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let mut from = 0;
    for cut in cuts.into_iter().chain([bytes.len()]) {
        told(&mut wire, &bytes[from..cut], &mut found);
        from = cut;
    }
    assert_eq!(found, expected);
}

proptest! {
    #[test]
    fn frames_may_be_cut_anywhere(
        lengths in prop::collection::vec(prop_oneof![0..300_usize, 65_000..66_000_usize], 1..6),
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for length in lengths {
            let text = "x".repeat(length);
            bytes.extend(framed(0x81, text.as_bytes()));
            bytes.extend(framed(0x89, b"?"));
            expected.extend([format!("message {text}"), "ping ?".to_owned()]);
        }
        bytes.extend(framed(0x88, b""));
        expected.push("closed".to_owned());
        check(Wire::websocket, &bytes, &cuts, &expected);
    }

    #[test]
    fn events_and_chunks_may_be_cut_anywhere(
        lengths in prop::collection::vec(1..300_usize, 1..6),
        chunk in 1..400_usize,
        cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let mut text = "retry: 1000\n\n: heartbeat\n\n".to_owned();
        let mut expected = Vec::new();
        for length in lengths {
            let data = "y".repeat(length);
            text.extend(["event: update\nid: 00000001-1\ndata: ", &data, "\n\n"]);
            expected.push(format!("message {data}"));
        }
        check(|| Wire::sse(false), text.as_bytes(), &cuts, &expected);
        let mut bytes = Vec::new();
        for part in text.as_bytes().chunks(chunk) {
            bytes.extend(format!("{:x}\r\n", part.len()).as_bytes());
            bytes.extend(part);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n\r\n");
        expected.push("closed".to_owned());
        // What stands behind the last chunk is not looked at.
        let cuts: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() - 4)).collect();
        check(|| Wire::sse(true), &bytes, &cuts, &expected);
    }
}

#[test]
fn what_no_server_may_send_is_an_error() {
    for bytes in [&framed(0x01, b"a part")[..], &[0x81, 0x81, 0, 0, 0, 0, 0][..]] {
        assert!(Wire::websocket().take(bytes, |_| {}).is_err());
    }
    assert!(Wire::sse(true).take(b"what?\r\n", |_| {}).is_err());
}
