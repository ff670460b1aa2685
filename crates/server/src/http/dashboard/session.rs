//! The token of who signed in, in a cookie.

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};

const NAME: &str = "retail_dashboard";

/// Browsers drop cookies that are longer, with their name and attributes.
const MAX_TOKEN_BYTES: usize = 3800;

/// What is said of a longer one.
pub(super) const TOO_LONG: &str = "The token is too long for a browser's cookie (3,800 characters at most): ask for one with fewer groups in it.";

/// How long a browser keeps it. The token itself usually ends before.
const MAX_AGE_SECONDS: u32 = 12 * 60 * 60;

/// Whether a proxy says that the browser came to it by TLS. Who lies about that keeps a cookie of their own from
/// themselves.
pub(in crate::http) fn came_by_tls(headers: &HeaderMap) -> bool {
    let says = |name: &str, scheme: &str| {
        headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            // What the first proxy says, which the browser came to.
            value.to_ascii_lowercase().split(',').next().is_some_and(|first| first.contains(scheme))
        })
    };
    says("x-forwarded-proto", "https") || says("forwarded", "proto=https")
}

/// The headers that a client with this request's token would send: that of its cookie, or of its own header.
pub(super) fn credential(headers: &HeaderMap) -> Option<HeaderMap> {
    if headers.contains_key(AUTHORIZATION) {
        // All of them: two are refused where they are read.
        let shown = headers.get_all(AUTHORIZATION).iter();
        let mut all = HeaderMap::new();
        for one in shown {
            all.append(AUTHORIZATION, one.clone());
        }
        return Some(all);
    }
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.split_once('='));
    let (_, token) = pairs.find(|(name, _)| name.trim() == NAME)?;
    bearer(token.trim()).ok()
}

/// The header that shows a token. Only what may stand in a cookie is one.
///
/// # Errors
/// Says what is wrong, for who signs in.
pub(super) fn bearer(token: &str) -> Result<HeaderMap, &'static str> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() {
        return Err("Paste a token.");
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TOO_LONG);
    }
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    match value {
        Ok(mut value) if token.bytes().all(is_good) => {
            value.set_sensitive(true);
            Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
        }
        _ => Err("This is no token: it has characters that no token has."),
    }
}

/// The token in the form of the page.
///
/// # Errors
/// Says that there is none.
pub(super) fn token_of_form(body: &[u8]) -> Result<String, &'static str> {
    let mut fields = form_urlencoded::parse(body);
    let token = fields.find(|(name, _)| name == "token").map(|(_, token)| token.trim().to_owned());
    let token = token.ok_or("Paste a token.")?;
    // As it is shown by clients' configurations.
    Ok(token.strip_prefix("Bearer ").unwrap_or(&token).trim().to_owned())
}

/// `Set-Cookie` for the token in the headers.
pub(super) fn remember(headers: &HeaderMap, is_secret: bool) -> Option<String> {
    let token = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    let secure = if is_secret { "; Secure" } else { "" };
    Some(format!(
        "{NAME}={token}; Path=/dashboard; Max-Age={MAX_AGE_SECONDS}; HttpOnly; SameSite=Strict{secure}"
    ))
}

/// `Set-Cookie` for who leaves.
pub(super) fn forget() -> String {
    format!("{NAME}=; Path=/dashboard; Max-Age=0; HttpOnly; SameSite=Strict")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_cookie(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(text).unwrap())])
    }

    #[test]
    fn the_token_comes_back_in_the_cookie() {
        let shown = bearer("abc.DEF-1_2").unwrap();
        let cookie = remember(&shown, true).unwrap();
        assert!(cookie.contains("; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
        assert!(!remember(&shown, false).unwrap().contains("Secure"));
        let sent = cookie.split(';').next().unwrap();
        for text in [sent.to_owned(), format!("a=b; {sent}; c=d")] {
            assert_eq!(credential(&with_cookie(&text)), Some(shown.clone()), "{text}");
        }
        assert_eq!(credential(&with_cookie("retail_dashboard2=abc; a=retail_dashboard")), None);
        assert_eq!(credential(&with_cookie("retail_dashboard=")), None);
        assert_eq!(credential(&HeaderMap::new()), None);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in ["", "a b", "a;b", "a\"b", "a\r\nb", "ä", &"a".repeat(3801)] {
            assert!(bearer(text).is_err(), "{text}");
        }
        assert!(
            !bearer("secret").map(|headers| format!("{headers:?}")).unwrap().contains("secret")
        );
    }

    #[test]
    fn the_form_is_read_as_people_paste() {
        for body in ["token=abc", "x=1&token=+abc%0A", "token=Bearer+abc"] {
            assert_eq!(token_of_form(body.as_bytes()).as_deref(), Ok("abc"), "{body}");
        }
        assert!(token_of_form(b"").is_err());
    }
}
