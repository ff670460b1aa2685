//! Short measurements of all targets in turn, several times: what disturbs the machine disturbs all of them.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::database::Database;
use super::drive::{self, Plan, Sample};
use super::pgbench::Limit;
use super::process;
use super::result::{Round, Row};
use crate::command::fail_if_interrupted;

/// How long a target is asked before its first round.
const WARM_UP: Duration = Duration::from_secs(2);
/// How many callers there are for a fixed rate, in terms of the connections otherwise: one must be free when a call is due.
const SPARE: u32 = 4;

/// Who is asked.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) way: Way,
}

/// How it is asked.
#[derive(Debug)]
pub(super) enum Way {
    Pgbench(Limit),
    Http {
        plan: Plan,
        /// The servers' processes, where they are known.
        processes: Vec<u32>,
    },
}

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rounds {
    pub(super) count: u32,
    pub(super) time: Duration,
    pub(super) connections: u32,
}

impl Rounds {
    /// Asks each target as fast as it answers.
    pub(super) fn closed(&self, targets: &[Target], database: &Database) -> Result<Vec<Row>> {
        for target in targets {
            target.ask(database, self.connections, None, WARM_UP)?;
        }
        let mut rows: Vec<Row> =
            targets.iter().map(|target| Row::new(&target.name, None)).collect();
        self.take(targets, &mut rows, database)?;
        Ok(rows)
    }

    /// Asks each at half of its own peak, or at the same rate.
    pub(super) fn open(
        &self,
        targets: &[Target],
        closed: &[Row],
        rate: Option<f64>,
        database: &Database,
    ) -> Result<Vec<Row>> {
        let mut rows: Vec<Row> = targets
            .iter()
            .zip(closed)
            .map(|(target, peak)| {
                let half = peak.median(|round| round.per_second) / 2.0;
                Row::new(&target.name, Some(rate.unwrap_or(half)))
            })
            .collect();
        self.take(targets, &mut rows, database)?;
        Ok(rows)
    }

    fn take(&self, targets: &[Target], rows: &mut [Row], database: &Database) -> Result<()> {
        for number in 0..self.count {
            let mut turns: Vec<(&Target, &mut Row)> = targets.iter().zip(rows.iter_mut()).collect();
            // Each round begins with another one, and every other one goes back: two servers that are the same differed by
            // a tenth when they always had the same place.
            let first = number as usize * targets.len() / self.count as usize;
            turns.rotate_left(first);
            if number % 2 == 1 {
                turns.reverse();
            }
            for (target, row) in turns {
                fail_if_interrupted()?;
                let (round, failure) = target.measure(database, self, row.rate)?;
                row.rounds.push(round);
                row.failure = row.failure.take().or(failure);
            }
        }
        for (target, row) in targets.iter().zip(rows.iter_mut()) {
            let peaks = target.processes().iter().map(|own| process::memory_kib(*own, "VmHWM"));
            let peaks: Vec<u64> = peaks.collect::<Result<_>>()?;
            row.peak_rss_kib = (!peaks.is_empty()).then(|| peaks.iter().sum());
        }
        Ok(())
    }
}

impl Target {
    fn processes(&self) -> &[u32] {
        match &self.way {
            Way::Pgbench(_) => &[],
            Way::Http { processes, .. } => processes,
        }
    }

    fn ask(
        &self,
        database: &Database,
        connections: u32,
        rate: Option<f64>,
        time: Duration,
    ) -> Result<Sample> {
        let sample = match (&self.way, rate) {
            // It counts from when a transaction was due, too, and queues in itself.
            (Way::Pgbench(limit), rate) => limit.run(database, connections, rate, time),
            (Way::Http { plan, .. }, None) => drive::closed(plan, connections, time),
            (Way::Http { plan, .. }, Some(rate)) => {
                drive::open(plan, connections * SPARE, rate, time)
            }
        };
        let sample = sample.with_context(|| self.name.clone())?;
        if sample.calls == 0 {
            bail!("{} did not answer: {}", self.name, sample.failure.unwrap_or_default());
        }
        Ok(sample)
    }

    fn measure(
        &self,
        database: &Database,
        rounds: &Rounds,
        rate: Option<f64>,
    ) -> Result<(Round, Option<String>)> {
        let own = || -> Result<Option<Duration>> {
            let times = self.processes().iter().map(|own| process::own_time(*own));
            let times: Vec<Duration> = times.collect::<Result<_>>()?;
            Ok((!times.is_empty()).then(|| times.iter().sum()))
        };
        let before = (own()?, database.time()?);
        let sample = self.ask(database, rounds.connections, rate, rounds.time)?;
        let after = (own()?, database.time()?);
        let server = after.0.zip(before.0).map(|(after, before)| after.saturating_sub(before));
        let postgres = after.1.saturating_sub(before.1);
        Ok((Round::new(&sample, server, Some(postgres)), sample.failure))
    }
}
