//! What happens to the server when the process that started it is gone.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use retail_embedded_postgres::{Cluster, Error};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::support::{eventually, processes_with, runs, scratch, signal, start};
use crate::{helper, support};

/// The server ended in order and the next start works at once.
fn assert_stopped_in_order(data_dir: &Path, server_pid: u32) {
    assert!(eventually(|| !runs(server_pid)), "the server still runs");
    let log = fs::read_to_string(data_dir.join("postgres.log")).unwrap();
    assert!(log.contains("received fast shutdown request"), "{log}");
    assert!(log.contains("database system is shut down"), "{log}");
    assert!(eventually(|| processes_with(data_dir.to_str().unwrap()).is_empty()));
    start(data_dir).stop().unwrap();
}

#[test]
fn a_hard_kill_of_the_parent_stops_the_server() {
    let scratch = scratch();
    let path = scratch.path().canonicalize().unwrap();
    let mut helper = helper::spawn(&path, false);
    assert!(runs(helper.server_pid));
    let error = Cluster::start(support::throwaway(&path)).unwrap_err();
    assert!(matches!(error, Error::AlreadyRunning { .. }), "{error}");
    helper.child.kill().unwrap();
    helper.child.wait().unwrap();
    assert_stopped_in_order(&path, helper.server_pid);
}

#[test]
fn control_c_stops_the_server() {
    let scratch = scratch();
    let path = scratch.path().canonicalize().unwrap();
    let mut helper = helper::spawn(&path, false);
    // As a terminal does it: the signal goes to the whole group.
    let group = Pid::from_raw(i32::try_from(helper.child.id()).unwrap()).unwrap();
    kill_process_group(group, Signal::INT).unwrap();
    assert!(!helper.child.wait().unwrap().success());
    assert_stopped_in_order(&path, helper.server_pid);
}

#[test]
fn an_exit_without_a_drop_stops_the_server() {
    let scratch = scratch();
    let path = scratch.path().canonicalize().unwrap();
    let mut helper = helper::spawn(&path, true);
    assert!(helper.child.wait().unwrap().success());
    assert_stopped_in_order(&path, helper.server_pid);
}

#[test]
fn the_next_start_ends_an_unwatched_server() {
    let scratch = scratch();
    // Long enough that the socket folder is in the folder for temporary files.
    let path = scratch.path().canonicalize().unwrap().join("long-".repeat(20));
    let mut helper = helper::spawn(&path, false);
    let left = Cluster::attach(&path).unwrap();
    let server = helper.server_pid;
    // By its name: a new child of the server has the server's command line for a moment.
    let found = processes_with(&format!("watchdog {}", path.join("pgdata").display()));
    let [watchdog] = found[..] else { panic!("one watchdog, not {found:?}") };
    signal(watchdog, Signal::KILL);
    helper.child.kill().unwrap();
    helper.child.wait().unwrap();
    assert!(eventually(|| !runs(watchdog)));
    assert!(runs(server), "nobody was left to stop it");

    let cluster = start(&path);
    assert!(!runs(server));
    assert_ne!(cluster.server_pid(), server);
    assert_eq!(cluster.psql().run("postgres", "SELECT 1").unwrap(), "1");
    assert!(!Path::new(&left.host_string()).exists(), "the old socket folder is gone");
}

#[test]
fn a_killed_server_recovers_with_its_data() {
    let scratch = scratch();
    let cluster = start(scratch.path());
    cluster.psql().run("postgres", "CREATE TABLE t AS SELECT 7 AS x").unwrap();
    signal(cluster.server_pid(), Signal::KILL);
    assert!(eventually(|| !runs(cluster.server_pid())));
    cluster.stop().unwrap();
    assert!(scratch.path().join("pgdata/postmaster.pid").exists());
    assert!(matches!(Cluster::attach(scratch.path()), Err(Error::NotRunning { .. })));

    let cluster = start(scratch.path());
    assert_eq!(cluster.psql().run("postgres", "SELECT x FROM t").unwrap(), "7");
}

#[test]
fn a_restart_ends_connections_and_keeps_place_and_data() {
    let scratch = scratch();
    let cluster = start(scratch.path());
    let (place, server) = (cluster.connection().clone(), cluster.server_pid());
    cluster.psql().run("postgres", "CREATE TABLE t AS SELECT 7 AS x").unwrap();
    cluster.restart(Duration::ZERO).unwrap();
    assert!(!runs(server));
    assert_eq!(cluster.psql().run("postgres", "SELECT x FROM t").unwrap(), "7");
    assert_eq!(Cluster::attach(scratch.path()).unwrap().url("t"), place.url("t"));

    signal(cluster.server_pid(), Signal::KILL);
    cluster.restart(Duration::ZERO).unwrap();
    assert_eq!(cluster.psql().run("postgres", "SELECT x FROM t").unwrap(), "7");
}

#[test]
fn a_reused_process_number_is_neither_killed_nor_in_the_way() {
    let scratch = scratch();
    let cluster = start(scratch.path());
    signal(cluster.server_pid(), Signal::KILL);
    assert!(eventually(|| !runs(cluster.server_pid())));
    drop(cluster);
    // An innocent process of this user has got the dead server's number.
    let mut innocent = Command::new("sleep").arg("60").spawn().unwrap();
    let pid_file = scratch.path().join("pgdata/postmaster.pid");
    let text = fs::read_to_string(&pid_file).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(&pid_file, format!("{}\n{rest}", innocent.id())).unwrap();

    let cluster = start(scratch.path());
    assert_eq!(cluster.psql().run("postgres", "SELECT 1").unwrap(), "1");
    assert!(runs(innocent.id()));
    innocent.kill().unwrap();
    innocent.wait().unwrap();
}
