//! A running cluster: start, attach, stop.

mod initdb;
mod orphan;
mod postmaster;
mod settings;
mod socket;
mod standby;
mod watchdog;

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::postmaster::Postmaster;
use self::settings::Address;
use self::socket::SocketDir;
use crate::connection::{self, Published, SUPERUSER};
use crate::data_dir::{DataDir, FolderLock, Log};
use crate::server_user::ServerUser;
use crate::{ConnectionInfo, Error, HostSpec, Installation, Psql};

/// The number in the socket's name when nobody listens on TCP. Its folder is private, so it need
/// not be free elsewhere.
const SOCKET_PORT: u16 = 5432;
/// How many free ports are tried: another program may take one between the check and the start.
const PORT_ATTEMPTS: usize = 5;

/// How the server treats its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Profile {
    /// Survives a power failure; for demo data that is kept.
    #[default]
    Durable,
    /// Never waits for the disk; for tests. A power failure may ruin the data.
    Throwaway,
}

/// Where the server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Listen {
    /// On a Unix socket that only the same user can open.
    #[default]
    Socket,
    /// On a free TCP port of 127.0.0.1, and on the socket.
    Tcp,
    /// On this TCP port of 127.0.0.1, and on the socket.
    TcpPort(u16),
}

/// What to start.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The programs.
    pub installation: Installation,
    /// The folder that keeps the cluster between runs; made when absent. To forget the data,
    /// delete it while nothing runs.
    pub data_dir: PathBuf,
    /// More settings of `postgresql.conf`, name and value; the last of a name wins.
    pub settings: Vec<(String, String)>,
    /// How the server treats its data.
    pub profile: Profile,
    /// Where it listens.
    pub listen: Listen,
    /// The most private memory that one server process may have, in bytes (`RLIMIT_DATA`); shared
    /// buffers do not count. PostgreSQL's own settings do not bound a single value or aggregate, so
    /// without this one statement can take all of the machine's memory. What needs more fails with
    /// SQLSTATE 53200, and the server goes on. Works on Linux; elsewhere it has no effect.
    pub max_process_memory_bytes: Option<u64>,
    /// How long a start may take, recovery after a crash included.
    pub start_timeout: Duration,
    /// How long an orderly stop may take before the server is ended without ceremony.
    pub stop_timeout: Duration,
}

impl ClusterOptions {
    /// A durable cluster on a Unix socket, with 512 MiB a process, 30 s to start and 20 s to stop.
    pub fn new(installation: Installation, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            installation,
            data_dir: data_dir.into(),
            settings: Vec::new(),
            profile: Profile::Durable,
            listen: Listen::Socket,
            max_process_memory_bytes: Some(512 * 1024 * 1024),
            start_timeout: Duration::from_secs(30),
            stop_timeout: Duration::from_secs(20),
        }
    }
}

/// A private PostgreSQL that this process runs.
///
/// It is stopped by [`stop`](Self::stop), when it is dropped, and when this process ends in any
/// other way.
#[derive(Debug)]
pub struct Cluster {
    // The fields drop in this order: the server ends before its socket folder and lock go.
    postmaster: Mutex<Postmaster>,
    user: ServerUser,
    options: ClusterOptions,
    address: Address,
    data: DataDir,
    connection: ConnectionInfo,
    psql: Psql,
    _socket: SocketDir,
    _lock: FolderLock,
}

impl Cluster {
    /// Starts the cluster of a data folder, and makes it on first use. Returns when it accepts
    /// connections.
    ///
    /// A server that an earlier, killed process left behind in the folder is ended first.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyRunning`] when another process runs it, [`Error::OtherMajor`] and
    /// [`Error::DamagedFolder`] for data that this PostgreSQL cannot use,
    /// [`Error::ClosedFolder`], [`Error::ForeignFolder`] and [`Error::NoUnprivilegedUser`] for a
    /// start as root that cannot work, [`Error::Initdb`], [`Error::EndedEarly`] and
    /// [`Error::NotReady`] when PostgreSQL itself fails, [`Error::OrphanStays`],
    /// [`Error::File`] and [`Error::Run`] when the system refuses something.
    pub fn start(options: ClusterOptions) -> Result<Self, Error> {
        Self::start_made_by(options, initdb::create)
    }

    /// Starts a standby that follows `primary`, a running cluster of the same user and major version: it has what that
    /// has, a moment later, and answers reads. Its data is copied on first use.
    ///
    /// The primary needs `wal_level` `replica` and a `max_wal_senders` above 0, which a durable cluster has; a standby
    /// needs at least the primary's `max_connections`.
    ///
    /// # Errors
    ///
    /// [`Error::BaseBackup`] when the copy fails; else as [`start`](Self::start).
    pub fn start_standby(options: ClusterOptions, primary: &ConnectionInfo) -> Result<Self, Error> {
        Self::start_made_by(options, |data, user, options| {
            standby::create(data, user, options, primary)
        })
    }

    fn start_made_by(
        options: ClusterOptions,
        make: impl FnOnce(&DataDir, &ServerUser, &ClusterOptions) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let data = DataDir::create(&options.data_dir)?;
        let user = ServerUser::choose(&data.pgdata())?;
        user.check_reach(&[data.root(), options.installation.bin_dir()])?;
        let lock = data.lock()?;

        orphan::end(&data, &user, options.stop_timeout)?;
        Published::clear(&data)?;
        if !initdb::is_made(&data, &user, &options)? {
            make(&data, &user, &options)?;
        }
        let password = data.password()?;
        let socket = SocketDir::create(&data, &user)?;
        let (postmaster, address) = start_postmaster(&data, &user, &options, &socket)?;

        let connection = ConnectionInfo {
            host: match options.listen {
                Listen::Socket => HostSpec::Socket(socket.path().to_owned()),
                Listen::Tcp | Listen::TcpPort(_) => HostSpec::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            },
            port: address.port,
            superuser: SUPERUSER.to_owned(),
            password,
        };
        let published = Published {
            host: connection.host.clone(),
            port: connection.port,
            superuser: connection.superuser.clone(),
            socket_dir: socket.path().to_owned(),
        };
        published.write(&data)?;
        let psql = Psql::new(options.installation.clone(), connection.clone());
        let postmaster = Mutex::new(postmaster);
        Ok(Self {
            postmaster,
            user,
            options,
            address,
            data,
            connection,
            psql,
            _socket: socket,
            _lock: lock,
        })
    }

    /// Finds the running cluster that another process of the same user started.
    ///
    /// # Errors
    ///
    /// [`Error::NotRunning`] when there is none, [`Error::DamagedFolder`] or [`Error::File`] when
    /// the password cannot be read.
    pub fn attach(data_dir: &Path) -> Result<ConnectionInfo, Error> {
        connection::attach(data_dir)
    }

    /// How to connect as the superuser.
    pub fn connection(&self) -> &ConnectionInfo {
        &self.connection
    }

    /// The folder that keeps the cluster, absolute.
    pub fn data_dir(&self) -> &Path {
        self.data.root()
    }

    /// The server's process number.
    pub fn server_pid(&self) -> u32 {
        self.postmaster().pid()
    }

    /// The programs that it runs.
    pub fn installation(&self) -> &Installation {
        self.psql.installation()
    }

    /// For SQL as the superuser.
    pub fn psql(&self) -> &Psql {
        &self.psql
    }

    /// Creates a database, as a copy of `template` when one is named.
    ///
    /// # Errors
    ///
    /// As [`Psql::create_database`].
    pub fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), Error> {
        self.psql.create_database(name, template)
    }

    /// Drops a database and ends the connections to it.
    ///
    /// # Errors
    ///
    /// As [`Psql::drop_database`].
    pub fn drop_database(&self, name: &str) -> Result<(), Error> {
        self.psql.drop_database(name)
    }

    /// Stops the server, waits as long as it is to be away, and starts it again where it was. All its connections end. Does
    /// as well for one that was killed.
    ///
    /// # Errors
    ///
    /// [`Error::EndedEarly`], [`Error::NotReady`], [`Error::File`] or [`Error::Run`], as at the first start.
    pub fn restart(&self, away: Duration) -> Result<(), Error> {
        let mut postmaster = self.postmaster();
        postmaster.stop()?;
        std::thread::sleep(away);
        let log = Log::open(self.data.log_file())?;
        *postmaster =
            Postmaster::start(&self.data, &self.user, &self.options, &self.address, &log)?;
        Ok(())
    }

    /// Ends connections, writes all data out and stops the server. Dropping does the same, and
    /// only logs a failure.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when `connection.json` cannot be removed, [`Error::Run`] when the server
    /// cannot be waited for.
    pub fn stop(mut self) -> Result<(), Error> {
        self.shut_down()
    }

    fn shut_down(&mut self) -> Result<(), Error> {
        // First, so that nobody attaches to a server that is going away.
        let cleared = crate::files::remove_file(&self.data.connection_file());
        self.postmaster().stop().and(cleared)
    }

    fn postmaster(&self) -> MutexGuard<'_, Postmaster> {
        self.postmaster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.shut_down() {
            tracing::warn!(%error, "the embedded PostgreSQL did not stop cleanly");
        }
    }
}

/// Starts the server, on another port when the chosen one was taken in the meantime.
fn start_postmaster(
    data: &DataDir,
    user: &ServerUser,
    options: &ClusterOptions,
    socket: &SocketDir,
) -> Result<(Postmaster, Address), Error> {
    let mut attempt = 1;
    loop {
        let (tcp, port) = match options.listen {
            Listen::Socket => (false, SOCKET_PORT),
            Listen::TcpPort(port) => (true, port),
            Listen::Tcp => (true, free_port()?),
        };
        let address = Address { tcp, port, socket_dir: socket.path().to_owned() };
        let log = Log::open(data.log_file())?;
        match Postmaster::start(data, user, options, &address, &log) {
            Ok(postmaster) => return Ok((postmaster, address)),
            Err(Error::EndedEarly { log_tail, .. })
                if options.listen == Listen::Tcp
                    && attempt < PORT_ATTEMPTS
                    && log_tail.contains("could not create any TCP/IP sockets") =>
            {
                tracing::debug!(port, "the port was taken in the meantime");
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Asks the system for a TCP port that nobody listens on.
fn free_port() -> Result<u16, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(Error::file("find a free port on", Path::new("127.0.0.1")))
}
