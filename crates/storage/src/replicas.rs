//! Standbys that answer callers' statements while they are close enough to the primary.
//!
//! How far a standby is behind is not what its clock says: an idle primary would look like a slow standby. Each look
//! asks the primary where its log ends, and remembers when that was; a standby that has come to such a place has all that
//! was written until then.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use retail_domain::{Error, ErrorCode};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::pool::{Place, PoolStatus};
use crate::{
    DatabaseSettings, Login, PoolSettings, QueryDatabase, QueryLogins, ServerAddress,
    ServiceDatabase, StorageError,
};

/// Longest time for one question. One that takes longer would say little about now.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// Longest wait for a connection to a standby: the primary could have answered.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);

const ASK: &str = "SELECT system_id, is_standby, position FROM retail_sec.log_position()";

/// Which standbys there are, and how old their answers may be.
#[derive(Debug, Clone)]
pub struct ReplicaSettings {
    /// Where they are. Database, roles and passwords are the primary's.
    pub addresses: Vec<ServerAddress>,
    /// A standby that is further behind is not asked.
    pub max_lag: Duration,
}

/// What a look found of one standby.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicaState {
    /// Host and port.
    pub name: String,
    /// How far it is behind at most; none when it cannot be asked.
    pub lag: Option<Duration>,
    /// Whether it answers callers now.
    pub is_used: bool,
}

/// How many standbys there are, and how many of them answer callers now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplicaCounts {
    /// As configured.
    pub configured: usize,
    /// Near enough at the last look.
    pub in_use: usize,
}

/// The standbys of a database. There may be none.
#[derive(Debug, Default)]
pub(crate) struct Replicas {
    all: Vec<Replica>,
    max_lag: Duration,
    next: AtomicUsize,
    primary: Mutex<VecDeque<Mark>>,
}

/// One standby.
#[derive(Debug)]
pub(crate) struct Replica {
    name: String,
    pub(crate) place: Place,
    service: ServiceDatabase,
    /// It has all that was written until then. None when it cannot be asked.
    has_all_until: watch::Sender<Option<Instant>>,
}

/// Where the primary's log ended, and when.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Instant,
    position: i64,
}

/// What a server says of itself.
struct Found {
    system_id: i64,
    is_standby: bool,
    position: i64,
}

impl QueryDatabase {
    /// The same with standbys. They answer nobody before [`look_at_replicas`](Self::look_at_replicas) has found them
    /// near enough.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn with_replicas(
        mut self,
        settings: &DatabaseSettings,
        logins: &QueryLogins,
        service: &Login,
        pool: PoolSettings,
        replicas: &ReplicaSettings,
    ) -> Result<Self, StorageError> {
        let pool =
            PoolSettings { acquire_timeout: pool.acquire_timeout.min(ACQUIRE_TIMEOUT), ..pool };
        let replica = |address: &ServerAddress| {
            let settings = settings.at(address);
            Ok(Replica {
                name: format!("{}:{}", address.host, address.port),
                place: Place::new(&settings, logins, &self.keys, &pool)?.of_standby(),
                service: ServiceDatabase::new(&settings, service)?,
                has_all_until: watch::Sender::new(None),
            })
        };
        let all: Result<Vec<Replica>, StorageError> =
            replicas.addresses.iter().map(replica).collect();
        self.replicas = Replicas { all: all?, max_lag: replicas.max_lag, ..Replicas::default() };
        Ok(self)
    }

    /// Finds out how far the standbys are behind. `primary` is the database itself. To be called each second or so: a
    /// standby counts as behind by at least the time since the last look.
    pub async fn look_at_replicas(&self, primary: &ServiceDatabase) -> Vec<ReplicaState> {
        self.replicas.look(primary).await
    }

    /// How many standbys answer callers now.
    pub fn replica_counts(&self) -> ReplicaCounts {
        let in_use = self.replicas.usable().count();
        ReplicaCounts { configured: self.replicas.all.len(), in_use }
    }
}

impl Replicas {
    /// One that may answer now, each in its turn.
    pub(crate) fn pick(&self) -> Option<&Replica> {
        let count = self.all.len();
        if count == 0 {
            return None;
        }
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        (0..count)
            .filter_map(|i| self.all.get(first.wrapping_add(i) % count))
            .find(|replica| replica.is_usable(self.max_lag))
    }

    pub(crate) fn places(&mut self) -> impl Iterator<Item = &mut Place> {
        self.all.iter_mut().map(|replica| &mut replica.place)
    }

    /// The connections to all of them together.
    pub(crate) fn pool_status(&self) -> Option<PoolStatus> {
        let statuses = self.all.iter().flat_map(|replica| replica.place.statuses());
        statuses.reduce(|sum, one| PoolStatus {
            name: sum.name,
            max: sum.max + one.max,
            used: sum.used + one.used,
            idle: sum.idle + one.idle,
            waiting: sum.waiting + one.waiting,
        })
    }

    fn usable(&self) -> impl Iterator<Item = &Replica> {
        self.all.iter().filter(|replica| replica.is_usable(self.max_lag))
    }

    async fn look(&self, primary: &ServiceDatabase) -> Vec<ReplicaState> {
        // Before it is asked, so that the time is not too late for the place.
        let at = Instant::now();
        let place = position(primary).await.ok().filter(|place| !place.is_standby);
        if let Some(place) = &place {
            self.mark(Mark { at, position: place.position });
        }
        let system_id = place.map(|place| place.system_id);
        let mut states = Vec::with_capacity(self.all.len());
        for replica in &self.all {
            let was_used = replica.is_usable(self.max_lag);
            let found = match system_id {
                Some(system_id) => replica.find(system_id).await,
                // How far it is behind cannot be known; what was known ages.
                None => Ok(None),
            };
            match found {
                Ok(None) => {}
                Ok(Some(position)) => {
                    replica.has_all_until.send_replace(self.until(position));
                }
                Err(problem) => {
                    if replica.has_all_until.send_replace(None).is_some() {
                        warn!(replica = replica.name, problem, "a read replica is lost");
                    }
                }
            }
            let (lag, is_used) = (replica.lag(), replica.is_usable(self.max_lag));
            if is_used != was_used {
                let lag_s = lag.map(|lag| lag.as_secs_f64());
                info!(replica = replica.name, is_used, lag_s, "a read replica");
            }
            states.push(ReplicaState { name: replica.name.clone(), lag, is_used });
        }
        states
    }

    fn mark(&self, mark: Mark) {
        let mut marks = self.primary.lock().unwrap_or_else(PoisonError::into_inner);
        // One older than the limit is kept: it tells a standby that is too far behind from one that is lost.
        while marks.get(1).is_some_and(|next| next.at.elapsed() > self.max_lag) {
            marks.pop_front();
        }
        marks.push_back(mark);
    }

    /// Until when a standby has all, whose log is at `position`. None when that is longer ago than we remember.
    fn until(&self, position: i64) -> Option<Instant> {
        let marks = self.primary.lock().unwrap_or_else(PoisonError::into_inner);
        marks.iter().rev().find(|mark| mark.position <= position).map(|mark| mark.at)
    }
}

impl Replica {
    /// How far it is behind at most.
    pub(crate) fn lag(&self) -> Option<Duration> {
        self.has_all_until().map(|until| until.elapsed())
    }

    fn is_usable(&self, max_lag: Duration) -> bool {
        self.lag().is_some_and(|lag| lag <= max_lag)
    }

    pub(crate) fn has_all_until(&self) -> Option<Instant> {
        *self.has_all_until.borrow()
    }

    /// Comes back when it is lost.
    pub(crate) async fn lost(&self) {
        let mut state = self.has_all_until.subscribe();
        // The sender is ours, so there is no error.
        let _ = state.wait_for(Option::is_none).await;
    }

    /// Asks it nothing until the next look.
    pub(crate) fn give_up(&self) {
        self.has_all_until.send_replace(None);
    }

    /// How far its log is; or why it cannot be used.
    async fn find(&self, system_id: i64) -> Result<Option<i64>, &'static str> {
        let found = position(&self.service).await.map_err(|_error| "it does not answer")?;
        if found.system_id != system_id {
            return Err("it is no copy of the primary");
        }
        if !found.is_standby {
            return Err("it is no standby any more");
        }
        Ok(Some(found.position))
    }
}

/// Whether the primary may do better than a standby that failed so. Tables and keys may be newer there, and nothing that
/// runs is cancelled for the sake of the log.
pub(crate) fn may_go_on(error: &Error) -> bool {
    !matches!(error.code(), ErrorCode::QueryTimeout | ErrorCode::Overloaded | ErrorCode::Cancelled)
}

async fn position(database: &ServiceDatabase) -> Result<Found, Error> {
    // Its own wait for a connection is longer.
    let asked = tokio::time::timeout(LOOK_TIMEOUT, database.rows(ASK, &[], LOOK_TIMEOUT));
    let rows = asked.await.map_err(|late| Error::unavailable("the database", late))??;
    let row = rows.first().ok_or_else(|| Error::internal("a server does not know its place"))?;
    let read = |error: tokio_postgres::Error| Error::internal(error.to_string());
    Ok(Found {
        system_id: row.try_get(0).map_err(read)?,
        is_standby: row.try_get(1).map_err(read)?,
        position: row.try_get(2).map_err(read)?,
    })
}
