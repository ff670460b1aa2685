//! How many connections there are, and which one makes room for a new one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::Connection;

/// How long a connection that was asked to make room may take before the next one is asked.
const ROOM_WITHIN: Duration = Duration::from_millis(50);

/// The connections of a server.
#[derive(Debug)]
pub(super) struct Connections {
    room: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
}

/// Those that wait for a request, the one that has waited longest first.
#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    by_age: BTreeMap<u64, Arc<Connection>>,
}

/// Where a connection stands among those that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u64);

impl Connections {
    /// Room for so many.
    pub(super) fn new(max: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))),
            waiting: Mutex::default(),
        }
    }

    /// Room for one more. Where there is none, the connection that has waited longest for a request
    /// is closed; where none waits, this takes until one ends.
    pub(super) async fn make_room(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            if let Ok(room) = Arc::clone(&self.room).try_acquire_owned() {
                return Some(room);
            }
            self.close_longest_waiting();
            let room = Arc::clone(&self.room).acquire_owned();
            // It takes longer where the one that was asked got a request just then, or none waited.
            if let Ok(room) = tokio::time::timeout(ROOM_WITHIN, room).await {
                return room.ok();
            }
        }
    }

    /// Asks the connection that has waited longest to close.
    pub(super) fn close_longest_waiting(&self) {
        let longest = self.lock().by_age.pop_first();
        if let Some((_, connection)) = longest {
            connection.ask_to_close();
        }
    }

    /// Puts a connection behind all that wait.
    pub(super) fn wait(&self, connection: Arc<Connection>) -> Place {
        let mut waiting = self.lock();
        let place = waiting.next;
        waiting.next += 1;
        waiting.by_age.insert(place, connection);
        Place(place)
    }

    /// Takes a connection out of those that wait.
    pub(super) fn leave(&self, place: Place) {
        self.lock().by_age.remove(&place.0);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
