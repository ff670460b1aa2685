//! Traces, logs and metrics that are sent, received by a real collector.

use std::collections::HashMap;
use std::time::Duration;

use retail_testkit::{Collector, ReceivedSpan, TestDatabase};
use rustix::process::Signal;

use crate::support::{Call, PATIENCE, Reply, Served, eventually, scratch};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CLIENT_SPAN: &str = "b7ad6b7169203331";
const OTHER_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Two series of this length: counting their pairs takes longer than a statement may.
const LONG: &str = "SELECT count(*) FROM generate_series(1, 99999) a, generate_series(1, 99999) b";

fn traceparent(trace: &str, flags: &str) -> String {
    format!("00-{trace}-{CLIENT_SPAN}-{flags}")
}

/// A server that sends to `collector` by gRPC. By itself it begins no trace.
fn served(
    database: &TestDatabase,
    folder: &std::path::Path,
    collector: &Collector,
    more: &[(&str, &str)],
) -> Served {
    let endpoint = collector.grpc_endpoint();
    let mut variables = vec![
        ("TELEMETRY__OTLP__ENDPOINT", endpoint.as_str()),
        ("TELEMETRY__TRACES__SAMPLE_RATIO", "0"),
        ("TELEMETRY__TRACES__FOLLOWED_PER_SECOND", "1000"),
        ("TELEMETRY__SIGNALS", "traces,metrics,logs"),
    ];
    variables.extend_from_slice(more);
    Served::start(database, folder, &variables)
}

/// A server that trusts the collector's certificate.
fn trusting(
    database: &TestDatabase,
    folder: &std::path::Path,
    collector: &Collector,
    variables: &[(&str, &str)],
) -> Served {
    let authority = folder.join("authority.pem");
    std::fs::write(&authority, collector.authority()).unwrap();
    let trust = [("SSL_CERT_FILE", authority.to_str().unwrap())];
    Served::start_in(database, folder, variables, &trust)
}

fn ask(server: &Served, call: Call) -> Reply {
    Reply::read(call.bearer(&server.head_office()).send_to(server.address))
}

/// Ends the server, which sends what is left. Gives its log.
fn end(mut server: Served) -> String {
    server.process.signal(Signal::TERM);
    let ended = server.process.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stderr
}

#[track_caller]
fn only<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    let mut named = spans.iter().filter(|span| span.name == name);
    let found = named.next();
    assert!(found.is_some() && named.next().is_none(), "not one {name} in {spans:#?}");
    found.unwrap()
}

/// A client's span, the request, the tool, the cache, the guard and the statement are one trace; its lines are in the
/// log under the same id, here and at the collector, and PostgreSQL shows it while the statement runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_one_trace_from_its_client_to_postgresql() {
    let database = TestDatabase::seeded().await;
    let (folder, collector) = (scratch(), Collector::start().await);
    let server = served(&database, folder.path(), &collector, &[]);
    let sql = "SELECT count(*) FROM retail.orders WHERE order_date > DATE '2019-07-01'";
    let call = Call::query(sql).header("traceparent", &traceparent(TRACE, "01"));
    assert_eq!(ask(&server, call).rows().len(), 1);
    let log = end(server);

    let spans = collector.spans();
    assert!(spans.iter().all(|span| span.trace_id == TRACE), "{spans:#?}");
    let request = only(&spans, "POST /mcp");
    assert_eq!((request.parent_id.as_str(), request.kind.as_str()), (CLIENT_SPAN, "Server"));
    assert_eq!(request.attributes["http.response.status_code"], "200");
    let call = only(&spans, "tools/call execute_sales_query");
    assert_eq!((&call.parent_id, call.kind.as_str()), (&request.span_id, "Server"));
    assert_eq!(call.attributes["gen_ai.tool.name"], "execute_sales_query");
    let cache = only(&spans, "cache");
    assert_eq!(cache.parent_id, call.span_id);
    assert_eq!(cache.attributes["retail.cache.result"], "read");
    for name in ["guard", "connection", "SELECT"] {
        assert_eq!(only(&spans, name).parent_id, cache.span_id, "{name}");
    }
    let statement = only(&spans, "SELECT");
    assert_eq!(statement.kind, "Client");
    assert_eq!(statement.attributes["db.system.name"], "postgresql");
    assert_eq!(statement.attributes["db.query.summary"], "SELECT retail.orders");
    assert!(!spans.iter().any(|span| span.is_error), "{spans:#?}");

    let logged = log.lines().find(|line| line.contains(": request")).unwrap();
    assert!(logged.contains(&format!("trace_id=\"{TRACE}\"")), "{logged}");
    let lines = collector.lines();
    let line = lines.iter().find(|line| line.body == "request").unwrap();
    assert_eq!((line.trace_id.as_str(), line.severity.as_str()), (TRACE, "INFO"));
    // Nothing that a caller sent, nor what proves who it is.
    let all = format!("{spans:?}{lines:?}");
    for text in ["2019", "eyJ", "Bearer"] {
        assert!(!all.contains(text), "{text} in {all}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_shows_the_trace_while_a_statement_runs() {
    let database = TestDatabase::seeded().await;
    let (folder, collector) = (scratch(), Collector::start().await);
    let server = served(&database, folder.path(), &collector, &[("CACHE__MODE", "off")]);
    let shown = |state: &str| {
        database.psql(&format!(
            "SELECT query FROM pg_stat_activity WHERE datname = '{}' AND state = '{state}'
               AND usename LIKE 'retail_query%'",
            database.name
        ))
    };
    let comment = format!("/*tool='execute_sales_query',traceparent='00-{TRACE}-");
    // As new, and as one that ran before.
    let quick = "SELECT count(*) FROM generate_series(1, 3) a";
    for (n, sql) in [(1, LONG), (2, quick), (3, quick)] {
        let call = Call::query(sql).header("traceparent", &traceparent(TRACE, "01"));
        let reply = call.bearer(&server.head_office()).send_to(server.address);
        if n == 1 {
            eventually(PATIENCE, "the comment is shown", || shown("active").contains(&comment));
        }
        let reply = Reply::read(reply);
        assert_eq!(reply.result()["isError"] == true, n == 1, "{reply:?}");
    }
    // The last message of the connection.
    let last = shown("idle");
    assert!(last.contains(&comment) && last.contains("EXECUTE"), "{last}");
    end(server);
    let spans = collector.spans();
    let failed: Vec<_> = spans.iter().filter(|span| span.is_error).collect();
    let names: Vec<_> = failed.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    for span in failed {
        assert_eq!(span.attributes["error.type"], "query_timeout", "{span:?}");
    }
}

/// The id may come in `_meta`, whichever way a call takes; the request is a trace of its own then, or none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trace_of_a_call_may_be_named_in_its_meta() {
    let database = TestDatabase::seeded().await;
    let (folder, collector) = (scratch(), Collector::start().await);
    let server = served(&database, folder.path(), &collector, &[]);
    let date = || Call::tool("get_current_utc_date", &serde_json::json!({}));
    let direct = date().meta("traceparent", &traceparent(TRACE, "01"));
    // What it does not know goes by rmcp.
    let by_rmcp = date().meta("traceparent", &traceparent(TRACE, "01")).meta("more", "1");
    let both = date()
        .meta("traceparent", &traceparent(TRACE, "01"))
        .header("traceparent", &traceparent(OTHER_TRACE, "01"));
    for call in [direct, by_rmcp, both] {
        assert!(ask(&server, call).result()["isError"] != true);
    }
    let log = end(server);
    let spans = collector.spans();
    let calls: Vec<_> = spans.iter().filter(|span| span.trace_id == TRACE).collect();
    assert_eq!(calls.len(), 3, "{spans:#?}");
    for call in &calls {
        assert_eq!(call.name, "tools/call get_current_utc_date");
        assert_eq!(call.parent_id, CLIENT_SPAN);
    }
    let linked: Vec<_> = calls.iter().flat_map(|call| &call.links).collect();
    assert!(linked.contains(&&OTHER_TRACE.to_owned()), "{calls:#?}");
    assert_eq!(only(&spans, "POST /mcp").trace_id, OTHER_TRACE);
    assert!(log.contains(OTHER_TRACE), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_trace_is_not_traced_but_by_chance() {
    let database = TestDatabase::seeded().await;
    let (folder, collector) = (scratch(), Collector::start().await);
    let more = [("TELEMETRY__TRACES__FOLLOWED_PER_SECOND", "1")];
    let server = served(&database, folder.path(), &collector, &more);
    let date = || Call::tool("get_current_utc_date", &serde_json::json!({}));
    ask(&server, date());
    ask(&server, date().header("traceparent", &traceparent(TRACE, "00")));
    ask(&server, date().header("traceparent", "00-' OR 1=1 --"));
    for _ in 0..50 {
        ask(&server, date().header("traceparent", &traceparent(OTHER_TRACE, "01")));
    }
    let log = end(server);
    let spans = collector.spans();
    assert!(spans.iter().all(|span| span.trace_id == OTHER_TRACE), "{spans:#?}");
    let requests = spans.iter().filter(|span| span.name == "POST /mcp").count();
    assert!((1..20).contains(&requests), "{requests} of 50 in a second or two");
    // Not traced, but found in the log all the same.
    assert!(log.contains(&format!("trace_id=\"{TRACE}\"")), "{log}");
    assert!(!log.contains("1=1"), "{log}");

    let server =
        served(&database, folder.path(), &collector, &[("TELEMETRY__TRACES__SAMPLE_RATIO", "1")]);
    let before = spans.len();
    ask(&server, date());
    let log = end(server);
    let spans = collector.spans().split_off(before);
    let request = only(&spans, "POST /mcp");
    assert_eq!(request.parent_id, "");
    assert!(log.contains(&request.trace_id), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_logs_and_metrics_go_by_https_with_a_key() {
    let database = TestDatabase::seeded().await;
    let (folder, collector) = (scratch(), Collector::start().await);
    let endpoint = collector.https_endpoint();
    let variables = [
        ("TELEMETRY__OTLP__ENDPOINT", endpoint.as_str()),
        ("TELEMETRY__OTLP__PROTOCOL", "http/protobuf"),
        ("TELEMETRY__OTLP__HEADERS", "api-key=hunter2"),
        ("TELEMETRY__TRACES__SAMPLE_RATIO", "1"),
        ("TELEMETRY__SIGNALS", "traces,metrics,logs"),
        ("LOG__LEVEL", "trace"),
    ];
    let server = trusting(&database, folder.path(), &collector, &variables);
    ask(&server, Call::query("SELECT 1"));
    let log = end(server);
    only(&collector.spans(), "tools/call execute_sales_query");
    assert!(collector.lines().iter().any(|line| line.body == "request"));
    let metrics = collector.metric_names();
    for name in ["mcp.server.operation.duration", "retail.audit.entries", "process.memory.usage"] {
        assert!(metrics.iter().any(|metric| metric == name), "{name} not in {metrics:?}");
    }
    assert_eq!(collector.header("api-key").as_deref(), Some("hunter2"));
    assert!(!log.contains("hunter2"), "{log}");
    // Of what sends, nothing is sent: it would have no end.
    assert!(collector.lines().len() < 100, "{} lines", collector.lines().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn azure_monitor_is_sent_requests_dependencies_lines_and_metrics() {
    let database = TestDatabase::seeded().await;
    let (folder, collector) = (scratch(), Collector::start().await);
    let connection_string = collector.connection_string();
    let variables = [
        ("TELEMETRY__APPLICATION_INSIGHTS__CONNECTION_STRING", connection_string.as_str()),
        ("TELEMETRY__SIGNALS", "traces,metrics,logs"),
        ("TELEMETRY__TRACES__SAMPLE_RATIO", "1"),
    ];
    let server = trusting(&database, folder.path(), &collector, &variables);
    ask(&server, Call::query("SELECT 1"));
    end(server);
    let mut kinds = HashMap::<String, usize>::new();
    for envelope in collector.azure() {
        let kind = envelope["data"]["baseType"].as_str().unwrap_or_default().to_owned();
        *kinds.entry(kind).or_default() += 1;
    }
    for kind in ["RequestData", "RemoteDependencyData", "MessageData", "MetricData"] {
        assert!(kinds.contains_key(kind), "no {kind} in {kinds:?}");
    }
}

/// A collector that is away, or takes connections and says nothing, is no concern of callers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_away_holds_nobody_up() {
    let database = TestDatabase::seeded().await;
    let folder = scratch();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    for endpoint in ["http://127.0.0.1:9", &silent] {
        let variables =
            [("TELEMETRY__OTLP__ENDPOINT", endpoint), ("TELEMETRY__TRACES__SAMPLE_RATIO", "1")];
        let server = Served::start(&database, folder.path(), &variables);
        for _ in 0..20 {
            assert_eq!(ask(&server, Call::query("SELECT 1")).rows().len(), 1);
        }
        let started = std::time::Instant::now();
        end(server);
        let took = started.elapsed();
        assert!(took < Duration::from_secs(25), "it took {took:?} to end");
    }
}

/// SIGHUP reads the level from the file; a level that cannot be read changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_level_of_the_log_changes_without_a_restart() {
    let database = TestDatabase::seeded().await;
    let folder = scratch();
    let file = folder.path().join("retail-mcp.toml");
    let level = |level: &str| std::fs::write(&file, format!("[log]\nlevel = {level:?}\n")).unwrap();
    level("info");
    let server = Served::start(&database, folder.path(), &[]);
    let probe = |server: &Served| {
        let mut stream = std::net::TcpStream::connect(server.address).unwrap();
        let request = "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        std::io::read_to_string(stream).unwrap()
    };
    probe(&server);
    level("info,retail_server=debug");
    server.process.signal(Signal::HUP);
    eventually(PATIENCE, "the level is read anew", || {
        server.process.stderr().contains("was read anew")
    });
    assert!(!server.process.stderr().contains("probe"), "{}", server.process.stderr());
    probe(&server);
    eventually(PATIENCE, "the probe is logged", || server.process.stderr().contains("probe"));
    level("verbose");
    server.process.signal(Signal::HUP);
    eventually(PATIENCE, "the level is refused", || {
        server.process.stderr().contains("stays as it is")
    });
    probe(&server);
    end(server);
}
