//! Everybody asks every server, all the time, and each answer is judged.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::{Answer, Client};
use crate::history::Wrong;
use crate::server::{self, Keys, Server};
use crate::world::{Asker, World};

/// Between an answer and the next question.
const PAUSE: Duration = Duration::from_millis(10);
/// Between two looks at `/ready`.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// All that was seen since the last time that somebody took it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) calls: u64,
    pub(crate) from_cache: u64,
    /// Why there was no answer, and how often.
    pub(crate) failed: BTreeMap<String, u64>,
    pub(crate) wrong: BTreeMap<Wrong, u64>,
    pub(crate) slowest: Duration,
    /// When something was amiss last: a call that failed, or what `/ready` said.
    pub(crate) last_trouble: Option<Instant>,
}

impl Seen {
    /// Counts what was wrong before, too.
    pub(crate) fn with_wrong_of(mut self, before: &Self) -> Self {
        for (wrong, count) in &before.wrong {
            *self.wrong.entry(*wrong).or_default() += count;
        }
        self
    }

    /// How many calls had no answer.
    pub(crate) fn errors(&self) -> u64 {
        self.failed.values().sum()
    }

    fn note(&mut self, asked: Instant, outcome: Outcome) {
        self.calls += 1;
        self.slowest = self.slowest.max(asked.elapsed());
        match outcome {
            Outcome::Right { from_cache } => self.from_cache += u64::from(from_cache),
            Outcome::Wrong(wrong) => *self.wrong.entry(wrong).or_default() += 1,
            Outcome::Failed(why) => {
                self.last_trouble = Some(Instant::now());
                *self.failed.entry(why).or_default() += 1;
            }
        }
    }
}

enum Outcome {
    Right { from_cache: bool },
    Wrong(Wrong),
    Failed(String),
}

/// Since when one waits for an answer.
type Waiting = Arc<Mutex<Option<Instant>>>;

/// Who asks. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct Callers {
    seen: Arc<Mutex<Seen>>,
    world: Arc<World>,
    waiting: Vec<Waiting>,
    _tasks: JoinSet<()>,
}

impl Callers {
    /// Lets everybody of `world` ask all `servers`, whose answers may be so old, and look at what `/ready` says.
    pub(crate) fn start(
        world: &Arc<World>,
        servers: &[Server],
        keys: &Keys,
        may_be_old: Duration,
    ) -> Result<Self> {
        let seen = Arc::<Mutex<Seen>>::default();
        let mut tasks = JoinSet::new();
        let mut waiting = Vec::new();
        let mut one_more = || {
            let one = Waiting::default();
            waiting.push(Arc::clone(&one));
            one
        };
        let writer = Arc::clone(world);
        tasks.spawn(async move { writer.write_on().await });
        for server in servers {
            tasks.spawn(look(Client::new(server.address), Arc::clone(&seen), one_more()));
            for asker in &world.askers {
                let caller = Caller {
                    client: Client::new(server.address),
                    token: format!("Bearer {}", keys.token(asker)?),
                    asker: Arc::clone(asker),
                    may_be_old,
                    waiting: one_more(),
                };
                tasks.spawn(caller.ask_on(Arc::clone(&seen)));
            }
        }
        Ok(Self { seen, world: Arc::clone(world), waiting, _tasks: tasks })
    }

    /// What was seen since the last time.
    pub(crate) fn take(&self) -> Seen {
        std::mem::take(&mut *lock(&self.seen))
    }

    /// How many writes there were so far.
    pub(crate) fn writes(&self) -> u64 {
        self.world.writes.load(Ordering::Relaxed)
    }

    /// When something was amiss last. A question that waits for `long` is amiss.
    pub(crate) fn last_trouble(&self, long: Duration) -> Option<Instant> {
        let waits = |one: &Waiting| lock(one).is_some_and(|since| since.elapsed() >= long);
        if self.waiting.iter().any(waits) {
            return Some(Instant::now());
        }
        lock(&self.seen).last_trouble
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn look(client: Client, seen: Arc<Mutex<Seen>>, waiting: Waiting) {
    loop {
        *lock(&waiting) = Some(Instant::now());
        if server::trouble(&client).await.is_some() {
            lock(&seen).last_trouble = Some(Instant::now());
        }
        *lock(&waiting) = None;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

struct Caller {
    client: Client,
    token: String,
    asker: Arc<Asker>,
    may_be_old: Duration,
    waiting: Waiting,
}

impl Caller {
    async fn ask_on(self, seen: Arc<Mutex<Seen>>) {
        for number in 0_u64.. {
            // Every other question is the same each time, so that its answer may be kept; the others are new.
            let other = if number % 2 == 0 { String::new() } else { format!(", {number} AS n") };
            let sql = format!("SELECT sum(stock_level) AS units{other} FROM retail.inventory");
            let asked = Instant::now();
            *lock(&self.waiting) = Some(asked);
            let outcome = match self.ask(&sql).await {
                Ok(answer) => self.judge(&answer, asked),
                Err(error) => Outcome::Failed(format!("{error:#}")),
            };
            *lock(&self.waiting) = None;
            lock(&seen).note(asked, outcome);
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn ask(&self, sql: &str) -> Result<Answer> {
        let body = json!({
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {
                "name": "execute_sales_query",
                "arguments": { "postgresql_query": sql },
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientInfo": { "name": "faults", "version": "1" },
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        });
        let request = Request::post("/mcp")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", "execute_sales_query")
            .header("authorization", &self.token)
            .body(Full::new(Bytes::from(body.to_string())))?;
        self.client.send(request).await
    }

    fn judge(&self, answer: &Answer, asked: Instant) -> Outcome {
        if answer.status != 200 {
            return Outcome::Failed(format!("status {}", answer.status));
        }
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let rows = said.pointer("/result/structuredContent/rows");
        let units = rows.and_then(|rows| rows.pointer("/0/0")).and_then(Value::as_i64);
        let Some(units) = units else {
            if rows.is_some() {
                // Nobody has nothing in stock: this is an answer to somebody who sees nothing.
                return Outcome::Wrong(Wrong::NeverSo);
            }
            let text = said.pointer("/result/content/0/text").and_then(Value::as_str);
            let failure: Value =
                text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            let code = failure.get("code").and_then(Value::as_str);
            return Outcome::Failed(code.unwrap_or("no figure").to_owned());
        };
        match self.asker.units.judge(units, asked, self.may_be_old) {
            Ok(()) => {
                let cached = said.pointer("/result/structuredContent/receipt/cached");
                Outcome::Right { from_cache: cached.and_then(Value::as_bool) == Some(true) }
            }
            Err(wrong) => Outcome::Wrong(wrong),
        }
    }
}
