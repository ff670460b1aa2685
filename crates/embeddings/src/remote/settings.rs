//! What an embedding service is asked, where, and as whom.

use std::time::Duration;

use retail_domain::EmbeddingModel;
use secrecy::SecretString;

use super::entra::EntraCredential;

/// Everything that [`OpenAiEmbedder`](super::OpenAiEmbedder) needs to know.
///
/// ```
/// use retail_embeddings::{Auth, OpenAiSettings, RemoteLimits, Service, embedding_model};
///
/// let settings = OpenAiSettings {
///     service: Service::Azure {
///         endpoint: "https://zava.openai.azure.com".to_owned(),
///         deployment: "search".to_owned(),
///         api_version: retail_embeddings::AZURE_API_VERSION.to_owned(),
///     },
///     auth: Auth::ApiKey("…".into()),
///     model: embedding_model("text-embedding-3-small", None)?,
///     limits: RemoteLimits::default(),
/// };
/// assert_eq!(settings.model.dimensions, 1536);
/// # Ok::<(), retail_embeddings::RemoteError>(())
/// ```
#[derive(Debug, Clone)]
pub struct OpenAiSettings {
    /// The service, and the way to call it.
    pub service: Service,
    /// As whom.
    pub auth: Auth,
    /// The model that answers: what the registry of vectors knows them by, not the name of a deployment.
    pub model: EmbeddingModel,
    /// How much, how long, how often.
    pub limits: RemoteLimits,
}

/// Which service embeds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Service {
    /// A deployment of Azure OpenAI.
    Azure {
        /// The resource, for example `https://zava.openai.azure.com`. With or without `/openai/v1`.
        endpoint: String,
        /// The name that the deployment was given. It says nothing about the model behind it.
        deployment: String,
        /// [`AZURE_API_VERSION`] (`v1`) or `preview` for `/openai/v1/embeddings`; a dated version, such as
        /// `2024-10-21`, for `/openai/deployments/{deployment}/embeddings?api-version=…`.
        api_version: String,
    },
    /// OpenAI itself, or any service that answers `POST {base_url}/embeddings` as it does.
    OpenAiCompatible {
        /// The address up to and with the version, for example `https://api.openai.com/v1`.
        base_url: String,
        /// Ask for the model's number of dimensions. A model that can shorten its vectors needs it, others
        /// refuse it. OpenAI's `text-embedding-3-*` are known, and asked where it is needed.
        send_dimensions: bool,
    },
}

/// Azure OpenAI's current version of its interface. It takes no date.
pub const AZURE_API_VERSION: &str = "v1";

/// As whom a service is called.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Auth {
    /// A key, in the header `api-key` for Azure, as a bearer token elsewhere.
    ApiKey(SecretString),
    /// A fixed bearer token.
    Bearer(SecretString),
    /// A token of Microsoft Entra, renewed as needed.
    Entra(EntraCredential),
    /// Nobody in particular: a service inside the own network.
    None,
}

/// How much a service is asked at once, how long it may take, and how often it is asked again.
///
/// The default suits a person's query: an answer, or an error, in at most 20 seconds.
/// [`RemoteLimits::bulk`] suits filling a catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteLimits {
    /// Texts in one request, 1 to 2048.
    pub batch_texts: usize,
    /// Bytes of text in one request, at least `text_bytes`. `OpenAI` takes 300,000 tokens.
    pub batch_bytes: usize,
    /// Bytes that are kept of one text; the rest is cut off at a character. A token is never less than a
    /// byte, so a text of as many bytes as the model takes tokens always fits.
    pub text_bytes: usize,
    /// Requests under way at once, of all callers.
    pub concurrent_requests: usize,
    /// How long one try may take, to the last byte of the answer.
    pub try_timeout: Duration,
    /// How long one batch may take with all its tries and pauses.
    pub total_timeout: Duration,
    /// How often one batch is tried.
    pub tries: u32,
    /// The first pause is a random part of this; each further one of twice as much.
    pub first_pause: Duration,
    /// No pause of our own choice is longer. A longer `Retry-After` is honoured.
    pub longest_pause: Duration,
    /// Failed tries in a row after which the service is left alone.
    pub failures_to_open: u32,
    /// How long it is left alone before one try finds out whether it works again.
    pub open_for: Duration,
}

impl Default for RemoteLimits {
    fn default() -> Self {
        Self {
            batch_texts: 96,
            batch_bytes: 200_000,
            text_bytes: 8_000,
            concurrent_requests: 4,
            try_timeout: Duration::from_secs(8),
            total_timeout: Duration::from_secs(20),
            tries: 4,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(8),
            failures_to_open: 5,
            open_for: Duration::from_secs(15),
        }
    }
}

impl RemoteLimits {
    /// For filling a catalogue, where nobody waits: a batch waits through a quota of a minute.
    pub fn bulk() -> Self {
        Self {
            try_timeout: Duration::from_mins(1),
            total_timeout: Duration::from_mins(5),
            tries: 12,
            longest_pause: Duration::from_secs(30),
            // All that its concurrent batches are allowed.
            failures_to_open: 48,
            ..Self::default()
        }
    }

    pub(super) fn check(&self) -> Result<(), RemoteError> {
        let refuse = |limit, rule| Err(RemoteError::Limit { limit, rule });
        if !(1..=2048).contains(&self.batch_texts) {
            return refuse("batch_texts", "must be 1 to 2048");
        }
        if self.text_bytes < 16 {
            return refuse("text_bytes", "must be at least 16");
        }
        if self.batch_bytes < self.text_bytes {
            return refuse("batch_bytes", "must be at least text_bytes");
        }
        if self.concurrent_requests == 0 {
            return refuse("concurrent_requests", "must be at least 1");
        }
        if self.concurrent_requests > 1024 {
            return refuse("concurrent_requests", "must be at most 1024");
        }
        if self.tries == 0 {
            return refuse("tries", "must be at least 1");
        }
        if self.failures_to_open == 0 {
            return refuse("failures_to_open", "must be at least 1");
        }
        if self.try_timeout.is_zero() || self.total_timeout < self.try_timeout {
            return refuse("total_timeout", "must be at least try_timeout, which must not be zero");
        }
        Ok(())
    }
}

/// Why an [`OpenAiEmbedder`](super::OpenAiEmbedder) could not be made. None of them shows a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// An address is not one.
    #[error("the {what} {value:?} cannot be used: {reason}")]
    Address {
        /// Which address.
        what: &'static str,
        /// As it was given.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A name that must be there is empty, or has characters that it must not have.
    #[error("the {what} {reason}")]
    Value {
        /// Which one.
        what: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The model is not known, and its number of dimensions was not given.
    #[error("the dimensions of the model {model:?} are not known here: configure them")]
    UnknownDimensions {
        /// The model's name.
        model: String,
    },
    /// The model cannot give vectors of that size.
    #[error("{model} gives vectors of {possible} dimensions, not of {asked}")]
    Dimensions {
        /// The model's name.
        model: String,
        /// What it can give.
        possible: String,
        /// What was asked.
        asked: u32,
    },
    /// A limit is out of range.
    #[error("{limit} {rule}")]
    Limit {
        /// Which of [`RemoteLimits`].
        limit: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {reason}")]
    Tls {
        /// What is missing.
        reason: String,
    },
}

/// A model of `OpenAI` whose sizes are known.
#[derive(Debug)]
struct Known {
    name: &'static str,
    dimensions: u32,
    shortens: bool,
}

const KNOWN: [Known; 3] = [
    Known { name: "text-embedding-3-small", dimensions: 1536, shortens: true },
    Known { name: "text-embedding-3-large", dimensions: 3072, shortens: true },
    Known { name: "text-embedding-ada-002", dimensions: 1536, shortens: false },
];

/// A model by its name. `OpenAI`'s own have a size that need not be given.
///
/// # Errors
/// [`RemoteError::UnknownDimensions`] for another model without `dimensions`, [`RemoteError::Dimensions`]
/// for a size that the model cannot give, [`RemoteError::Value`] without a name.
pub fn embedding_model(name: &str, dimensions: Option<u32>) -> Result<EmbeddingModel, RemoteError> {
    let known = KNOWN.iter().find(|known| known.name == name);
    let dimensions = match (dimensions, known) {
        (Some(dimensions), _) => dimensions,
        (None, Some(known)) => known.dimensions,
        (None, None) => return Err(RemoteError::UnknownDimensions { model: name.to_owned() }),
    };
    let model = EmbeddingModel { name: name.to_owned(), dimensions };
    check_model(&model)?;
    Ok(model)
}

pub(super) fn check_model(model: &EmbeddingModel) -> Result<(), RemoteError> {
    let asked = model.dimensions;
    let refuse = |possible: String| {
        Err(RemoteError::Dimensions { model: model.name.clone(), possible, asked })
    };
    if model.name.trim().is_empty() {
        return Err(RemoteError::Value { what: "model", reason: "has no name" });
    }
    match KNOWN.iter().find(|known| known.name == model.name) {
        _ if asked == 0 || asked > MAX_DIMENSIONS => refuse(format!("1 to {MAX_DIMENSIONS}")),
        Some(known) if known.shortens && asked > known.dimensions => {
            refuse(format!("1 to {}", known.dimensions))
        }
        Some(known) if !known.shortens && asked != known.dimensions => {
            refuse(known.dimensions.to_string())
        }
        Some(_) | None => Ok(()),
    }
}

/// What `vector` of pgvector can hold.
const MAX_DIMENSIONS: u32 = 16_000;

/// Whether the service must be told the size, since the model would give a longer vector unasked.
pub(super) fn is_shortened(model: &EmbeddingModel) -> bool {
    KNOWN.iter().any(|known| {
        known.name == model.name && known.shortens && known.dimensions != model.dimensions
    })
}

/// Whether a service that calls its model `answered` has another one than `asked`. Only where both are known:
/// others name their models as they like.
pub(super) fn is_other_model(asked: &str, answered: &str) -> bool {
    // OpenAI says `text-embedding-ada-002-v2`, and Azure once said `ada`.
    let known = |name: &str| {
        let name = if name == "ada" { "text-embedding-ada-002" } else { name };
        KNOWN.iter().find(|known| name.starts_with(known.name)).map(|known| known.name)
    };
    matches!((known(asked), known(answered)), (Some(asked), Some(answered)) if asked != answered)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("text-embedding-3-small", None, Some(1536))]
    #[case("text-embedding-3-large", None, Some(3072))]
    #[case("text-embedding-3-large", Some(256), Some(256))]
    #[case("text-embedding-3-large", Some(3073), None)]
    #[case("text-embedding-ada-002", None, Some(1536))]
    #[case("text-embedding-ada-002", Some(256), None)]
    #[case("bge-m3", Some(1024), Some(1024))]
    #[case("bge-m3", None, None)]
    #[case("bge-m3", Some(0), None)]
    #[case("bge-m3", Some(16_001), None)]
    #[case(" ", Some(3), None)]
    fn a_model_has_a_size(
        #[case] name: &str,
        #[case] asked: Option<u32>,
        #[case] expected: Option<u32>,
    ) {
        let model = embedding_model(name, asked);
        assert_eq!(model.ok().map(|model| model.dimensions), expected);
    }

    #[rstest]
    #[case("text-embedding-3-small", "text-embedding-ada-002-v2", true)]
    #[case("text-embedding-3-small", "ada", true)]
    #[case("text-embedding-ada-002", "text-embedding-ada-002-v2", false)]
    #[case("text-embedding-3-small", "my-alias", false)]
    #[case("bge-m3", "text-embedding-3-small", false)]
    fn another_known_model_is_noticed(
        #[case] asked: &str,
        #[case] answered: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(is_other_model(asked, answered), expected);
    }

    #[test]
    fn the_limits_that_we_give_are_good() {
        RemoteLimits::default().check().unwrap();
        RemoteLimits::bulk().check().unwrap();
    }

    #[rstest]
    #[case("batch_texts", |limits: &mut RemoteLimits| limits.batch_texts = 0)]
    #[case("batch_texts", |limits: &mut RemoteLimits| limits.batch_texts = 2049)]
    #[case("text_bytes", |limits: &mut RemoteLimits| limits.text_bytes = 1)]
    #[case("batch_bytes", |limits: &mut RemoteLimits| limits.batch_bytes = 7_999)]
    #[case("concurrent_requests", |limits: &mut RemoteLimits| limits.concurrent_requests = 0)]
    #[case("tries", |limits: &mut RemoteLimits| limits.tries = 0)]
    #[case("failures_to_open", |limits: &mut RemoteLimits| limits.failures_to_open = 0)]
    #[case("total_timeout", |limits: &mut RemoteLimits| limits.total_timeout = Duration::ZERO)]
    fn a_limit_out_of_range_is_named(
        #[case] limit: &str,
        #[case] change: impl FnOnce(&mut RemoteLimits),
    ) {
        let mut limits = RemoteLimits::default();
        change(&mut limits);
        assert!(limits.check().unwrap_err().to_string().starts_with(limit));
    }
}
