//! Databases of one cluster.

use retail_embedded_postgres::{Error, unique_name};

use crate::support::{scratch, start};

#[test]
fn copies_of_a_template_are_independent() {
    let scratch = scratch();
    let cluster = start(scratch.path());
    cluster.create_database("template", None).unwrap();
    let fill = "CREATE EXTENSION vector; CREATE TABLE t (x int); INSERT INTO t VALUES (1), (2)";
    cluster.psql().run("template", fill).unwrap();

    let (first, second) = (unique_name("test"), unique_name("test"));
    for name in [&first, &second] {
        cluster.create_database(name, Some("template")).unwrap();
    }
    cluster.psql().run(&first, "DELETE FROM t").unwrap();
    let count = |name: &str| cluster.psql().run(name, "SELECT count(*) FROM t").unwrap();
    assert_eq!(count(&first), "0");
    assert_eq!(count(&second), "2");

    cluster.drop_database(&first).unwrap();
    cluster.drop_database(&first).unwrap();
    let error = cluster.psql().run(&first, "SELECT 1").unwrap_err();
    assert!(error.to_string().contains("does not exist"), "{error}");
}

#[test]
fn errors_carry_the_servers_words() {
    let scratch = scratch();
    let cluster = start(scratch.path());
    cluster.create_database("shop", None).unwrap();
    let error = cluster.create_database("shop", None).unwrap_err();
    assert!(matches!(error, Error::Sql { .. }), "{error}");
    assert!(error.to_string().contains("already exists"), "{error}");
    let error = cluster.create_database("x\"; DROP DATABASE shop; --", None).unwrap_err();
    assert!(matches!(error, Error::InvalidName { .. }), "{error}");
    // The first failing statement ends the run.
    let error = cluster.psql().run("shop", "SELECT nothing; CREATE TABLE t ()").unwrap_err();
    assert!(error.to_string().contains("nothing"), "{error}");
    assert_eq!(cluster.psql().run("shop", "SELECT to_regclass('t') IS NULL").unwrap(), "t");
}
