//! The page's files: all of them are served, to everybody, in the form that the reader takes, under
//! rules that leave a script of anybody else nothing to do.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails where a test would")]

mod support;

use std::collections::BTreeMap;

use headway_gateway::{Options, Page, PageFile};
use reqwest::header::HeaderMap;
use reqwest::{Method, Response};
use support::{Server, refusal};

const INDEX: &str = "<!doctype html><title>A page</title>";
const SCRIPT: &str = "document.title = 'a script that is longer than what it is compressed to';";
/// Nobody reads these here: what counts is which of them is answered.
const SCRIPT_BR: &str = "the script, by Brotli";
const SCRIPT_GZIP: &str = "the script, by gzip";

fn page() -> Page {
    let script = PageFile::new("assets/main-5f3a.js", "text/javascript; charset=utf-8", SCRIPT)
        .with_brotli(SCRIPT_BR)
        .with_gzip(SCRIPT_GZIP)
        .immutable();
    let index = PageFile::new("index.html", "text/html; charset=utf-8", INDEX);
    let icon = PageFile::new("icon.svg", "image/svg+xml", "<svg/>").with_gzip("the icon, by gzip");
    Page::new([index, script, icon]).unwrap()
}

fn options() -> Options {
    Options { page: page(), ..Options::default() }
}

async fn server() -> Server {
    Server::start_with(options(), headway_hub::Options::default()).await
}

/// A request for a file with headers.
async fn ask(server: &Server, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = server.request(method, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

/// What a content security policy says, by directive.
fn directives(headers: &HeaderMap) -> BTreeMap<String, String> {
    let policy = headers["content-security-policy"].to_str().unwrap();
    let parts = policy.split(';').map(str::trim);
    let pairs = parts.map(|part| part.split_once(' ').unwrap_or((part, "")));
    pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

/// The rules under which every file comes.
fn assert_ruled(path: &str, headers: &HeaderMap) {
    let expected = [
        ("base-uri", "'none'"),
        ("connect-src", "'self'"),
        ("default-src", "'none'"),
        ("font-src", "'self'"),
        ("form-action", "'none'"),
        ("frame-ancestors", "'none'"),
        ("img-src", "'self' data:"),
        ("manifest-src", "'self'"),
        ("require-trusted-types-for", "'script'"),
        ("script-src", "'self'"),
        ("style-src", "'self'"),
        ("trusted-types", "'none'"),
    ];
    let said = directives(headers);
    let said: Vec<_> = said.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(said, expected, "{path}");
    for (name, value) in [
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(headers[name], value, "{name} of {path}");
    }
    assert!(!headers.contains_key("set-cookie"), "{path}");
}

#[tokio::test]
async fn every_file_comes_to_everybody_under_the_same_rules() {
    // Whoever is to sign in has to get the page first.
    for server in [server().await, Server::start_guarded(options()).await] {
        for (path, media, content) in [
            ("/", "text/html; charset=utf-8", INDEX),
            ("/assets/main-5f3a.js", "text/javascript; charset=utf-8", SCRIPT),
            ("/icon.svg", "image/svg+xml", "<svg/>"),
        ] {
            let response = server.get(path).await;
            assert_eq!(response.status(), 200, "{path}");
            assert_eq!(header(&response, "content-type"), Some(media), "{path}");
            assert_eq!(header(&response, "content-encoding"), None, "{path}");
            assert_ruled(path, response.headers());
            assert_eq!(response.text().await.unwrap(), content, "{path}");
        }
        server.stop().await;
    }
}

#[tokio::test]
async fn a_file_comes_in_the_form_that_its_reader_takes() {
    let server = server().await;
    let check = async |path: &str, accepted: &str, coding: Option<&str>, content: &str| {
        let response = ask(&server, Method::GET, path, &[("accept-encoding", accepted)]).await;
        assert_eq!(header(&response, "content-encoding"), coding, "{path} for `{accepted}`");
        let length = content.len().to_string();
        assert_eq!(header(&response, "content-length"), Some(&*length), "{path}");
        assert_eq!(response.text().await.unwrap(), content, "{path} for `{accepted}`");
    };
    let script = "/assets/main-5f3a.js";
    check(script, "gzip, deflate, br, zstd", Some("br"), SCRIPT_BR).await;
    check(script, "gzip, deflate", Some("gzip"), SCRIPT_GZIP).await;
    check(script, "br;q=0.1, gzip", Some("gzip"), SCRIPT_GZIP).await;
    check(script, "zstd", None, SCRIPT).await;
    check("/icon.svg", "gzip, br", Some("gzip"), "the icon, by gzip").await;
    check("/", "gzip, br", None, INDEX).await;
    // A cache in between is told what the answer depends on, whichever form it was.
    for accepted in ["br", "zstd"] {
        let response = ask(&server, Method::GET, script, &[("accept-encoding", accepted)]).await;
        assert_eq!(header(&response, "vary"), Some("accept-encoding"));
    }
    assert_eq!(header(&server.get("/").await, "vary"), None);
    server.stop().await;
}

#[tokio::test]
async fn what_is_held_is_not_sent_again() {
    let server = server().await;
    for (path, kept) in [
        ("/", "no-cache"),
        ("/icon.svg", "no-cache"),
        ("/assets/main-5f3a.js", "public, max-age=31536000, immutable"),
    ] {
        let mut tags = Vec::new();
        for accepted in ["identity", "gzip", "br"] {
            let accepted = ("accept-encoding", accepted);
            let first = ask(&server, Method::GET, path, &[accepted]).await;
            assert_eq!(header(&first, "cache-control"), Some(kept), "{path}");
            let tag = header(&first, "etag").unwrap().to_owned();
            assert!(tag.starts_with('"') && tag.ends_with('"'), "strong: {tag}");
            let weak = format!("\"other\", W/{tag}");
            for held in [&*tag, &*weak, "*"] {
                let headers = [accepted, ("if-none-match", held)];
                let again = ask(&server, Method::GET, path, &headers).await;
                assert_eq!(again.status(), 304, "{path} with {held}");
                assert_eq!(header(&again, "etag"), Some(&*tag));
                assert_eq!(header(&again, "cache-control"), Some(kept), "{path}");
                assert_eq!(header(&again, "vary"), header(&first, "vary"), "{path}");
                assert_ruled(path, again.headers());
                assert_eq!(again.text().await.unwrap(), "");
            }
            let headers = [accepted, ("if-none-match", "\"other\"")];
            assert_eq!(ask(&server, Method::GET, path, &headers).await.status(), 200);
            tags.push((header(&first, "content-encoding").map(str::to_owned), tag));
        }
        // One tag for each form, and none for two of them.
        for (coding, tag) in &tags {
            let fits = tags.iter().all(|(other, held)| (other == coding) == (held == tag));
            assert!(fits, "{path}: {tags:?}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn a_file_can_be_asked_about_without_its_content() {
    let server = server().await;
    for path in ["/", "/assets/main-5f3a.js", "/icon.svg"] {
        let accepted = [("accept-encoding", "br, gzip")];
        let whole = ask(&server, Method::GET, path, &accepted).await;
        let head = ask(&server, Method::HEAD, path, &accepted).await;
        assert_eq!(head.status(), 200, "{path}");
        for name in ["content-length", "content-type", "content-encoding", "etag", "vary"] {
            assert_eq!(header(&head, name), header(&whole, name), "{name} of {path}");
        }
        assert_eq!(head.text().await.unwrap(), "");
    }
    for path in ["/", "/assets/main-5f3a.js"] {
        let response = ask(&server, Method::POST, path, &[]).await;
        assert_eq!(header(&response, "allow"), Some("GET, HEAD, OPTIONS"), "{path}");
        assert_eq!(refusal(response).await.0, 405, "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn where_no_file_is_the_interface_answers() {
    let server = server().await;
    for path in ["/assets/main-0000.js", "/assets/", "/index.html", "/other", "/icon.svg/", "//"] {
        let response = server.get(path).await;
        assert_eq!(header(&response, "cache-control"), Some("no-store"), "{path}");
        let (status, code, ..) = refusal(response).await;
        assert_eq!((status, &*code), (404, "not_found"), "{path}");
    }
    let text = server.get("/metrics").await.text().await;
    assert!(text.unwrap().contains("route=\"/assets/{*name}\""), "files are counted as one route");
    server.stop().await;
}

#[tokio::test]
async fn a_program_without_a_page_says_how_to_have_one() {
    for server in [Server::start().await, Server::start_guarded(Options::default()).await] {
        let response = server.get("/").await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(header(&response, "cache-control"), Some("no-cache"));
        assert_ruled("/", response.headers());
        let text = response.text().await.unwrap();
        assert!(text.contains("<code>cargo xtask dashboard</code>"), "{text}");
        assert!(!text.contains("style") && !text.contains("script"), "nothing that needs rules");
        assert_eq!(refusal(server.get("/assets/main.js").await).await.0, 404);
        server.stop().await;
    }
}
