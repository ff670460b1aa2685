//! A standby of the test cluster.

use std::time::{Duration, Instant};

use retail_embedded_postgres::{Cluster, ClusterOptions, Profile};
use retail_storage::ServerAddress;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::cluster::{FOLLOWED, kill};
use crate::{TestDatabase, cluster};

/// How long it may take to come to where the primary is.
const CATCH_UP: Duration = Duration::from_mins(1);

/// A PostgreSQL that follows the test cluster and answers reads. It ends when this is dropped.
#[derive(Debug)]
pub struct TestReplica {
    cluster: Cluster,
    _folder: TempDir,
}

impl TestReplica {
    /// Copies the test cluster, with all its databases, and follows it.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let primary = cluster();
        let options = ClusterOptions {
            profile: Profile::Throwaway,
            settings: FOLLOWED.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            ..ClusterOptions::new(primary.installation().clone(), folder.path().join("standby"))
        };
        // The server's user has to reach what is in it.
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let open = std::fs::Permissions::from_mode(0o711);
            std::fs::set_permissions(folder.path(), open).expect("permissions");
        }
        let cluster =
            Cluster::start_standby(options, primary.connection()).expect("a standby that follows");
        Self { cluster, _folder: folder }
    }

    /// Where it is.
    pub fn address(&self) -> ServerAddress {
        let connection = self.cluster.connection();
        ServerAddress { host: connection.host_string(), port: connection.port }
    }

    /// Waits until it has all that `database` has.
    pub fn catch_up(&self, database: &TestDatabase) {
        let end = database.psql("SELECT pg_current_wal_lsn()");
        let begun = Instant::now();
        let has_come = format!("SELECT pg_last_wal_replay_lsn() >= '{end}'");
        while self.psql(database, &has_come) != "t" {
            assert!(begun.elapsed() < CATCH_UP, "the standby does not follow");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Falls behind: what comes from the primary is kept and not applied.
    pub fn fall_behind(&self, database: &TestDatabase) {
        self.psql(database, "SELECT pg_wal_replay_pause()");
    }

    /// Follows again.
    pub fn follow(&self, database: &TestDatabase) {
        self.psql(database, "SELECT pg_wal_replay_resume()");
    }

    /// Becomes a server of its own.
    pub fn promote(&self, database: &TestDatabase) {
        self.psql(database, "SELECT pg_promote()");
    }

    /// Dies at once.
    pub fn kill(&self) {
        kill(&self.cluster);
    }

    /// Comes back after so long, where it was.
    pub fn restart(&self, away: Duration) {
        self.cluster.restart(away).expect("a standby that starts again");
    }

    /// Answers nothing and keeps its connections, until [`go_on`](Self::go_on).
    pub fn hang(&self) {
        self.signal_all(Signal::STOP);
    }

    /// Ends that.
    pub fn go_on(&self) {
        self.signal_all(Signal::CONT);
    }

    /// To the server and its processes.
    fn signal_all(&self, signal: Signal) {
        let server = self.cluster.server_pid();
        let is_of_it = |pid: u32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // The name before it may have blanks and brackets; then come the state and the parent.
            let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1));
            pid == server || parent.and_then(|parent| parent.parse().ok()) == Some(server)
        };
        let all = std::fs::read_dir("/proc").expect("the processes").flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        for pid in pids.filter(|pid| is_of_it(*pid)).filter_map(|pid| i32::try_from(pid).ok()) {
            // One that has ended meanwhile needs no signal.
            let _ = kill_process(Pid::from_raw(pid).expect("a process"), signal);
        }
    }

    /// Runs SQL there as the superuser.
    pub fn psql(&self, database: &TestDatabase, sql: &str) -> String {
        self.cluster.psql().run(&database.name, sql).expect("a statement that works")
    }
}
