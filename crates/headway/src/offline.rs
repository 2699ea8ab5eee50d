//! What is done to the data of a node that is not running.
//!
//! **Invariant:** a node that runs over the folder holds it, so that nothing is done behind its back.

use std::path::Path;
use std::sync::Arc;

use headway_access::Caller;
use headway_protocol::access::{KeyRequest, NewKey};
use headway_signin::{Actor, Handle, Options, create_offline_key};
use headway_store::{Clock, Store, StoreError, SystemClock};
use headway_store_embedded::EmbeddedStore;

use crate::failure::Failure;

/// Makes an API key in a data folder, which is made if it is not there.
pub(crate) async fn create_key(folder: &Path, request: KeyRequest) -> Result<NewKey, Failure> {
    let failed = |error: &dyn std::error::Error| because("no key can be made", folder, error);
    headway_store_embedded::make_folder(folder).map_err(|error| failed(&error))?;
    let store = open("no key can be made", folder).await?;
    let made = create_offline_key(store.as_ref(), &request, SystemClock.now()).await;
    let closed = store.close().await;
    let made = made.map_err(|error| failed(&error))?;
    // The key was written down durably before; an untidy end loses nothing, but is told.
    closed.map_err(|error| failed(&error))?;
    Ok(made)
}

/// Lets watch tokens be signed with a new secret. Those of the secret before hold until they end, or
/// until this is done again.
pub(crate) async fn rotate_signing_key(folder: &Path) -> Result<(), Failure> {
    let what = "the signing secret cannot be changed";
    if !folder.is_dir() {
        return Err(Failure::new(format!("{what}: there is no folder {}", folder.display())));
    }
    let failed = |error: &dyn std::error::Error| because(what, folder, error);
    let store = open(what, folder).await?;
    let turned = turn(Arc::clone(&store) as _).await;
    let closed = store.close().await;
    turned.map_err(|error| failed(&error))?;
    closed.map_err(|error| failed(&error))
}

async fn turn(store: Arc<dyn Store>) -> Result<(), headway_signin::Error> {
    let signin = Handle::start(Options::default(), store, Arc::new(SystemClock)).await?;
    // Whoever can write the folder's files could do anything to them.
    let by = Actor { caller: &Caller::anyone(), address: None };
    let turned = signin.rotate_signing_key(by, SystemClock.now()).await;
    let closed = signin.close().await;
    turned.and(closed)
}

async fn open(what: &str, folder: &Path) -> Result<Arc<EmbeddedStore>, Failure> {
    let options = headway_store_embedded::Options::new(folder);
    // Opening reads the disk, and recovers after a crash.
    let opened = tokio::task::spawn_blocking(move || EmbeddedStore::open(options)).await;
    match opened.map_err(|error| because(what, folder, &error))? {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) if matches!(error, StoreError::InUse { .. }) => Err(Failure::new(format!(
            "{}. Its node is running: stop it first; to make a key, leave --data out and ask the \
             node, signed in with the configured admin key or with a key that administers",
            because(what, folder, &error)
        ))),
        Err(error) => Err(because(what, folder, &error)),
    }
}

fn because(what: &str, folder: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::because(&format!("{what} in the data folder {}", folder.display()), error)
}
