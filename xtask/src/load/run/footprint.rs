//! A server by itself: how soon it is ready, and how much memory it takes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::database::Database;
use super::drive;
use super::plan::{Callers, Prepared, verify};
use super::process::memory_kib;
use super::request::Endpoint;
use super::result::Footprint;
use super::services::Serve;
use crate::load::latencies::milliseconds;

/// How often it is started.
const STARTS: usize = 5;
/// Those who ask at once while memory is looked at.
const CONNECTIONS: u32 = 64;
const SETTLE: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(50);
/// Most servers have no model: it takes more memory than all the rest.
const VARIABLES: [(&str, &str); 1] = [("RETAIL_MCP__EMBEDDINGS__PROVIDER", "none")];

/// Starts servers without a model, and asks the last one.
pub(super) fn measure(
    serve: &Serve,
    database: &Database,
    question: &Prepared,
    callers: &Callers,
    time: Duration,
) -> Result<Footprint> {
    let mut ready_ms = Vec::new();
    for _ in 1..STARTS {
        ready_ms.push(milliseconds(serve.start(database, &VARIABLES)?.ready_after));
    }
    let server = serve.start(database, &VARIABLES)?;
    ready_ms.push(milliseconds(server.ready_after));
    thread::sleep(SETTLE);
    let idle_rss_kib = memory_kib(server.process(), "VmRSS")?;

    let endpoint = Endpoint::of_url(&format!("http://{}/mcp", server.address))?;
    let plan = question.plan(&endpoint, callers)?;
    verify(&plan)?;
    let (over, most) = (AtomicBool::new(false), AtomicU64::new(0));
    let sample = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let now = memory_kib(server.process(), "VmRSS").unwrap_or_default();
                most.fetch_max(now, Ordering::Relaxed);
                thread::sleep(LOOK);
            }
        });
        let sample = drive::closed(&plan, CONNECTIONS, time);
        over.store(true, Ordering::Relaxed);
        sample
    })
    .context("64 connections")?;
    if sample.calls == 0 {
        bail!("no call was answered: {}", sample.failure.unwrap_or_default());
    }
    Ok(Footprint {
        ready_ms,
        idle_rss_kib,
        load_connections: CONNECTIONS,
        load_rss_kib: most.into_inner(),
        load_calls: sample.calls,
    })
}
