//! How new the data are, asked again and again.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use retail_domain::ports::DataVersions;
use retail_domain::{Error, VersionVector};
use sha2::{Digest, Sha256};
use tokio_postgres::Row;
use tracing::{debug, info, warn};
use uuid::Uuid;

use crate::ServiceDatabase;

/// The groups are columns, in the order of [`retail_domain::TableGroup::ALL`].
const ASK: &str = "SELECT v.history, v.changes,
    v.sales, v.customers, v.catalogue, v.inventory, v.stores FROM retail_mcp.data_versions() v";
const ASK_RIGHTS: &str = "SELECT retail_sec.rights_version()";
const COMPACT: &str = "SELECT retail_mcp.compact_data_changes()";

/// The column of the first group in [`ASK`].
const FIRST_GROUP: usize = 2;

/// Longest time to ask, with the wait for a connection.
const LONGEST: Duration = Duration::from_secs(2);

/// How long an answer to [`ASK_RIGHTS`] counts. It takes PostgreSQL some milliseconds, and its answer changes with the
/// schema, grants and keys alone.
const RIGHTS_COUNT_FOR: Duration = Duration::from_secs(5);

/// From so many rows on they are added up. Asking reads all of them.
const COMPACT_FROM: i64 = 1_000;

/// The versions that `retail_mcp.data_versions()` tells, as of the last time that it was asked.
///
/// A write that was committed is known here at the latest one interval and one question later; a changed schema, grant
/// or key five seconds after that. A question that is not answered makes the versions unknown at once, and one that
/// hangs when it has taken two seconds.
pub struct PgDataVersions {
    /// What was told, the last at the end. Empty when that is not known.
    known: RwLock<VecDeque<Known>>,
    /// How old the data of a read may be that begins now.
    read_lag: Duration,
    /// What was asked longer ago than this says nothing.
    counts_for: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    versions: VersionVector,
    /// Before the question was sent.
    asked: Instant,
    /// When the answer was there.
    answered: Instant,
}

impl PgDataVersions {
    /// Versions that a task asks `service` for each `interval`, until nobody holds them any more.
    ///
    /// Must be called inside a tokio runtime.
    pub fn start(service: Arc<ServiceDatabase>, interval: Duration) -> Arc<Self> {
        Self::start_behind(service, interval, Duration::ZERO)
    }

    /// The same for reads that may come from a standby which is `read_lag` behind: so much later a write is known here, or
    /// an answer from before it would be kept as one from after it. After a change of rights the versions are unknown as long.
    ///
    /// Must be called inside a tokio runtime.
    pub fn start_behind(
        service: Arc<ServiceDatabase>,
        interval: Duration,
        read_lag: Duration,
    ) -> Arc<Self> {
        let known = RwLock::default();
        let versions = Arc::new(Self { known, read_lag, counts_for: interval + LONGEST * 2 });
        tokio::spawn(follow(Arc::downgrade(&versions), service, interval));
        versions
    }

    fn set(&self, told: Option<Known>) -> bool {
        // Whole after each step.
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let was_known = !known.is_empty();
        match told {
            Some(told) => known.push_back(told),
            None => known.clear(),
        }
        while known.get(1).is_some_and(|next| self.counts(next)) {
            known.pop_front();
        }
        was_known
    }

    /// Whether each read that begins now is of the data that this tells of, or newer ones.
    fn counts(&self, known: &Known) -> bool {
        known.answered.elapsed() >= self.read_lag
    }
}

impl DataVersions for PgDataVersions {
    fn current(&self) -> Option<VersionVector> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.back().filter(|last| last.asked.elapsed() < self.counts_for)?;
        let counts = known.iter().rev().find(|known| self.counts(known))?;
        // Rights that have changed must not wait for standbys: until these have gone through all of it, nothing is kept.
        known
            .iter()
            .rev()
            .take_while(|known| !self.counts(known))
            .all(|known| known.versions.epoch == counts.versions.epoch)
            .then_some(counts.versions)
    }
}

impl fmt::Debug for PgDataVersions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgDataVersions").field("current", &self.current()).finish()
    }
}

/// Asks until nobody wants to know.
async fn follow(versions: Weak<PgDataVersions>, service: Arc<ServiceDatabase>, interval: Duration) {
    let mut rights = None;
    loop {
        let asked = Instant::now();
        let answer = ask(&service, &mut rights).await;
        let Some(versions) = versions.upgrade() else { return };
        match answer {
            Ok((current, changes)) => {
                let known = Known { versions: current, asked, answered: Instant::now() };
                if !versions.set(Some(known)) {
                    info!("the versions of the data are known: answers are kept");
                }
                if changes >= COMPACT_FROM
                    && let Err(error) = one(&service, COMPACT).await
                {
                    debug!(error = &error as &dyn std::error::Error, "changes were not added up");
                }
            }
            Err(error) => {
                if versions.set(None) {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "the versions of the data are not known: no answers are kept or given again"
                    );
                }
            }
        }
        drop(versions);
        tokio::time::sleep(interval).await;
    }
}

/// What was told of rights, and when it was asked.
type Rights = Option<(String, Instant)>;

/// The versions now, and in how many rows they are. Rights are asked for where they no longer count.
async fn ask(
    service: &ServiceDatabase,
    rights: &mut Rights,
) -> Result<(VersionVector, i64), Error> {
    let unreadable = |error: tokio_postgres::Error| Error::internal(error.to_string());
    // Before the data, which are then at least as new.
    let (rights, _) = match rights {
        Some(known) if known.1.elapsed() < RIGHTS_COUNT_FOR => known,
        _ => {
            *rights = None;
            let asked = Instant::now();
            let told = one(service, ASK_RIGHTS).await?.try_get(0).map_err(unreadable)?;
            rights.insert((told, asked))
        }
    };
    read(&one(service, ASK).await?, rights).map_err(unreadable)
}

async fn one(service: &ServiceDatabase, sql: &str) -> Result<Row, Error> {
    let asked = tokio::time::timeout(LONGEST, service.rows(sql, &[], LONGEST));
    let rows = asked.await.map_err(|late| Error::unavailable("the database", late))??;
    rows.into_iter().next().ok_or_else(|| Error::internal("the database tells no versions"))
}

fn read(row: &Row, rights: &str) -> Result<(VersionVector, i64), tokio_postgres::Error> {
    let mut versions = VersionVector::first(epoch(row.try_get(0)?, rights));
    for (place, version) in (FIRST_GROUP..).zip(&mut versions.versions) {
        *version = row.try_get::<_, i64>(place)?.cast_unsigned();
    }
    Ok((versions, row.try_get(1)?))
}

/// Another one where anything in either differs.
fn epoch(history: &str, rights: &str) -> Uuid {
    let hash = Sha256::digest(format!("{}|{history}|{rights}", history.len()));
    let mut bytes = uuid::Bytes::default();
    for (byte, of_hash) in bytes.iter_mut().zip(hash) {
        *byte = of_hash;
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use retail_domain::TableGroup;

    use super::*;

    #[test]
    fn the_columns_are_the_groups_in_their_order() {
        let columns = TableGroup::ALL.map(|group| format!("v.{}", group.as_str())).join(", ");
        assert!(ASK.contains(&format!("v.changes,\n    {columns} FROM")), "{columns}");
    }

    #[test]
    fn an_epoch_is_of_history_and_rights() {
        assert_eq!(epoch("a", "b"), epoch("a", "b"));
        assert_ne!(epoch("a", "b"), epoch("a", "c"));
        assert_ne!(epoch("a|b", "c"), epoch("a", "b|c"));
    }
}
