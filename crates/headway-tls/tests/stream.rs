//! A connection that goes from one kind of thread to the other and back, and ends that are none.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use headway_tls::{Acceptor, Parts, Protocol, Received, Session, Stream};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use support::{Authority, NAMES, http};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Client = StreamOwned<ClientConnection, std::net::TcpStream>;

/// A blocking client of `address`; it goes in a thread of its own.
fn connect(address: SocketAddr, authority: &Authority, protocol: &str) -> Client {
    let mut config = authority.client();
    config.alpn_protocols = vec![protocol.into()];
    let name = ServerName::try_from("localhost").unwrap();
    let tls = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = std::net::TcpStream::connect(address).unwrap();
    socket.set_nodelay(true).unwrap();
    StreamOwned::new(tls, socket)
}

struct Place {
    authority: Authority,
    acceptor: Acceptor,
    listener: TcpListener,
    address: SocketAddr,
}

async fn place() -> Place {
    let authority = Authority::new();
    let acceptor = Acceptor::open(authority.sign(NAMES)).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    Place { authority, acceptor, listener, address }
}

impl Place {
    async fn accept(&self) -> (TcpStream, Session) {
        let (socket, _) = self.listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        (socket, self.acceptor.session().unwrap())
    }
}

/// A socket as a thread of its own has it: no runtime touches it.
fn blocking(socket: TcpStream) -> std::net::TcpStream {
    let socket = socket.into_std().unwrap();
    socket.set_nonblocking(false).unwrap();
    socket
}

/// Reads a response with a length and nothing after it.
fn response(client: &mut Client) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
    let head = String::from_utf8(text).unwrap().to_lowercase();
    let (_, length) = head.split_once("content-length: ").unwrap();
    let length = length.lines().next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    client.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

/// What a thread that owns its sockets does with one that can be written and read.
fn serve(
    socket: &mut std::net::TcpStream,
    session: &mut Session,
    plaintext: &mut Vec<u8>,
    outgoing: &mut Vec<u8>,
) -> Received {
    socket.write_all(outgoing).unwrap();
    outgoing.clear();
    let mut scratch = [0; 16 * 1024];
    let count = socket.read(&mut scratch).unwrap();
    assert_ne!(count, 0, "the client is not gone before it says so");
    session.receive(&mut scratch[..count], plaintext, outgoing).unwrap()
}

#[tokio::test]
async fn a_thread_shakes_hands_and_reads_and_a_library_goes_on() {
    let place = place().await;
    let mut client = connect(place.address, &place.authority, "http/1.1");
    let talking = std::thread::spawn(move || {
        client.write_all(b"GET /first HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let first = response(&mut client);
        client.write_all(b"GET /second HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let second = response(&mut client);
        client.conn.send_close_notify();
        client.flush().unwrap();
        (first, second)
    });
    let (socket, mut session) = place.accept().await;
    let mut socket = blocking(socket);
    let (mut plaintext, mut outgoing) = (Vec::new(), Vec::new());
    while !plaintext.ends_with(b"\r\n\r\n") {
        serve(&mut socket, &mut session, &mut plaintext, &mut outgoing);
    }
    assert_eq!(session.protocol(), Some(Protocol::Http11));
    assert!(plaintext.starts_with(b"GET /first "));
    socket.set_nonblocking(true).unwrap();
    let socket = TcpStream::from_std(socket).unwrap();
    http(Stream::from_parts(Parts { socket, session, unread: plaintext, unsent: outgoing })).await;
    let (first, second) = talking.join().unwrap();
    assert_eq!(first, "HTTP/1.1 http/1.1 /first\n");
    assert_eq!(second, "HTTP/1.1 http/1.1 /second\n");
}

#[tokio::test]
async fn a_library_begins_and_a_thread_goes_on() {
    let place = place().await;
    let mut client = connect(place.address, &place.authority, "http/1.1");
    let talking = std::thread::spawn(move || {
        // Both in one record, so that the reader of the first has the second already.
        client.write_all(b"first.second.").unwrap();
        let mut answer = [0; 13];
        client.read_exact(&mut answer).unwrap();
        client.write_all(b"third.").unwrap();
        let mut last = [0; 6];
        client.read_exact(&mut last).unwrap();
        client.conn.send_close_notify();
        client.flush().unwrap();
        (answer, last)
    });
    let (socket, session) = place.accept().await;
    let mut stream = Stream::new(socket, session);
    let mut first = [0; 6];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"first.");
    stream.write_all(b"1st.").await.unwrap();
    let Parts { socket, mut session, unread, unsent: mut outgoing } = stream.into_parts();
    assert_eq!(unread, b"second.");
    let mut socket = blocking(socket);
    session.send([b"2nd.".as_slice(), b"wait."], &mut outgoing).unwrap();
    let mut plaintext = Vec::new();
    while plaintext != b"third." {
        serve(&mut socket, &mut session, &mut plaintext, &mut outgoing);
    }
    session.send([b"3rd.ok".as_slice()], &mut outgoing).unwrap();
    while serve(&mut socket, &mut session, &mut plaintext, &mut outgoing) == Received::Open {}
    assert_eq!(plaintext, b"third.");
    assert_eq!(talking.join().unwrap(), (*b"1st.2nd.wait.", *b"3rd.ok"));
}

#[tokio::test]
async fn a_slow_reader_holds_up_the_writer_and_loses_nothing() {
    let place = place().await;
    let mut client = connect(place.address, &place.authority, "http/1.1");
    let text: Vec<u8> = (0..250_000_u32).flat_map(u32::to_be_bytes).collect();
    let expected = text.clone();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let talking = std::thread::spawn(move || {
        client.write_all(b"x").unwrap();
        wait.recv().unwrap();
        let mut got = Vec::new();
        client.read_to_end(&mut got).unwrap();
        got
    });
    let (socket, session) = place.accept().await;
    let mut stream = Stream::new(socket, session);
    stream.read_u8().await.unwrap();
    let writing = tokio::spawn(async move {
        stream.write_all(&text).await.unwrap();
        // Says `close_notify`: without it, the reader would not be content.
        stream.shutdown().await.unwrap();
        stream.into_parts().unsent.len()
    });
    go.send(()).unwrap();
    assert_eq!(writing.await.unwrap(), 0);
    assert!(talking.join().unwrap() == expected);
}

#[tokio::test]
async fn what_is_held_for_a_socket_that_takes_nothing_is_bounded() {
    let place = place().await;
    let mut client = connect(place.address, &place.authority, "http/1.1");
    let talking = std::thread::spawn(move || {
        client.write_all(b"x").unwrap();
        client
    });
    let (socket, session) = place.accept().await;
    let mut stream = Stream::new(socket, session);
    stream.read_u8().await.unwrap();
    let _client = talking.join().unwrap();
    // Nobody reads: at some point nothing more is taken.
    let piece = vec![0; 1 << 20];
    let stuck = std::future::poll_fn(|cx| {
        loop {
            let write = std::pin::Pin::new(&mut stream);
            match tokio::io::AsyncWrite::poll_write(write, cx, &piece) {
                std::task::Poll::Ready(taken) => assert!(taken.unwrap() <= 64 * 1024),
                std::task::Poll::Pending => return std::task::Poll::Ready(()),
            }
        }
    });
    stuck.await;
    let held = stream.into_parts().unsent.len();
    assert!((1..70 * 1024).contains(&held), "{held}");
}

#[tokio::test]
async fn a_reader_and_a_writer_may_be_two_tasks() {
    let place = place().await;
    let mut client = connect(place.address, &place.authority, "http/1.1");
    let talking = std::thread::spawn(move || {
        let mut got = [0; 1000];
        for _ in 0..200 {
            client.write_all(&[7; 1000]).unwrap();
            client.read_exact(&mut got).unwrap();
            client.conn.refresh_traffic_keys().unwrap();
        }
        client.conn.send_close_notify();
        client.flush().unwrap();
    });
    let (socket, session) = place.accept().await;
    let mut stream = Stream::new(socket, session);
    stream.handshake().await.unwrap();
    let (mut read, mut write) = tokio::io::split(stream);
    let (send, mut receive) = tokio::sync::mpsc::channel::<Vec<u8>>(4);
    let writer = tokio::spawn(async move {
        while let Some(bytes) = receive.recv().await {
            write.write_all(&bytes).await.unwrap();
            write.flush().await.unwrap();
        }
    });
    let mut buffer = [0; 777];
    loop {
        let count = read.read(&mut buffer).await.unwrap();
        if count == 0 {
            break;
        }
        send.send(buffer[..count].to_vec()).await.unwrap();
    }
    drop(send);
    writer.await.unwrap();
    talking.join().unwrap();
}

#[tokio::test]
async fn an_end_without_a_word_is_told_from_one_with() {
    let place = place().await;
    for polite in [true, false] {
        let mut client = connect(place.address, &place.authority, "http/1.1");
        let talking = std::thread::spawn(move || {
            client.write_all(b"x").unwrap();
            if polite {
                client.conn.send_close_notify();
                client.flush().unwrap();
            }
            // Only this direction ends: the other may still be used.
            client.sock.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).unwrap();
            answer
        });
        let (socket, session) = place.accept().await;
        let mut stream = Stream::new(socket, session);
        stream.read_u8().await.unwrap();
        let end = stream.read(&mut [0; 9]).await;
        if polite {
            assert_eq!(end.unwrap(), 0);
        } else {
            assert_eq!(end.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
        stream.write_all(b"answer").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(talking.join().unwrap(), b"answer");
    }
}

#[tokio::test]
async fn an_end_within_the_handshake_is_an_error() {
    let place = place().await;
    drop(TcpStream::connect(place.address).await.unwrap());
    let (socket, session) = place.accept().await;
    let mut stream = Stream::new(socket, session);
    assert_eq!(stream.handshake().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    assert!(stream.write_all(b"x").await.is_err());
    stream.shutdown().await.ok();
}
