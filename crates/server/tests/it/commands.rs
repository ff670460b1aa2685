//! The other commands, as processes.

use std::net::TcpListener;

use retail_testkit::stores;

use crate::support::{Call, Demo, Finished, Process, Reply, run, scratch};

#[test]
fn the_commands_work_beside_a_running_demo() {
    let scratch = scratch();
    let demo = Demo::start(scratch.path());
    let data_dir = scratch.path().join("data");
    let beside = |arguments: &[&str]| -> Finished {
        let mut all = arguments.to_vec();
        all.extend(["--data-dir", data_dir.to_str().unwrap()]);
        run(scratch.path(), &all)
    };

    // A token that the running server takes, alone on standard output.
    let minted = beside(&["token", "--store", "seattle"]);
    assert_eq!(minted.code, Some(0), "{minted:?}");
    let token = minted.stdout.trim_end();
    assert_eq!(minted.stdout, format!("{token}\n"));
    let call = Call::query("SELECT store_name FROM retail.stores").bearer(token);
    let reply = Reply::read(call.send_to(demo.address));
    assert_eq!(reply.rows()[0][0], "Zava Retail Seattle");
    let minted = beside(&["token", "--all-stores", "--ttl", "1h"]);
    let call = Call::query("SELECT count(*) FROM retail.stores").bearer(minted.stdout.trim());
    assert_eq!(Reply::read(call.send_to(demo.address)).rows()[0][0], 8);

    let examined = beside(&["doctor"]);
    assert_eq!(examined.code, Some(0), "{examined:?}");
    // In the embedded cluster there is nothing left to advise.
    assert!(examined.stdout.contains("served from; 0 warnings"), "{}", examined.stdout);

    let unknown = beside(&["token", "--store", "nosuch"]);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert_eq!(unknown.stdout, "");
    for store in stores() {
        assert!(unknown.stderr.contains(&store.name), "{}", unknown.stderr);
    }

    let again = beside(&["seed", "--if-empty", "--scale=full"]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), "sample data are there already\n"));
    let verified = beside(&["seed", "--verify"]);
    assert_eq!(verified.code, Some(1), "{verified:?}");
    println!("seed --verify at scale tiny: {}", verified.stderr);
    assert!(verified.stderr.contains("too small"), "{}", verified.stderr);

    let listen = format!("--listen={}", demo.address);
    let healthy = run(scratch.path(), &["healthcheck", &listen]);
    assert_eq!(healthy.code, Some(0), "{healthy:?}");
    assert!(healthy.stdout.contains(r#""status":"ready""#), "{healthy:?}");
}

#[test]
fn a_healthcheck_of_nobody_fails() {
    let scratch = scratch();
    // Port 1 is tcpmux's, which nobody runs.
    let finished = run(scratch.path(), &["healthcheck", "--listen=127.0.0.1:1"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let message = "no server answers on 127.0.0.1:1";
    assert!(finished.stderr.contains(message), "{finished:?}");
}

#[test]
fn a_healthcheck_of_one_that_hangs_fails() {
    let scratch = scratch();
    // The system takes the connection; nobody ever answers on it.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("--listen={}", silent.local_addr().unwrap());
    let finished = run(scratch.path(), &["healthcheck", &listen]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("does not answer within"), "{finished:?}");
}

#[test]
fn an_identity_must_be_asked_for() {
    let scratch = scratch();
    let finished = run(scratch.path(), &["token"]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert_eq!(finished.stdout, "");
    for flag in ["--store", "--all-stores"] {
        assert!(finished.stderr.contains(flag), "{}", finished.stderr);
    }
    for command in ["token", "stdio"] {
        let both = run(scratch.path(), &[command, "--store=seattle", "--all-stores"]);
        assert_eq!(both.code, Some(2), "{both:?}");
    }
}

#[test]
fn secrets_are_not_printed() {
    let scratch = scratch();
    let secret_file = scratch.path().join("password");
    std::fs::write(&secret_file, "hunter3\n").unwrap();
    let finished = Process::start(
        scratch.path(),
        &["config"],
        &[
            ("RETAIL_MCP__DATABASE__QUERY_PASSWORD", "hunter2"),
            ("RETAIL_MCP__DATABASE__ADMIN_PASSWORD_FILE", secret_file.to_str().unwrap()),
        ],
    )
    .wait();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let value_of = |key: &str| {
        let line = finished
            .stdout
            .lines()
            .find(|line| line.split_whitespace().next() == Some(key))
            .unwrap_or_else(|| panic!("{key} is missing: {}", finished.stdout));
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    assert_eq!(value_of("database.query_password"), "***");
    assert_eq!(value_of("database.admin_password"), "***");
    assert_eq!(value_of("server.listen"), "127.0.0.1:8000");
    for text in [&finished.stdout, &finished.stderr] {
        assert!(!text.contains("hunter"), "{text}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_a_suggestion() {
    let scratch = scratch();
    std::fs::write(
        scratch.path().join("retail-mcp.toml"),
        "[server]\nlisen = \"127.0.0.1:9000\"\n",
    )
    .unwrap();
    let finished = run(scratch.path(), &["config"]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    for part in ["server.lisen", "server.listen", "retail-mcp.toml"] {
        assert!(finished.stderr.contains(part), "{}", finished.stderr);
    }
}

#[test]
fn serving_without_a_database_or_a_mode_is_refused_with_all_faults() {
    let scratch = scratch();
    let finished = run(scratch.path(), &["serve"]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    for key in ["database.host", "auth.mode"] {
        assert!(finished.stderr.contains(key), "{}", finished.stderr);
    }
}
