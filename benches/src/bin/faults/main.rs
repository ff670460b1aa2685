//! What callers see while Redis, PostgreSQL, a standby or the pooler fails: `cargo xtask faults`.
//!
//! Eight managers and head office ask real servers all the time for their units in stock, which a writer changes five times a
//! second. An answer is wrong when it is another caller's, was never so, or is older than the settings allow. The run
//! fails when one is, or when after a fault not all becomes well again.
//!
//! `faults SERVER_BINARY [NAME]...` makes the faults whose names contain one of these words, or all.

#![expect(clippy::expect_used, reason = "what cannot be broken or mended has no result")]

mod callers;
mod client;
mod history;
mod server;
mod stages;
mod table;
mod world;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use self::callers::Callers;
use self::stages::{Fault, Stage};
use self::table::Row;

/// Before a fault, and at least after it.
const CALM: Duration = Duration::from_secs(2);
/// Longest wait until all is well again.
const RECOVERY: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let binary = arguments.next().context("faults SERVER_BINARY [NAME]...")?;
    // Servers have a working folder of their own.
    let binary = std::path::absolute(binary)?;
    let words: Vec<String> = arguments.collect();
    let is_chosen =
        |fault: &Fault| words.is_empty() || words.iter().any(|word| fault.name.contains(word));
    let mut rows = Vec::new();
    for mut stage in stages::all() {
        let faults: Vec<Fault> = stage.faults.into_iter().filter(is_chosen).collect();
        if faults.is_empty() {
            continue;
        }
        stage.faults = Vec::new();
        tell(&format!("{}\n", stage.name))?;
        rows.extend(run(&binary, stage, faults).await?);
    }
    anyhow::ensure!(!rows.is_empty(), "no fault has such a name");
    tell(&format!("\n{}", table::table(&rows)))?;
    Ok(if rows.iter().any(Row::is_bad) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Makes the faults of one stage, one after the other.
async fn run(binary: &std::path::Path, stage: Stage, faults: Vec<Fault>) -> Result<Vec<Row>> {
    let mut scene = stage.build(binary).await?;
    let mut rows = Vec::new();
    for fault in faults {
        tell(&format!("  {}\n", fault.name))?;
        tokio::time::sleep(CALM).await;
        let before = scene.callers.take();
        let writes = scene.callers.writes();
        let begun = Instant::now();
        // Some of it waits for programs.
        scene.props = tokio::task::spawn_blocking({
            let mut props = scene.props;
            move || {
                (fault.make)(&mut props);
                props
            }
        })
        .await?;
        let ended = Instant::now();
        let normal_after = recovery(&scene.callers, ended).await;
        let seen = scene.callers.take().with_wrong_of(&before);
        anyhow::ensure!(
            scene.callers.writes() > writes,
            "nothing was written around {}",
            fault.name
        );
        rows.push(Row { fault: fault.name, lasted: ended - begun, seen, normal_after });
    }
    Ok(rows)
}

/// How long after `ended` something was amiss for the last time.
async fn recovery(callers: &Callers, ended: Instant) -> Option<Duration> {
    while ended.elapsed() < RECOVERY {
        tokio::time::sleep(CALM).await;
        let last = callers.last_trouble(CALM);
        if last.is_none_or(|when| when.elapsed() >= CALM) {
            return Some(last.map_or(Duration::ZERO, |when| when.saturating_duration_since(ended)));
        }
    }
    None
}

fn tell(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush().context("writing")
}
