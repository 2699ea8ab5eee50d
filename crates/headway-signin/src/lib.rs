//! Who somebody is.
//!
//! Whoever comes presents something: an API key, a token of an identity provider, a watch token,
//! a browser's session, a ticket. [`Handle::identify`] makes a [`Caller`](headway_access::Caller)
//! of it or a [`Refused`]; what the caller may do is then the business of
//! [`authorize`](headway_access::authorize). Keys, sessions, revocations and the audit log rest in
//! the store as entries and are shared by all nodes of it.
//!
//! **Invariants.**
//! - Checking somebody reads and writes nothing but memory, and is bounded by what is presented. The
//!   one exception, [`Handle::identify_patiently`], says so.
//! - No secret rests here or in the store, except those that this node signs with: keys, sessions and
//!   tickets are kept as hashes.
//! - A revocation outlives everything that it ends.
//! - What changes who may come in is written together with its line in the audit log, or not at all.
//! - Everything that decides takes the time as an argument.
//!
//! ```
//! use std::sync::Arc;
//!
//! use headway_protocol::access::KeyRequest;
//! use headway_signin::{Actor, Handle, Modes, Options, Presented, Refused};
//! use headway_store::memory::MemoryStore;
//! use headway_store::{Clock, SystemClock};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Arc::new(MemoryStore::default());
//! let request =
//!     KeyRequest { name: "the first".to_owned(), role: Some("admin".to_owned()), ..KeyRequest::default() };
//! let first = headway_signin::create_offline_key(&*store, &request, SystemClock.now()).await?;
//!
//! let options = Options { modes: Modes { keys: true, jwt: false }, ..Options::default() };
//! let signin = Handle::start(options, store, Arc::new(SystemClock)).await?;
//! let (address, now) = ("127.0.0.1".parse()?, SystemClock.now());
//! let caller = signin.identify(Presented::Bearer(first.key.expose()), address, now)?;
//! signin.revoke_key(Actor { caller: &caller, address: Some(address) }, &first.info.id, now).await?;
//! let refused = signin.identify(Presented::Bearer(first.key.expose()), address, now);
//! assert_eq!(refused.unwrap_err(), Refused::Revoked);
//! # Ok(())
//! # }
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(example()).unwrap();
//! ```

mod api_key;
mod audit;
mod base62;
mod collection;
mod error;
mod grant;
mod guess;
mod handle;
mod identify;
mod jwt;
mod key_record;
mod known;
mod metrics;
mod options;
mod presented;
mod revocation;
mod ring;
mod service;
mod session;
mod shared;
mod stored;
mod ticket;
mod watch_token;

pub use api_key::is_whole_key;
pub use audit::{Actor, AuditQuery, Deed};
pub use error::{Ended, Error, Refused};
pub use grant::{SignedIn, create_offline_key};
pub use handle::Handle;
pub use options::{GuessLimits, JwtAlgorithm, JwtKeys, JwtOptions, Modes, NotModes, Options};
pub use presented::Presented;
