//! How many connections there are, and which one makes room for a new one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::Connection;

/// How long a connection that was asked to make room may take before the next one is asked. On a busy machine 50 ms were too few: two
/// were closed for one.
const ROOM_WITHIN: Duration = Duration::from_millis(250);

/// The connections of a server.
#[derive(Debug)]
pub(super) struct Connections {
    room: Arc<Semaphore>,
    lists: Mutex<Lists>,
}

/// Those that may be closed for others, the one that has been there longest first.
#[derive(Debug, Default)]
struct Lists {
    next: u64,
    /// They wait for a request.
    waiting: BTreeMap<u64, Arc<Connection>>,
    /// Their clients do not take the answer. They are closed when none waits.
    stalled: BTreeMap<u64, Arc<Connection>>,
}

/// Where a connection stands among those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u64);

impl Connections {
    /// Room for so many.
    pub(super) fn new(max: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))),
            lists: Mutex::default(),
        }
    }

    /// Room for one more. Where there is none, the connection that has waited longest for a request
    /// is closed, or else the one whose client has not taken its answer for longest; where there is
    /// neither, this takes until one ends.
    pub(super) async fn make_room(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            if let Ok(room) = Arc::clone(&self.room).try_acquire_owned() {
                return Some(room);
            }
            self.close_one();
            let room = Arc::clone(&self.room).acquire_owned();
            // It takes longer where the one that was asked got a request just then, or none waited.
            if let Ok(room) = tokio::time::timeout(ROOM_WITHIN, room).await {
                return room.ok();
            }
        }
    }

    /// Asks the connection that can best be spared to close.
    pub(super) fn close_one(&self) {
        let spared = {
            let mut lists = self.lock();
            lists.waiting.pop_first().or_else(|| lists.stalled.pop_first())
        };
        if let Some((_, connection)) = spared {
            connection.ask_to_close();
        }
    }

    /// Puts a connection behind all that wait.
    pub(super) fn wait(&self, connection: Arc<Connection>) -> Place {
        self.lock().add(connection, |lists| &mut lists.waiting)
    }

    /// Puts a connection behind all whose clients do not take the answer.
    pub(super) fn stall(&self, connection: Arc<Connection>) -> Place {
        self.lock().add(connection, |lists| &mut lists.stalled)
    }

    /// Takes a connection out of its list.
    pub(super) fn leave(&self, place: Place) {
        let mut lists = self.lock();
        lists.waiting.remove(&place.0);
        lists.stalled.remove(&place.0);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lists {
    fn add(
        &mut self,
        connection: Arc<Connection>,
        list: impl FnOnce(&mut Self) -> &mut BTreeMap<u64, Arc<Connection>>,
    ) -> Place {
        let place = self.next;
        self.next += 1;
        list(self).insert(place, connection);
        Place(place)
    }
}
