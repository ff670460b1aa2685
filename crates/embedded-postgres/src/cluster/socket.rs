//! The folder of the server's Unix socket.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::connection::socket_name;
use crate::data_dir::DataDir;
use crate::server_user::ServerUser;
use crate::{Error, files};

/// The system's limit for a socket's path is 103 bytes on macOS and 107 on Linux.
const MAX_SOCKET_PATH_BYTES: usize = 100;

/// `run` in the data folder, or a short-lived folder when that path is too long for a socket.
#[derive(Debug)]
pub(super) struct SocketDir {
    path: PathBuf,
    /// Removes the short-lived folder.
    _temporary: Option<TempDir>,
}

impl SocketDir {
    /// Makes the folder, for the server's user alone.
    pub(super) fn create(data: &DataDir, user: &ServerUser) -> Result<Self, Error> {
        let usual = data.run();
        if fits(&usual) {
            files::create_folder(&usual, 0o700)?;
            user.own(&usual)?;
            return Ok(Self { path: usual, _temporary: None });
        }
        let parent = [std::env::temp_dir(), PathBuf::from("/tmp")]
            .into_iter()
            .find(|parent| fits(&parent.join("retail-pg-123456")))
            .unwrap_or_else(|| PathBuf::from("/tmp"));
        let folder = tempfile::Builder::new()
            .prefix("retail-pg-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&parent)
            .map_err(Error::file("create a folder in", &parent))?;
        user.own(folder.path())?;
        user.check_reach(&[folder.path()])?;
        Ok(Self { path: folder.path().to_owned(), _temporary: Some(folder) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn fits(folder: &Path) -> bool {
    folder.join(socket_name(u16::MAX)).as_os_str().len() <= MAX_SOCKET_PATH_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_paths_fit() {
        assert!(fits(Path::new("/var/cache/retail-mcp/demo/run")));
        assert!(!fits(Path::new(&format!("/{}", "a".repeat(90)))));
    }
}
