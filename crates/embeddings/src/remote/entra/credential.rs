//! Which identity asks for a token, and the request for it.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::remote::client::{Clients, bearer_value, header_value, parse_url, read_body};
use crate::remote::failure::{Failure, Kind, code_in};
use crate::remote::settings::RemoteError;

/// Entra of the public cloud. The others have hosts of their own.
pub const PUBLIC_AUTHORITY: &str = "https://login.microsoftonline.com";

/// Where a virtual machine, and most Kubernetes nodes, ask for the token of their managed identity.
const INSTANCE_METADATA: &str = "http://169.254.169.254/metadata/identity/oauth2/token";
const WHOM: &str = "the token service";
/// A token answer is a few kilobytes.
const LARGEST_ANSWER: usize = 256 * 1024;

/// How this process proves to Entra who it is.
///
/// Its identity needs the role `Cognitive Services OpenAI User` on the resource. The fields bear the names of the environment variables that usually hold their values.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum EntraCredential {
    /// An application with a secret.
    ClientSecret {
        /// `AZURE_AUTHORITY_HOST`, or [`PUBLIC_AUTHORITY`].
        authority: String,
        /// `AZURE_TENANT_ID`.
        tenant_id: String,
        /// `AZURE_CLIENT_ID`.
        client_id: String,
        /// `AZURE_CLIENT_SECRET`.
        client_secret: SecretString,
    },
    /// A Kubernetes service account that an application trusts.
    WorkloadIdentity {
        /// `AZURE_AUTHORITY_HOST`, or [`PUBLIC_AUTHORITY`].
        authority: String,
        /// `AZURE_TENANT_ID`.
        tenant_id: String,
        /// `AZURE_CLIENT_ID`.
        client_id: String,
        /// `AZURE_FEDERATED_TOKEN_FILE`. Kubernetes replaces its content, so it is read for each new token.
        token_file: PathBuf,
    },
    /// The identity of the machine or app that this runs on.
    ManagedIdentity {
        /// `AZURE_CLIENT_ID` of a user-assigned identity; `None` for the one that the system assigned.
        client_id: Option<String>,
        /// Who hands out the tokens.
        endpoint: ManagedIdentityEndpoint,
    },
}

/// Who hands out the tokens of a managed identity.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ManagedIdentityEndpoint {
    /// The metadata service of virtual machines. `url` is `None` except in tests.
    InstanceMetadata {
        /// Another address than `http://169.254.169.254/metadata/identity/oauth2/token`.
        url: Option<String>,
    },
    /// App Service, Functions and Container Apps, which tell it to the process.
    AppService {
        /// `IDENTITY_ENDPOINT`.
        url: String,
        /// `IDENTITY_HEADER`.
        header: SecretString,
    },
}

/// A credential whose parts were checked, and the scope of its tokens.
#[derive(Debug)]
pub(in crate::remote) struct TokenSource {
    credential: EntraCredential,
    url: Url,
    scope: String,
}

/// A token as it was issued.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) token: HeaderValue,
    pub(super) lives: Duration,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: SecretString,
    /// Entra sends a number, the metadata service a number in quotes, App Service nothing.
    expires_in: Option<Seconds>,
    /// Seconds since 1970: what App Service sends instead.
    expires_on: Option<Seconds>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

impl Seconds {
    fn get(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}

impl TokenSource {
    /// `service` is the address that the tokens are for: it tells which cloud it is in.
    pub(in crate::remote) fn new(
        credential: EntraCredential,
        service: &Url,
    ) -> Result<Self, RemoteError> {
        let url = match &credential {
            EntraCredential::ClientSecret { authority, tenant_id, client_id, .. }
            | EntraCredential::WorkloadIdentity { authority, tenant_id, client_id, .. } => {
                for (what, value) in [("tenant id", tenant_id), ("client id", client_id)] {
                    let is_good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
                    if value.is_empty() || !value.chars().all(is_good) {
                        let reason = "must be letters, digits, dots and hyphens";
                        return Err(RemoteError::Value { what, reason });
                    }
                }
                let authority = parse_url("authority", authority, true)?;
                let path = format!(
                    "{}/{tenant_id}/oauth2/v2.0/token",
                    authority.path().trim_end_matches('/')
                );
                let mut url = authority;
                url.set_path(&path);
                url
            }
            EntraCredential::ManagedIdentity { endpoint, .. } => match endpoint {
                ManagedIdentityEndpoint::InstanceMetadata { url } => {
                    let url = url.as_deref().unwrap_or(INSTANCE_METADATA);
                    parse_url("managed identity endpoint", url, false)?
                }
                ManagedIdentityEndpoint::AppService { url, header } => {
                    header_value("managed identity header", header)?;
                    parse_url("managed identity endpoint", url, false)?
                }
            },
        };
        // A sovereign cloud takes tokens of its own name.
        let cloud = match service.host_str() {
            Some(host) if host.ends_with(".azure.us") => "us",
            Some(host) if host.ends_with(".azure.cn") => "cn",
            _ => "com",
        };
        let scope = format!("https://cognitiveservices.azure.{cloud}/.default");
        Ok(Self { credential, url, scope })
    }

    /// Where tokens are asked for.
    pub(in crate::remote) fn url(&self) -> &Url {
        &self.url
    }

    /// Asks for a new token. `epoch_seconds` is the time now.
    pub(super) async fn request(
        &self,
        clients: &Clients,
        epoch_seconds: i64,
    ) -> Result<Issued, Failure> {
        let request = self.build(clients).await?;
        let failed = |error| Failure::transport(WHOM, error);
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let body = read_body(WHOM, &mut response, LARGEST_ANSWER).await?;
        if !status.is_success() {
            return Err(self.refused(status, &body));
        }
        let broken = |what: &str| Failure::new(Kind::Broken, format!("{WHOM} sent {what}"));
        let answer: TokenAnswer =
            serde_json::from_slice(&body).map_err(|_error| broken("what is no token answer"))?;
        let lives = answer.expires_in.and_then(|lives| lives.get()).or_else(|| {
            let until = answer.expires_on.and_then(|until| until.get())?;
            Some(until.saturating_sub(u64::try_from(epoch_seconds).unwrap_or_default()))
        });
        let lives = Duration::from_secs(lives.ok_or_else(|| broken("a token without an end"))?);
        let token = bearer_value("token", &answer.access_token)
            .map_err(|_error| broken("what cannot be a token"))?;
        Ok(Issued { token, lives })
    }

    async fn build(&self, clients: &Clients) -> Result<RequestBuilder, Failure> {
        let mut form = vec![("scope", self.scope.as_str()), ("grant_type", "client_credentials")];
        let assertion;
        match &self.credential {
            EntraCredential::ClientSecret { client_id, client_secret, .. } => {
                form.push(("client_id", client_id));
                form.push(("client_secret", client_secret.expose_secret()));
            }
            EntraCredential::WorkloadIdentity { client_id, token_file, .. } => {
                let content = tokio::fs::read_to_string(token_file).await.map_err(|error| {
                    let text =
                        format!("the federated token file {}: {error}", token_file.display());
                    Failure::new(Kind::Misconfigured, text)
                })?;
                assertion = SecretString::from(content.trim());
                form.push(("client_id", client_id));
                form.push((
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                ));
                form.push(("client_assertion", assertion.expose_secret()));
            }
            EntraCredential::ManagedIdentity { client_id, endpoint } => {
                return Ok(self.build_managed(clients, client_id.as_deref(), endpoint));
            }
        }
        // The query of an address has the very form of such a body.
        let mut encoded = self.url.clone();
        encoded.query_pairs_mut().clear().extend_pairs(form);
        Ok(clients
            .to(&self.url)
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(encoded.query().unwrap_or_default().to_owned()))
    }

    fn build_managed(
        &self,
        clients: &Clients,
        client_id: Option<&str>,
        endpoint: &ManagedIdentityEndpoint,
    ) -> RequestBuilder {
        let version = match endpoint {
            ManagedIdentityEndpoint::InstanceMetadata { .. } => "2018-02-01",
            ManagedIdentityEndpoint::AppService { .. } => "2019-08-01",
        };
        let resource = self.scope.trim_end_matches("/.default");
        let mut url = self.url.clone();
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("api-version", version).append_pair("resource", resource);
            if let Some(client_id) = client_id {
                query.append_pair("client_id", client_id);
            }
        }
        // These answer this machine alone, so no proxy can reach them.
        let request = clients.direct().get(url);
        match endpoint {
            ManagedIdentityEndpoint::InstanceMetadata { .. } => request.header("Metadata", "true"),
            ManagedIdentityEndpoint::AppService { header, .. } => {
                request.header("X-IDENTITY-HEADER", header.expose_secret())
            }
        }
    }

    fn refused(&self, status: StatusCode, body: &[u8]) -> Failure {
        let code = code_in(body).map(|code| format!(" {code}")).unwrap_or_default();
        let is_managed = matches!(self.credential, EntraCredential::ManagedIdentity { .. });
        // The metadata service says 404 and 410 while it is being updated.
        let is_passing = status.is_server_error()
            || matches!(status.as_u16(), 408 | 429)
            || (is_managed && matches!(status.as_u16(), 404 | 410));
        if is_passing {
            return Failure::new(
                Kind::Broken,
                format!("{WHOM} answered {}{code}", status.as_u16()),
            );
        }
        let mend = match self.credential {
            EntraCredential::ClientSecret { .. } => {
                "check the tenant id, the client id and the client secret, which may have expired"
            }
            EntraCredential::WorkloadIdentity { .. } => {
                "check the tenant id, the client id and the application's federated credential"
            }
            EntraCredential::ManagedIdentity { .. } => {
                "check that the identity is assigned to this machine, and its client id"
            }
        };
        let text = format!("{WHOM} refused with {}{code}: {mend}", status.as_u16());
        Failure::new(Kind::Misconfigured, text)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://zava.openai.azure.com/", "https://cognitiveservices.azure.com/.default")]
    #[case("https://zava.openai.azure.us/", "https://cognitiveservices.azure.us/.default")]
    #[case("https://zava.openai.azure.cn/", "https://cognitiveservices.azure.cn/.default")]
    #[case("https://gateway.example.com/", "https://cognitiveservices.azure.com/.default")]
    fn the_scope_is_that_of_the_cloud(#[case] service: &str, #[case] scope: &str) {
        let credential = EntraCredential::ManagedIdentity {
            client_id: None,
            endpoint: ManagedIdentityEndpoint::InstanceMetadata { url: None },
        };
        let source = TokenSource::new(credential, &Url::parse(service).unwrap()).unwrap();
        assert_eq!(source.scope, scope);
        assert_eq!(source.url.as_str(), INSTANCE_METADATA);
    }
}
