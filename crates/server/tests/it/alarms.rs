//! Alarms, and who is told of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use retail_domain::ports::{Clock as _, SystemClock};
use retail_telemetry::{AlarmState, Severity};
use retail_testkit::TestDatabase;
use serde_json::Value;

use crate::support::{PATIENCE, TestServer, access_to, eventually};

/// What came, by the path that it was sent to.
#[derive(Clone, Default)]
struct Receiver(Arc<Mutex<Received>>);

#[derive(Default)]
struct Received {
    messages: HashMap<String, Vec<Value>>,
    /// How many are turned away first, by path.
    refusals: HashMap<String, u32>,
}

impl Receiver {
    /// Listens on a free port, and gives its address.
    async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().route("/{path}", post(receive)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        format!("http://{address}")
    }

    fn turn_away(&self, path: &str, times: u32) {
        self.0.lock().unwrap().refusals.insert(path.to_owned(), times);
    }

    fn of(&self, path: &str) -> Vec<Value> {
        self.0.lock().unwrap().messages.get(path).cloned().unwrap_or_default()
    }
}

async fn receive(
    State(receiver): State<Receiver>,
    Path(path): Path<String>,
    body: String,
) -> (StatusCode, [(&'static str, &'static str); 1]) {
    let mut kept = receiver.0.lock().unwrap();
    let left = kept.refusals.entry(path.clone()).or_default();
    let status = if *left > 0 {
        *left -= 1;
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        kept.messages.entry(path).or_default().push(serde_json::from_str(&body).unwrap());
        StatusCode::OK
    };
    (status, [("retry-after", "0")])
}

/// Waits until `/ready` has this status: it is remembered for a second.
async fn ready_is(server: &TestServer, status: u16) {
    let started = Instant::now();
    while server.get("/ready").await.status != status {
        assert!(started.elapsed() < PATIENCE, "never {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_are_told_once_when_it_begins_and_once_when_it_is_over() {
    let database = TestDatabase::seeded().await;
    let receiver = Receiver::default();
    let base = receiver.listen().await;
    receiver.turn_away("generic", 2);
    let url = |path: &str| format!("{base}/{path}?secret=of-the-address");
    let (generic, teams, slack) = (url("generic"), url("teams"), url("slack"));
    let server = TestServer::with(
        access_to(&database),
        &[
            ("ALERTS__CALM", "1m"),
            ("ALERTS__RUNBOOK_URL", "https://docs.example.com/alerts"),
            ("ALERTS__WEBHOOKS__ONCALL__URL", &generic),
            ("ALERTS__WEBHOOKS__TEAMS__URL", &teams),
            ("ALERTS__WEBHOOKS__SLACK__URL", &slack),
            // The processors of this process are other tests', too.
            ("ALERTS__WEBHOOKS__ONCALL__MIN_SEVERITY", "critical"),
            ("ALERTS__WEBHOOKS__TEAMS__MIN_SEVERITY", "critical"),
            ("ALERTS__WEBHOOKS__SLACK__MIN_SEVERITY", "critical"),
        ],
    );
    let token = server.head_office();
    assert!(!server.query(&token, "SELECT count(*) FROM retail.orders").await.rows().is_empty());
    let (started, began) = (Instant::now(), SystemClock.now());
    let look = |minutes: u64| {
        let passed = Duration::from_mins(minutes);
        let told = server.edge.look_at_alarms(started + passed, began + passed);
        let told = told.iter().filter(|notice| notice.severity == Severity::Critical);
        told.map(|notice| (notice.alarm, notice.state)).collect::<Vec<_>>()
    };
    assert_eq!(look(0), []);

    // The key that the server signs with is not the database's any more.
    database.psql("UPDATE retail_sec.identity_key SET not_after = now() - interval '1 second'");
    let failure = server.query(&token, "SELECT count(*) FROM retail.stores").await.failure();
    assert_eq!(failure["code"], "query_not_allowed", "{failure}");
    ready_is(&server, 503).await;
    assert_eq!(look(0), [("RetailMcpIdentityBroken", AlarmState::Firing)]);
    assert_eq!(look(0), [], "nobody is told twice");
    assert_eq!(look(2), [("RetailMcpNotReady", AlarmState::Firing)]);
    let body = server.get("/monitor/current").await.body;
    assert_eq!(body["alarms"][0]["alarm"], "RetailMcpIdentityBroken", "{body}");

    database.psql("UPDATE retail_sec.identity_key SET not_after = now() + interval '1 day'");
    ready_is(&server, 200).await;
    assert_eq!(look(3), [], "it has to stay well for a while");
    assert_eq!(look(4), [("RetailMcpNotReady", AlarmState::Resolved)]);
    assert_eq!(look(13), [], "ten minutes after the last one");
    assert_eq!(look(15), [("RetailMcpIdentityBroken", AlarmState::Resolved)]);

    eventually(PATIENCE, "all have come", || {
        [("generic", 4), ("teams", 4), ("slack", 4)]
            .iter()
            .all(|(path, count)| receiver.of(path).len() == *count)
    });
    let told: Vec<_> = receiver
        .of("generic")
        .iter()
        .map(|message| format!("{} {}", message["alert"], message["status"]).replace('"', ""))
        .collect();
    assert_eq!(
        told,
        [
            "RetailMcpIdentityBroken firing",
            "RetailMcpNotReady firing",
            "RetailMcpNotReady resolved",
            "RetailMcpIdentityBroken resolved",
        ],
        "in their order, though the first two were turned away at first"
    );
    let runbook = "https://docs.example.com/alerts#retailmcpidentitybroken";
    assert_eq!(receiver.of("generic")[0]["runbook"], runbook);
    let all = [receiver.of("generic"), receiver.of("teams"), receiver.of("slack")].concat();
    for text in ["SELECT", "retail.stores", "test", &token] {
        assert!(!format!("{all:?}").contains(text), "{text} in {all:?}");
    }
    let metrics = server.get("/metrics").await.plain_text().to_owned();
    let sent = "retail_alarm_notifications_total{retail_notification_result=\"sent\"} 12";
    assert!(metrics.contains(sent), "{metrics}");
}
