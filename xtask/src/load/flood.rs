//! One principal asks for 20 times its limit.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;

use super::Common;
use super::client::Client;
use super::latencies::{Latencies, milliseconds};
use crate::command::fail_if_interrupted;
use crate::console;
use crate::workspace::Workspace;

/// How many times its limit the flooding principal asks for.
const TIMES: u32 = 20;
/// Connections that it uses: more than its share of what is worked on, or it would wait for its own.
const FLOOD_CONNECTIONS: u32 = 128;
/// Those who call as usual.
const STORES: [&str; 4] = ["seattle", "bellevue", "tacoma", "spokane"];
/// Those who flood, one after the other: their statements take other connections to the database, and the same.
const FLOODERS: [(&str, &[&str]); 2] =
    [("head office", &["--all-stores"]), ("another manager", &["--store", "everett"])];
/// The shortest pause of each between an answer and the next call.
const PAUSE: Duration = Duration::from_millis(40);
/// Others' p99 under the flood, in terms of the quiet one.
const GOAL: f64 = 2.0;

/// Flags of `load flood`.
#[derive(Debug, Args)]
pub(crate) struct Flood {
    #[command(flatten)]
    common: Common,
    /// The limit of a principal in requests a second, which the flood is 20 times of.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Fail when the p99 of the others is more than twice the quiet one.
    #[arg(long)]
    strict: bool,
}

/// What became of the flood.
#[derive(Debug, Default)]
struct Flooded {
    answered: AtomicU64,
    refused: AtomicU64,
}

impl Flood {
    pub(super) fn run(&self, workspace: &Workspace) -> Result<()> {
        let limit = self.limit.to_string();
        let flood = (self.limit * TIMES).to_string();
        let mut server = self.common.start(
            workspace,
            &[
                ("RETAIL_MCP__LIMITS__PRINCIPAL_PER_SECOND", limit.as_str()),
                ("RETAIL_MCP__LIMITS__PRINCIPAL_BURST", limit.as_str()),
                // All come from one address here, and that is another limit.
                ("RETAIL_MCP__LIMITS__ADDRESS_PER_SECOND", "0"),
            ],
        )?;
        let callers: Vec<String> =
            STORES.iter().map(|store| server.token(&["--store", store])).collect::<Result<_>>()?;
        let address = server.address().to_owned();
        let time = Duration::from_secs(self.common.seconds);
        // Half of what they may ask for.
        let pause = PAUSE.max(Duration::from_secs(2) / self.limit);

        // The first calls find no connection to the database and nothing in its memory.
        others(&address, &callers, pause, Duration::from_secs(2))?;
        let mut worst: f64 = 0.0;
        for (name, grant) in FLOODERS {
            let quiet = others(&address, &callers, pause, time)?;
            console::line(&format!("quiet    {quiet}"));
            let flooder = server.token(grant)?;
            let outcome = Flooded::default();
            let under_flood = self
                .flood(&address, &flooder, &outcome, || others(&address, &callers, pause, time))?;
            console::line(&format!("flooded  {under_flood}"));
            let answered = outcome.answered.load(Ordering::Relaxed);
            let refused = outcome.refused.load(Ordering::Relaxed);
            let ratio =
                milliseconds(under_flood.percentile(99)) / milliseconds(quiet.percentile(99));
            console::line(&format!(
                "flood by {name}: limit {limit} a second, {flood} wanted, about {} sent; {answered} answered, \
                 {refused} refused",
                (answered + refused) / self.common.seconds,
            ));
            console::line(&format!("p99 flooded / quiet: {ratio:.2} (goal: at most {GOAL})"));
            worst = worst.max(ratio);
        }
        server.stop()?;
        if self.strict && worst > GOAL {
            bail!("others had to wait {worst:.2} times as long");
        }
        Ok(())
    }

    /// Floods while `measured` runs.
    fn flood<T>(
        &self,
        address: &str,
        token: &str,
        flooded: &Flooded,
        measured: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let over = AtomicBool::new(false);
        let every = Duration::from_secs(1) * FLOOD_CONNECTIONS / (self.limit * TIMES);
        thread::scope(|scope| {
            for number in 0..FLOOD_CONNECTIONS {
                let over = &over;
                scope.spawn(move || {
                    let mut client = Client::new(address, token);
                    // One after the other, not all of them in one moment.
                    let mut next = Instant::now() + every * number / FLOOD_CONNECTIONS;
                    thread::sleep(next.saturating_duration_since(Instant::now()));
                    while !over.load(Ordering::Relaxed) {
                        match client.call() {
                            Ok((answer, _)) if answer.is_good() => {
                                flooded.answered.fetch_add(1, Ordering::Relaxed)
                            }
                            // A connection that was closed is one more refusal.
                            Ok(_) | Err(_) => flooded.refused.fetch_add(1, Ordering::Relaxed),
                        };
                        next += every;
                        thread::sleep(next.saturating_duration_since(Instant::now()));
                    }
                });
            }
            let result = measured();
            over.store(true, Ordering::Relaxed);
            result
        })
    }
}

/// Lets each call as usual for a while, all at once.
fn others(address: &str, tokens: &[String], pause: Duration, time: Duration) -> Result<Latencies> {
    let started = Instant::now();
    let times = thread::scope(|scope| {
        let callers: Vec<_> = tokens
            .iter()
            .map(|token| {
                scope.spawn(move || {
                    let mut client = Client::new(address, token);
                    let mut times = Vec::new();
                    while started.elapsed() < time {
                        fail_if_interrupted()?;
                        times.push(client.good_call()?);
                        thread::sleep(pause);
                    }
                    anyhow::Ok(times)
                })
            })
            .collect();
        let mut all = Vec::new();
        for caller in callers {
            all.extend(caller.join().map_err(|_| anyhow!("a caller panicked"))??);
        }
        anyhow::Ok(all)
    })
    .context("calling as usual")?;
    Ok(Latencies::new(times))
}
