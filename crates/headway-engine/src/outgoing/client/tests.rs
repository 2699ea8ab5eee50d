//! Which addresses are connected to, whatever names resolve to.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that says who it is and hangs up, at one address of loopback.
struct Server {
    at: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start(at: SocketAddr) -> Self {
        let listener = TcpListener::bind(at).await.unwrap();
        let at = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let mut asked = [0; 4096];
                let read = stream.read(&mut asked).await;
                let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
                if read.is_ok() && stream.write_all(head.as_bytes()).await.is_err() {
                    return;
                }
            }
        });
        Self { at, connections }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Answers every question with the next of these, and the last for ever.
#[derive(Debug)]
struct Script {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

#[async_trait]
impl Lookup for Script {
    async fn lookup(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed).min(self.answers.len() - 1);
        Ok(self.answers[asked].iter().map(|address| SocketAddr::new(*address, port)).collect())
    }
}

fn client(allowed: &str, answers: &[&[&str]]) -> GuardedClient {
    let guard = AddressGuard::new(&[allowed.to_owned()]).unwrap();
    let read = |addresses: &&[&str]| addresses.iter().map(|text| text.parse().unwrap()).collect();
    let answers = answers.iter().map(read).collect();
    GuardedClient::over(guard, Arc::new(Script { answers, asked: AtomicUsize::new(0) }))
}

async fn ask(client: &GuardedClient, port: u16) -> Result<Response, SendError> {
    let url = format!("http://name.example:{port}/").parse().unwrap();
    let request = Request { method: Method::GET, url, headers: HeaderMap::new(), body: None };
    client.send(request).await
}

fn is_refused(sent: Result<Response, SendError>) -> bool {
    match sent {
        Err(SendError::Transport(error)) => refused(&error).is_some(),
        Err(SendError::Refused(_)) => true,
        Ok(_) | Err(SendError::Redirect(_) | SendError::Onward(_)) => false,
    }
}

/// A server at an address that is allowed and one at an address that is not, on one port.
async fn two_servers() -> (Server, Server) {
    let open = Server::start("127.0.0.1:0".parse().unwrap()).await;
    let guarded = Server::start(SocketAddr::new("127.0.0.2".parse().unwrap(), open.at.port()));
    (open, guarded.await)
}

#[tokio::test]
async fn of_a_names_addresses_only_those_that_may_be_reached_are_dialled() {
    let (open, guarded) = two_servers().await;
    for answer in [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"]] {
        let client = client("127.0.0.1", &[&answer]);
        assert!(ask(&client, open.at.port()).await.is_ok());
    }
    assert_eq!((open.connections(), guarded.connections()), (2, 0));
}

#[tokio::test]
async fn a_name_that_changes_its_answer_gains_nothing() {
    let (open, guarded) = two_servers().await;
    let client = client("127.0.0.1", &[&["127.0.0.1"], &["127.0.0.2"]]);
    assert!(ask(&client, open.at.port()).await.is_ok());
    assert!(is_refused(ask(&client, open.at.port()).await));
    assert_eq!((open.connections(), guarded.connections()), (1, 0));
}

#[tokio::test]
async fn a_name_without_an_address_that_may_be_reached_is_refused() {
    let (open, guarded) = two_servers().await;
    for answer in ["127.0.0.2", "10.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.2"] {
        let client = client("127.0.0.1", &[&[answer]]);
        assert!(is_refused(ask(&client, open.at.port()).await), "{answer}");
    }
    assert_eq!(guarded.connections(), 0);
}

#[test]
fn redirects_lead_on_where_they_may() {
    for (from, location, expected) in [
        ("http://a.example/x/y", "z", Some("http://a.example/x/z")),
        ("http://a.example/", "https://b.example/", Some("https://b.example/")),
        ("http://a.example/", "//b.example/", Some("http://b.example/")),
        ("https://a.example/", "https://b.example/", Some("https://b.example/")),
        ("https://a.example/", "http://a.example/", None),
        ("http://a.example/", "file:///etc/passwd", None),
        ("http://a.example/", "gopher://a.example/", None),
        ("http://a.example/", "http://", None),
    ] {
        let next = onward(&from.parse().unwrap(), location).ok();
        assert_eq!(next.as_ref().map(Url::as_str), expected, "{from} {location}");
    }
}

#[test]
fn a_request_is_printed_without_what_it_holds() {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", "s3cret".parse().unwrap());
    let url = "https://user:s3cret@a.example/s3cret?key=s3cret".parse().unwrap();
    let request = Request { method: Method::POST, url, headers, body: Some(b"s3cret".to_vec()) };
    let printed = format!("{request:?}");
    assert!(!printed.contains("s3cret") && printed.contains("a.example"), "{printed}");
}
