//! Who may do what.
//!
//! A [`Caller`] is somebody whose sign-in was checked: the tenant and subject that they are, the
//! [`Scopes`] that they have, and their [`Reach`], which is what of the tenant they see.
//! [`authorize`] is the one function that says whether a caller may do something; every door asks
//! it, and nothing else in the house compares tenants or scopes.
//!
//! Nothing here checks a key or a token, reads a clock or keeps anything: it is data and one rule.
//!
//! ```
//! use headway_access::{Act, Caller, Denial, JobView, On, authorize};
//! use headway_protocol::Owner;
//!
//! let caller = Caller::anyone();
//! let elsewhere = Owner { tenant: "acme".to_owned(), subject: None };
//! let job = JobView { id: "job_1", owner: &elsewhere, session: None, tags: &[] };
//! assert_eq!(authorize(&caller, Act::Watch, On::Job(job)), Err(Denial::Hidden));
//! ```

mod authorize;
mod caller;
mod scope;

pub use authorize::{Act, Denial, JobView, On, authorize};
pub use caller::{Caller, Credential, Listed, Reach};
pub use scope::{NotAScope, Role, Scope, Scopes};
