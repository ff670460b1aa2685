//! Equal requests at the same time: one of them is answered, and its answer given to all.
//!
//! A flight is a future that all who wait for it drive together. So it goes on when the one who began it goes away,
//! and ends, with the query behind it, when nobody waits any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use retail_domain::{SharedError, TableGroups, VersionVector};

use crate::entry::Entry;
use crate::key::Digest;

/// What a flight brings.
#[derive(Debug, Clone)]
pub(crate) struct Landed {
    pub(crate) entry: Entry,
    /// Where it is from.
    pub(crate) source: Source,
}

/// Where an answer is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Load,
    SharedTier,
}

pub(crate) type Outcome = Result<Landed, SharedError>;
pub(crate) type Flight = Shared<BoxFuture<'static, Outcome>>;

/// What one who waits needs a flight to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needs {
    /// Its data must be at least as new as these versions.
    pub(crate) versions: Option<VersionVector>,
    pub(crate) depends_on: TableGroups,
    pub(crate) is_personal: bool,
}

impl Needs {
    /// Whether a flight that began when `begun` were the versions gives what is needed. One that began before a
    /// write may bring what was there before it.
    fn are_met_by(&self, begun: Option<&VersionVector>) -> bool {
        match (begun, &self.versions) {
            (Some(begun), Some(needed)) => begun.covers(needed, self.depends_on),
            (None, Some(_)) => self.depends_on.is_empty(),
            // One that began while versions were known may bring a kept answer.
            (begun, None) => !self.is_personal || begun.is_none(),
        }
    }
}

/// The flights that are under way.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    flights: HashMap<Digest, UnderWay>,
    next_number: u64,
}

#[derive(Debug)]
struct UnderWay {
    number: u64,
    begun: Option<VersionVector>,
    flight: WeakShared<BoxFuture<'static, Outcome>>,
}

/// Takes a flight off the table when it ends or is given up.
#[derive(Debug)]
pub(crate) struct Landing {
    flights: Arc<Flights>,
    digest: Digest,
    number: u64,
}

/// A place on a flight.
#[derive(Debug)]
pub(crate) enum Place {
    /// On one that was under way.
    Joined(Flight),
    /// On a new one.
    Began(Flight),
}

impl Flights {
    /// A place on the flight to `digest`. `begin` makes a new one where none is under way that meets the needs; it
    /// must hold its [`Landing`] until it ends.
    pub(crate) fn board(
        self: &Arc<Self>,
        digest: Digest,
        needs: &Needs,
        begin: impl FnOnce(Landing) -> BoxFuture<'static, Outcome>,
    ) -> Place {
        let mut table = self.lock();
        let under_way = table.flights.get(&digest);
        let fits = under_way.is_some_and(|flight| needs.are_met_by(flight.begun.as_ref()));
        // A flight must not be dropped under the lock, which its landing takes: so it is only woken up to be joined.
        if fits && let Some(flight) = under_way.and_then(|under_way| under_way.flight.upgrade()) {
            return Place::Joined(flight);
        }
        let number = table.next_number;
        table.next_number += 1;
        let landing = Landing { flights: Arc::clone(self), digest, number };
        let flight = begin(landing).shared();
        if let Some(weak) = flight.downgrade() {
            let under_way = UnderWay { number, begun: needs.versions, flight: weak };
            table.flights.insert(digest, under_way);
        }
        drop(table);
        Place::Began(flight)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // The table is whole at every moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut table = self.flights.lock();
        if table.flights.get(&self.digest).is_some_and(|flight| flight.number == self.number) {
            table.flights.remove(&self.digest);
        }
    }
}
