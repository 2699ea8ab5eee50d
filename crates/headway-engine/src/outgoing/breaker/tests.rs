//! What opens a circuit, what closes it, and what must hold whatever happens.

use proptest::prelude::*;

use super::*;

const ABSENT: Showed = Showed::Absent { retry_after_ms: None };

fn server(host: &str) -> Server {
    Server::of("default", &format!("http://{host}/").parse().unwrap())
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// One server under a script, one word each: `.` an answer, `x` no answer, `-` nothing shown, a
/// number that many milliseconds. Each `.`, `x` and `-` is a request that has to be admitted; `!` is
/// one that must not be.
#[track_caller]
fn check(script: &str, standing: Standing) {
    let mut breaker = Breaker::default();
    let server = server("a.example");
    let mut now = at(0);
    for word in script.split_whitespace() {
        if let Ok(millis) = word.parse::<u64>() {
            now = now.plus(millis);
            continue;
        }
        for step in word.chars() {
            let admission = breaker.admit(&server, now);
            if step == '!' {
                assert!(
                    matches!(admission, Admission::WaitUntil(until) if until > now),
                    "{script}"
                );
                continue;
            }
            let Admission::Admit(pass) = admission else { panic!("{script}: {admission:?}") };
            let showed = match step {
                '.' => Showed::Alive,
                'x' => ABSENT,
                '-' => Showed::Nothing,
                _ => panic!("{step} is no step"),
            };
            breaker.record(&server, pass, showed, now);
        }
    }
    assert_eq!(breaker.standing(&server, now), standing, "{script}");
}

#[test]
fn failures_open_a_circuit_and_an_answer_closes_it() {
    use Standing::{Closed, Open, Probe};
    for (script, standing) in [
        ("", Closed),
        ("xxxx", Closed),
        ("xxxx.xxxx", Closed),
        // Five in a row.
        ("xxxxx", Open(at(1_000))),
        ("....xxxxx !!!", Open(at(1_000))),
        // What shows nothing is neither an answer nor a failure.
        ("xxxx----x", Open(at(1_000))),
        ("----------", Closed),
        // Half of the last 32, none of them five in a row.
        ("x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x", Closed),
        ("x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x.x", Open(at(1_000))),
        ("x..x..x..x..x..x..x..x..x..x..x..x..x..x", Closed),
        // After the wait one finds out.
        ("xxxxx 999 !", Open(at(1_000))),
        ("xxxxx 1000", Probe),
        ("xxxxx 1000 .", Closed),
        ("xxxxx 1000 -", Probe),
        // The waits double, up to half a minute.
        ("xxxxx 1000 x", Open(at(3_000))),
        ("xxxxx 1000 x 2000 x", Open(at(7_000))),
        ("xxxxx 1000 x 2000 x 4000 x 8000 x", Open(at(31_000))),
        ("xxxxx 1000 x 2000 x 4000 x 8000 x 16000 x", Open(at(61_000))),
        ("xxxxx 1000 x 2000 x 4000 x 8000 x 16000 x 30000 x", Open(at(91_000))),
        // One that fails again at once waits for longer; one that was well for a while does not.
        ("xxxxx 1000 . xxxxx", Open(at(3_000))),
        ("xxxxx 1000 ......... xxxxx", Open(at(2_000))),
    ] {
        check(script, standing);
    }
}

#[test]
fn one_request_at_a_time_finds_out() {
    let (mut breaker, server) = (Breaker::default(), server("a.example"));
    for _ in 0..5 {
        breaker.record(&server, Pass::Ordinary, ABSENT, at(0));
    }
    assert_eq!(breaker.open(), 1);
    assert_eq!(breaker.standing(&server, at(1_000)), Standing::Probe);
    let probe = Pass::Probe { known: false };
    assert_eq!(breaker.admit(&server, at(1_000)), Admission::Admit(probe));
    assert_eq!(breaker.admit(&server, at(1_000)), Admission::WaitUntil(at(2_000)));
    // Those that were sent before say nothing new, and their failure is not the probe's.
    assert_eq!(breaker.record(&server, Pass::Ordinary, ABSENT, at(1_500)), None);
    assert_eq!(breaker.admit(&server, at(1_500)), Admission::WaitUntil(at(2_500)));
    // A probe that is never heard of again does not close the way for ever.
    assert_eq!(breaker.admit(&server, at(61_000)), Admission::Admit(probe));
    // An answer to any of them is an answer.
    breaker.record(&server, Pass::Ordinary, Showed::Alive, at(61_001));
    assert_eq!(breaker.standing(&server, at(61_001)), Standing::Closed);
    assert_eq!(breaker.open(), 0);
}

#[test]
fn a_probe_knows_whether_the_server_was_ever_there() {
    for (answered, known) in [(true, true), (false, false)] {
        let (mut breaker, server) = (Breaker::default(), server("a.example"));
        if answered {
            breaker.record(&server, Pass::Ordinary, Showed::Alive, at(0));
        }
        for _ in 0..5 {
            breaker.record(&server, Pass::Ordinary, ABSENT, at(0));
        }
        assert_eq!(breaker.admit(&server, at(1_000)), Admission::Admit(Pass::Probe { known }));
    }
}

#[test]
fn a_server_that_asks_to_be_left_alone_is_but_not_for_ever() {
    for (asked, until) in [(0, 1_000), (7_000, 7_000), (86_400_000, 30_000)] {
        let (mut breaker, server) = (Breaker::default(), server("a.example"));
        let showed = Showed::Absent { retry_after_ms: Some(asked) };
        let opened = (0..5).filter_map(|_| breaker.record(&server, Pass::Ordinary, showed, at(0)));
        assert_eq!(opened.collect::<Vec<_>>(), [at(until)]);
    }
}

#[test]
fn a_clock_that_was_set_back_does_not_lengthen_the_wait() {
    let (mut breaker, server) = (Breaker::default(), server("a.example"));
    for _ in 0..5 {
        breaker.record(&server, Pass::Ordinary, ABSENT, at(1_000_000));
    }
    assert_eq!(breaker.standing(&server, at(1_000)), Standing::Probe);
}

#[test]
fn servers_and_callers_are_told_apart() {
    let of = |tenant, url: &str| Server::of(tenant, &url.parse().unwrap());
    let one = of("t", "https://api.example/v1?q=1");
    for (tenant, url, same) in [
        ("t", "https://API.example:443/v2", true),
        ("t", "https://user:secret@api.example/", true),
        ("t", "https://api.example:8443/v1", false),
        ("t", "http://api.example/v1", false),
        ("t", "https://www.api.example/v1", false),
        ("u", "https://api.example/v1", false),
    ] {
        assert_eq!(of(tenant, url) == one, same, "{tenant} {url}");
    }
    assert_eq!(of("t", "https://user:secret@api.example/").origin(), "https://api.example");
}

#[test]
fn memory_is_bounded_and_open_circuits_are_kept() {
    let mut breaker = Breaker::default();
    let dead = server("dead.example");
    for _ in 0..5 {
        breaker.record(&dead, Pass::Ordinary, ABSENT, at(0));
    }
    for number in 0..u64::try_from(SERVERS).unwrap() + 10 {
        let server = server(&format!("h{number}.example"));
        breaker.record(&server, Pass::Ordinary, Showed::Alive, at(number));
        breaker.admit(&server, at(number));
    }
    assert_eq!(breaker.circuits.len(), SERVERS);
    assert!(matches!(breaker.standing(&dead, at(0)), Standing::Open(_)));
}

proptest! {
    /// Whatever happens: of an open circuit one request at a time is let through, nobody waits for
    /// longer than the longest wait, and an answer always opens the way again.
    #[test]
    fn nobody_waits_for_ever(steps in prop::collection::vec((0_u8..4, 0_u64..40_000), 0..200)) {
        let (mut breaker, server) = (Breaker::default(), server("a.example"));
        let mut now = at(0);
        let mut probing: Option<Timestamp> = None;
        let mut flying: Vec<Pass> = Vec::new();
        for (step, wait) in steps {
            now = now.plus(wait);
            match step {
                0 => match breaker.admit(&server, now) {
                    Admission::Admit(pass) => {
                        if let Pass::Probe { .. } = pass {
                            let fresh = probing.is_some_and(|since| now < since.plus(PROBE_MS));
                            prop_assert!(!fresh, "two probes at a time");
                            probing = Some(now);
                        }
                        flying.push(pass);
                    }
                    Admission::WaitUntil(until) => {
                        prop_assert!(until > now);
                        prop_assert!(until.since(now) <= LONGEST_WAIT_MS);
                    }
                },
                kind => {
                    let Some(pass) = flying.pop() else { continue };
                    let showed = match kind {
                        1 => Showed::Alive,
                        2 => ABSENT,
                        _ => Showed::Nothing,
                    };
                    if kind == 1 || matches!(pass, Pass::Probe { .. }) {
                        probing = None;
                    }
                    breaker.record(&server, pass, showed, now);
                    if kind == 1 {
                        prop_assert_eq!(breaker.standing(&server, now), Standing::Closed);
                    }
                }
            }
        }
    }
}
