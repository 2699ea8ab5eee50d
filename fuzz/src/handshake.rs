//! The opening handshake.

use headway_websocket::handshake::Handshake;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Version};
use tungstenite::error::{Error, ProtocolError};
use tungstenite::handshake::server::create_response;

/// A request's headers, a line each. What is answered was asked for, and another implementation
/// agrees that a handshake was asked for at all.
pub fn handshake(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n').take(40) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    let read = Handshake::read(&Method::GET, Version::HTTP_11, &headers, "headway.v1");
    let Ok(handshake) = read else { return };
    let (status, answer) = handshake.answer();
    assert_eq!(status, 101);
    let asked = |name: &str| {
        let lines = headers.get_all(name).iter();
        let members = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
        members.map(|member| member.trim().to_owned()).collect::<Vec<_>>()
    };
    if let Some(protocol) = answer.get("sec-websocket-protocol") {
        let protocol = protocol.to_str().unwrap();
        assert!(asked("sec-websocket-protocol").iter().any(|asked| asked == protocol));
    }
    let extension = answer.get("sec-websocket-extensions").map(|it| it.to_str().unwrap());
    assert_eq!(extension.is_some(), handshake.deflate());
    if let Some(extension) = extension {
        let offers = asked("sec-websocket-extensions");
        let mut offers = offers.iter().filter(|offer| offer.starts_with("permessage-deflate"));
        assert!(offers.clone().next().is_some());
        // A limit on our window is answered only where an offer has it.
        if extension.contains("server_max_window_bits") {
            assert!(offers.any(|offer| offer.contains("server_max_window_bits")));
        }
    }

    let mut request = Request::builder().method(Method::GET).uri("/");
    *request.headers_mut().unwrap() = headers;
    match create_response(&request.body(()).unwrap()) {
        Ok(theirs) => {
            assert_eq!(theirs.headers()["sec-websocket-accept"], answer["sec-websocket-accept"]);
        }
        // The other one takes for one word, in one line, what is a list.
        Err(Error::Protocol(
            ProtocolError::MissingConnectionUpgradeHeader
            | ProtocolError::MissingUpgradeWebSocketHeader,
        )) => {}
        Err(error) => panic!("what is accepted here is a handshake elsewhere: {error}"),
    }
}
