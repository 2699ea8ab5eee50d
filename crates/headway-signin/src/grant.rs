//! What sign-in hands out and takes back: keys, watch tokens, sessions, tickets.

mod keys;
mod revocations;
mod sessions;
mod tickets;
mod tokens;

pub use keys::create_offline_key;
pub use sessions::SignedIn;

use headway_protocol::limits::NAME_BYTES;
use headway_protocol::{Problem, ProblemCode};

use crate::Error;

/// Tries to change something that others change as well.
const TRIES: usize = 4;

/// A value of a request that cannot be used.
fn invalid(field: &str, detail: impl Into<String>) -> Error {
    Problem::new(ProblemCode::Invalid, detail).at_field(field).into()
}

/// A name of a tenant, a subject, a session or a tag.
fn check_name(field: &str, name: &str) -> Result<(), Error> {
    let fits = (1..=NAME_BYTES).contains(&name.len()) && !name.chars().any(char::is_control);
    if fits {
        Ok(())
    } else {
        let detail = format!("`{field}` has 1 to {NAME_BYTES} bytes and no control characters");
        Err(invalid(field, detail))
    }
}
