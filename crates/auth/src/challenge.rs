//! The `WWW-Authenticate` header of a 401 or 403 answer.

use std::fmt::{self, Write as _};

use retail_domain::Error;

/// What a `Bearer` challenge says (RFC 6750, section 3; RFC 9728, section 5.1).
///
/// ```
/// use retail_auth::Challenge;
/// use retail_domain::{Error, ErrorCode};
///
/// let metadata = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";
/// assert_eq!(
///     Challenge::new().resource_metadata(metadata).scopes(["retail.read"]).to_string(),
///     format!(r#"Bearer realm="retail-mcp", scope="retail.read", resource_metadata="{metadata}""#),
/// );
/// assert_eq!(
///     Challenge::new().insufficient_scope().scopes(["retail.read", "retail.sql"]).to_string(),
///     r#"Bearer realm="retail-mcp", error="insufficient_scope", scope="retail.read retail.sql""#,
/// );
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "a challenge does nothing until it is sent"]
pub struct Challenge {
    error: Option<&'static str>,
    description: Option<String>,
    scopes: Vec<String>,
    resource_metadata: Option<String>,
}

impl Challenge {
    /// A challenge to a caller who showed nothing: it tells no error, only how to authenticate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that the token is no good. The error's cause is not told.
    pub fn invalid_token(mut self, refused: &Error) -> Self {
        self.error = Some("invalid_token");
        self.description = Some(refused.public_message().to_owned());
        self
    }

    /// Says that a token with more scopes would do: the step-up of the MCP authorization spec.
    pub fn insufficient_scope(mut self) -> Self {
        self.error = Some("insufficient_scope");
        self
    }

    /// Which scopes a new token should be asked for with.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Where the metadata of the resource are: see
    /// [`ProtectedResourceMetadata`](crate::ProtectedResourceMetadata).
    pub fn resource_metadata(mut self, url: impl Into<String>) -> Self {
        self.resource_metadata = Some(url.into());
        self
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"Bearer realm="retail-mcp""#)?;
        parameter(f, "error", self.error)?;
        parameter(f, "error_description", self.description.as_deref())?;
        let scopes = self.scopes.join(" ");
        parameter(f, "scope", Some(scopes.as_str()).filter(|scopes| !scopes.is_empty()))?;
        parameter(f, "resource_metadata", self.resource_metadata.as_deref())
    }
}

fn parameter(f: &mut fmt::Formatter<'_>, name: &str, value: Option<&str>) -> fmt::Result {
    let Some(value) = value else { return Ok(()) };
    write!(f, r#", {name}=""#)?;
    value.chars().map(quoted_char).try_for_each(|c| f.write_char(c))?;
    f.write_char('"')
}

/// The value of `WWW-Authenticate` where there are no metadata to point to.
///
/// `refused` is the error about the token that was shown, or none when there was no token: a caller
/// who showed nothing is told no error, only how to authenticate.
///
/// ```
/// use retail_auth::www_authenticate;
/// use retail_domain::{Error, ErrorCode};
///
/// assert_eq!(www_authenticate(None), r#"Bearer realm="retail-mcp""#);
///
/// let expired = Error::new(ErrorCode::Unauthenticated, "the token has expired");
/// assert_eq!(
///     www_authenticate(Some(&expired)),
///     r#"Bearer realm="retail-mcp", error="invalid_token", error_description="the token has expired""#,
/// );
/// ```
pub fn www_authenticate(refused: Option<&Error>) -> String {
    let challenge = Challenge::new();
    match refused {
        Some(error) => challenge.invalid_token(error).to_string(),
        None => challenge.to_string(),
    }
}

/// RFC 6750 allows printable ASCII without quotes and backslashes here.
fn quoted_char(c: char) -> char {
    match c {
        '"' | '\\' => '\'',
        ' '..='~' => c,
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use retail_domain::ErrorCode;

    use super::*;

    #[test]
    fn a_description_cannot_end_its_quotes_or_its_line() {
        let error = Error::new(ErrorCode::Unauthenticated, "a\" b\\ c\r\nX-Evil: 1 \u{e9}");
        assert_eq!(
            www_authenticate(Some(&error)),
            r#"Bearer realm="retail-mcp", error="invalid_token", error_description="a' b' c??X-Evil: 1 ?""#
        );
    }

    #[test]
    fn the_cause_stays_inside() {
        let error = Error::new(ErrorCode::Unauthenticated, "no").with_cause("the key is 42");
        assert!(!www_authenticate(Some(&error)).contains("42"));
    }

    #[test]
    fn no_parameter_can_end_its_quotes() {
        let challenge =
            Challenge::new().scopes(["a\" b"]).resource_metadata("https://a/\"\r\nX-Evil: 1");
        assert_eq!(
            challenge.to_string(),
            r#"Bearer realm="retail-mcp", scope="a' b", resource_metadata="https://a/'??X-Evil: 1""#
        );
    }
}
