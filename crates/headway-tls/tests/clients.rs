//! Clients that are not ours: `curl` and `openssl s_client`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use headway_tls::{Acceptor, Settings, Version};
use support::{Authority, NAMES, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

struct Server {
    authority: Authority,
    address: SocketAddr,
}

async fn server(change: impl FnOnce(&mut Settings)) -> Server {
    let authority = Authority::new();
    let mut settings = authority.sign(NAMES);
    change(&mut settings);
    let address = serve(Arc::new(Acceptor::open(settings).unwrap())).await;
    Server { authority, address }
}

/// How long a program may take: what hangs is told of, however slow the machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a program said, on both of its outputs, and whether it was content.
struct Said {
    text: String,
    content: bool,
}

async fn run(command: &mut Command, input: &[u8]) -> Said {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("curl and openssl are needed for this test");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input).await.unwrap();
    // `s_client` without `-ign_eof` goes when its input ends, `curl` never reads it.
    drop(stdin);
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    write!(text, "{}", String::from_utf8_lossy(&output.stderr)).unwrap();
    Said { text, content: output.status.success() }
}

async fn curl(server: &Server, arguments: &[&str]) -> Said {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--cacert"])
        .arg(server.authority.file())
        .args(arguments)
        .arg(format!("https://localhost:{}/path", server.address.port()));
    run(&mut command, b"").await
}

async fn s_client(server: &Server, arguments: &[&str], input: &[u8]) -> Said {
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-connect", &server.address.to_string()])
        .args(["-verify_return_error", "-CAfile"])
        .arg(server.authority.file())
        .args(arguments);
    run(&mut command, input).await
}

#[tokio::test]
async fn curl_speaks_both_versions_of_tls_and_of_http() {
    let server = server(|_| {}).await;
    let check = async |arguments: &[&str], expected: &str| {
        let said = curl(&server, arguments).await;
        assert_eq!(said.text, expected, "{arguments:?}");
    };
    check(&["--http2"], "HTTP/2.0 h2 /path\n").await;
    check(&["--http1.1"], "HTTP/1.1 http/1.1 /path\n").await;
    check(&["--tls-max", "1.2"], "HTTP/2.0 h2 /path\n").await;
    check(&["--tls-max", "1.2", "--http1.1"], "HTTP/1.1 http/1.1 /path\n").await;
    check(&["--no-alpn", "--http1.1"], "HTTP/1.1 none /path\n").await;
    check(&["--http2", "--data", "a body"], "HTTP/2.0 h2 /path\na body").await;
}

#[tokio::test]
async fn a_large_body_goes_there_and_back() {
    let server = server(|_| {}).await;
    let mut body = String::new();
    for number in 0..300_000 {
        writeln!(body, "{number}").unwrap();
    }
    let file = server.authority.folder.path().join("body");
    std::fs::write(&file, &body).unwrap();
    let data = format!("@{}", file.display());
    for version in ["--http1.1", "--http2"] {
        let said = curl(&server, &[version, "--data-binary", &data]).await;
        let (_, back) = said.text.split_once('\n').unwrap();
        assert!(back == body, "{version}: {} bytes of {} came back", back.len(), body.len());
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_or_for_another_name_is_the_clients_to_refuse() {
    let server = server(|_| {}).await;
    let mut command = Command::new("curl");
    let url = format!("https://localhost:{}/", server.address.port());
    let said = run(command.args(["-sS", "--noproxy", "*", &url]), b"").await;
    assert!(!said.content && said.text.contains("certificate"), "{}", said.text);
    let resolve = format!("elsewhere.example:{}:127.0.0.1", server.address.port());
    let url = format!("https://elsewhere.example:{}/", server.address.port());
    let mut command = Command::new("curl");
    command.args(["-sS", "--noproxy", "*", "--resolve", &resolve, "--cacert"]);
    let said = run(command.arg(server.authority.file()).arg(&url), b"").await;
    assert!(!said.content && said.text.contains("name"), "{}", said.text);
    // The server took no harm of either.
    assert!(curl(&server, &[]).await.content);
}

#[tokio::test]
async fn openssl_agrees_on_version_and_protocol() {
    let server = server(|_| {}).await;
    let check = async |arguments: &[&str], expected: &[&str]| {
        let said = s_client(&server, arguments, b"").await;
        for words in expected {
            assert!(said.text.contains(words), "{arguments:?}: {words} in {}", said.text);
        }
    };
    check(&["-tls1_3", "-alpn", "h2"], &["ALPN protocol: h2", "New, TLSv1.3"]).await;
    check(&["-tls1_2", "-alpn", "http/1.1"], &["ALPN protocol: http/1.1", "New, TLSv1.2"]).await;
    check(&["-alpn", "smtp"], &["alert number 120"]).await;
    check(&["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], &["SSL alert number"]).await;
}

#[tokio::test]
async fn the_oldest_version_is_a_setting() {
    let server = server(|settings| settings.oldest = Version::Tls13).await;
    assert!(s_client(&server, &["-tls1_3"], b"").await.content);
    let refused = s_client(&server, &["-tls1_2"], b"").await;
    assert!(!refused.content && refused.text.contains("alert protocol version"));
}

#[tokio::test]
async fn renegotiation_is_refused() {
    let server = server(|_| {}).await;
    // A line `R` asks for it; `openssl` then waits for an answer, and gives up at this one.
    let said = s_client(&server, &["-tls1_2", "-legacy_renegotiation"], b"R\n").await;
    assert!(said.text.contains("RENEGOTIATING"), "{}", said.text);
    assert!(said.text.contains(":no renegotiation:"), "{}", said.text);
    assert!(curl(&server, &[]).await.content);
}

#[tokio::test]
async fn a_request_in_plain_text_is_answered_in_plain_text() {
    let server = server(|_| {}).await;
    let mut command = Command::new("curl");
    let url = format!("http://{}/", server.address);
    let said = run(command.args(["-sS", "-i", "--noproxy", "*", &url]), b"").await;
    assert!(said.content, "{}", said.text);
    assert!(said.text.starts_with("HTTP/1.1 400 Bad Request"), "{}", said.text);
    assert!(said.text.ends_with("use https:// (or wss://) in the address.\n"), "{}", said.text);
}

#[tokio::test]
async fn garbage_is_answered_with_an_alert_and_the_end() {
    let server = server(|_| {}).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(&[0x16, 3, 1, 0, 4, 0xff, 0, 0, 0]).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer.first(), Some(&21), "an alert: {answer:?}");
    assert!(curl(&server, &[]).await.content);
}
