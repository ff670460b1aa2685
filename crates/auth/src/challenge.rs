//! The `WWW-Authenticate` header of a 401 answer.

use retail_domain::Error;

/// The value of `WWW-Authenticate` (RFC 6750, section 3).
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
    let mut value = String::from(r#"Bearer realm="retail-mcp""#);
    if let Some(error) = refused {
        value.push_str(r#", error="invalid_token", error_description=""#);
        value.extend(error.public_message().chars().map(description_char));
        value.push('"');
    }
    value
}

/// RFC 6750 allows printable ASCII without quotes and backslashes here.
fn description_char(c: char) -> char {
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
}
