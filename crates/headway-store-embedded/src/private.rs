//! Who may read what the store keeps: the user that the node runs as, and nobody else who is new.
//!
//! Jobs' inputs and results rest there in the clear, and beside them what watch tokens are signed
//! with: whoever reads the files can make such tokens.

use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// What SQLite writes beside the database; it gives them the database's own permissions.
const BESIDE: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// What neither the user nor the group has: the rights of everybody else.
const OTHERS: u32 = 0o007;

/// Makes a folder, with those above it that are not there, for this user alone. One that is there
/// already keeps the permissions that somebody gave it.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Sees to it that a database is there that others cannot read. A new one is its user's alone; one
/// from before is closed to others, and left to the group, which an operator may have chosen.
pub(crate) fn make_database(path: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    for beside in BESIDE {
        let mut name = path.as_os_str().to_owned();
        name.push(beside);
        let about = match std::fs::metadata(&name) {
            Ok(about) => about,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mode = about.permissions().mode();
        if mode & OTHERS != 0
            && let Err(error) =
                std::fs::set_permissions(&name, Permissions::from_mode(mode & !OTHERS))
        {
            // It is another user's, who shares it: not ours to close.
            let file = name.display();
            tracing::warn!(%file, %error, "everybody on this machine can read the store");
        }
    }
    Ok(())
}
