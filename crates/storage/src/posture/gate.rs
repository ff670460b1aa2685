//! Lets no call through before the database's posture was found good once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use retail_domain::{Error, ErrorCode};
use tokio::sync::Mutex;
use tracing::{error, info, warn};

use super::Posture;
use super::look::look;
use crate::StorageError;
use crate::connection::QueryManager;
use crate::key_ring::KeyRing;

/// Longest time for one look.
const LOOK_TIMEOUT: Duration = Duration::from_secs(15);

/// After a refusal the database is not looked at again for this long.
const REFUSED_FOR: Duration = Duration::from_secs(5);

/// Shut until a look at the database finds it good, and again when a later look does not.
///
/// A database that is down is not looked at, so it cannot open the gate; the first call after it
/// came up does. Nor does it shut it: nobody is answered then anyway.
#[derive(Debug)]
pub(crate) struct PostureGate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    stores: QueryManager,
    head_office: QueryManager,
    keys: KeyRing,
    open: AtomicBool,
    shut_again: AtomicBool,
    /// Held while looking, so that there is one look at a time.
    last: Arc<Mutex<Last>>,
}

/// When a look last ended otherwise than well.
#[derive(Debug, Default)]
struct Last {
    refused: Option<Instant>,
    failed: Option<Instant>,
}

impl PostureGate {
    pub(crate) fn new(stores: QueryManager, head_office: QueryManager, keys: KeyRing) -> Self {
        Self(Arc::new(Shared {
            stores,
            head_office,
            keys,
            open: AtomicBool::new(false),
            shut_again: AtomicBool::new(false),
            last: Arc::default(),
        }))
    }

    /// Comes back when calls may go through.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`], with nothing of what was found: that is in the log.
    pub(crate) async fn pass(&self) -> Result<(), Error> {
        if self.0.open.load(Ordering::Acquire) {
            return Ok(());
        }
        let arrived = Instant::now();
        let mut last = Arc::clone(&self.0.last).lock_owned().await;
        if self.0.open.load(Ordering::Acquire) {
            return Ok(());
        }
        if last.refused.is_some_and(|at| at.elapsed() < REFUSED_FOR) {
            return Err(unfit());
        }
        // Those who waited for a look share its end. Otherwise, while a database does not answer, each
        // would look in turn, and the last would wait for the sum of all.
        if last.failed.is_some_and(|at| at >= arrived) {
            return Err(Error::new(ErrorCode::Unavailable, "the database does not answer now")
                .with_hint("try again in a moment"));
        }
        let shared = Arc::clone(&self.0);
        // A task: a caller with less patience than the look takes does not undo it.
        let looked = tokio::spawn(async move {
            let looked = shared.look().await;
            *last = match &looked {
                Ok(posture) if posture.must_refuse() => {
                    error!(
                        "the database is not fit to be served from; no call is answered:\n{posture}"
                    );
                    Last { refused: Some(Instant::now()), failed: None }
                }
                Ok(_) => Last::default(),
                Err(_) => Last { refused: None, failed: Some(Instant::now()) },
            };
            looked
        })
        .await
        .map_err(Error::internal)?;
        match looked {
            Ok(posture) if posture.must_refuse() => Err(unfit()),
            Ok(_) => Ok(()),
            Err(error) => Err(Error::unavailable("the database", error)),
        }
    }

    /// Whether it was open and is shut again.
    pub(crate) fn is_shut_again(&self) -> bool {
        self.0.shut_again.load(Ordering::Acquire)
    }

    /// Looks again at a database that was found good before, and shuts where it is not any more.
    pub(crate) async fn look_again(&self) {
        let mut last = Arc::clone(&self.0.last).lock_owned().await;
        if let Ok(posture) = self.0.look().await
            && posture.must_refuse()
        {
            last.refused = Some(Instant::now());
            if self.0.open.swap(false, Ordering::AcqRel) {
                self.0.shut_again.store(true, Ordering::Release);
                error!(
                    alert = "posture_lost",
                    "the database is not fit to be served from any more; no call is answered:\n{posture}"
                );
            }
        }
    }

    /// Opens it without a look, for a test that has broken the database on purpose.
    #[cfg(feature = "test-support")]
    pub(crate) fn open_unseen(&self) {
        self.0.open.store(true, Ordering::Release);
    }

    /// Looks now, whatever was found before.
    pub(super) async fn look(&self) -> Result<Posture, StorageError> {
        self.0.look().await
    }
}

impl Shared {
    async fn look(&self) -> Result<Posture, StorageError> {
        let posture =
            tokio::time::timeout(LOOK_TIMEOUT, look(&self.stores, &self.head_office, &self.keys))
                .await
                .map_err(|_| {
                    StorageError::Setting("the database does not answer in time".to_owned())
                })??;
        if !posture.must_refuse() && !self.open.swap(true, Ordering::AcqRel) {
            self.shut_again.store(false, Ordering::Release);
            info!("the database's posture is good");
            for remark in posture.remarks() {
                warn!("the database could be safer: {remark}");
            }
        }
        Ok(posture)
    }
}

fn unfit() -> Error {
    Error::new(ErrorCode::Unavailable, "the database is not fit to be served from")
        .with_hint("the operator finds the reasons in the server's log, or by `retail-mcp doctor`")
}
