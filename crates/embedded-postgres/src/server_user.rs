//! The operating system user that PostgreSQL runs as.
//!
//! PostgreSQL refuses to run as root. When root starts a cluster, its programs run as `postgres`
//! where that user exists, else as `nobody`, or as whoever owns the data of an earlier run.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Error;

/// Who runs the server's programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ServerUser {
    /// The user of this process.
    Caller,
    /// Another user, because this process is root.
    Dropped { name: String, uid: u32, gid: u32 },
}

impl ServerUser {
    /// Decides for a cluster whose data is, or will be, in `pgdata`.
    pub(crate) fn choose(pgdata: &Path) -> Result<Self, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Caller);
        }
        if let Ok(meta) = fs::symlink_metadata(pgdata)
            && meta.uid() != 0
        {
            let (uid, gid) = (meta.uid(), meta.gid());
            return Ok(Self::Dropped { name: uid.to_string(), uid, gid });
        }
        let path = Path::new("/etc/passwd");
        let passwd = fs::read_to_string(path).map_err(Error::file("read", path))?;
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| find_user(&passwd, name))
            .ok_or(Error::NoUnprivilegedUser)
    }

    /// The user's number, as it appears as the owner of the server's process.
    pub(crate) fn uid(&self) -> u32 {
        match self {
            Self::Caller => rustix::process::geteuid().as_raw(),
            Self::Dropped { uid, .. } => *uid,
        }
    }

    /// A command that runs as this user, in `folder`, without settings of other PostgreSQL
    /// servers that this process may have in its environment.
    pub(crate) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).stdin(Stdio::null());
        clear_libpq_environment(&mut command);
        if let Self::Dropped { uid, gid, .. } = self {
            command.uid(*uid).gid(*gid);
        }
        command
    }

    /// Gives a file or folder to this user.
    ///
    /// Only for paths whose parent folder belongs to the caller: nobody else can have put a link
    /// to another file there.
    pub(crate) fn own(&self, path: &Path) -> Result<(), Error> {
        match self {
            Self::Caller => Ok(()),
            Self::Dropped { uid, gid, .. } => lchown(path, Some(*uid), Some(*gid))
                .map_err(Error::file("change the owner of", path)),
        }
    }

    /// Checks that this user can reach `folders`, and names the first closed one.
    pub(crate) fn check_reach(&self, folders: &[&Path]) -> Result<(), Error> {
        let Self::Dropped { name, .. } = self else {
            return Ok(());
        };
        // The user itself tries, so that access lists and namespaces count as well.
        let shell = Path::new("/bin/sh");
        let script =
            r#"for folder; do cd "$folder" 2>/dev/null || { printf %s "$folder"; exit 1; }; done"#;
        let mut command = self.command(shell, Path::new("/"));
        command.args(["-c", script, "sh"]);
        for folder in folders {
            let mut way: Vec<&Path> = folder.ancestors().collect();
            way.reverse();
            command.args(way);
        }
        let output = command.output().map_err(Error::run(shell))?;
        if output.status.success() {
            return Ok(());
        }
        let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).into_owned());
        Err(Error::ClosedFolder { folder, user: name.clone() })
    }
}

/// Removes libpq's variables, such as `PGSERVICE` or `PGPORT`, which would redirect our programs.
pub(crate) fn clear_libpq_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
}

/// Finds a user that is not root in the text of `/etc/passwd`.
fn find_user(passwd: &str, name: &str) -> Option<ServerUser> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0).then(|| ServerUser::Dropped { name: name.to_owned(), uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_users_by_their_whole_name() {
        let passwd = "root:x:0:0::/:/bin/sh\npostgres2:x:7:8::/:/x\npostgres:x:101:104:,,:/:/x\n";
        let user = find_user(passwd, "postgres");
        let expected = ServerUser::Dropped { name: "postgres".to_owned(), uid: 101, gid: 104 };
        assert_eq!(user, Some(expected));
    }

    #[test]
    fn never_offers_root_or_a_broken_line() {
        assert_eq!(find_user("nobody:x:0:0::/:/x\n", "nobody"), None);
        assert_eq!(find_user("nobody:x\n", "nobody"), None);
        assert_eq!(find_user("nobody:x:abc:1::/:/x\n", "nobody"), None);
    }
}
