//! A small world in every order; `headway-sim --orders` plays larger ones.

use headway_sim::{Orders, every_order};

#[test]
fn no_order_breaks_a_promise() {
    for (records, returns, least) in [(2, 0, 200), (3, 0, 1_000), (1, 1, 200)] {
        for events in [false, true] {
            let played = every_order(Orders { records, returns, events });
            let played = played.unwrap_or_else(|failure| panic!("{failure}"));
            assert!(played > least, "{played} orders of {records} records and {returns} returns");
        }
    }
}
