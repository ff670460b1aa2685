//! Keeps a token until shortly before its end.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;

use super::TokenSource;
use crate::remote::client::Clients;
use crate::remote::failure::Failure;
use crate::remote::timer::Timer;

/// A token is renewed so long before its end, or after half of its life if that is shorter.
const AHEAD: Duration = Duration::from_mins(5);
/// After a failed renewal, the token that still holds is used for so long before the next attempt.
const PATIENCE: Duration = Duration::from_secs(30);
/// Not used so near to its end: the request must arrive before it.
const MARGIN: Duration = Duration::from_secs(10);

/// The tokens of one credential: at most one request for a new one at a time.
#[derive(Debug)]
pub(in crate::remote) struct Tokens {
    source: TokenSource,
    held: Mutex<Option<Held>>,
    flight: tokio::sync::Mutex<()>,
}

/// A token as a request carries it.
#[derive(Debug, Clone)]
pub(in crate::remote) struct Token {
    /// `Bearer …`, marked as sensitive.
    pub(in crate::remote) header: HeaderValue,
}

#[derive(Debug, Clone)]
struct Held {
    token: Token,
    renew_at: Instant,
    ends_at: Instant,
}

impl Tokens {
    pub(in crate::remote) fn new(source: TokenSource) -> Self {
        Self { source, held: Mutex::new(None), flight: tokio::sync::Mutex::new(()) }
    }

    /// A token that holds. While another caller renews one that still does, that one.
    pub(in crate::remote) async fn get(
        &self,
        clients: &Clients,
        timer: &dyn Timer,
    ) -> Result<Token, Failure> {
        let _flight = match self.usable(timer.now()) {
            Some(held) if timer.now() < held.renew_at => return Ok(held.token),
            Some(held) => match self.flight.try_lock() {
                Ok(flight) => flight,
                Err(_another_renews) => return Ok(held.token),
            },
            None => self.flight.lock().await,
        };
        // Another caller may have brought one while this waited.
        let old = self.usable(timer.now());
        if let Some(held) = old.as_ref().filter(|held| timer.now() < held.renew_at) {
            return Ok(held.token.clone());
        }
        match (self.source.request(clients, timer.utc().timestamp()).await, old) {
            (Ok(issued), _) => {
                let now = timer.now();
                let ahead = AHEAD.min(issued.lives / 2);
                let token = Token { header: issued.token };
                *self.lock() = Some(Held {
                    token: token.clone(),
                    renew_at: now + issued.lives.saturating_sub(ahead),
                    ends_at: now + issued.lives,
                });
                Ok(token)
            }
            (Err(failure), Some(old)) => {
                tracing::warn!(%failure, "a token was not renewed; the old one still holds");
                let token = old.token.clone();
                *self.lock() = Some(Held { renew_at: timer.now() + PATIENCE, ..old });
                Ok(token)
            }
            (Err(failure), None) => Err(failure),
        }
    }

    /// Forgets a token that was refused, unless it was replaced since.
    pub(in crate::remote) fn forget(&self, refused: &Token) {
        let mut held = self.lock();
        if held.as_ref().is_some_and(|held| held.token.header == refused.header) {
            *held = None;
        }
    }

    fn usable(&self, now: Instant) -> Option<Held> {
        self.lock().clone().filter(|held| now + MARGIN < held.ends_at)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Held>> {
        // Replaced as a whole, so whole at every moment.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
