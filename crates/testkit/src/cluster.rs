//! The one PostgreSQL of a test program.

mod folder;

use std::sync::OnceLock;

use retail_embedded_postgres::{
    Cluster, ClusterOptions, Error, Installation, Profile, ProvisionOptions, default_data_root,
};
use rustix::process::{Pid, Signal, kill_process};

/// The bundled version that tests use unless told otherwise.
const DEFAULT_MAJOR: u32 = 18;

/// So that a standby can follow it.
pub(crate) const FOLLOWED: [(&str, &str); 3] =
    [("wal_level", "replica"), ("max_wal_senders", "8"), ("wal_keep_size", "1GB")];

/// How many test programs of one name may run at once.
const MAX_PARALLEL_PROGRAMS: usize = 16;

/// Major version of the PostgreSQL that tests run on: `RETAIL_TEST_PG_MAJOR`, or 18.
pub fn server_major_version() -> u32 {
    std::env::var("RETAIL_TEST_PG_MAJOR").map_or(DEFAULT_MAJOR, |major| {
        major.parse().expect("RETAIL_TEST_PG_MAJOR must be a number such as 16")
    })
}

/// The cluster, started on first use. It ends with this process, whatever way that goes.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(start)
}

/// Kills the cluster's server, as a crash would. [`Cluster::restart`] lets it recover.
pub fn kill_cluster() {
    kill(cluster());
}

pub(crate) fn kill(cluster: &Cluster) {
    let pid = i32::try_from(cluster.server_pid()).ok().and_then(Pid::from_raw);
    // PostgreSQL's processes end when the first one is gone.
    kill_process(pid.expect("a process"), Signal::KILL).expect("a signal");
}

fn start() -> Cluster {
    let installation = Installation::locate(&ProvisionOptions {
        major: Some(server_major_version()),
        prefer_bundled: true,
        ..ProvisionOptions::new(default_data_root())
    })
    .expect("a PostgreSQL with pgvector for the tests");
    let program = std::env::current_exe().expect("the name of the test program");
    let program = program.file_stem().expect("a file name").to_string_lossy().into_owned();
    let folder = folder::of_clusters();
    for number in 0..MAX_PARALLEL_PROGRAMS {
        // The same folder each time, so that runs do not pile up.
        let data_dir = folder.join(format!("{}{program}-{number}", folder::PREFIX));
        if Cluster::attach(&data_dir).is_ok() {
            continue;
        }
        folder::forget_ended(&data_dir);
        if data_dir.join("lock").exists() {
            continue;
        }
        let options = ClusterOptions {
            profile: Profile::Throwaway,
            settings: FOLLOWED.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            ..ClusterOptions::new(installation.clone(), data_dir)
        };
        match Cluster::start(options) {
            Ok(cluster) => return cluster,
            Err(Error::AlreadyRunning { .. }) => {}
            Err(error) => panic!("the test cluster does not start: {error}"),
        }
    }
    panic!("too many test programs run at once");
}
