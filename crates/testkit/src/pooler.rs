//! PgBouncer in front of the test cluster.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use retail_storage::{DatabaseSettings, ServerAddress};
use tempfile::TempDir;

use crate::watched::Watched;
use crate::{HEAD_OFFICE_PASSWORD, QUERY_PASSWORD, TestDatabase};

/// How long it may take to start.
const START: Duration = Duration::from_secs(20);

const PORT: u16 = 6432;

/// A PgBouncer in transaction mode, on a socket in a folder of its own. It ends when this is dropped, or with the test
/// program.
#[derive(Debug)]
pub struct TestPooler {
    folder: TempDir,
    /// The user of the database server, whose socket nobody else may use; none where that is this one.
    user: Option<(u32, u32)>,
    running: Option<Watched>,
}

impl TestPooler {
    /// A pooler with `connections` to the database for each role, however many clients it has.
    pub fn start(database: &TestDatabase, connections: usize) -> Self {
        let settings = database.settings();
        let owner = fs::metadata(&settings.host).expect("the folder of the database's socket");
        let is_root = rustix::process::geteuid().is_root();
        let user = is_root.then(|| (owner.uid(), owner.gid()));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path();
        let users = format!(
            "\"retail_query\" \"{QUERY_PASSWORD}\"\n\"retail_query_hq\" \"{HEAD_OFFICE_PASSWORD}\"\n"
        );
        let configuration = format!(
            "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_port = {PORT}\nunix_socket_dir = {path}\n\
             auth_type = scram-sha-256\nauth_file = {path}/users.txt\npool_mode = transaction\n\
             default_pool_size = {connections}\nserver_login_retry = 1\n",
            settings.host,
            settings.port,
            path = path.display(),
        );
        write(&path.join("users.txt"), &users);
        write(&path.join("pgbouncer.ini"), &configuration);
        if let Some((uid, gid)) = user {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).expect("permissions");
            chown(path, Some(uid), Some(gid)).expect("another owner");
        }
        let mut pooler = Self { folder, user, running: None };
        pooler.launch();
        pooler
    }

    /// How to reach the database through it.
    pub fn settings(&self, database: &TestDatabase) -> DatabaseSettings {
        let host = self.folder.path().display().to_string();
        DatabaseSettings { pooler: Some(ServerAddress { host, port: PORT }), ..database.settings() }
    }

    /// Kills it and starts it again: all its clients lose their connections.
    pub fn restart(&mut self) {
        self.running = None;
        self.launch();
    }

    fn launch(&mut self) {
        let socket = self.folder.path().join(format!(".s.PGSQL.{PORT}"));
        // One that was killed leaves its socket.
        let _ = fs::remove_file(&socket);
        let user = self.user;
        let configuration = self.folder.path().join("pgbouncer.ini");
        let running = Watched::start("pgbouncer", [configuration], |command| {
            // Debian has it where only an administrator looks.
            let path = std::env::var("PATH").unwrap_or_default();
            command.env("PATH", format!("{path}:/usr/sbin"));
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
        });
        self.running = Some(running);
        let begun = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(
                begun.elapsed() < START,
                "PgBouncer does not start: `cargo xtask setup` installs it"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("a file");
    // The database server's user reads them, in a folder that is nobody else's.
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("permissions");
}
