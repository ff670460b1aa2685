//! Folders and files with exact permissions, whatever the umask is.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::Error;

/// Creates `path` and what is missing above it: `path` with the permission bits `mode`, and what is
/// above it with 0755. A folder that is there stays as it is.
///
/// # Errors
///
/// [`Error::File`] with the first folder that could not be made.
pub fn create_folder(path: &Path, mode: u32) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_folder(parent, 0o755)?;
    }
    match fs::create_dir(path) {
        Ok(()) => set_mode(path, mode),
        // Another process may have made it in the meantime.
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(Error::file("create folder", path)(error)),
    }
}

/// Sets the permission bits of a file or folder.
///
/// # Errors
///
/// [`Error::File`] when the file is not there or not ours.
pub fn set_mode(path: &Path, mode: u32) -> Result<(), Error> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(Error::file("set the permissions of", path))
}

/// Removes a folder with all it holds; that it is not there is fine.
///
/// # Errors
///
/// [`Error::File`] when something in it could not be removed.
pub fn remove_folder(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}
