//! Where a provider has its keys.

use reqwest::Url;
use serde::Deserialize;

use super::http::{Http, HttpFault, parse_url};

const MAX_DOCUMENT_BYTES: usize = 64 * 1024;

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

/// Why the keys were not found.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiscoveryFault {
    #[error("{url}: {source}")]
    Http { url: Url, source: HttpFault },
    #[error(
        "its metadata are those of the issuer {found}, which is not written as in the \
             configuration"
    )]
    OtherIssuer { found: String },
    #[error("its metadata name keys at an address that is not used")]
    KeysAddress,
}

/// The address of the keys of `issuer`. The metadata must name that very issuer: otherwise whoever answers
/// at its address could lend it another one's keys.
pub(super) async fn jwks_uri(http: &Http, issuer: &str) -> Result<Url, DiscoveryFault> {
    let mut last = None;
    for url in metadata_urls(issuer) {
        match http.get::<Document>(&url, MAX_DOCUMENT_BYTES).await {
            Ok(document) if document.issuer != issuer => {
                let found = super::fault::quoted(&document.issuer);
                return Err(DiscoveryFault::OtherIssuer { found });
            }
            Ok(document) => {
                return parse_jwks_uri(&document.jwks_uri).ok_or(DiscoveryFault::KeysAddress);
            }
            // Only a provider that has no such document is asked for the other one.
            Err(source @ (HttpFault::Status(_) | HttpFault::NoJson)) => {
                last.get_or_insert(DiscoveryFault::Http { url, source });
            }
            Err(source) => return Err(DiscoveryFault::Http { url, source }),
        }
    }
    Err(last.unwrap_or(DiscoveryFault::KeysAddress))
}

/// Unlike an issuer, it may have a query.
fn parse_jwks_uri(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let mut bare = url.clone();
    bare.set_query(None);
    parse_url(bare.as_str()).ok().map(|_| url)
}

/// OpenID Connect puts its path behind the issuer's, RFC 8414 before it.
fn metadata_urls(issuer: &str) -> Vec<Url> {
    let Ok(issuer) = parse_url(issuer) else { return Vec::new() };
    let path = issuer.path().trim_end_matches('/');
    [
        format!("{path}/.well-known/openid-configuration"),
        format!("/.well-known/oauth-authorization-server{path}"),
    ]
    .iter()
    .map(|path| {
        let mut url = issuer.clone();
        url.set_path(path);
        url
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_an_issuer_goes_before_one_and_behind_the_other() {
        for issuer in ["https://a.example/t/v2.0", "https://a.example/t/v2.0/"] {
            let urls: Vec<String> = metadata_urls(issuer).iter().map(ToString::to_string).collect();
            assert_eq!(
                urls,
                [
                    "https://a.example/t/v2.0/.well-known/openid-configuration",
                    "https://a.example/.well-known/oauth-authorization-server/t/v2.0",
                ]
            );
        }
        let root = metadata_urls("https://a.example");
        assert_eq!(
            root.last().unwrap().as_str(),
            "https://a.example/.well-known/oauth-authorization-server"
        );
    }
}
