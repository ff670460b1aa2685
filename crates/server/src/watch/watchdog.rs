//! Notices a server that looks alive and is not: a way of calls that gives no answers any more, and a runtime that
//! does nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Limited};
use retail_domain::ports::{Credential, IdentityResolver, Proof};
use retail_domain::{
    Error, ErrorCode, RlsUserId, Scope, Store, StoreId, VerifiedIdentity, Visibility,
};
use retail_telemetry::Telemetry;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tracing::{error, info};
use uuid::Uuid;

use crate::http::Edge;
use crate::readiness::Readiness;

/// Who calls, in the audit log.
const SUBJECT: &str = "retail-mcp watchdog";

/// What every caller may read and no store owns. The number makes each statement a new one, so that no kept answer
/// stands for the database.
const STATEMENT: &str =
    "SELECT count(*) AS categories FROM retail.categories WHERE category_id <> -";

/// The longest that an answer may take.
const WITHIN: Duration = Duration::from_secs(10);

/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// How long after a call without an answer the next one is made.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Calls without an answer, one after the other, from which on the way counts as stuck.
const STUCK_FROM: u32 = 2;

const PROTOCOL: &str = "2026-07-28";

/// The watchdog as a caller: an identity that this process made for itself, which no token stands for and which sees no
/// store's rows.
pub(crate) struct OwnCaller {
    /// Made anew at each start, and known to nobody else.
    token: Box<str>,
}

impl OwnCaller {
    pub(crate) fn new() -> Self {
        let secret: [u8; 32] = rand::random();
        Self { token: format!("watchdog-{}", hex::encode(secret)).into() }
    }

    /// Whether a request is the watchdog's own.
    pub(crate) fn sends(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(AUTHORIZATION).map(http::HeaderValue::as_bytes);
        let own = self.header();
        // All bytes are looked at, so that time tells nothing of them.
        shown.is_some_and(|shown| {
            shown.len() == own.len()
                && shown.iter().zip(own.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
        })
    }

    /// What it shows.
    pub(crate) fn credential(&self) -> Credential {
        Credential::bearer_token(&*self.token)
    }

    fn header(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

#[async_trait]
impl IdentityResolver for OwnCaller {
    async fn verify(&self, credential: &Credential) -> Result<VerifiedIdentity, Error> {
        match &credential.proof {
            Proof::BearerToken(token) if **token == *self.token => Ok(VerifiedIdentity::new(
                SUBJECT,
                Visibility::Store(Store {
                    // Keys of stores begin at 1, and identities are random.
                    id: StoreId(0),
                    name: "no store".to_owned(),
                    rls_user_id: RlsUserId(Uuid::nil()),
                }),
                [Scope::Sql],
            )),
            _ => Err(Error::new(ErrorCode::Unauthenticated, "this is not the watchdog")),
        }
    }
}

/// Calls a tool where nobody else did, and says in [`Readiness`] whether there was an answer.
pub(crate) struct Watchdog {
    pub(crate) caller: Arc<OwnCaller>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) readiness: Readiness,
    /// How often.
    pub(crate) every: Duration,
}

impl Watchdog {
    /// Watches `edge` for as long as it serves.
    pub(crate) fn start(self, edge: &Edge) {
        self.readiness.set_tool_path(None);
        let edge = edge.downgrade();
        tokio::spawn(async move {
            let (mut answers, mut failures) = (self.telemetry.answers(), 0);
            loop {
                tokio::time::sleep(if failures > 0 { AGAIN_AFTER } else { self.every }).await;
                let Some(edge) = edge.upgrade() else { return };
                if self.readiness.is_draining() {
                    return;
                }
                // Whoever got an answer has shown that the way is open.
                let problem = if self.telemetry.answers() > answers {
                    None
                } else {
                    self.try_way(edge).await
                };
                answers = self.telemetry.answers();
                failures = self.judge(problem, failures);
            }
        });
    }

    /// Why a call of our own got no answer, if it got none and nothing else explains that.
    async fn try_way(&self, edge: Edge) -> Option<String> {
        let outcome = match tokio::time::timeout(WITHIN, self.call(edge)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("a call of our own got no answer in {} s", WITHIN.as_secs())),
        };
        let problem = outcome.err()?;
        // The database may have gone since it was last looked at.
        let (report, _) = self.readiness.report().await;
        let is_explained = report.parts.iter().any(|part| !part.ok && part.part != "tool_path");
        (!is_explained).then_some(problem)
    }

    fn judge(&self, problem: Option<String>, failures: u32) -> u32 {
        let Some(problem) = problem else {
            if failures >= STUCK_FROM {
                info!("calls are answered again");
            }
            self.readiness.set_tool_path(None);
            return 0;
        };
        let failures = failures + 1;
        if failures == STUCK_FROM {
            error!(
                alert = "tool_path_stuck",
                problem, "calls get no answers, though the database is well"
            );
        }
        if failures >= STUCK_FROM {
            self.readiness.set_tool_path(Some(problem));
        }
        failures
    }

    /// The whole way of a caller, from the edge to the database and back.
    async fn call(&self, edge: Edge) -> Result<(), String> {
        let number: u32 = rand::random();
        let body = json!({
            "jsonrpc": "2.0",
            "id": "watchdog",
            "method": "tools/call",
            "params": {
                "name": "execute_sales_query",
                "arguments": {"postgresql_query": format!("{STATEMENT}{number}")},
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": PROTOCOL,
                    "io.modelcontextprotocol/clientInfo": {"name": "watchdog", "version": env!("CARGO_PKG_VERSION")},
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        });
        let request = Request::post("/mcp")
            .extension(ConnectInfo(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream")
            .header("mcp-protocol-version", PROTOCOL)
            .header("mcp-method", "tools/call")
            .header("mcp-name", "execute_sales_query")
            .header(AUTHORIZATION, self.caller.header())
            .body(Body::from(body.to_string()))
            .map_err(|error| error.to_string())?;
        let answer = edge.oneshot(request).await.unwrap_or_else(|never| match never {});
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| format!("the answer broke off: {error}"))?.to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status == 200 && body.pointer("/result/isError") == Some(&Value::Bool(false)) {
            return Ok(());
        }
        let codes = ["/result/structuredContent/code", "/code"];
        let code =
            codes.iter().find_map(|place| body.pointer(place)?.as_str()).unwrap_or("no code");
        Err(format!("a call of our own was answered by status {status}, {code}"))
    }
}

/// How often the runtime shows that it lives, and that is looked for.
const TURN: Duration = Duration::from_secs(1);

/// Ends the process where the runtime, on which this is called, does nothing for `abort_after`: nothing else would be
/// answered, whoever asks, and nobody could say so. Zero: it does not.
pub(crate) fn guard_runtime(abort_after: Duration) {
    if abort_after.is_zero() {
        return;
    }
    watch_runtime(abort_after, TURN, || {
        // By a thread of its own, in case that it is the log that hangs.
        thread::spawn(|| {
            error!(alert = "runtime_stuck", "the runtime does nothing any more: the process ends");
        });
        thread::sleep(TURN);
        std::process::abort();
    });
}

fn watch_runtime(stuck_after: Duration, turn: Duration, stuck: impl FnOnce() + Send + 'static) {
    let turns = Arc::new(AtomicU64::new(0));
    let shown = Arc::downgrade(&turns);
    tokio::spawn(async move {
        loop {
            turns.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(turn).await;
        }
    });
    // Turns of this thread, and not time: a machine or process that slept is not stuck.
    let most = stuck_after.as_nanos().div_ceil(turn.as_nanos().max(1));
    let spawned = thread::Builder::new().name("watchdog".to_owned()).spawn(move || {
        let (mut last, mut silent) = (0, 0);
        // Gone with the runtime.
        while let Some(turns) = shown.upgrade() {
            let now = turns.load(Ordering::Relaxed);
            drop(turns);
            silent = if now == last { silent + 1 } else { 0 };
            last = now;
            if silent > most {
                stuck();
                return;
            }
            thread::sleep(turn);
        }
    });
    if let Err(error) = spawned {
        error!(%error, "there is no thread to watch the runtime");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn a_runtime_that_does_nothing_is_noticed() {
        let (tell, told) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async move {
            watch_runtime(SHORT * 5, SHORT, move || tell.send(()).unwrap());
            // It lives for a while, and nothing is told.
            tokio::time::sleep(SHORT * 20).await;
            assert!(told.try_recv().is_err());
            // The only thread of the runtime waits for what only the watchdog does.
            assert!(told.recv_timeout(Duration::from_secs(30)).is_ok(), "nobody noticed");
        });
    }

    #[tokio::test]
    async fn only_its_own_token_is_the_watchdog() {
        let (caller, other) = (OwnCaller::new(), OwnCaller::new());
        let headers = |text: &str| HeaderMap::from_iter([(AUTHORIZATION, text.parse().unwrap())]);
        assert!(caller.sends(&headers(&caller.header())));
        for text in [&other.header(), "Bearer watchdog-", "Bearer ", "", &caller.header()[..20]] {
            assert!(!caller.sends(&headers(text)), "{text}");
        }
        assert!(!caller.sends(&HeaderMap::new()));
        let principal = caller.resolve(&caller.credential()).await.unwrap();
        assert!(!principal.has_scope(Scope::Admin) && !principal.has_scope(Scope::Costs));
        assert!(matches!(principal.visibility(), Visibility::Store(store) if store.id.0 == 0));
        assert!(caller.resolve(&other.credential()).await.is_err());
    }
}
