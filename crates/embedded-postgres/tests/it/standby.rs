//! A standby follows its primary.

use retail_embedded_postgres::{Cluster, ClusterOptions, Error};

use crate::support::{bundled, eventually, scratch, throwaway};

fn is_followed(major: u32) {
    let (one, other) = (scratch(), scratch());
    let primary = Cluster::start(ClusterOptions::new(bundled(major), one.path())).unwrap();
    primary.psql().run("postgres", "CREATE TABLE t AS SELECT 1 AS i").unwrap();
    let options = || ClusterOptions::new(bundled(major), other.path());
    let standby = Cluster::start_standby(options(), primary.connection()).unwrap();
    let asked = |standby: &Cluster, sql: &str| standby.psql().run("postgres", sql);
    assert_eq!(asked(&standby, "SELECT pg_is_in_recovery()").unwrap(), "t");
    assert!(matches!(asked(&standby, "INSERT INTO t VALUES (2)"), Err(Error::Sql { .. })));
    primary.psql().run("postgres", "INSERT INTO t VALUES (2)").unwrap();
    assert!(eventually(|| asked(&standby, "SELECT sum(i) FROM t").unwrap() == "3"));

    // It goes on from where it was.
    standby.stop().unwrap();
    primary.psql().run("postgres", "INSERT INTO t VALUES (4)").unwrap();
    let standby = Cluster::start_standby(options(), primary.connection()).unwrap();
    assert!(eventually(|| asked(&standby, "SELECT sum(i) FROM t").unwrap() == "7"));
}

#[test]
fn postgres_18_is_followed() {
    is_followed(18);
}

#[test]
fn postgres_16_is_followed() {
    is_followed(16);
}

#[test]
fn a_primary_that_keeps_no_log_for_others_cannot_be_followed() {
    let (one, other) = (scratch(), scratch());
    let primary = Cluster::start(throwaway(one.path())).unwrap();
    let refused = Cluster::start_standby(throwaway(other.path()), primary.connection());
    let Err(Error::BaseBackup { output, .. }) = refused else { panic!("{refused:?}") };
    assert!(!output.contains(&primary.connection().password), "{output}");
    assert!(!other.path().join("pgdata").exists());
}
