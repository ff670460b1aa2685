//! How many statements one caller may have in the database at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use retail_domain::{Error, ErrorCode, Principal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Above this many names, those of callers who run nothing are forgotten.
const TIDY_ABOVE: usize = 1024;

/// One semaphore a caller, for as long as one of their statements runs or waits.
#[derive(Debug)]
pub(crate) struct Callers {
    max_statements: usize,
    longest_wait: Duration,
    running: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// The right to run one statement. It outlives the caller's interest: until PostgreSQL has stopped.
#[derive(Debug)]
pub(crate) struct Turn {
    _permit: OwnedSemaphorePermit,
    /// Keeps the semaphore findable for the caller's next statement.
    _semaphore: Arc<Semaphore>,
}

impl Callers {
    pub(crate) fn new(max_statements: usize, longest_wait: Duration) -> Self {
        Self { max_statements, longest_wait, running: Mutex::default() }
    }

    pub(crate) async fn turn(&self, principal: &Principal) -> Result<Turn, Error> {
        let semaphore = self.semaphore(principal);
        if let Ok(permit) = Arc::clone(&semaphore).try_acquire_owned() {
            return Ok(Turn { _permit: permit, _semaphore: semaphore });
        }
        let permit =
            tokio::time::timeout(self.longest_wait, Arc::clone(&semaphore).acquire_owned())
                .await
                .map_err(|_| {
                    let message = format!("{} of your statements are running", self.max_statements);
                    Error::new(ErrorCode::Overloaded, message)
                        .with_hint("wait until one of them has ended")
                })?
                .map_err(Error::internal)?;
        Ok(Turn { _permit: permit, _semaphore: semaphore })
    }

    fn semaphore(&self, principal: &Principal) -> Arc<Semaphore> {
        let name = format!("{}|{}", principal.visibility().label(), principal.subject());
        // The map is consistent after every step, so a panic elsewhere does no harm.
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.len() > TIDY_ABOVE {
            running.retain(|_, semaphore| semaphore.strong_count() > 0);
        }
        if let Some(semaphore) = running.get(&name).and_then(Weak::upgrade) {
            return semaphore;
        }
        let semaphore = Arc::new(Semaphore::new(self.max_statements));
        running.insert(name, Arc::downgrade(&semaphore));
        semaphore
    }
}
