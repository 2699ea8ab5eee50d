//! What an idle session costs, as `examples/idle.rs` measures it. A file of its own, because it
//! looks at the memory of the whole process.

#[path = "../examples/idle.rs"]
#[expect(dead_code, reason = "an example's `main` is not needed to measure")]
mod idle;

/// What the handbook says that a session costs at most, in bytes.
const MOST: usize = 4_500;

#[test]
fn an_idle_session_costs_no_more_than_is_said() {
    let (bytes, _sessions) = idle::measure(1_000, &rustls::version::TLS13, true);
    assert!((1_000..MOST).contains(&bytes), "{bytes}");
}
