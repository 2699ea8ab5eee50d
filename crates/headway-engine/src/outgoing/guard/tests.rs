//! What may be reached and what may not.

use super::*;

fn guard(allowed: &[&str]) -> AddressGuard {
    let allowed: Vec<String> = allowed.iter().map(|text| (*text).to_owned()).collect();
    AddressGuard::new(&allowed).unwrap()
}

#[track_caller]
fn check(allowed: &[&str], url: &str, passes: bool) {
    let judged = guard(allowed).check(&url.parse().unwrap());
    assert_eq!(judged.is_ok(), passes, "{url} with {allowed:?}");
    if let Err(refused) = judged {
        assert!(refused.to_string().contains("allow_hosts"), "{refused}");
    }
}

#[test]
fn special_addresses_are_refused_however_they_are_written() {
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "0.0.0.0",
        "0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.9",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:8.8.8.8]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[ff02::1]",
        "[2001:db8::1]",
        "[2001::1]",
        "[3fff::1]",
        "[::7f00:1]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "app.localhost",
        "１２７.0.0.1",
        "127。0。0。1",
        "127.0.0.1.",
        "0x7f000001",
        "0x7f.0x0.0x0.0x1",
        "127.0.1",
        "%31%32%37.0.0.1",
        "public.example@127.0.0.1",
        "8.8.8.8@10.0.0.1",
        "[::127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::10.0.0.1]",
        "[64:ff9b:1::1]",
        "[2001:0:7f00:1::]",
        "[100::1]",
        "[5f00::1]",
        "[fec0::1]",
        "localhost..",
        "LocalHost.",
        "a.b.localhost.",
    ] {
        check(&[], &format!("http://{host}/"), false);
    }
    for host in [
        "8.8.8.8",
        "1.1.1.1",
        "172.15.0.1",
        "172.32.0.1",
        "100.63.0.1",
        "100.128.0.1",
        "192.0.1.1",
        "223.255.255.255",
        "[2606:4700::1111]",
        "[2a00:1450::1]",
        "example.com",
        "localhost.example",
    ] {
        check(&[], &format!("http://{host}/"), true);
    }
}

#[test]
fn what_is_allowed_passes_and_nothing_beside_it() {
    for (allowed, url, passes) in [
        ("127.0.0.1", "http://127.0.0.1:9000/", true),
        ("127.0.0.1", "http://127.0.0.2/", false),
        ("127.0.0.1", "http://[::ffff:127.0.0.1]/", true),
        ("127.0.0.1:9000", "http://127.0.0.1:9000/", true),
        ("127.0.0.1:9000", "http://127.0.0.1:9001/", false),
        ("127.0.0.1:80", "http://127.0.0.1/", true),
        ("127.0.0.1:443", "https://127.0.0.1/", true),
        ("10.0.0.0/8", "http://10.200.0.1/", true),
        ("10.0.0.0/8:8080", "http://10.200.0.1/", false),
        ("10.0.0.0/8:8080", "http://10.200.0.1:8080/", true),
        ("10.0.0.0/8", "http://192.168.0.1/", false),
        ("::1", "http://[::1]:7/", true),
        ("[::1]", "http://[::1]:7/", true),
        ("[::1]:7", "http://[::1]:7/", true),
        ("[::1]:7", "http://[::1]:8/", false),
        ("fd00::/8", "http://[fd12::1]/", true),
        ("localhost", "http://localhost:1/", true),
        ("LocalHost:1", "http://localhost:1/", true),
        ("localhost:1", "http://localhost:2/", false),
        ("localhost", "http://127.0.0.1/", false),
    ] {
        check(&[allowed], url, passes);
    }
}

#[test]
fn a_name_is_judged_by_what_it_resolves_to() {
    let both: Vec<SocketAddr> = vec!["10.0.0.1:80".parse().unwrap(), "8.8.8.8:80".parse().unwrap()];
    let inside: Vec<SocketAddr> = both[..1].to_vec();
    let judge = |allowed: &[&str], addresses: &[SocketAddr]| {
        guard(allowed).reachable("rebound.example", 80, addresses.iter().copied())
    };
    assert_eq!(judge(&[], &both).unwrap(), both[1..]);
    assert_eq!(judge(&[], &inside).unwrap_err().host, "rebound.example");
    assert_eq!(judge(&["rebound.example"], &inside).unwrap(), inside);
    assert_eq!(judge(&["rebound.example:80"], &inside).unwrap(), inside);
    assert!(judge(&["rebound.example:81"], &inside).is_err());
    assert_eq!(judge(&["10.0.0.0/8"], &inside).unwrap(), inside);
    assert!(judge(&["10.0.0.1:81"], &inside).is_err());
    assert!(judge(&["example"], &inside).is_err());
    assert_eq!(judge(&[], &[]).unwrap(), []);
}

#[tokio::test]
async fn the_resolver_answers_with_judged_addresses_only() {
    use std::str::FromStr;
    let name = || Name::from_str("localhost").unwrap();
    let names: Arc<dyn Lookup> = Arc::new(SystemLookup);
    let resolver = |allowed: &[&str]| Arc::new(guard(allowed)).resolver(80, &names);
    let refused = resolver(&[]).resolve(name()).await.err().unwrap();
    assert!(refused.downcast_ref::<Refused>().is_some());
    let found = resolver(&["localhost"]).resolve(name()).await.ok().unwrap();
    assert!(found.count() > 0);
}

#[test]
fn what_is_no_host_is_refused_by_name() {
    for text in ["", "a b", "http://x", "host:port", "10.0.0.0/99", "x:99999"] {
        let problem = AddressGuard::new(&[text.to_owned()]).unwrap_err();
        assert_eq!(problem.field.as_deref(), Some("allow_hosts"), "{text}");
    }
}
