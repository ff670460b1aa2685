//! `retail-mcp demo` as a process: how it starts and how it ends.

use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use retail_embedded_postgres::{Cluster, Psql};
use rustix::process::Signal;
use serde_json::json;

use crate::support::{
    Call, Demo, PATIENCE, Process, Reply, eventually, installation, processes_of, scratch,
};

/// Asks for the number of orders in a statement that counts `steps` times 99,999 on the way, and waits
/// until it runs. Callers may not sleep.
fn send_slow(demo: &Demo, data_dir: &Path, steps: u32) -> TcpStream {
    let connection = Cluster::attach(&data_dir.join("postgres")).unwrap();
    let psql = Psql::new(installation(), connection);
    let running = "SELECT count(*) FROM pg_stat_activity
                   WHERE usename LIKE 'retail_query%' AND state = 'active' AND query LIKE '%generate_series(1, 99999)%'";
    let sql = format!(
        "SELECT count(*) AS orders FROM retail.orders,
             (SELECT count(*) FROM generate_series(1, 99999) a, generate_series(1, {steps}) b) AS slow"
    );
    let call = Call::query(&sql).bearer(&demo.token("zava-head-office"));
    let answer = call.send_to(demo.address);
    eventually(PATIENCE, "the statement runs", || psql.run("zava", running).unwrap().trim() == "1");
    answer
}

#[test]
fn a_stop_signal_lets_the_last_answer_finish_and_leaves_nothing_running() {
    let scratch = scratch();
    let data_dir = scratch.path().join("data");
    // However slow the machine: the statement ends by itself.
    let variables = [
        ("RETAIL_MCP__QUERY__STATEMENT_TIMEOUT", "50s"),
        ("RETAIL_MCP__SERVER__REQUEST_TIMEOUT", "55s"),
    ];
    let mut demo = Demo::start_with(scratch.path(), &variables);
    assert!(demo.loaded_data());
    println!("the first start: {}", demo.ready_after());
    assert!(!processes_of(&data_dir).is_empty(), "or the check below shows nothing");

    let answer = send_slow(&demo, &data_dir, 300);
    demo.process.signal(Signal::TERM);
    let reply = Reply::read(answer);
    assert_eq!(reply.rows(), [[json!(2_000)]]);
    let finished = demo.process.wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(processes_of(&data_dir), [""; 0]);

    let again = Demo::start(scratch.path());
    println!("the second start: {}", again.ready_after());
    assert!(!again.loaded_data(), "{}", again.process.stderr());
    let call = Call::query("SELECT count(*) FROM retail.orders");
    let reply = Reply::read(call.bearer(&again.token("zava-head-office")).send_to(again.address));
    assert_eq!(reply.rows(), [[json!(2_000)]]);
}

#[test]
fn what_takes_longer_than_the_grace_is_cut() {
    let scratch = scratch();
    let data_dir = scratch.path().join("data");
    let variables = [
        ("RETAIL_MCP__SERVER__SHUTDOWN_GRACE", "1s"),
        ("RETAIL_MCP__QUERY__STATEMENT_TIMEOUT", "50s"),
        ("RETAIL_MCP__SERVER__REQUEST_TIMEOUT", "55s"),
    ];
    let mut demo = Demo::start_with(scratch.path(), &variables);
    let _answer = send_slow(&demo, &data_dir, 99_999);
    demo.process.signal(Signal::TERM);
    let started = Instant::now();
    let finished = demo.process.wait();
    let took = started.elapsed();
    println!("cut and ended after {} ms", took.as_millis());
    assert!(took < PATIENCE, "{took:?}");
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(processes_of(&data_dir), [""; 0]);
}

#[test]
fn a_killed_demo_leaves_no_database_behind_and_starts_again() {
    let scratch = scratch();
    let data_dir = scratch.path().join("data");
    let mut demo = Demo::start(scratch.path());
    let token = demo.token("zava-seattle");
    assert!(!processes_of(&data_dir).is_empty());
    demo.process.signal(Signal::KILL);
    demo.process.wait();
    let took = eventually(PATIENCE, "PostgreSQL ends", || processes_of(&data_dir).is_empty());
    println!("PostgreSQL ended {} ms after the kill", took.as_millis());

    let again = Demo::start(scratch.path());
    println!("the start after the kill: {}", again.ready_after());
    assert!(!again.loaded_data());
    // The key is kept, so tokens of before the kill still hold.
    let call = Call::query("SELECT store_name FROM retail.stores").bearer(&token);
    let reply = Reply::read(call.send_to(again.address));
    assert_eq!(reply.rows(), [[json!("Zava Retail Seattle")]]);
}

#[test]
fn each_entry_of_the_printed_mcp_json_works() {
    let scratch = scratch();
    let demo = Demo::start(scratch.path());
    let servers = demo.mcp_json()["servers"].as_object().unwrap().clone();
    assert_eq!(servers.len(), 9);
    for (name, server) in servers {
        assert_eq!(server["type"], "http");
        assert_eq!(server["url"], format!("http://{}/mcp", demo.address));
        let sql = "SELECT count(*), max(store_name) FROM retail.stores";
        let call = Call::query(sql).bearer(&demo.token(&name));
        let rows = Reply::read(call.send_to(demo.address)).rows();
        if name == "zava-head-office" {
            assert_eq!(rows[0][0], 8);
        } else {
            assert_eq!(rows[0][0], 1);
            let store = rows[0][1].as_str().unwrap().to_lowercase();
            assert_eq!(name, store.replace("zava retail ", "zava-"));
        }
    }

    // The folder holds a data set; another one is not put over it.
    let data_dir = scratch.path().join("data");
    let data_dir = data_dir.to_str().unwrap();
    let arguments = ["demo", "--listen=127.0.0.1:0", "--data-dir", data_dir];
    let second = Process::start(scratch.path(), &arguments, &[]).wait();
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.stderr.contains("already"), "{}", second.stderr);

    let mut demo = demo;
    demo.process.signal(Signal::INT);
    assert_eq!(demo.process.wait().code, Some(0));
    let arguments = ["demo", "--listen=127.0.0.1:0", "--data-dir", data_dir, "--scale=2x"];
    let other = Process::start(scratch.path(), &arguments, &[]).wait();
    assert_eq!(other.code, Some(1), "{other:?}");
    for part in ["scale tiny", "--data-dir", "seed --replace"] {
        assert!(other.stderr.contains(part), "{}", other.stderr);
    }
    eventually(Duration::from_secs(1), "nothing is left", || {
        processes_of(scratch.path().join("data").as_path()).is_empty()
    });
}
