//! The one error that crosses the layers.

mod shared;

use std::error::Error as StdError;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::shared::SharedError;
use crate::StatementSummary;

/// What kind of failure a caller sees. The set is closed: clients may match on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorCode {
    /// An argument is missing, misspelt or out of range.
    InvalidArgument,
    /// The statement is not one read-only query.
    QueryNotAllowed,
    /// What the call names is not there, or not for this caller to see.
    NotFound,
    /// The catalogue has no complete vectors of the model that the search needs.
    EmbeddingsNotReady,
    /// PostgreSQL refused the statement: a wrong name, a type error, a division by zero.
    QueryFailed,
    /// The statement is expected to take more than its limit; it was not run.
    QueryTooCostly,
    /// The statement ran longer than its limit and was cancelled.
    QueryTimeout,
    /// The caller gave up and the work was stopped.
    Cancelled,
    /// There is no credential, or it is wrong or expired.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// Too many calls at once.
    Overloaded,
    /// A part that the answer needs, such as the database, does not answer.
    Unavailable,
    /// A defect on our side.
    Internal,
}

impl ErrorCode {
    /// The code as it stands in answers, for example `invalid_argument`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid_argument",
            Self::QueryNotAllowed => "query_not_allowed",
            Self::NotFound => "not_found",
            Self::EmbeddingsNotReady => "embeddings_not_ready",
            Self::QueryFailed => "query_failed",
            Self::QueryTooCostly => "query_too_costly",
            Self::QueryTimeout => "query_timeout",
            Self::Cancelled => "cancelled",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// Whether the same call may succeed later without a change.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Overloaded | Self::Unavailable => true,
            Self::InvalidArgument
            | Self::QueryNotAllowed
            | Self::NotFound
            | Self::EmbeddingsNotReady
            | Self::QueryFailed
            | Self::QueryTooCostly
            | Self::QueryTimeout
            | Self::Cancelled
            | Self::Unauthenticated
            | Self::Forbidden
            | Self::Internal => false,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The meanings of an argument that has several.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choices {
    /// Name of the argument.
    pub argument: &'static str,
    /// Values of it that have one meaning each.
    pub values: Vec<String>,
}

/// A failure with a text for the caller and, apart from it, a cause for the log.
///
/// `Display` shows the public message alone. The cause is reached by
/// [`std::error::Error::source`] and must never be sent to a caller.
///
/// ```
/// use retail_domain::{Error, ErrorCode};
///
/// let error = Error::new(ErrorCode::InvalidArgument, "max_rows must be 1 to 1000")
///     .with_hint("ask for fewer rows, or aggregate");
/// assert_eq!(error.to_string(), "max_rows must be 1 to 1000");
/// assert!(!error.is_retryable());
/// ```
#[derive(Debug)]
pub struct Error {
    code: ErrorCode,
    message: String,
    hint: Option<String>,
    statement: Option<Box<StatementSummary>>,
    choices: Option<Box<Choices>>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with the text that the caller may see.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message, hint: None, statement: None, choices: None, cause: None }
    }

    /// A failure of ours. The caller sees a fixed text, the log sees `cause`.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorCode::Internal, "the server could not do this; the cause is in its log")
            .with_cause(cause)
    }

    /// A part that does not answer now. `part` is a plain name, such as `the database`.
    pub fn unavailable(part: &str, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorCode::Unavailable, format!("{part} does not answer now"))
            .with_hint("try again in a moment")
            .with_cause(cause)
    }

    /// Adds what the caller can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause, for the log only.
    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Adds which statement failed, for the audit log.
    #[must_use]
    pub fn with_statement(mut self, statement: StatementSummary) -> Self {
        self.statement = Some(Box::new(statement));
        self
    }

    /// Adds what the caller may have meant by an argument. The values are for the caller to see.
    #[must_use]
    pub fn with_choices(mut self, argument: &'static str, values: Vec<String>) -> Self {
        self.choices = Some(Box::new(Choices { argument, values }));
        self
    }

    /// The kind of failure.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The text for the caller.
    pub fn public_message(&self) -> &str {
        &self.message
    }

    /// What the caller can do about it, where that is known.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Which statement failed. For the audit log, not for the caller.
    pub fn statement(&self) -> Option<&StatementSummary> {
        self.statement.as_deref()
    }

    /// What the caller may have meant, where an argument has several meanings.
    pub fn choices(&self) -> Option<&Choices> {
        self.choices.as_deref()
    }

    /// Whether the same call may succeed later without a change.
    pub fn is_retryable(&self) -> bool {
        self.code.is_retryable()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_never_shows_the_cause() {
        let error = Error::internal("password=hunter2");
        assert!(!error.to_string().contains("hunter2"));
        assert!(error.source().is_some());
    }

    #[test]
    fn the_wire_name_is_the_serialised_name() {
        let code = ErrorCode::QueryNotAllowed;
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
    }
}
