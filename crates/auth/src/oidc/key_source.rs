//! The keys of one provider: found, kept, and fetched anew when that is due.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use retail_domain::ports::Clock;
use tokio::sync::watch;

use super::discovery;
use super::fault::TokenFault;
use super::http::Http;
use super::jwks::{Document, KeySet};
use super::settings::IssuerSettings;

const MAX_JWKS_BYTES: usize = 256 * 1024;
/// The longest time for metadata and keys together.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
/// How long after one try the next one is made, while there are keys to use.
const RETRY_AFTER: TimeDelta = TimeDelta::seconds(30);
/// The same while there are none: callers wait.
const RETRY_WITHOUT_KEYS_AFTER: TimeDelta = TimeDelta::seconds(2);
/// How often keys are fetched since a token names one that is not there.
const UNKNOWN_KEY_EVERY: TimeDelta = TimeDelta::seconds(30);
/// How long a key id that the provider did not know is not asked for again.
const MISSED_FOR: TimeDelta = TimeDelta::seconds(60);
const MAX_MISSED: usize = 256;

/// The keys of one provider.
pub(super) struct KeySource {
    issuer: String,
    refresh: TimeDelta,
    grace: TimeDelta,
    http: Http,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: Option<CurrentKeys>,
    tried_at: Option<DateTime<Utc>>,
    /// Why the last try failed; none when it did not.
    failure: Option<String>,
    /// The fetch under way, if there is one. Its sender goes when it has ended.
    under_way: Option<watch::Receiver<()>>,
    unknown_key_at: Option<DateTime<Utc>>,
    missed: HashMap<String, DateTime<Utc>>,
}

/// Keys to use now.
#[derive(Clone)]
pub(super) struct CurrentKeys {
    pub(super) set: Arc<KeySet>,
    /// Changes when the set does.
    pub(super) generation: u64,
    fetched_at: DateTime<Utc>,
}

/// What is to be done about keys of some age.
enum Due {
    Nothing,
    Later,
    Now,
    /// There are none to use, and it is too soon to ask again: but a fetch may be under way.
    Wait,
}

impl KeySource {
    pub(super) fn new(settings: &IssuerSettings, http: Http, clock: Arc<dyn Clock>) -> Self {
        let delta = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        Self {
            issuer: settings.issuer.clone(),
            refresh: delta(settings.jwks_refresh),
            grace: delta(settings.outage_grace),
            http,
            clock,
            state: Mutex::default(),
        }
    }

    /// The keys to use now. Old ones are used while new ones are fetched behind the call, and for the grace
    /// when the provider does not answer.
    pub(super) async fn current(self: &Arc<Self>) -> Result<CurrentKeys, TokenFault> {
        match self.due() {
            Due::Nothing => {}
            Due::Later => drop(self.start_fetch()),
            Due::Now => self.fetch().await,
            Due::Wait => self.wait().await,
        }
        let now = self.clock.now();
        let state = self.lock();
        state
            .keys
            .as_ref()
            .filter(|keys| now - keys.fetched_at <= self.grace)
            .cloned()
            .ok_or_else(|| self.fault(&state))
    }

    /// The keys after a look for one that `used` does not have; none when it is not the time to look.
    pub(super) async fn after_unknown(
        self: &Arc<Self>,
        id: &str,
        used: &CurrentKeys,
    ) -> Option<CurrentKeys> {
        let now = self.clock.now();
        let may_fetch = {
            let mut state = self.lock();
            let may = !is_within(state.missed.get(id).copied(), now, MISSED_FOR)
                && !is_within(state.unknown_key_at, now, UNKNOWN_KEY_EVERY);
            if may {
                state.unknown_key_at = Some(now);
            }
            may
        };
        if may_fetch {
            self.fetch().await;
        } else {
            // Perhaps another caller's look for the same key is under way.
            self.wait().await;
        }
        let mut state = self.lock();
        let newer = state
            .keys
            .clone()
            .filter(|keys| keys.generation != used.generation && keys.set.has_id(id));
        if newer.is_none() && may_fetch {
            if state.missed.len() >= MAX_MISSED {
                state.missed.clear();
            }
            state.missed.insert(id.to_owned(), now);
        }
        newer
    }

    /// Fetches keys that are due, so that a call need not.
    pub(super) async fn refresh_if_due(self: &Arc<Self>) {
        if matches!(self.due(), Due::Later | Due::Now) {
            self.fetch().await;
        }
    }

    fn due(&self) -> Due {
        let now = self.clock.now();
        let state = self.lock();
        let too_soon = |span| is_within(state.tried_at, now, span);
        let without_keys = || if too_soon(RETRY_WITHOUT_KEYS_AFTER) { Due::Wait } else { Due::Now };
        let Some(keys) = &state.keys else {
            return without_keys();
        };
        let age = now - keys.fetched_at;
        if age > self.grace {
            return without_keys();
        }
        // A clock that was set back says nothing about the age.
        if (age >= TimeDelta::zero() && age < self.refresh) || too_soon(RETRY_AFTER) {
            return Due::Nothing;
        }
        // Nobody waits for a provider that is known to be down.
        let is_overdue = age >= self.refresh * 2 && state.failure.is_none();
        if is_overdue { Due::Now } else { Due::Later }
    }

    /// Fetches keys, or waits for a fetch that is under way.
    async fn fetch(self: &Arc<Self>) {
        let ended = self.start_fetch();
        until(ended).await;
    }

    /// Waits for a fetch that is under way.
    async fn wait(&self) {
        let under_way = self.lock().under_way.clone();
        if let Some(ended) = under_way {
            until(ended).await;
        }
    }

    /// A task of its own: a caller who leaves does not end it for the others. There is one at a time.
    fn start_fetch(self: &Arc<Self>) -> watch::Receiver<()> {
        let this = Arc::clone(self);
        let mut state = self.lock();
        if let Some(ended) = state.under_way.as_ref().filter(|ended| ended.has_changed().is_ok()) {
            return ended.clone();
        }
        let (sender, ended) = watch::channel(());
        state.under_way = Some(ended.clone());
        state.tried_at = Some(self.clock.now());
        drop(state);
        tokio::spawn(async move {
            let fetched = this.fetch_set().await;
            this.keep(fetched);
            drop(sender);
        });
        ended
    }

    async fn fetch_set(&self) -> Result<KeySet, String> {
        let fetch = async {
            let uri = discovery::jwks_uri(&self.http, &self.issuer).await.map_err(|e| chain(&e))?;
            let document: Document = self
                .http
                .get(&uri, MAX_JWKS_BYTES)
                .await
                .map_err(|error| format!("{uri}: {}", chain(&error)))?;
            Ok(KeySet::new(document))
        };
        tokio::time::timeout(FETCH_TIMEOUT, fetch)
            .await
            .unwrap_or_else(|_elapsed| Err(format!("no answer within {FETCH_TIMEOUT:?}")))
    }

    fn keep(&self, fetched: Result<KeySet, String>) {
        let fetched_at = self.clock.now();
        let mut state = self.lock();
        state.under_way = None;
        match fetched {
            Ok(set) => {
                let (set, generation) = match &state.keys {
                    Some(old) if *old.set == set => (Arc::clone(&old.set), old.generation),
                    old => (
                        Arc::new(set),
                        old.as_ref().map_or(0, |old| old.generation.wrapping_add(1)),
                    ),
                };
                state.keys = Some(CurrentKeys { set, generation, fetched_at });
                state.failure = None;
            }
            Err(reason) => state.failure = Some(reason),
        }
    }

    /// Why the last try to fetch keys failed, if it did. The last keys may still count.
    pub(super) fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    fn fault(&self, state: &State) -> TokenFault {
        let reason = state.failure.clone().unwrap_or_else(|| "its keys are too old".to_owned());
        TokenFault::Provider { issuer: self.issuer.clone(), reason }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nothing is ever sent: the channel closes, even if the task broke.
async fn until(mut ended: watch::Receiver<()>) {
    while ended.changed().await.is_ok() {}
}

/// Whether `then` was less than `span` ago. A time that is to come was set by another clock.
fn is_within(then: Option<DateTime<Utc>>, now: DateTime<Utc>, span: TimeDelta) -> bool {
    then.is_some_and(|then| now >= then && now - then < span)
}

/// An error and its causes, for the log.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            // Writing to a string cannot fail.
            let _ = write!(text, ": {cause_text}");
        }
        next = cause.source();
    }
    text
}
