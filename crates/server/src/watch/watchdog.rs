//! Notices a server that looks alive and is not: a way of calls that gives no answers any more, and a runtime that
//! does nothing.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http_body_util::{BodyExt as _, Limited};
use retail_domain::ports::{Credential, IdentityResolver};
use retail_domain::{
    Error, Principal, RlsUserId, Scope, Store, StoreId, VerifiedIdentity, Visibility,
};
use retail_telemetry::Telemetry;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use tracing::{error, info};
use uuid::Uuid;

use crate::http::Edge;
use crate::readiness::{Readiness, TOOL_PATH};

/// Who calls, in the audit log.
pub(crate) const SUBJECT: &str = "retail-mcp watchdog";

/// Reads no table, which might be locked; the number makes each statement a new one, so that no kept answer stands for the
/// database.
const STATEMENT: &str = "SELECT ";

/// The longest that an answer may take.
const WITHIN: Duration = Duration::from_secs(10);

/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// How long after a call without an answer the next one is made, at first and at most.
const AGAIN_AFTER: Duration = Duration::from_secs(2);
const AGAIN_AFTER_AT_MOST: Duration = Duration::from_secs(30);

/// Calls without an answer, one after the other, from which on the way counts as stuck.
const STUCK_FROM: u32 = 2;

/// A server that turns calls away is busy, and not stuck, unless no caller got an answer for so many times the interval.
const BUSY_FOR: u32 = 10;

const PROTOCOL: &str = "2026-07-28";

/// Marks a request as the watchdog's own. What comes from the network has no such mark: it is set inside this process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OwnCall(());

/// The watchdog as a caller: an identity that no token stands for, and that sees no store's rows.
pub(crate) struct OwnCaller;

impl OwnCaller {
    /// Who sends a request with the mark.
    ///
    /// # Errors
    /// None: it shows nothing that could be wrong.
    pub(crate) async fn principal(_: OwnCall) -> Result<Principal, Error> {
        Self.resolve(&Credential::bearer_token("")).await
    }
}

#[async_trait]
impl IdentityResolver for OwnCaller {
    /// Whoever has the mark has shown who it is.
    async fn verify(&self, _: &Credential) -> Result<VerifiedIdentity, Error> {
        let store = Store {
            // Keys of stores begin at 1, and identities are random.
            id: StoreId(0),
            name: "no store".to_owned(),
            rls_user_id: RlsUserId(Uuid::nil()),
        };
        Ok(VerifiedIdentity::new(SUBJECT, Visibility::Store(store), [Scope::Sql]))
    }
}

/// Calls a tool where nobody else did, and says in [`Readiness`] whether there was an answer.
pub(crate) struct Watchdog {
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) readiness: Readiness,
    /// How often.
    pub(crate) every: Duration,
}

/// What came of a call of our own.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Answered,
    /// It says nothing about the way of calls: the server is busy, or the database does not answer.
    NotKnown,
    NoAnswer(String),
}

/// What is known of the way of calls.
struct State {
    /// Statements of callers that were answered, at the last look.
    answers: u64,
    /// When there was last one more, or one of our own.
    answered: Instant,
    /// Calls of our own without an answer, one after the other.
    failures: u32,
}

impl Watchdog {
    /// Watches `edge` for as long as it serves.
    pub(crate) fn start(self, edge: &Edge) {
        self.readiness.set_tool_path(None);
        let edge = edge.downgrade();
        tokio::spawn(async move {
            let answers = self.telemetry.answers();
            let mut state = State { answers, answered: Instant::now(), failures: 0 };
            loop {
                tokio::time::sleep(self.pause(state.failures)).await;
                let Some(edge) = edge.upgrade() else { return };
                if self.readiness.is_draining() {
                    return;
                }
                self.look(&mut state, edge).await;
            }
        });
    }

    fn pause(&self, failures: u32) -> Duration {
        match failures {
            0 => self.every,
            _ => AGAIN_AFTER.saturating_mul(1 << failures.min(5) >> 1).min(AGAIN_AFTER_AT_MOST),
        }
    }

    async fn look(&self, state: &mut State, edge: Edge) {
        let answers = self.telemetry.answers();
        let have_come = answers > std::mem::replace(&mut state.answers, answers);
        if have_come {
            state.answered = Instant::now();
        }
        // Whoever got an answer of the database has shown that the way is open. One that was stuck has to show it itself.
        let outcome = if have_come && state.failures == 0 {
            Outcome::Answered
        } else {
            self.try_way(edge, state.answered).await
        };
        state.answers = self.telemetry.answers();
        match outcome {
            Outcome::Answered => {
                if state.failures >= STUCK_FROM {
                    info!("calls are answered again");
                }
                (state.failures, state.answered) = (0, Instant::now());
                self.readiness.set_tool_path(None);
            }
            // What else is wrong is told by itself; the way is as it was.
            Outcome::NotKnown => {}
            Outcome::NoAnswer(problem) => {
                state.failures = state.failures.saturating_add(1);
                if state.failures == STUCK_FROM {
                    error!(
                        alert = "tool_path_stuck",
                        problem, "calls get no answers, though the database is well"
                    );
                }
                if state.failures >= STUCK_FROM {
                    self.readiness.set_tool_path(Some(problem));
                }
            }
        }
    }

    async fn try_way(&self, edge: Edge, answered: Instant) -> Outcome {
        let outcome = match tokio::time::timeout(WITHIN, self.call(edge)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome::NoAnswer(format!(
                "a call of our own got no answer in {} s",
                WITHIN.as_secs()
            )),
        };
        match outcome {
            Outcome::NotKnown if answered.elapsed() > self.every * BUSY_FOR => Outcome::NoAnswer(
                "calls have been turned away for long, and none was answered".to_owned(),
            ),
            Outcome::NoAnswer(problem) => {
                // The database may have gone since it was last looked at.
                let (report, _) = self.readiness.report().await;
                let is_explained =
                    report.parts.iter().any(|part| !part.ok && part.part != TOOL_PATH);
                if is_explained { Outcome::NotKnown } else { Outcome::NoAnswer(problem) }
            }
            outcome => outcome,
        }
    }

    /// The whole way of a caller, from the edge to the database and back.
    async fn call(&self, edge: Edge) -> Outcome {
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
            .extension(OwnCall(()))
            .body(Body::from(body.to_string()));
        let request = match request {
            Ok(request) => request,
            Err(error) => return Outcome::NoAnswer(error.to_string()),
        };
        let answer = edge.oneshot(request).await.unwrap_or_else(|never| match never {});
        let status = answer.status().as_u16();
        let body = match Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return Outcome::NoAnswer(format!("the answer broke off: {error}")),
        };
        judge(status, &serde_json::from_slice(&body).unwrap_or_default())
    }
}

/// What an answer says of the way on which it came.
fn judge(status: u16, body: &Value) -> Outcome {
    if status == 200 && body.pointer("/result/isError") == Some(&Value::Bool(false)) {
        return Outcome::Answered;
    }
    // A tool's failure is JSON in its text.
    let failure = body.pointer("/result/content/0/text").and_then(Value::as_str);
    let failure = failure.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let code = failure.as_ref().unwrap_or(body).get("code").and_then(Value::as_str);
    match code {
        Some("overloaded") => Outcome::NotKnown,
        _ if status == 429 => Outcome::NotKnown,
        code => Outcome::NoAnswer(format!(
            "a call of our own was answered by status {status}, {}",
            code.unwrap_or("no code")
        )),
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
    async fn it_may_ask_and_see_nothing() {
        let principal = OwnCaller::principal(OwnCall(())).await.unwrap();
        assert_eq!(principal.scopes().iter().copied().collect::<Vec<_>>(), [Scope::Sql]);
        assert!(matches!(principal.visibility(), Visibility::Store(store) if store.id.0 == 0));
    }

    #[test]
    fn an_answer_tells_what_the_way_is_like() {
        let tool = |code: &str| {
            let text = json!({"code": code}).to_string();
            json!({"result": {"isError": true, "content": [{"type": "text", "text": text}]}})
        };
        assert_eq!(judge(200, &json!({"result": {"isError": false}})), Outcome::Answered);
        assert_eq!(judge(200, &tool("overloaded")), Outcome::NotKnown);
        assert_eq!(judge(503, &json!({"code": "overloaded"})), Outcome::NotKnown);
        assert_eq!(judge(429, &Value::Null), Outcome::NotKnown);
        for (status, body, said) in [
            (200, tool("internal"), "status 200, internal"),
            (504, Value::Null, "status 504, no code"),
            (200, json!({"error": {"code": -32603}}), "status 200, no code"),
        ] {
            let Outcome::NoAnswer(problem) = judge(status, &body) else { panic!("{body}") };
            assert!(problem.contains(said), "{problem}");
        }
    }
}
