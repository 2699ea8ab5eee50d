//! A folder of its own for each process that is started.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Where folders are made.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    /// Absent: where this machine keeps temporary files, among those of others.
    within: Option<PathBuf>,
}

impl Folders {
    /// Where this machine keeps temporary files.
    pub(crate) fn among_others() -> Self {
        Self { within: None }
    }

    /// Within a folder that nobody else uses. What an engine that was killed left there is removed.
    pub(crate) fn within(folder: &Path) -> io::Result<Self> {
        match std::fs::remove_dir_all(folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let folder = folder.display();
                tracing::warn!(%folder, %error, "what programs had left behind cannot be removed");
            }
        }
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder)?;
        Ok(Self { within: Some(std::path::absolute(folder)?) })
    }

    /// An empty folder that only this user may look into. Blocks.
    pub(super) fn make(&self) -> io::Result<Folder> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("headway-").permissions(Permissions::from_mode(0o700));
        let made = match &self.within {
            Some(within) => builder.tempdir_in(within)?,
            None => builder.tempdir()?,
        };
        Ok(Folder { made: Some(made) })
    }
}

/// A folder that is removed when it is dropped. Whoever works in it has to have ended by then.
#[derive(Debug)]
pub(super) struct Folder {
    made: Option<TempDir>,
}

impl Folder {
    pub(super) fn path(&self) -> &Path {
        self.made.as_ref().map_or(Path::new("/"), TempDir::path)
    }
}

impl Drop for Folder {
    /// A program may have left much in it: removing it is not for a thread of the runtime.
    fn drop(&mut self) {
        let Some(made) = self.made.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                // Nobody waits for it.
                drop(runtime.spawn_blocking(move || remove(made)));
            }
            Err(_) => remove(made),
        }
    }
}

fn remove(made: TempDir) {
    let folder = made.path().to_owned();
    if let Err(error) = made.close() {
        let folder = folder.display();
        tracing::warn!(%folder, %error, "what a program left behind cannot be removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_its_users_alone_and_goes() {
        let root = tempfile::tempdir().unwrap();
        let within = root.path().join("a/b");
        let folders = Folders::within(&within).unwrap();
        let folder = folders.make().unwrap();
        let path = folder.path().to_owned();
        assert!(path.is_absolute() && path.starts_with(&within));
        for path in [&path, &within] {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        }
        std::fs::write(path.join("left"), "x").unwrap();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_engine_left_is_removed_at_the_next_start() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("own/headway-old")).unwrap();
        Folders::within(&root.path().join("own")).unwrap();
        assert!(!root.path().join("own/headway-old").exists());
    }
}
