//! Start, attach, stop.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use retail_embedded_postgres::{
    Cluster, ClusterOptions, Error, HostSpec, Listen, Psql, existing_major,
};

use crate::support::{bundled, processes_with, runs, scratch, start, throwaway};

/// Starts twice with each bundled version; the second start finds the first one's rows.
fn keeps_data(major: u32) {
    let scratch = scratch();
    let data_dir = scratch.path().join("demo");
    assert_eq!(existing_major(&data_dir), None);
    let cluster = Cluster::start(ClusterOptions::new(bundled(major), &data_dir)).unwrap();
    cluster.create_database("zava", None).unwrap();
    let sql = "CREATE EXTENSION vector; CREATE TABLE t AS SELECT '[1,2,3]'::vector AS v";
    cluster.psql().run("zava", sql).unwrap();
    cluster.stop().unwrap();
    assert_eq!(existing_major(&data_dir), Some(major));

    let cluster = Cluster::start(ClusterOptions::new(bundled(major), &data_dir)).unwrap();
    let run = |sql: &str| cluster.psql().run("zava", sql).unwrap();
    assert_eq!(run("SELECT v <-> '[1,2,5]' FROM t"), "2");
    assert_eq!(run("SHOW server_version_num")[..2], major.to_string());
    assert_eq!(run("SHOW server_encoding"), "UTF8");
    assert_eq!(run("SHOW data_checksums"), "on");
    assert_eq!(run("SHOW fsync"), "on");
    assert_eq!(run("SHOW listen_addresses"), "");
    assert_eq!(run("SHOW timezone"), "UTC");
    assert_eq!(
        run(
            "SELECT upper('é') || (SELECT string_agg(x, '' ORDER BY x) FROM unnest(ARRAY['b', 'B', 'a']) x)"
        ),
        "ÉBab"
    );
}

#[test]
fn postgres_18_keeps_data_between_starts() {
    keeps_data(18);
}

#[test]
fn postgres_16_keeps_data_between_starts() {
    keeps_data(16);
}

/// One value of 600 MB: no setting of PostgreSQL's own would stop it.
#[test]
fn a_statement_cannot_take_all_memory() {
    let (limited, roomy) = (scratch(), scratch());
    let cluster = Cluster::start(throwaway(limited.path())).unwrap();
    let greedy = "SELECT length(string_agg(repeat('x', 1000), '')) FROM generate_series(1, 600000)";
    // A crash of one process ends all, and new ones are started.
    let checkpointer = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'";
    let before = cluster.psql().run("postgres", checkpointer).unwrap();
    let refused = cluster.psql().run("postgres", greedy).unwrap_err();
    assert!(refused.to_string().contains("out of memory"), "{refused}");
    assert_eq!(cluster.psql().run("postgres", checkpointer).unwrap(), before, "it crashed");

    let unlimited = ClusterOptions { max_process_memory_bytes: None, ..throwaway(roomy.path()) };
    let cluster = Cluster::start(unlimited).unwrap();
    assert_eq!(cluster.psql().run("postgres", greedy).unwrap(), "600000000");
}

#[test]
fn settings_of_the_caller_win_over_the_profile() {
    let scratch = scratch();
    let mut options = throwaway(scratch.path());
    options.settings = vec![
        ("work_mem".to_owned(), "7MB".to_owned()),
        ("full_page_writes".to_owned(), "on".to_owned()),
        // Not theirs to choose.
        ("listen_addresses".to_owned(), "*".to_owned()),
    ];
    let cluster = Cluster::start(options).unwrap();
    let run = |sql: &str| cluster.psql().run("postgres", sql).unwrap();
    assert_eq!(run("SHOW work_mem"), "7MB");
    assert_eq!(run("SHOW full_page_writes"), "on");
    assert_eq!(run("SHOW fsync"), "off");
    assert_eq!(run("SHOW listen_addresses"), "");
}

#[test]
fn a_second_start_is_refused_and_can_attach() {
    let scratch = scratch();
    let cluster = start(scratch.path());
    let error = Cluster::start(throwaway(scratch.path())).unwrap_err();
    let own = std::process::id();
    assert!(matches!(error, Error::AlreadyRunning { pid: Some(pid), .. } if pid == own), "{error}");

    let attached = Cluster::attach(scratch.path()).unwrap();
    assert_eq!(&attached, cluster.connection());
    let psql = Psql::new(bundled(18), attached);
    assert_eq!(psql.run("postgres", "SELECT 40 + 2").unwrap(), "42");
    let published = fs::read_to_string(scratch.path().join("connection.json")).unwrap();
    assert!(!published.contains(&cluster.connection().password));

    cluster.stop().unwrap();
    assert!(matches!(Cluster::attach(scratch.path()), Err(Error::NotRunning { .. })));
}

#[test]
fn the_password_is_asked_for_and_kept_private() {
    let scratch = scratch();
    let cluster = start(scratch.path());
    let mut stranger = cluster.connection().clone();
    stranger.password = "wrong".to_owned();
    let error = Psql::new(bundled(18), stranger).run("postgres", "SELECT 1").unwrap_err();
    assert!(error.to_string().contains("password authentication failed"), "{error}");

    let mode =
        |path: &str| fs::metadata(scratch.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("secrets"), 0o700);
    assert_eq!(mode("secrets/superuser-password"), 0o600);
    assert_eq!(mode("run"), 0o700);
    assert!(!scratch.path().join("initdb-password").exists());
}

#[test]
fn dropping_leaves_no_process_and_no_socket() {
    let scratch = scratch();
    let path = scratch.path().canonicalize().unwrap();
    let cluster = start(&path);
    let pid = cluster.server_pid();
    assert!(runs(pid));
    assert!(processes_with(path.to_str().unwrap()).len() >= 2, "server and watchdog");
    drop(cluster);
    assert!(!runs(pid));
    assert!(processes_with(path.to_str().unwrap()).is_empty());
    assert_eq!(fs::read_dir(path.join("run")).unwrap().count(), 0);
    let log = fs::read_to_string(path.join("postgres.log")).unwrap();
    assert!(log.contains("database system is shut down"), "{log}");
}

#[test]
fn stop_does_not_wait_for_clients() {
    let scratch = scratch();
    let cluster = start(scratch.path());
    let psql = cluster.psql().clone();
    let busy = std::thread::spawn(move || psql.run("postgres", "SELECT pg_sleep(60)"));
    let connected = "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep'";
    assert!(crate::support::eventually(|| {
        cluster.psql().run("postgres", connected).unwrap() == "1"
    }));
    let start = std::time::Instant::now();
    cluster.stop().unwrap();
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    assert!(busy.join().unwrap().is_err());
}

#[test]
fn tcp_listens_on_a_free_port_of_this_machine() {
    let scratch = scratch();
    let mut options = throwaway(scratch.path());
    options.listen = Listen::Tcp;
    let cluster = Cluster::start(options).unwrap();
    let connection = cluster.connection().clone();
    assert_eq!(connection.host, HostSpec::Ip([127, 0, 0, 1].into()));
    assert_eq!(cluster.psql().run("postgres", "SHOW port").unwrap(), connection.port.to_string());
    assert_eq!(Cluster::attach(scratch.path()).unwrap(), connection);
    // The URL works as it is.
    let output = std::process::Command::new(bundled(18).bin_dir().join("psql"))
        .args(["-Atc", "SELECT 1", &connection.url("postgres")])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"1\n");
}

#[test]
fn a_taken_port_is_an_error_with_the_log() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let scratch = scratch();
    let mut options = throwaway(scratch.path());
    options.listen = Listen::TcpPort(listener.local_addr().unwrap().port());
    let error = Cluster::start(options).unwrap_err();
    assert!(matches!(error, Error::EndedEarly { .. }), "{error}");
    assert!(error.to_string().contains("Address already in use"), "{error}");
}

#[test]
fn a_long_path_gets_a_short_socket_folder() {
    let scratch = scratch();
    let data_dir = scratch.path().join("a long name, with blanks ".repeat(5));
    let cluster = start(&data_dir);
    let HostSpec::Socket(socket_dir) = cluster.connection().host.clone() else {
        panic!("it listens on a socket")
    };
    assert!(!socket_dir.starts_with(scratch.path()));
    assert_eq!(fs::metadata(&socket_dir).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(cluster.psql().run("postgres", "SELECT 1").unwrap(), "1");
    // The URL's percent-encoding is what libpq expects.
    let output = std::process::Command::new(bundled(18).bin_dir().join("psql"))
        .args(["-Atc", "SELECT 2", &cluster.connection().url("postgres")])
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"2\n");
    cluster.stop().unwrap();
    assert!(!socket_dir.exists());
}

#[test]
fn data_of_another_major_version_is_refused() {
    let scratch = scratch();
    Cluster::start(ClusterOptions::new(bundled(16), scratch.path())).unwrap().stop().unwrap();
    let error = Cluster::start(throwaway(scratch.path())).unwrap_err();
    assert!(matches!(error, Error::OtherMajor { found: 16, installed: 18, .. }), "{error}");
    assert!(error.to_string().contains(scratch.path().to_str().unwrap()), "{error}");
}

#[test]
fn damaged_folders_say_what_to_do() {
    let scratch = scratch();
    start(scratch.path()).stop().unwrap();
    let refused = |what: &str| {
        let error = Cluster::start(throwaway(scratch.path())).unwrap_err();
        assert!(matches!(error, Error::DamagedFolder { .. }), "{what}: {error}");
        assert!(error.to_string().contains("delete the folder"), "{error}");
    };
    let password = scratch.path().join("secrets/superuser-password");
    fs::rename(&password, scratch.path().join("kept")).unwrap();
    refused("no password");
    fs::rename(scratch.path().join("kept"), &password).unwrap();
    fs::remove_file(scratch.path().join("pgdata/PG_VERSION")).unwrap();
    refused("no version");
}

#[test]
fn a_server_that_cannot_start_quotes_its_log() {
    let scratch = scratch();
    let mut options = throwaway(scratch.path());
    options.settings = vec![("shared_buffers".to_owned(), "plenty".to_owned())];
    let error = Cluster::start(options).unwrap_err();
    assert!(matches!(error, Error::EndedEarly { .. }), "{error}");
    assert!(error.to_string().contains("shared_buffers"), "{error}");
    // The folder is free again and works.
    start(scratch.path()).stop().unwrap();
}

#[test]
fn an_interrupted_first_start_is_repeated() {
    let scratch = scratch();
    let unfinished = scratch.path().join("pgdata.unfinished");
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("PG_VERSION"), "18\n").unwrap();
    let cluster = start(scratch.path());
    assert!(!unfinished.exists());
    assert_eq!(cluster.psql().run("postgres", "SELECT 1").unwrap(), "1");
}

#[test]
fn root_is_told_which_folder_is_closed() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let closed = scratch();
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let error = Cluster::start(throwaway(closed.path().join("demo"))).unwrap_err();
    let expected = closed.path().canonicalize().unwrap();
    assert!(matches!(&error, Error::ClosedFolder { folder, .. } if *folder == expected), "{error}");
    assert!(error.to_string().contains("--data-dir"), "{error}");

    let foreign = scratch();
    std::os::unix::fs::chown(foreign.path(), Some(65534), None).unwrap();
    let error = Cluster::start(throwaway(foreign.path())).unwrap_err();
    assert!(matches!(error, Error::ForeignFolder { owner: 65534, .. }), "{error}");
}
