//! Metrics, the performance monitor, and who may read them.

use std::net::SocketAddr;
use std::time::Duration;

use http::Request;
use retail_testkit::{TestDatabase, store, stores};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Call, PATIENCE, TestServer, access_to, eventually};

/// Two series of this length: counting their pairs takes minutes. Callers may not sleep.
const LONG: &str = "SELECT count(*) FROM generate_series(1, 99999) a, generate_series(1, 99999) b";
const ELSEWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9)), 40_000);

fn get(path: &str) -> http::request::Builder {
    Request::get(path).header("host", "localhost")
}

async fn metrics(server: &TestServer) -> String {
    let reply = server.get("/metrics").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    reply.plain_text().to_owned()
}

/// The whole value of a series, given as it stands in the text.
#[track_caller]
fn value(metrics: &str, series: &str) -> u64 {
    let line = metrics.lines().find(|line| line.starts_with(&format!("{series} ")));
    assert!(line.is_some(), "no {series} in\n{metrics}");
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

/// Calls of all kinds, good and bad, of each store and head office.
async fn mixed_run(server: &TestServer) {
    let mut tokens: Vec<String> = stores().iter().map(|store| server.manager(store)).collect();
    tokens.push(server.head_office());
    for token in &tokens {
        for sql in [
            "SELECT store_name FROM retail.stores",
            "SELECT count(*) FROM retail.orders WHERE order_date > DATE '2020-01-01'",
            "SELECT 1/0",
            "SELECT nothing FROM retail.orders",
            "DELETE FROM retail.orders",
            "SELECT pg_sleep(1)",
        ] {
            server.query(token, sql).await;
        }
        for (tool, arguments) in [
            ("get_current_utc_date", json!({})),
            ("get_multiple_table_schemas", json!({ "table_names": ["retail.orders"] })),
            ("hybrid_product_search", json!({ "query_description": "paint for a wet room" })),
            ("get_product_recommendations", json!({ "kind": "nothing" })),
            ("no_such_tool", json!({})),
            ("nor_this_one", json!({})),
        ] {
            server.send(Call::tool(tool, &arguments).bearer(token)).await;
        }
        server.send(Call::new("tools/list", json!({})).bearer(token)).await;
        server.send(Call::query("SELECT 1")).await;
        for n in 0..20 {
            server.get(&format!("/no/such/{n}/{token}")).await;
        }
    }
    let strange = Request::builder().method("BREW").uri("/mcp").header("host", "localhost");
    server.request(strange).await;
}

#[tokio::test]
async fn series_are_few_and_tell_nothing_of_anybody() {
    let database = TestDatabase::seeded().await;
    let server = TestServer::with(access_to(&database), &[("CACHE__MODE", "memory")]);
    mixed_run(&server).await;
    let first = metrics(&server).await;
    let series = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    mixed_run(&server).await;
    let second = metrics(&server).await;
    println!("{} series after one mixed run, {} after two", series(&first), series(&second));
    assert!(series(&second) < 1000, "{second}");
    // Only what the first run could not show: that it was itself asked for metrics.
    assert!(series(&second) <= series(&first) + 20, "{} {}", series(&first), series(&second));
    for store in stores() {
        for name in [store.name.clone(), store.rls_user_id.to_string()] {
            assert!(!second.contains(&name), "{name} in\n{second}");
        }
    }
    for text in
        ["SELECT", "orders", "no_such_tool", "nor_this_one", "/no/such", "BREW", "test-", "paint"]
    {
        assert!(!second.contains(text), "{text} in\n{second}");
    }
}

#[tokio::test]
async fn calls_are_counted_by_what_became_of_them() {
    let server = TestServer::seeded(&[]).await;
    mixed_run(&server).await;
    let callers = stores().len() as u64 + 1;
    let text = metrics(&server).await;
    let sales = |error: &str| {
        let error =
            if error.is_empty() { String::new() } else { format!("error_type=\"{error}\",") };
        value(
            &text,
            &format!(
                "mcp_server_operation_duration_seconds_count{{{error}gen_ai_tool_name=\"execute_sales_query\",\
                 mcp_method_name=\"tools/call\"}}"
            ),
        )
    };
    assert_eq!(sales(""), 2 * callers);
    assert_eq!(sales("query_failed"), 2 * callers);
    assert_eq!(sales("query_not_allowed"), 2 * callers);
    let unknown = "mcp_server_operation_duration_seconds_count{error_type=\"not_found\",\
                   gen_ai_tool_name=\"unknown\",mcp_method_name=\"tools/call\"}";
    assert_eq!(value(&text, unknown), 2 * callers);
    let list = "mcp_server_operation_duration_seconds_count{mcp_method_name=\"tools/list\"}";
    assert_eq!(value(&text, list), callers);
    // The guard knows the columns, too.
    assert_eq!(value(&text, "retail_security_guard_refusals_total"), 3 * callers);
    let http = |route: &str, status: u16| {
        format!(
            "http_server_request_duration_seconds_count{{http_request_method=\"{}\",\
             http_response_status_code=\"{status}\",http_route=\"{route}\"}}",
            if route == "other" { "GET" } else { "POST" },
        )
    };
    assert_eq!(value(&text, &http("/mcp", 401)), callers, "those without a token");
    assert_eq!(value(&text, &http("other", 404)), 20 * callers);
    let stores = "db_client_operation_duration_seconds_count{db_client_connection_pool_name=\"stores\",\
                  db_system_name=\"postgresql\"}";
    assert!(value(&text, stores) >= 2 * (callers - 1));
    let failed = "db_client_operation_duration_seconds_count{db_client_connection_pool_name=\"head_office\",\
                  db_system_name=\"postgresql\",error_type=\"query_failed\"}";
    assert_eq!(value(&text, failed), 1);
    assert_eq!(value(&text, "http_server_active_requests"), 1, "this one");
    let body = server.get("/monitor/current").await.body;
    assert_eq!(body["application"]["calls"], 12 * callers, "{body}");
    assert_eq!(body["application"]["fault_ratio"], 0.0, "models' mistakes are nobody's fault");
    let tools = body["tools"].as_array().unwrap();
    let row = tools.iter().find(|row| row["tool"] == "execute_sales_query").unwrap();
    assert_eq!(row["calls"], 6 * callers, "{body}");
    assert!(row["latency_seconds"]["p95"].as_f64().unwrap() > 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pool_shows_who_works_and_who_waits() {
    let server = TestServer::seeded(&[
        ("DATABASE__POOL_MAX_CONNECTIONS", "2"),
        ("DATABASE__POOL_ACQUIRE_TIMEOUT", "20s"),
        ("DATABASE__MAX_STATEMENTS_PER_CALLER", "2"),
        ("QUERY__STATEMENT_TIMEOUT", "20s"),
    ])
    .await;
    let address = server.listen().await;
    let seattle = server.manager(&store("Zava Retail Seattle"));
    let first = Call::query(LONG).bearer(&seattle).send_to(address);
    let pool = async || server.get("/monitor/current").await.body["database"]["pools"][0].clone();
    let until = async |wanted: Value| {
        let started = std::time::Instant::now();
        while pool().await != wanted {
            assert!(started.elapsed() < PATIENCE, "{}", pool().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let status = |used, idle, waiting| json!({ "pool": "stores", "max": 1, "used": used, "idle": idle, "waiting": waiting });
    until(status(1, 0, 0)).await;
    let second = Call::query(LONG).bearer(&seattle).send_to(address);
    until(status(1, 0, 1)).await;
    let text = metrics(&server).await;
    assert_eq!(
        value(
            &text,
            "db_client_connection_pending_requests{db_client_connection_pool_name=\"stores\"}"
        ),
        1
    );
    drop((first, second));
    let given_up = "mcp_server_operation_duration_seconds_count{error_type=\"cancelled\",\
                    gen_ai_tool_name=\"execute_sales_query\",mcp_method_name=\"tools/call\"}";
    let left = "http_server_request_duration_seconds_count{http_request_method=\"POST\",\
                http_response_status_code=\"499\",http_route=\"/mcp\"}";
    let started = std::time::Instant::now();
    let both =
        |text: &str| [given_up, left].iter().all(|series| text.contains(&format!("{series} 2")));
    while !both(&metrics(&server).await) {
        assert!(started.elapsed() < PATIENCE, "{}", metrics(&server).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    eventually(PATIENCE, "they have ended", || {
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(pool()))["used"]
            == 0
    });
}

#[rstest]
#[case::from_elsewhere(ELSEWHERE, &[("host", "localhost")], 401)]
#[case::passed_on("127.0.0.1:9".parse().unwrap(), &[("host", "localhost"), ("x-forwarded-for", "127.0.0.1")], 401)]
#[case::passed_on_by_name("127.0.0.1:9".parse().unwrap(), &[("host", "localhost"), ("via", "1.1 proxy")], 401)]
#[case::passed_on_by_another_header("127.0.0.1:9".parse().unwrap(), &[("host", "localhost"), ("x-real-ip", "127.0.0.1")], 401)]
#[case::rebound("127.0.0.1:9".parse().unwrap(), &[("host", "rebound.example.com")], 421)]
#[case::from_a_page("127.0.0.1:9".parse().unwrap(), &[("host", "localhost"), ("origin", "http://rebound.example.com")], 403)]
#[case::by_address("127.0.0.1:9".parse().unwrap(), &[("host", "10.1.2.3:8000")], 200)]
#[case::by_address_6("[::1]:9".parse().unwrap(), &[("host", "[fd00::1]:8000")], 200)]
#[tokio::test]
async fn operators_are_on_the_list_or_have_a_token(
    #[case] peer: SocketAddr,
    #[case] headers: &[(&str, &str)],
    #[case] status: u16,
) {
    let server = TestServer::seeded(&[]).await;
    for path in ["/metrics", "/monitor/current", "/monitor/summary"] {
        let with = |request: http::request::Builder| {
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
        };
        let reply = server.request_from(peer, with(Request::get(path))).await;
        assert_eq!(reply.status, status, "{path}: {reply:?}");
        if status == 401 {
            // Head office reads all stores, and is no operator for that.
            let token = format!("Bearer {}", server.head_office());
            let request = with(Request::get(path)).header("authorization", token);
            assert_eq!(server.request_from(peer, request).await.status, 403, "{path}");
        }
        // What is wrong is for operators; whether something is, is for everybody.
        let reply = server.request_from(peer, with(Request::get("/ready"))).await;
        assert_eq!(reply.body["parts"].is_null(), status != 200, "{reply:?}");
        assert_eq!(reply.body["status"], "ready");
    }
}

#[tokio::test]
async fn a_proxy_that_is_known_is_no_operator() {
    let server = TestServer::seeded(&[("SERVER__PROXIES", "127.0.0.1")]).await;
    for path in ["/metrics", "/monitor/current", "/monitor/summary"] {
        assert_eq!(server.get(path).await.status, 401, "{path}");
    }
    assert_eq!(server.get("/ready").await.body, json!({ "status": "ready" }));
}

#[rstest]
#[case("hours=0")]
#[case("hours=169")]
#[case("hours=-1")]
#[case("hours=all")]
#[case("days=1")]
#[tokio::test]
async fn a_period_that_there_is_not_is_refused(#[case] period: &str) {
    let server = TestServer::seeded(&[]).await;
    let reply = server.request(get(&format!("/monitor/summary?{period}"))).await;
    assert_eq!(reply.status, 400);
    assert_eq!(reply.body["code"], "invalid_argument");
    assert!(reply.body["hint"].as_str().unwrap().contains("hours=24"), "{reply:?}");
}

#[tokio::test]
async fn without_metrics_the_rest_is_told() {
    let server = TestServer::seeded(&[("TELEMETRY__METRICS", "false")]).await;
    mixed_run(&server).await;
    let text = metrics(&server).await;
    assert!(!text.contains("duration_seconds"), "{text}");
    assert!(value(&text, "process_memory_usage_bytes") > 1_000_000);
    let max = "db_client_connection_max{db_client_connection_pool_name=\"head_office\"}";
    assert_eq!(value(&text, max), 2);
    let body = server.get("/monitor/current").await.body;
    assert!(
        body["application"].is_null() && body["tools"].is_null(),
        "no zeros that nobody counted: {body}"
    );
    assert_eq!(body["active_requests"], 1);
    assert!(server.get("/monitor/summary").await.body["application"].is_null());
}

#[tokio::test]
async fn a_summary_says_how_much_of_the_period_there_is() {
    let server = TestServer::seeded(&[]).await;
    server.query(&server.head_office(), "SELECT 1").await;
    for (asked, hours) in [("", 24), ("?hours=1", 1), ("?hours=168", 168)] {
        let body = server.request(get(&format!("/monitor/summary{asked}"))).await.body;
        assert_eq!(body["period_hours"], hours);
        assert_eq!(body["application"]["calls"], 1, "{body}");
        assert!(body["covered_seconds"].as_u64().unwrap() < 600, "{body}");
        assert!(body["mean_memory_bytes"].as_f64().unwrap() > 1e6, "{body}");
    }
}
