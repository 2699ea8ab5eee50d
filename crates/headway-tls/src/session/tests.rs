mod pair;

use std::io::Write;

use proptest::prelude::*;

use super::*;
use pair::{PLACE, Pair, Place, WITHOUT_TICKETS, client, client_config};

const VERSIONS: [Version; 2] = [Version::Tls12, Version::Tls13];

#[test]
fn shakes_hands_and_carries_bytes_both_ways() {
    for version in VERSIONS {
        for step in [1, 7, 1000, usize::MAX] {
            let mut pair = Pair::connected(version, step);
            assert_eq!(pair.server.version(), Some(version));
            pair.client_sends(b"hello");
            assert_eq!(pair.at_server, b"hello");
            pair.server_sends(&[b"good ", b"", b"day"]);
            assert_eq!(pair.at_client, b"good day");
            assert_eq!(pair.server.waiting(), 0);
            assert_eq!(pair.server_error, None);
        }
    }
}

#[test]
fn a_greeting_in_many_small_records_is_understood() {
    for version in VERSIONS {
        for step in [1, 33, usize::MAX] {
            let mut config = client_config(&PLACE, version);
            config.max_fragment_size = Some(32);
            let mut pair = Pair::new(&PLACE, config, step);
            pair.client_sends(b"hello");
            assert_eq!((pair.at_server.as_slice(), pair.server_error), (&b"hello"[..], None));
            assert_eq!(pair.server.waiting(), 0);
        }
    }
}

#[test]
fn agrees_on_what_the_client_offers() {
    let check = |offered: &[&str], agreed: Result<Option<Protocol>, ()>| {
        let mut config = client_config(&PLACE, Version::Tls13);
        config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
        let mut pair = Pair::new(&PLACE, config, usize::MAX);
        pair.run();
        let found = if pair.server_error.is_some() { Err(()) } else { Ok(pair.server.protocol()) };
        assert_eq!(found, agreed, "{offered:?}");
    };
    check(&[], Ok(None));
    check(&["h2", "http/1.1"], Ok(Some(Protocol::Http2)));
    check(&["http/1.1", "h2"], Ok(Some(Protocol::Http2)));
    check(&["http/1.1"], Ok(Some(Protocol::Http11)));
    check(&["smtp"], Err(()));
}

#[test]
fn a_record_for_each_16_kib_and_one_for_many_small_pieces() {
    for version in VERSIONS {
        let overhead = if version == Version::Tls13 { 22 } else { 29 };
        let check = |pieces: &[&[u8]], records: usize| {
            let mut pair = Pair::connected(version, usize::MAX);
            let sent = pair.server_sends(pieces);
            assert_eq!(pair.at_client, pieces.concat());
            assert_eq!(sent, pieces.concat().len() + records * overhead);
        };
        let large = vec![b'x'; 40_000];
        check(&[], 0);
        check(&[b"", b""], 0);
        check(&[b"one"], 1);
        check(&[b"one", b"two", b"three"], 1);
        check(&[&large], 3);
        check(&[b"head", &large, b"tail"], 3);
        check(&[&large[..16_384], &large[..16_384]], 2);
        check(&[&large[..16_384], b"x"], 2);
    }
}

#[test]
fn what_is_appended_comes_after_what_was_there() {
    let mut pair = Pair::connected(Version::Tls13, usize::MAX);
    let mut wire = b"before".to_vec();
    pair.server.send([b"one".as_slice(), b"two"], &mut wire).unwrap();
    assert!(wire.starts_with(b"before"));
    pair.give_client(&wire[6..]);
    assert_eq!(pair.at_client, b"onetwo");
}

#[test]
fn nothing_is_sent_before_the_handshake_is_over_or_after_the_end() {
    let mut session = PLACE.acceptor.session().unwrap();
    let mut out = b"kept".to_vec();
    assert_eq!(session.send([b"x".as_slice()], &mut out), Err(SessionError::Handshaking));
    let mut hello = Vec::new();
    client(client_config(&PLACE, Version::Tls13)).write_tls(&mut hello).unwrap();
    session.receive(&mut hello, &mut Vec::new(), &mut Vec::new()).unwrap();
    for pieces in [vec![b"x".as_slice()], vec![b"x", b"y"]] {
        assert_eq!(session.send(pieces, &mut out), Err(SessionError::Handshaking));
    }
    session.close(&mut out);
    assert_eq!(session.send([b"x".as_slice()], &mut out), Err(SessionError::Over));
    assert_eq!(out, b"kept");
}

#[test]
fn a_close_is_said_once_and_heard() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version, usize::MAX);
        let mut wire = Vec::new();
        pair.server.close(&mut wire);
        let once = wire.len();
        pair.server.close(&mut wire);
        assert_eq!(wire.len(), once);
        pair.give_client(&wire);
        assert!(pair.client_closed);
        // What the client still sends is nobody's any more, and harms nobody.
        pair.client_sends(b"late");
        assert_eq!((pair.at_server.as_slice(), pair.server_error), (b"".as_slice(), None));
    }
}

#[test]
fn a_peer_that_closes_can_still_be_answered() {
    for version in VERSIONS {
        let mut pair = Pair::connected(version, 1);
        pair.client.writer().write_all(b"last words").unwrap();
        pair.client.send_close_notify();
        pair.run();
        assert!(pair.server.peer_closed());
        assert_eq!(pair.at_server, b"last words");
        assert_eq!(
            pair.server.receive(&mut [0; 9], &mut Vec::new(), &mut Vec::new()),
            Ok(Received::Closed)
        );
        pair.server_sends(&[b"answer"]);
        assert_eq!(pair.at_client, b"answer");
    }
}

#[test]
fn a_ticket_takes_a_session_up_again_unless_there_are_none() {
    let resumed = |place: &Place, version| {
        let config = client_config(place, version);
        let mut last = false;
        for _ in 0..2 {
            let mut pair = Pair::new(place, config.clone(), usize::MAX);
            pair.run();
            // The ticket comes with the first data.
            pair.server_sends(&[b"x"]);
            last = pair.server.is_resumed();
        }
        last
    };
    for version in VERSIONS {
        assert!(resumed(&PLACE, version), "{version:?}");
        assert!(!resumed(&WITHOUT_TICKETS, version), "{version:?}");
    }
}

#[test]
fn keys_change_when_the_peer_asks() {
    let mut pair = Pair::connected(Version::Tls13, 3);
    for round in 0..3 {
        pair.client.refresh_traffic_keys().unwrap();
        pair.client_sends(b"x");
        pair.server_sends(&[b"y"]);
        assert_eq!((pair.at_server.len(), pair.at_client.len()), (round + 1, round + 1));
    }
    pair.client.refresh_traffic_keys().unwrap();
    pair.run();
    let mut wire = Vec::new();
    pair.server.close(&mut wire);
    pair.give_client(&wire);
    assert!(pair.client_closed);
}

#[test]
fn plain_http_is_answered_in_words() {
    for request in ["G", "GET / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut session = PLACE.acceptor.session().unwrap();
        let mut answer = Vec::new();
        let mut bytes = request.as_bytes().to_vec();
        let received = session.receive(&mut bytes, &mut Vec::new(), &mut answer);
        assert_eq!(received, Err(SessionError::PlainHttp));
        assert!(answer.starts_with(b"HTTP/1.1 400 "));
        let again = session.receive(&mut [b'E'], &mut Vec::new(), &mut answer.clone());
        assert_eq!(again, Err(SessionError::Over));
    }
}

#[test]
fn a_broken_record_is_answered_with_an_alert() {
    for version in VERSIONS {
        for step in [1, usize::MAX] {
            let mut pair = Pair::connected(version, step);
            pair.client.writer().write_all(b"whole").unwrap();
            let mut wire = Vec::new();
            pair.client.write_tls(&mut wire).unwrap();
            *wire.last_mut().unwrap() ^= 1;
            // More of the same comes in one go: it is told once.
            wire.extend_from_slice(&wire.clone());
            let answer = pair.give_server(&mut wire);
            assert!(matches!(pair.server_error, Some(SessionError::Violation(_))));
            pair.give_client(&answer);
            let alert = pair.client_error.unwrap();
            assert_eq!(alert, rustls::Error::AlertReceived(rustls::AlertDescription::BadRecordMac));
            assert_eq!(pair.at_server, b"");
        }
    }
}

#[test]
fn a_record_that_is_too_large_is_refused() {
    let mut pair = Pair::connected(Version::Tls13, usize::MAX);
    let answer = pair.give_server(&mut [0x17, 3, 3, 0xff, 0xff]);
    assert!(matches!(pair.server_error, Some(SessionError::Violation(_))));
    assert!(!answer.is_empty());
}

#[test]
fn a_greeting_without_end_is_refused() {
    let mut session = PLACE.acceptor.session().unwrap();
    // Records of 256 bytes of a ClientHello that says it has 60,000.
    let mut error = None;
    for number in 0..200 {
        let mut record = vec![0x16, 3, 1, 1, 0];
        record.extend(if number == 0 { [1, 0, 0xea, 0x60] } else { [0; 4] });
        record.extend([0; 252]);
        if let Err(found) = session.receive(&mut record, &mut Vec::new(), &mut Vec::new()) {
            error = Some(found);
            break;
        }
        assert!(session.waiting() <= WAITING);
    }
    assert_eq!(error, Some(SessionError::TooLong));
    assert_eq!(session.waiting(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the bytes are cut, the same comes out.
    #[test]
    fn cuts_do_not_matter(
        thirteen: bool,
        cuts in prop::collection::vec(1_usize..3000, 1..20),
        message in prop::collection::vec(any::<u8>(), 0..40_000),
    ) {
        let version = if thirteen { Version::Tls13 } else { Version::Tls12 };
        let mut pair = Pair::connected(version, usize::MAX);
        pair.client.set_buffer_limit(None);
        pair.client.writer().write_all(&message).unwrap();
        let mut wire = Vec::new();
        while pair.client.wants_write() {
            pair.client.write_tls(&mut wire).unwrap();
        }
        let mut rest = wire.as_mut_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at_mut((*cut).min(rest.len()));
            pair.server.receive(now, &mut pair.at_server, &mut Vec::new()).unwrap();
            prop_assert!(pair.server.waiting() <= WAITING);
            rest = later;
        }
        prop_assert_eq!(&pair.at_server, &message);
        prop_assert_eq!(pair.server.waiting(), 0);
    }

    /// Whatever comes, at whatever moment, nothing panics, and an error is final.
    #[test]
    fn garbage_ends_in_an_error_or_waits(
        stage in 0_usize..4,
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..8),
        as_record in prop::option::of(20_u8..25),
    ) {
        let mut session = at_stage(stage);
        let (mut plaintext, mut outgoing) = (Vec::new(), Vec::new());
        let mut failed = false;
        for part in parts {
            let mut bytes = match as_record {
                Some(content_type) => {
                    let length = u16::try_from(part.len()).unwrap().to_be_bytes();
                    [&[content_type, 3, 3][..], &length, &part].concat()
                }
                None => part,
            };
            let received = session.receive(&mut bytes, &mut plaintext, &mut outgoing);
            prop_assert!(!failed || received == Err(SessionError::Over));
            failed |= received.is_err();
            prop_assert!(session.waiting() <= WAITING);
            let sent = session.send([b"x".as_slice()], &mut outgoing);
            prop_assert!(!failed || sent == Err(SessionError::Over));
        }
        prop_assert_eq!(plaintext, b"");
        session.close(&mut outgoing);
    }

    /// A client whose bytes are changed while it shakes hands.
    #[test]
    fn a_changed_handshake_harms_nobody(
        thirteen: bool,
        small: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..4),
        step in 1_usize..600,
    ) {
        let version = if thirteen { Version::Tls13 } else { Version::Tls12 };
        let mut config = client_config(&PLACE, version);
        config.max_fragment_size = small.then_some(32);
        let mut pair = Pair::new(&PLACE, config, step);
        pair.client.writer().write_all(b"a message").unwrap();
        for (at, bits) in changes {
            let mut wire = Vec::new();
            while pair.client.wants_write() {
                pair.client.write_tls(&mut wire).unwrap();
            }
            if wire.is_empty() || pair.client_error.is_some() {
                break;
            }
            let at = at.index(wire.len());
            wire[at] ^= bits;
            let answer = pair.give_server(&mut wire);
            pair.give_client(&answer);
        }
        prop_assert!(b"a message".starts_with(&pair.at_server));
        prop_assert!(!pair.server.is_handshaking() || pair.at_server.is_empty());
        let sent = pair.server.send([b"x".as_slice()], &mut Vec::new());
        prop_assert!(sent.is_ok() != (pair.server_error.is_some() || pair.server.is_handshaking()));
        pair.server.close(&mut Vec::new());
    }

    /// A client whose bytes are changed on their way.
    #[test]
    fn a_changed_byte_never_goes_unnoticed(
        thirteen: bool,
        at: prop::sample::Index,
        bits in 1_u8..,
        step in 1_usize..600,
    ) {
        let version = if thirteen { Version::Tls13 } else { Version::Tls12 };
        let mut pair = Pair::connected(version, step);
        pair.client.writer().write_all(b"a message").unwrap();
        let mut wire = Vec::new();
        pair.client.write_tls(&mut wire).unwrap();
        // The version of a record is not looked at and not protected; nothing hangs on it.
        let at = at.index(wire.len());
        wire[at] ^= bits;
        pair.give_server(&mut wire);
        prop_assert!(pair.at_server.is_empty() || (1..3).contains(&at));
    }
}

/// A session before anything, after a `ClientHello`, after the handshake, and after data.
fn at_stage(stage: usize) -> Session {
    match stage {
        0 => PLACE.acceptor.session().unwrap(),
        1 => {
            let mut session = PLACE.acceptor.session().unwrap();
            let mut hello = Vec::new();
            client(client_config(&PLACE, Version::Tls13)).write_tls(&mut hello).unwrap();
            session.receive(&mut hello, &mut Vec::new(), &mut Vec::new()).unwrap();
            session
        }
        2 => Pair::connected(Version::Tls12, usize::MAX).server,
        _ => {
            let mut pair = Pair::connected(Version::Tls13, usize::MAX);
            pair.client_sends(b"data");
            pair.server
        }
    }
}
