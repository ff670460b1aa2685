//! What the page shows.

use std::time::Instant;

use retail_telemetry::{Fleet, ServerReport};
use serde_json::{Value, json};

use super::Dashboard;
use crate::watch::ServerRow;

impl Dashboard {
    /// How all servers do now.
    pub(super) async fn state(&self) -> Value {
        let parts = &self.0.parts;
        let (operations, readiness) = (&parts.operations, &parts.readiness);
        let watch = &operations.watch;
        let (at, now) = (Instant::now(), operations.clock.now());
        let (report, cache) = readiness.report().await;
        let rows = watch.servers().rows(watch.own_report(at));
        let fleet = Fleet::of(rows.iter().filter(|row| !row.is_silent()).map(|row| &row.report));
        let standbys = readiness.standbys();
        // Together: a database that hangs holds each of them up.
        let (current, calls) = tokio::join!(operations.current(), watch.servers().recent_calls());
        json!({
            "now": now,
            "ready": report.is_ready(),
            "parts": report.parts,
            "answers": cache,
            "standbys": {"configured": standbys.configured, "in_use": standbys.in_use},
            // All servers together, and this one alone.
            "fleet": operations.counts.then_some(&fleet),
            "fleet_pools": fleet.pools,
            "current": current,
            "servers": rows.iter().map(|row| server(row, operations.counts)).collect::<Vec<_>>(),
            "minutes": operations.counts.then(|| operations.telemetry.monitor().last_minutes(at)),
            "alarms": {"firing": watch.firing(now), "history": watch.history()},
            "calls": calls,
        })
    }

    /// The last day of this server.
    pub(super) fn day(&self) -> Value {
        let operations = &self.0.parts.operations;
        json!(operations.counts.then(|| operations.telemetry.monitor().last_day(Instant::now())))
    }
}

fn server(row: &ServerRow, counts: bool) -> Value {
    let ServerRow { report, age, is_self } = row;
    let ServerReport {
        instance, version, uptime_seconds, not_ready, system, pools, alarms, ..
    } = report;
    json!({
        "instance": instance,
        "version": version,
        "is_self": is_self,
        "age_seconds": age.as_secs(),
        "is_silent": row.is_silent(),
        "uptime_seconds": uptime_seconds,
        "not_ready": not_ready,
        "alarms": alarms,
        "active_requests": report.active_requests,
        "application": counts.then(|| report.application()),
        "system": system,
        "pools": pools,
    })
}
