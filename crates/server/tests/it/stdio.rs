//! `retail-mcp stdio`: one JSON-RPC message a line.

use serde_json::{Value, json};

use crate::support::{Demo, PATIENCE, Process, scratch, write_line};

/// The message with this id among the lines.
fn message(lines: &str, id: i64) -> Value {
    lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|message| message["id"] == id)
        .unwrap()
}

#[test]
fn an_older_client_speaks_to_it_while_the_demo_runs() {
    let scratch = scratch();
    let _demo = Demo::start(scratch.path());
    let data_dir = scratch.path().join("data");
    let mut server = Process::start(
        scratch.path(),
        &["stdio", "--store=seattle", "--data-dir", data_dir.to_str().unwrap()],
        &[],
    );
    let mut input = server.stdin();
    write_line(
        &mut input,
        &json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        } }),
    );
    server.wait_for_output("\"id\":1", PATIENCE);
    write_line(&mut input, &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    let sql = "SELECT store_name, (SELECT count(DISTINCT store_id) FROM retail.orders) AS stores
               FROM retail.stores";
    write_line(
        &mut input,
        &json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
            "name": "execute_sales_query",
            "arguments": { "postgresql_query": sql },
        } }),
    );
    server.wait_for_output("\"id\":2", PATIENCE);
    drop(input);
    let finished = server.wait();
    assert_eq!(finished.code, Some(0), "{finished:?}");

    let hello = message(&finished.stdout, 1);
    assert_eq!(hello["result"]["protocolVersion"], "2025-06-18");
    assert_eq!(hello["result"]["serverInfo"]["name"], "retail-mcp");
    let answer = &message(&finished.stdout, 2)["result"]["structuredContent"];
    assert_eq!(answer["rows"], json!([["Zava Retail Seattle", 1]]));
    assert_eq!(answer["receipt"]["acting_store"], "Zava Retail Seattle");
    // Standard output is the protocol's: nothing else is written there.
    assert_eq!(finished.stdout.lines().count(), 2, "{}", finished.stdout);
}

/// The person at the client must see why there are no tools, not only the one who reads its log.
#[test]
fn without_an_identity_every_request_is_an_error() {
    let scratch = scratch();
    let mut server = Process::start(scratch.path(), &["stdio"], &[]);
    let mut input = server.stdin();
    write_line(&mut input, &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    write_line(&mut input, &json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize" }));
    server.wait_for_output("\"id\":1", PATIENCE);
    drop(input);
    let finished = server.wait();
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.stdout.lines().count(), 1, "{finished:?}");
    let error = &message(&finished.stdout, 1)["error"];
    assert_eq!(error["code"], -32600);
    assert!(error["message"].as_str().unwrap().contains("--store NAME"), "{error}");
}
