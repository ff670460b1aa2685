//! One connection: what it is doing, and how long it may take for that.

mod guarded_io;
mod request_body;
mod task;

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::connections::{Connections, Place};

pub(super) use task::{Settings, run};

/// How long a connection may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// For a request head, and for a TLS handshake.
    pub(super) head: Duration,
    /// Between an answer and the next request.
    pub(super) idle: Duration,
    /// From when it first does not take what is sent, until it has taken all.
    pub(super) write: Duration,
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It was opened, or has begun to send a request head.
    Head,
    /// It has had its answer and sent nothing since.
    Idle,
    /// A request is being answered.
    Busy,
    /// All of the answer is made, and not all of it sent.
    Answered,
}

/// The state of one connection. Its own task changes it; others only ask it to close.
pub(super) struct Connection {
    connections: Arc<Connections>,
    timeouts: Timeouts,
    state: Mutex<State>,
    close: Notify,
}

struct State {
    phase: Phase,
    since: Instant,
    /// Since when the client does not take all that is to be sent.
    stalled: Option<Instant>,
    place: Option<Place>,
    /// Kept until the client has its answer.
    held: Vec<Box<dyn Any + Send>>,
}

impl Connection {
    /// A new connection, which waits for its first request.
    pub(super) fn open(connections: Arc<Connections>, timeouts: Timeouts) -> Arc<Self> {
        let connection = Arc::new(Self {
            connections,
            timeouts,
            state: Mutex::new(State {
                phase: Phase::Head,
                since: Instant::now(),
                stalled: None,
                place: None,
                held: Vec::new(),
            }),
            close: Notify::new(),
        });
        let place = connection.connections.wait(Arc::clone(&connection));
        connection.lock().place = Some(place);
        connection
    }

    /// Asks its task to close it. Heeded only while it waits for a request, or its client does not take the
    /// answer.
    pub(super) fn ask_to_close(&self) {
        self.close.notify_one();
    }

    /// Keeps `something` until the client has taken the answer.
    pub(super) fn hold(&self, something: impl Any + Send) {
        self.lock().held.push(Box::new(something));
    }

    /// Takes it out of the list of those that wait: its task is over.
    fn ended(&self) {
        let mut state = self.lock();
        state.held.clear();
        if let Some(place) = state.place.take() {
            self.connections.leave(place);
        }
    }

    fn may_be_closed(&self) -> bool {
        let state = self.lock();
        state.stalled.is_some() || matches!(state.phase, Phase::Head | Phase::Idle)
    }

    fn is_stalled(&self) -> bool {
        self.lock().stalled.is_some()
    }

    fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// Bytes came in. Its place stays, so that a slow head does not count as a sign of life.
    fn arrived(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Idle {
            state.phase = Phase::Head;
            state.since = Instant::now();
        }
    }

    fn request_began(&self) {
        let mut state = self.lock();
        state.phase = Phase::Busy;
        // Of a client that does not take its answers, the next request changes nothing.
        if state.stalled.is_none()
            && let Some(place) = state.place.take()
        {
            self.connections.leave(place);
        }
    }

    fn answer_ended(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Busy {
            state.phase = Phase::Answered;
        }
    }

    /// The system took nothing of what is to be sent. A client that takes a byte now and then is no better than
    /// one that takes none, so only [`flushed`](Self::flushed) ends this. Until then others may have its place.
    fn write_stalled(self: &Arc<Self>) {
        let mut state = self.lock();
        if state.stalled.is_none() {
            state.stalled = Some(Instant::now());
            if state.place.is_none() {
                state.place = Some(self.connections.stall(Arc::clone(self)));
            }
        }
    }

    /// It took all there was.
    fn flushed(self: &Arc<Self>) {
        let mut state = self.lock();
        if state.stalled.take().is_some()
            && let Some(place) = state.place.take()
        {
            self.connections.leave(place);
        }
        if state.phase == Phase::Answered {
            state.phase = Phase::Idle;
            state.since = Instant::now();
            state.held.clear();
            state.place = Some(self.connections.wait(Arc::clone(self)));
        }
    }

    /// When it has taken too long for what it is doing.
    fn deadline(&self) -> Option<Instant> {
        let state = self.lock();
        let phase = match state.phase {
            Phase::Head => Some(state.since + self.timeouts.head),
            Phase::Idle => Some(state.since + self.timeouts.idle),
            Phase::Busy | Phase::Answered => None,
        };
        let stalled = state.stalled.map(|since| since + self.timeouts.write);
        phase.into_iter().chain(stalled).min()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("phase", &self.phase()).finish_non_exhaustive()
    }
}
