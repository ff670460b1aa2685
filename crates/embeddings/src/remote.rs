//! Embedding services by HTTP: Azure OpenAI, `OpenAI`, and services that answer as it does.

mod client;
mod entra;
mod failure;
mod pause;
mod service;
mod settings;
mod texts;
mod timer;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use retail_domain::ports::{Embedder, TRACE_TARGET, Tracer};
use retail_domain::{CircuitBreaker, Embedding, EmbeddingModel, Error};
use tokio::sync::Semaphore;
use tracing::field::Empty;
use tracing::info_span;

use self::client::{Clients, bearer_value, header_value};
use self::entra::{Token, TokenSource, Tokens};
use self::failure::{Failure, Kind};
use self::service::Endpoint;
use self::settings::check_model;

pub use self::entra::{EntraCredential, ManagedIdentityEndpoint, PUBLIC_AUTHORITY};
pub use self::settings::{
    AZURE_API_VERSION, Auth, OpenAiSettings, RemoteError, RemoteLimits, Service, embedding_model,
};
pub use self::timer::{SystemTimer, Timer};

/// A service that takes longer to accept a connection is not there.
const LONGEST_CONNECT: Duration = Duration::from_secs(5);
/// All callers wait at most so long because of a pause that one of them was asked to make.
const LONGEST_HOLD: Duration = Duration::from_mins(1);

/// Embeds with Azure OpenAI, `OpenAI` or a service that answers as it does.
///
/// Many texts go out in batches, some at a time. A batch is tried again after time-outs, broken connections,
/// 408, 429, 5xx and answers that are none, with pauses as the service asks for or, unasked, random ones that
/// grow; after too many failures in a row the service is left alone for a while. A text that is longer than
/// [`RemoteLimits::text_bytes`] is cut off there.
///
/// [`ErrorCode::Unavailable`](retail_domain::ErrorCode::Unavailable) and
/// [`Overloaded`](retail_domain::ErrorCode::Overloaded) pass. After
/// [`Internal`](retail_domain::ErrorCode::Internal) a setting must be mended: the log says which.
pub struct OpenAiEmbedder {
    model: Arc<EmbeddingModel>,
    endpoint: Endpoint,
    caller: Caller,
    clients: Clients,
    limits: RemoteLimits,
    breaker: CircuitBreaker,
    /// Until when the service asked not to be called.
    held_until: Mutex<Option<Instant>>,
    places: Semaphore,
    timer: Arc<dyn Timer>,
    tracer: Option<Arc<dyn Tracer>>,
}

/// As whom a request is sent.
#[derive(Debug)]
enum Caller {
    Nobody,
    Fixed(HeaderName, HeaderValue),
    Entra(Box<Tokens>),
}

impl OpenAiEmbedder {
    /// Checks the settings. Nothing is asked yet.
    ///
    /// # Errors
    /// [`RemoteError`] names the setting that cannot be.
    pub fn new(settings: OpenAiSettings) -> Result<Self, RemoteError> {
        Self::with_timer(settings, Arc::new(SystemTimer))
    }

    /// As [`Self::new`], with another time: for tests.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_timer(
        settings: OpenAiSettings,
        timer: Arc<dyn Timer>,
    ) -> Result<Self, RemoteError> {
        let OpenAiSettings { service, auth, model, limits } = settings;
        limits.check()?;
        check_model(&model)?;
        let model = Arc::new(model);
        let carries_secret = !matches!(auth, Auth::None);
        let endpoint = Endpoint::new(&service, Arc::clone(&model), carries_secret)?;
        let mut needs_tls = endpoint.url().scheme() == "https";
        let caller = match auth {
            Auth::None => Caller::Nobody,
            Auth::Bearer(token) => {
                Caller::Fixed(AUTHORIZATION, bearer_value("bearer token", &token)?)
            }
            Auth::ApiKey(key) if endpoint.is_azure() => {
                Caller::Fixed(HeaderName::from_static("api-key"), header_value("API key", &key)?)
            }
            Auth::ApiKey(key) => Caller::Fixed(AUTHORIZATION, bearer_value("API key", &key)?),
            Auth::Entra(credential) => {
                let source = TokenSource::new(credential, endpoint.url())?;
                needs_tls |= source.url().scheme() == "https";
                Caller::Entra(Box::new(Tokens::new(source)))
            }
        };
        let clients = Clients::new(limits.try_timeout.min(LONGEST_CONNECT), needs_tls)?;
        let breaker = CircuitBreaker::new(limits.failures_to_open);
        let places = Semaphore::new(limits.concurrent_requests);
        let held_until = Mutex::new(None);
        Ok(Self {
            model,
            endpoint,
            caller,
            clients,
            limits,
            breaker,
            held_until,
            places,
            timer,
            tracer: None,
        })
    }

    /// The same with somebody who names the spans of requests to the service.
    #[must_use]
    pub fn with_tracer(mut self, tracer: Arc<dyn Tracer>) -> Self {
        self.tracer = Some(tracer);
        self
    }

    /// The vectors of one batch, after as many tries as it takes and the limits allow.
    async fn batch(&self, texts: &[&str]) -> Result<Vec<Embedding>, Failure> {
        let end = self.timer.now() + self.limits.total_timeout;
        let mut failed_tries = 0;
        let mut has_new_token = false;
        let mut last: Option<Failure> = None;
        loop {
            self.wait_for_leave(end).await?;
            let failure = match self.one_try(texts, end).await {
                Ok(embeddings) => return Ok(embeddings),
                // What went wrong before tells more than that it did so too often.
                Err((failure, _)) if failure.kind() == Kind::LeftAlone => {
                    return Err(last.unwrap_or(failure));
                }
                Err((failure, Some(token)))
                    if failure.kind() == Kind::Unauthorized && !has_new_token =>
                {
                    // It may have been withdrawn before its end: once, another is worth a try.
                    has_new_token = true;
                    if let Caller::Entra(tokens) = &self.caller {
                        tokens.forget(&token);
                    }
                    tracing::debug!(%failure, "trying again with a new token");
                    continue;
                }
                Err((failure, _)) => failure,
            };
            failed_tries += 1;
            if failure.kind() == Kind::Busy
                && let Some(asked) = failure.asked_pause()
            {
                self.hold(asked.min(LONGEST_HOLD));
            }
            let pause = self.pause_after(&failure, failed_tries);
            let left = end.saturating_duration_since(self.timer.now());
            if !failure.is_retryable() || failed_tries >= self.limits.tries || pause >= left {
                return Err(failure);
            }
            tracing::debug!(%failure, ?pause, failed_tries, "trying again");
            self.timer.pause(pause).await;
            last = Some(failure);
        }
    }

    fn pause_after(&self, failure: &Failure, failed_tries: u32) -> Duration {
        let RemoteLimits { first_pause, longest_pause, .. } = self.limits;
        let part = rand::random::<f64>();
        match failure.asked_pause() {
            // A little more than asked, so that callers who were asked the same do not come together.
            Some(asked) => asked + pause::of_our_choice(1, first_pause, longest_pause, part),
            None => pause::of_our_choice(failed_tries, first_pause, longest_pause, part),
        }
    }

    /// Waits while the service asked for a pause, if that ends in time.
    async fn wait_for_leave(&self, end: Instant) -> Result<(), Failure> {
        let now = self.timer.now();
        let held_until = *self.held_until.lock().unwrap_or_else(PoisonError::into_inner);
        match held_until.map(|until| until.saturating_duration_since(now)) {
            None | Some(Duration::ZERO) => Ok(()),
            Some(pause) if now + pause < end => {
                self.timer.pause(pause).await;
                Ok(())
            }
            Some(pause) => {
                let text = "the embedding service asked for a pause that is not over";
                Err(Failure::new(Kind::Busy, text).retry_after(Some(pause)))
            }
        }
    }

    fn hold(&self, pause: Duration) {
        let until = self.timer.now() + pause;
        let mut held_until = self.held_until.lock().unwrap_or_else(PoisonError::into_inner);
        *held_until = (*held_until).max(Some(until));
    }

    /// One try, with the token that it used if that can be renewed.
    async fn one_try(
        &self,
        texts: &[&str],
        end: Instant,
    ) -> Result<Vec<Embedding>, (Failure, Option<Token>)> {
        let left = |timer: &dyn Timer| end.saturating_duration_since(timer.now());
        let crowded = || {
            let text = "requests before this one to the embedding service took all the time";
            (Failure::new(Kind::Crowded, text), None)
        };
        // A closed semaphore is the only error, and nobody closes it.
        let _place = tokio::select! {
            biased;
            place = self.places.acquire() => place.map_err(|_closed| crowded())?,
            () = self.timer.expire(left(&*self.timer)) => return Err(crowded()),
        };
        let leave = self.breaker.enter(self.timer.now()).map_err(|rest| {
            let text = format!(
                "the embedding service failed {} times in a row and is left alone for {} more seconds",
                self.limits.failures_to_open,
                rest.as_secs().saturating_add(1)
            );
            (Failure::new(Kind::LeftAlone, text).retry_after(Some(rest)), None)
        })?;
        let time = self.limits.try_timeout.min(left(&*self.timer));
        let mut used = None;
        let outcome = tokio::select! {
            biased;
            outcome = self.call(texts, &mut used) => outcome,
            () = self.timer.expire(time) => {
                let text = format!("the embedding service did not answer in {time:?}");
                Err(Failure::new(Kind::Broken, text))
            }
        };
        match &outcome {
            Err(failure) if failure.kind() == Kind::Broken => {
                let open_for = self.limits.open_for;
                if leave.failed(self.timer.now(), open_for) {
                    let (failures, seconds) =
                        (self.limits.failures_to_open, open_for.as_secs_f32());
                    tracing::warn!(failures, seconds, cause = %failure, "the embedding service is left alone");
                }
            }
            // Without a token the service was not asked, so nothing is known about it.
            Err(_) if used.is_none() && matches!(self.caller, Caller::Entra(_)) => drop(leave),
            // It answered as it should, or at least said itself why not.
            _ => {
                if leave.worked() {
                    tracing::info!("the embedding service answers again");
                }
            }
        }
        outcome.map_err(|failure| (failure, used))
    }

    /// Asks, without a limit of time. The token goes to `used` before it is sent.
    async fn call(
        &self,
        texts: &[&str],
        used: &mut Option<Token>,
    ) -> Result<Vec<Embedding>, Failure> {
        let request = self.endpoint.request(&self.clients, texts)?;
        let request = match &self.caller {
            Caller::Nobody => request,
            Caller::Fixed(name, value) => request.header(name, value),
            Caller::Entra(tokens) => {
                let token = tokens.get(&self.clients, &*self.timer).await?;
                let request = request.header(AUTHORIZATION, &token.header);
                *used = Some(token);
                request
            }
        };
        let span = info_span!(
            target: TRACE_TARGET,
            "request of vectors",
            otel.name = "POST",
            otel.kind = "client",
            http.request.method = "POST",
            server.address = self.endpoint.url().host_str(),
            http.response.status_code = Empty,
        );
        let name = self.tracer.as_ref().and_then(|tracer| tracer.name_of(&span));
        let request = match name {
            Some(name) => request.header("traceparent", name.traceparent),
            None => request,
        };
        let response = request
            .send()
            .await
            .inspect(|response| {
                span.record("http.response.status_code", response.status().as_u16());
            })
            .map_err(|error| Failure::transport("the embedding service", error))?;
        self.endpoint.read(response, texts.len(), &*self.timer).await
    }
}

#[async_trait]
impl Embedder for OpenAiEmbedder {
    fn model(&self) -> Arc<EmbeddingModel> {
        Arc::clone(&self.model)
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, Error> {
        let limits = &self.limits;
        let texts: Vec<&str> =
            texts.iter().map(|text| texts::cut(text, limits.text_bytes)).collect();
        let batches = texts::batches(&texts, limits.batch_texts, limits.batch_bytes);
        let requests: Vec<_> = batches
            .into_iter()
            .map(|batch| self.batch(texts.get(batch).unwrap_or_default()))
            .collect();
        let embedded: Result<Vec<Vec<Embedding>>, Failure> =
            stream::iter(requests).buffered(limits.concurrent_requests).try_collect().await;
        match embedded {
            Ok(embedded) => Ok(embedded.concat()),
            Err(failure) => {
                let error = failure.into_error();
                // Whoever asked may go on without vectors, and not say why.
                if let Some(cause) =
                    std::error::Error::source(&error).filter(|_| !error.is_retryable())
                {
                    tracing::error!(model = %self.model, %cause, "the embedding service is not set up");
                }
                Err(error)
            }
        }
    }
}

impl fmt::Debug for OpenAiEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAiEmbedder")
            .field("model", &self.model)
            .field("endpoint", &self.endpoint)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
