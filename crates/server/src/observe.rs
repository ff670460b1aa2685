//! What telemetry is told of the parts, when it is read.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use retail_cache::{CacheStatistics, KindStatistics};
use retail_storage::{AuditStatistics, AuditWriter, QueryDatabase};
use retail_telemetry::{Observe, Telemetry, names};
use serde_json::{Value, json};

use crate::kept_answers::KeptAnswers;
use crate::watch::Totals;

/// How often the monitor is told what the process takes.
const SAMPLE_EVERY: Duration = Duration::from_secs(10);

/// The parts that are looked at.
pub(crate) struct Parts {
    database: Weak<QueryDatabase>,
    audit: Weak<AuditWriter>,
    kept_answers: KeptAnswers,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// Tells the monitor what the process takes, until nobody asks it any more.
pub(crate) async fn sample(telemetry: Weak<Telemetry>) {
    while let Some(telemetry) = telemetry.upgrade() {
        telemetry.sample_process();
        drop(telemetry);
        tokio::time::sleep(SAMPLE_EVERY).await;
    }
}

impl Parts {
    /// Weak where the parts themselves report to telemetry: nothing may keep itself alive.
    pub(crate) fn new(
        database: &Arc<QueryDatabase>,
        audit: &Arc<AuditWriter>,
        kept_answers: &KeptAnswers,
    ) -> Arc<Self> {
        Arc::new(Self {
            database: Arc::downgrade(database),
            audit: Arc::downgrade(audit),
            kept_answers: kept_answers.clone(),
        })
    }

    /// Registers the metrics of all parts.
    pub(crate) fn report_to(self: &Arc<Self>, telemetry: &Telemetry) {
        self.report_pools(telemetry);
        self.report_statements(telemetry);
        self.report_cache(telemetry);
        self.report_audit(telemetry);
    }

    fn report_pools(self: &Arc<Self>, telemetry: &Telemetry) {
        let parts = Arc::clone(self);
        telemetry.gauge(&names::DB_CONNECTIONS, move |observe| {
            for pool in parts.pools() {
                observe.count(pool.used as u64, &[pool.name, "used"]);
                observe.count(pool.idle as u64, &[pool.name, "idle"]);
            }
        });
        let parts = Arc::clone(self);
        telemetry.gauge(&names::DB_CONNECTIONS_MAX, move |observe| {
            for pool in parts.pools() {
                observe.count(pool.max as u64, &[pool.name]);
            }
        });
        let parts = Arc::clone(self);
        telemetry.gauge(&names::DB_CONNECTION_PENDING, move |observe| {
            for pool in parts.pools() {
                observe.count(pool.waiting as u64, &[pool.name]);
            }
        });
        let parts = Arc::clone(self);
        telemetry.gauge(&names::REPLICAS, move |observe| {
            if let Some(database) = parts.database.upgrade() {
                let counts = database.replica_counts();
                observe.count(counts.configured as u64, &["configured"]);
                observe.count(counts.in_use as u64, &["in_use"]);
            }
        });
    }

    fn report_statements(self: &Arc<Self>, telemetry: &Telemetry) {
        let count = |metric, read: fn(&retail_storage::QueryStatistics) -> u64| {
            let parts = Arc::clone(self);
            telemetry.counter(&metric, move |observe| {
                if let Some(database) = parts.database.upgrade() {
                    observe.count(read(&database.statistics()), &[]);
                }
            });
        };
        count(names::IDENTITY_CHANGES, |counts| counts.identity_changes);
        count(names::IDENTITY_REFUSALS, |counts| counts.identity_refusals);
        count(names::GUARD_REFUSALS, |counts| counts.guard_refusals);
        count(names::OVERRUNS, |counts| counts.overruns);
        count(names::DISCARDED_CONNECTIONS, |counts| counts.discarded_connections);
        let parts = Arc::clone(self);
        telemetry.counter(&names::REPLICA_ANSWERS, move |observe| {
            if let Some(database) = parts.database.upgrade() {
                let counts = database.statistics();
                observe.count(counts.replica_answers, &["answered"]);
                observe.count(counts.replica_failures, &["failed"]);
            }
        });
    }

    fn report_cache(self: &Arc<Self>, telemetry: &Telemetry) {
        let of_kinds = |tell: fn(&Observe<'_>, &str, &KindStatistics)| {
            let parts = Arc::clone(self);
            move |observe: &Observe<'_>| {
                if let Some(statistics) = parts.kept_answers.statistics() {
                    for (kind, counts) in &statistics.kinds {
                        tell(observe, kind, counts);
                    }
                }
            }
        };
        telemetry.counter(
            &names::CACHE_LOOKUPS,
            of_kinds(|observe, kind, counts| {
                observe.count(counts.local_hits, &[kind, "memory"]);
                observe.count(counts.shared_hits, &[kind, "redis"]);
                observe.count(counts.coalesced, &[kind, "coalesced"]);
                observe.count(counts.loads, &[kind, "read"]);
            }),
        );
        telemetry.counter(
            &names::CACHE_STALE,
            of_kinds(|observe, kind, counts| observe.count(counts.stale_hits, &[kind])),
        );
        telemetry.counter(
            &names::CACHE_REJECTED,
            of_kinds(|observe, kind, counts| {
                observe.count(counts.rejected_poisoned, &[kind, "poisoned"]);
                observe.count(counts.rejected_truncated, &[kind, "truncated"]);
                observe.count(counts.rejected_format, &[kind, "format"]);
            }),
        );
        telemetry.counter(
            &names::CACHE_REDIS_FAILURES,
            of_kinds(|observe, kind, counts| {
                let lookups = counts.shared_errors + counts.shared_timeouts;
                observe.count(lookups, &[kind, "lookup"]);
                observe.count(counts.failed_writes, &[kind, "write"]);
            }),
        );
        telemetry.gauge(
            &names::CACHE_ENTRIES,
            of_kinds(|observe, kind, counts| observe.count(counts.entries, &[kind])),
        );
        telemetry.gauge(
            &names::CACHE_BYTES,
            of_kinds(|observe, kind, counts| observe.count(counts.bytes, &[kind])),
        );
        let parts = Arc::clone(self);
        telemetry.gauge(&names::CACHE_REDIS_PAUSED, move |observe| {
            if let Some(statistics) = parts.kept_answers.statistics() {
                observe.count(statistics.lookup_breaker_is_open.into(), &["lookup"]);
                observe.count(statistics.write_breaker_is_open.into(), &["write"]);
            }
        });
    }

    fn report_audit(self: &Arc<Self>, telemetry: &Telemetry) {
        let parts = Arc::clone(self);
        telemetry.counter(&names::AUDIT_ENTRIES, move |observe| {
            let counts = parts.audit_statistics();
            observe.count(counts.accepted, &["accepted"]);
            observe.count(counts.written, &["written"]);
            observe.count(counts.dropped, &["dropped"]);
        });
        let parts = Arc::clone(self);
        telemetry.counter(&names::AUDIT_FAILED_WRITES, move |observe| {
            observe.count(parts.audit_statistics().failed_writes, &[]);
        });
        let parts = Arc::clone(self);
        telemetry.gauge(&names::AUDIT_QUEUED, move |observe| {
            observe.count(queued(parts.audit_statistics()), &[]);
        });
    }

    /// Counts since the start that alarms are about.
    pub(crate) fn totals(&self) -> Totals {
        let queries = self.database.upgrade().map(|database| database.statistics());
        let queries = queries.unwrap_or_default();
        let cache = self.kept_answers.statistics();
        let poisoned = cache.iter().flat_map(|cache| cache.kinds.values());
        let audit = self.audit_statistics();
        Totals {
            identity_broken: queries.identity_changes + queries.identity_refusals,
            poisoned: poisoned.map(|kind| kind.rejected_poisoned).sum(),
            audit_dropped: audit.dropped,
            audit_failed_writes: audit.failed_writes,
            overruns: queries.overruns,
        }
    }

    /// Whether Redis is left alone after failures.
    pub(crate) fn is_redis_paused(&self) -> bool {
        self.kept_answers.statistics().is_some_and(|statistics| {
            statistics.lookup_breaker_is_open || statistics.write_breaker_is_open
        })
    }

    pub(crate) fn pools(&self) -> Vec<retail_storage::PoolStatus> {
        self.database.upgrade().map(|database| database.pools()).unwrap_or_default()
    }

    fn audit_statistics(&self) -> AuditStatistics {
        self.audit.upgrade().map(|audit| audit.statistics()).unwrap_or_default()
    }

    /// For `/monitor/current`.
    pub(crate) fn database(&self) -> Value {
        let pools: Vec<Value> = self
            .pools()
            .iter()
            .map(|pool| {
                json!({
                    "pool": pool.name,
                    "max": pool.max,
                    "used": pool.used,
                    "idle": pool.idle,
                    "waiting": pool.waiting,
                })
            })
            .collect();
        let standbys = self.database.upgrade().map(|database| database.replica_counts());
        json!({
            "pools": pools,
            "standbys": standbys.map(|counts| json!({
                "configured": counts.configured,
                "in_use": counts.in_use,
            })),
        })
    }

    /// For `/monitor/current`: none where nothing is kept.
    pub(crate) fn cache(&self) -> Option<Value> {
        let statistics = self.kept_answers.statistics()?;
        Some(json!({
            "mode": self.kept_answers.mode().as_str(),
            "hit_ratio": hit_ratio(&statistics),
            "bytes": statistics.bytes(),
            "redis_paused": statistics.lookup_breaker_is_open || statistics.write_breaker_is_open,
        }))
    }

    /// For `/monitor/current`.
    pub(crate) fn audit(&self) -> Value {
        let counts = self.audit_statistics();
        json!({
            "written": counts.written,
            "queued": queued(counts),
            "dropped": counts.dropped,
            "failed_writes": counts.failed_writes,
        })
    }
}

fn queued(counts: AuditStatistics) -> u64 {
    counts.accepted.saturating_sub(counts.written)
}

/// Share of all lookups since the start that read nothing anew. None without a lookup.
fn hit_ratio(statistics: &CacheStatistics) -> Option<f64> {
    let (hits, reads) = statistics.kinds.values().fold((0, 0), |(hits, reads), kind| {
        let found = kind.local_hits + kind.shared_hits + kind.coalesced;
        (hits + found, reads + kind.loads)
    });
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    (hits + reads > 0).then(|| hits as f64 / (hits + reads) as f64)
}
