//! What a client learns about this server before it has a token (RFC 9728).

use serde::Serialize;

/// Where clients look when the resource has no path of its own.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The metadata document of a protected resource.
///
/// ```
/// use retail_auth::ProtectedResourceMetadata;
///
/// let metadata = ProtectedResourceMetadata::new("https://mcp.example.com/mcp", ["https://id.example.com"])
///     .with_scopes(["retail.read"]);
/// assert_eq!(
///     metadata.well_known_paths(),
///     ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"],
/// );
/// assert_eq!(metadata.url(), "https://mcp.example.com/.well-known/oauth-protected-resource/mcp");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProtectedResourceMetadata {
    resource: String,
    authorization_servers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    bearer_methods_supported: [&'static str; 1],
    resource_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_documentation: Option<String>,
}

impl ProtectedResourceMetadata {
    /// The metadata of the resource at this public address. Its tokens come from these issuers and are
    /// taken in the `Authorization` header alone.
    pub fn new<S: Into<String>>(
        resource: impl Into<String>,
        authorization_servers: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            resource: resource.into(),
            authorization_servers: authorization_servers.into_iter().map(Into::into).collect(),
            scopes_supported: Vec::new(),
            bearer_methods_supported: ["header"],
            resource_name: "retail-mcp".to_owned(),
            resource_documentation: None,
        }
    }

    /// Adds the scopes that a client may ask for.
    #[must_use]
    pub fn with_scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes_supported = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// The name for people. `retail-mcp` unless said otherwise.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.resource_name = name.into();
        self
    }

    /// Where people read about the resource.
    #[must_use]
    pub fn with_documentation(mut self, url: Option<String>) -> Self {
        self.resource_documentation = url;
        self
    }

    /// Where the document is served: at the root, where older clients look, and at the address of RFC 9728,
    /// section 3.1. Both are the same for a resource without a path.
    pub fn well_known_paths(&self) -> Vec<String> {
        let mut paths = vec![WELL_KNOWN.to_owned()];
        let (_, path) = split(&self.resource);
        if !path.is_empty() {
            paths.push(format!("{WELL_KNOWN}{path}"));
        }
        paths
    }

    /// The document's address, for challenges: the one of RFC 9728.
    pub fn url(&self) -> String {
        let (origin, path) = split(&self.resource);
        format!("{origin}{WELL_KNOWN}{path}")
    }
}

/// An address as its origin and its path, which has no slash at the end and may be empty.
fn split(url: &str) -> (&str, &str) {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let host_at = url.find("://").map_or(0, |at| at + "://".len());
    let path_at = url.get(host_at..).and_then(|rest| rest.find('/')).map(|at| at + host_at);
    let (origin, path) = path_at.and_then(|at| url.split_at_checked(at)).unwrap_or((url, ""));
    (origin, path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_the_names_of_the_rfc() {
        let metadata =
            ProtectedResourceMetadata::new("https://a.example/mcp", ["https://id.example"])
                .with_scopes(["retail.read", "retail.sql"])
                .with_documentation(Some("https://a.example/docs".to_owned()));
        assert_eq!(
            serde_json::to_value(metadata).unwrap(),
            serde_json::json!({
                "resource": "https://a.example/mcp",
                "authorization_servers": ["https://id.example"],
                "scopes_supported": ["retail.read", "retail.sql"],
                "bearer_methods_supported": ["header"],
                "resource_name": "retail-mcp",
                "resource_documentation": "https://a.example/docs",
            })
        );
    }

    #[test]
    fn a_path_goes_behind_the_well_known_part() {
        for (resource, url, paths) in [
            ("https://a.example", "https://a.example/.well-known/oauth-protected-resource", 1),
            ("https://a.example/", "https://a.example/.well-known/oauth-protected-resource", 1),
            (
                "http://127.0.0.1:8000/x/mcp",
                "http://127.0.0.1:8000/.well-known/oauth-protected-resource/x/mcp",
                2,
            ),
        ] {
            let metadata = ProtectedResourceMetadata::new(resource, ["https://id.example"]);
            assert_eq!(metadata.url(), url);
            assert_eq!(metadata.well_known_paths().len(), paths);
        }
    }
}
