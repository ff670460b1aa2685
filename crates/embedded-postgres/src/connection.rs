//! How to reach a running cluster.

use std::fmt;
use std::fs;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data_dir::DataDir;
use crate::{Error, files};

/// The only superuser of a private cluster.
pub(crate) const SUPERUSER: &str = "postgres";

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HostSpec {
    /// The folder of its Unix socket.
    Socket(PathBuf),
    /// Its IP address.
    Ip(IpAddr),
}

/// What a client needs to connect as the superuser. Its `Debug` output hides the password.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// Where the server listens.
    pub host: HostSpec,
    /// The TCP port; for a socket, the number in the socket's name.
    pub port: u16,
    /// The superuser's name.
    pub superuser: String,
    /// The superuser's password, of letters and digits only.
    pub password: String,
}

impl fmt::Debug for ConnectionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionInfo")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("superuser", &self.superuser)
            .field("password", &"***")
            .finish()
    }
}

impl ConnectionInfo {
    /// The host as libpq wants it: the socket's folder or the address.
    pub fn host_string(&self) -> String {
        match &self.host {
            HostSpec::Socket(folder) => folder.display().to_string(),
            HostSpec::Ip(ip) => ip.to_string(),
        }
    }

    /// A connection URL for the superuser, **with the password in it**.
    ///
    /// A socket's folder is percent-encoded into the host, as libpq, sqlx and tokio-postgres
    /// accept it.
    ///
    /// ```
    /// use retail_embedded_postgres::Cluster;
    ///
    /// /// Such as `postgresql://postgres:secret@%2Ftmp%2Frun:5432/zava`.
    /// fn url(cluster: &Cluster) -> String {
    ///     cluster.connection().url("zava")
    /// }
    /// ```
    pub fn url(&self, database: &str) -> String {
        let host = match &self.host {
            HostSpec::Ip(IpAddr::V6(ip)) => format!("[{ip}]"),
            HostSpec::Ip(ip) => ip.to_string(),
            HostSpec::Socket(_) => percent_encode(&self.host_string()),
        };
        let user = percent_encode(&self.superuser);
        let password = percent_encode(&self.password);
        let database = percent_encode(database);
        format!("postgresql://{user}:{password}@{host}:{}/{database}", self.port)
    }

    /// Whether something accepts connections there.
    fn answers(&self) -> bool {
        match &self.host {
            HostSpec::Socket(folder) => {
                UnixStream::connect(folder.join(socket_name(self.port))).is_ok()
            }
            HostSpec::Ip(ip) => TcpStream::connect(SocketAddr::new(*ip, self.port)).is_ok(),
        }
    }
}

/// The file name that PostgreSQL gives its socket.
pub(crate) fn socket_name(port: u16) -> String {
    format!(".s.PGSQL.{port}")
}

fn percent_encode(text: &str) -> String {
    use fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// What `connection.json` holds: all but the password.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Published {
    pub(crate) host: HostSpec,
    pub(crate) port: u16,
    pub(crate) superuser: String,
    /// The socket's folder, also when clients are meant to use TCP.
    pub(crate) socket_dir: PathBuf,
}

impl Published {
    /// Writes the file for other processes of the same user, whole or not at all.
    pub(crate) fn write(&self, data: &DataDir) -> Result<(), Error> {
        let path = data.connection_file();
        let text = serde_json::to_string_pretty(self).map_err(std::io::Error::from);
        let text = text.map_err(Error::file("write", &path))?;
        let mut file = tempfile::NamedTempFile::new_in(data.root())
            .map_err(Error::file("create a file in", data.root()))?;
        file.write_all(text.as_bytes()).map_err(Error::file("write", &path))?;
        file.persist(&path).map_err(|error| Error::file("write", &path)(error.error))?;
        Ok(())
    }

    /// Reads the file; none when it is absent or unreadable.
    pub(crate) fn read(data: &DataDir) -> Option<Self> {
        let text = fs::read_to_string(data.connection_file()).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Removes the file and a socket folder that an ended run left in the folder for temporary
    /// files.
    pub(crate) fn clear(data: &DataDir) -> Result<(), Error> {
        if let Some(left) = Self::read(data)
            && left.socket_dir != data.run()
        {
            let own_port = left.socket_dir.join(socket_name(left.port));
            // Only these names are removed, so a wrong path in the file can do no harm.
            for path in [own_port.with_added_extension("lock"), own_port] {
                let _ = fs::remove_file(path);
            }
            let _ = fs::remove_dir(&left.socket_dir);
        }
        files::remove_file(&data.connection_file())
    }
}

/// Finds the running cluster of a data folder.
pub(crate) fn attach(path: &Path) -> Result<ConnectionInfo, Error> {
    let not_running = || Error::NotRunning { data_dir: path.to_owned() };
    let data = DataDir::existing(path);
    let Published { host, port, superuser, .. } = Published::read(&data).ok_or_else(not_running)?;
    let password = data.password()?;
    let connection = ConnectionInfo { host, port, superuser, password };
    // The file stays behind when the process that wrote it is killed.
    if connection.answers() { Ok(connection) } else { Err(not_running()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(host: HostSpec) -> ConnectionInfo {
        let (superuser, password) = (SUPERUSER.to_owned(), "s3cret".to_owned());
        ConnectionInfo { host, port: 5433, superuser, password }
    }

    #[test]
    fn debug_hides_the_password() {
        let text = format!("{:?}", connection(HostSpec::Socket("/x".into())));
        assert!(!text.contains("s3cret") && text.contains("5433"), "{text}");
    }

    #[test]
    fn urls_of_both_kinds_of_host() {
        let url = connection(HostSpec::Socket("/a b/ü".into())).url("x");
        assert_eq!(url, "postgresql://postgres:s3cret@%2Fa%20b%2F%C3%BC:5433/x");
        let url = connection(HostSpec::Ip([127, 0, 0, 1].into())).url("x");
        assert_eq!(url, "postgresql://postgres:s3cret@127.0.0.1:5433/x");
    }

    #[test]
    fn a_file_of_a_killed_process_is_not_a_running_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::create(folder.path()).unwrap();
        assert!(matches!(attach(folder.path()), Err(Error::NotRunning { .. })));
        data.make_password().unwrap();
        let host = HostSpec::Socket(folder.path().join("run"));
        let left = folder.path().join("socket-folder");
        fs::create_dir(&left).unwrap();
        let superuser = SUPERUSER.to_owned();
        let published = Published { host, port: 5432, superuser, socket_dir: left.clone() };
        published.write(&data).unwrap();
        assert!(matches!(attach(folder.path()), Err(Error::NotRunning { .. })));
        Published::clear(&data).unwrap();
        assert!(!left.exists() && !data.connection_file().exists());
    }
}
