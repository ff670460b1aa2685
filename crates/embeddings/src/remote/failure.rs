//! A failed call: what may be told about it, and whether another try may cure it.

use std::error::Error as StdError;
use std::time::Duration;

use retail_domain::{Error, ErrorCode};
use serde::Deserialize;

/// One failed try. Its text is for the log and names what to mend. It carries no key, no token, no text that
/// was to be embedded, and of the answer only a short code.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(super) struct Failure {
    kind: Kind,
    text: String,
    retry_after: Option<Duration>,
}

/// What a failure says about the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It does not answer, or answers nonsense. Another try may help.
    Broken,
    /// It has too much to do, and says so. Later it will answer.
    Busy,
    /// The credential is not, or no longer, accepted.
    Unauthorized,
    /// It answers, and will answer the same until a setting is changed.
    Misconfigured,
    /// It was not asked, since it failed too often just before.
    LeftAlone,
    /// It was not asked, since those before took all the time there was.
    Crowded,
}

impl Failure {
    pub(super) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), retry_after: None }
    }

    #[must_use]
    pub(super) fn retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }

    /// The request did not get there, or the answer did not get here.
    pub(super) fn transport(whom: &str, error: reqwest::Error) -> Self {
        let error = error.without_url();
        let did = if error.is_connect() { "cannot be reached" } else { "broke off" };
        let mut deepest: &dyn StdError = &error;
        while let Some(source) = deepest.source() {
            deepest = source;
        }
        Self::new(Kind::Broken, format!("{whom} {did}: {deepest}"))
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// How long the service asked to be left alone.
    pub(super) fn asked_pause(&self) -> Option<Duration> {
        self.retry_after
    }

    pub(super) fn is_retryable(&self) -> bool {
        match self.kind {
            Kind::Broken | Kind::Busy => true,
            Kind::Unauthorized | Kind::Misconfigured | Kind::LeftAlone | Kind::Crowded => false,
        }
    }

    /// As the port tells it.
    pub(super) fn into_error(self) -> Error {
        const PART: &str = "the embedding service";
        let hint = match self.retry_after {
            Some(pause) => format!("try again in {} seconds", pause.as_secs().saturating_add(1)),
            None => "try again in a moment".to_owned(),
        };
        match self.kind {
            Kind::Broken | Kind::LeftAlone => Error::unavailable(PART, self).with_hint(hint),
            Kind::Busy | Kind::Crowded => {
                Error::new(ErrorCode::Overloaded, format!("{PART} has too much to do now"))
                    .with_hint(hint)
                    .with_cause(self)
            }
            Kind::Unauthorized | Kind::Misconfigured => Error::internal(self),
        }
    }
}

/// The part of an error answer that is looked at. `OpenAI` and Azure have `{"error": {"code", "type"}}`, Azure's
/// gateway `{"error": {"code"}}` or `{"statusCode"}`, Entra `{"error": "…", "error_codes": [7000215]}`.
#[derive(Debug, Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    error: serde_json::Value,
    #[serde(default)]
    error_codes: serde_json::Value,
}

/// The code in an error answer, if it has one that is a code.
pub(super) fn code_in(body: &[u8]) -> Option<String> {
    let body: ErrorBody = serde_json::from_slice(body).ok()?;
    let entra = body.error_codes.get(0).and_then(serde_json::Value::as_u64);
    let code = [body.error.get("code"), body.error.get("type"), Some(&body.error)]
        .into_iter()
        .flatten()
        .filter_map(serde_json::Value::as_str)
        .find(|code| is_code(code))
        .map(str::to_owned);
    match (code, entra) {
        (Some(code), Some(entra)) => Some(format!("{code} AADSTS{entra}")),
        (code, _) => code,
    }
}

/// Codes are words joined by underscores, as `DeploymentNotFound` or `invalid_api_key`. A key or a token is longer or
/// has other characters, so that a service that gives one back does not bring it into the log.
fn is_code(text: &str) -> bool {
    (2..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().filter(u8::is_ascii_digit).count() <= 4
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        r#"{"error": {"code": "DeploymentNotFound", "message": "m"}}"#,
        Some("DeploymentNotFound")
    )]
    #[case(r#"{"error": {"code": null, "type": "server_error"}}"#, Some("server_error"))]
    #[case(r#"{"error": {"code": "429"}}"#, Some("429"))]
    #[case(
        r#"{"error": "invalid_client", "error_codes": [7000215]}"#,
        Some("invalid_client AADSTS7000215")
    )]
    #[case(r#"{"error": {"code": "sk-1234567890abcdef"}}"#, None)]
    #[case(r#"{"error": {"code": "0123456789abcdef0123456789abcdef"}}"#, None)]
    #[case(r#"{"error": "a sentence with what was sent"}"#, None)]
    #[case("<html>Bad gateway</html>", None)]
    #[case("[]", None)]
    fn only_a_code_is_taken_from_an_answer(#[case] body: &str, #[case] expected: Option<&str>) {
        assert_eq!(code_in(body.as_bytes()).as_deref(), expected);
    }

    #[rstest]
    #[case(Kind::Broken, ErrorCode::Unavailable)]
    #[case(Kind::LeftAlone, ErrorCode::Unavailable)]
    #[case(Kind::Busy, ErrorCode::Overloaded)]
    #[case(Kind::Crowded, ErrorCode::Overloaded)]
    #[case(Kind::Unauthorized, ErrorCode::Internal)]
    #[case(Kind::Misconfigured, ErrorCode::Internal)]
    fn each_kind_has_its_code(#[case] kind: Kind, #[case] code: ErrorCode) {
        let error = Failure::new(kind, "told to nobody").into_error();
        assert_eq!(error.code(), code);
        assert!(!error.to_string().contains("told to nobody"));
    }
}
