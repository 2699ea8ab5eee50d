//! What it costs to encrypt what is sent: `cargo run --release -p headway-tls --example send`.
//!
//! One session sends the same message many times, alone and several at once, into one buffer. Times
//! are of this thread's processor and differ between machines: look at them side by side.

#![expect(clippy::unwrap_used, reason = "a measurement that cannot be made has no result")]
#![expect(clippy::print_stdout, reason = "its result is what it prints")]

#[path = "idle.rs"]
#[expect(dead_code, reason = "an example's `main` is not needed to connect")]
mod idle;

use headway_tls::Session;

/// Messages of one measurement.
const MESSAGES: usize = 400_000;

fn main() {
    let (_, mut sessions) = idle::measure(1, &rustls::version::TLS13, true);
    let mut session = sessions.pop().flatten().unwrap();
    for bytes in [30, 300, 3_000] {
        for together in [1, 8] {
            let mut best = f64::INFINITY;
            for _ in 0..5 {
                best = best.min(measure(&mut session, bytes, together));
            }
            println!("{best:6.0} ns for each message of {bytes} bytes, {together} at once");
        }
    }
}

/// Nanoseconds for each message.
fn measure(session: &mut Session, bytes: usize, together: usize) -> f64 {
    let message = vec![b'x'; bytes];
    let mut outgoing = Vec::new();
    let before = processor_time();
    for _ in 0..MESSAGES / together {
        outgoing.clear();
        let pieces = std::iter::repeat_n(message.as_slice(), together);
        session.send(pieces, &mut outgoing).unwrap();
    }
    (processor_time() - before) / MESSAGES as f64
}

/// What this thread has used of the processor, in nanoseconds.
fn processor_time() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}
