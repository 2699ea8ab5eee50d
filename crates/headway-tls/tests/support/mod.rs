//! An authority, a certificate of it for `localhost`, and servers that show it.

#![allow(dead_code, reason = "each test file uses its part of this")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use headway_tls::{Acceptor, Settings, Stream};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};

/// An authority that signs what a test needs.
pub(crate) struct Authority {
    pub(crate) folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "an authority for tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("authority.pem"), root.pem()).unwrap();
        let der = root.der().clone();
        Self { folder, issuer: Issuer::new(params, key), root: der }
    }

    /// The authority's own certificate, for `--cacert`.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// Signs a new certificate for `names` and writes it and its key to files.
    pub(crate) fn sign(&self, names: &[&str]) -> Settings {
        let settings = Settings::new(
            self.folder.path().join("certificate.pem"),
            self.folder.path().join("key.pem"),
        );
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "a server for tests");
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(&settings.certificate, certificate.pem()).unwrap();
        std::fs::write(&settings.key, key.serialize_pem()).unwrap();
        settings
    }

    /// A client that trusts this authority alone.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }
}

/// The names of this machine that a test's certificate is for.
pub(crate) const NAMES: &[&str] = &["localhost", "127.0.0.1"];

/// An HTTP server over TLS that answers every request with its version and its body.
pub(crate) async fn serve(acceptor: Arc<Acceptor>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            tokio::spawn(connection(socket, Arc::clone(&acceptor)));
        }
    });
    address
}

async fn connection(socket: TcpStream, acceptor: Arc<Acceptor>) {
    socket.set_nodelay(true).unwrap();
    let mut stream = Stream::new(socket, acceptor.session().unwrap());
    if stream.handshake().await.is_ok() {
        http(stream).await;
    }
}

/// Serves HTTP on a stream until it is over.
pub(crate) async fn http(stream: Stream<TcpStream>) {
    let agreed = stream.session().protocol().map_or("none", headway_tls::Protocol::name);
    let service = service_fn(move |request| answer(request, agreed));
    let server = auto::Builder::new(TokioExecutor::new());
    // How a connection ends is the client's to say.
    server.serve_connection(TokioIo::new(stream), service).await.ok();
}

async fn answer(
    request: Request<Incoming>,
    agreed: &'static str,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let head = format!("{:?} {agreed} {}\n", request.version(), request.uri().path());
    let body = request.into_body().collect().await?.to_bytes();
    Ok(Response::new(Full::new([head.as_bytes(), &body].concat().into())))
}
