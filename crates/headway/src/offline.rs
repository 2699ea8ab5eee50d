//! What is done to the data of a node that is not running.

use std::path::Path;

use headway_protocol::access::{KeyRequest, NewKey};
use headway_signin::create_offline_key;
use headway_store::{Clock, Store, StoreError, SystemClock};
use headway_store_embedded::EmbeddedStore;

use crate::failure::Failure;

/// Makes an API key in a data folder, which is made if it is not there. A node that runs over the
/// folder holds it, so that this is refused: nobody makes keys behind its back.
pub(crate) async fn create_key(folder: &Path, request: KeyRequest) -> Result<NewKey, Failure> {
    let failed = |error: &dyn std::error::Error| {
        let what = format!("no key can be made in the data folder {}", folder.display());
        Failure::because(&what, error)
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let options = headway_store_embedded::Options::new(folder);
    let opened = tokio::task::spawn_blocking(move || EmbeddedStore::open(options)).await;
    let store = match opened.map_err(|error| failed(&error))? {
        Ok(store) => store,
        Err(error) if matches!(error, StoreError::InUse { .. }) => {
            let hint = "its node is running: leave --data out and ask the node, signed in with the \
                        configured admin key or with a key that administers";
            return Err(Failure::new(format!("{}; {hint}", failed(&error))));
        }
        Err(error) => return Err(failed(&error)),
    };
    let made = create_offline_key(&store, &request, SystemClock.now()).await;
    let closed = store.close().await;
    let made = made.map_err(|error| failed(&error))?;
    // The key was written down durably before; an untidy end loses nothing, but is told.
    closed.map_err(|error| failed(&error))?;
    Ok(made)
}
