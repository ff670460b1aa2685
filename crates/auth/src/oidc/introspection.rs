//! Tokens that say nothing themselves: the provider is asked (RFC 7662).

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use moka::future::Cache;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Semaphore;

use super::claims::Claims;
use super::fault::TokenFault;
use super::http::{self, ANSWER_TIMEOUT, Http};
use super::key_source::chain;
use super::resolver::Digest;
use super::settings::{IntrospectionSettings, IssuerSettings};

const MAX_ANSWER_BYTES: usize = 64 * 1024;
const MAX_KEPT: u64 = 10_000;
/// How long an answer is used. A token that was revoked is taken for as long.
const ACTIVE_FOR: TimeDelta = TimeDelta::seconds(60);
const INACTIVE_FOR: TimeDelta = TimeDelta::seconds(10);
/// The most questions at once: made-up tokens are not to become the provider's load.
const MAX_AT_ONCE: usize = 32;

/// Asks one provider about tokens.
pub(super) struct Introspector {
    issuer: String,
    endpoint: Url,
    client_id: String,
    client_secret: SecretString,
    http: Http,
    permits: Semaphore,
    answers: Cache<Digest, Answer>,
}

/// What the provider said, and when. None: the token is not active.
#[derive(Clone)]
struct Answer {
    claims: Option<Arc<Claims>>,
    asked_at: DateTime<Utc>,
}

impl Answer {
    fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        let age = now - self.asked_at;
        let limit = if self.claims.is_some() { ACTIVE_FOR } else { INACTIVE_FOR };
        age >= TimeDelta::zero() && age < limit
    }
}

impl Introspector {
    pub(super) fn new(
        issuer: &IssuerSettings,
        settings: &IntrospectionSettings,
        http: Http,
    ) -> Option<Self> {
        Some(Self {
            issuer: issuer.issuer.clone(),
            endpoint: http::parse_url(&settings.endpoint).ok()?,
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            http,
            permits: Semaphore::new(MAX_AT_ONCE),
            answers: Cache::new(MAX_KEPT),
        })
    }

    /// The claims of an active token.
    pub(super) async fn look_up(
        &self,
        token: &str,
        digest: Digest,
        now: DateTime<Utc>,
    ) -> Result<Arc<Claims>, TokenFault> {
        if let Some(answer) = self.known(digest, now).await {
            return answer.claims.ok_or(TokenFault::Inactive);
        }
        let busy = || TokenFault::Busy { issuer: self.issuer.clone() };
        let permit = tokio::time::timeout(ANSWER_TIMEOUT, self.permits.acquire());
        let _permit = permit.await.map_err(|_elapsed| busy())?.map_err(|_closed| busy())?;
        // Somebody else may have asked about the same token while this call waited.
        if let Some(answer) = self.known(digest, now).await {
            return answer.claims.ok_or(TokenFault::Inactive);
        }
        let claims = self.ask(token).await?;
        self.answers.insert(digest, Answer { claims: claims.clone(), asked_at: now }).await;
        claims.ok_or(TokenFault::Inactive)
    }

    async fn known(&self, digest: Digest, now: DateTime<Utc>) -> Option<Answer> {
        self.answers.get(&digest).await.filter(|answer| answer.is_fresh(now))
    }

    async fn ask(&self, token: &str) -> Result<Option<Arc<Claims>>, TokenFault> {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("token", token)
            .append_pair("token_type_hint", "access_token")
            .finish();
        let request = self
            .http
            .post(&self.endpoint)
            // RFC 6749, section 2.3.1: both are encoded before they are joined.
            .basic_auth(encoded(&self.client_id), Some(encoded(self.client_secret.expose_secret())))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        let claims: Claims = http::read(request, MAX_ANSWER_BYTES).await.map_err(|error| {
            TokenFault::Provider { issuer: self.issuer.clone(), reason: chain(&error) }
        })?;
        // Anything but a plain yes is a no.
        Ok((claims.get("active") == Some(&Value::Bool(true))).then(|| Arc::new(claims)))
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
