//! Section `embeddings`.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

/// Section `embeddings`: what turns texts into vectors.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingsConfig {
    /// Who does it. None: see [`provider`](Self::provider).
    pub provider: Option<Provider>,
    /// Name of the model. None: the provider's usual one.
    pub model: Option<String>,
    /// Numbers in each vector. None: as many as the model gives.
    pub dimensions: Option<u32>,
    /// Folder with the files of the local model. None: the user's cache folder.
    pub model_dir: Option<PathBuf>,
    /// The longest wait for a service's vector of a search text.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Section `embeddings.azure`.
    pub azure: AzureConfig,
    /// Section `embeddings.openai`.
    pub openai: OpenAiConfig,
}

impl EmbeddingsConfig {
    /// Who turns texts into vectors: what is said, or Azure where its address is, or this process
    /// if it was built with a model.
    pub fn provider(&self) -> Provider {
        self.provider.unwrap_or(if self.azure.endpoint.is_some() {
            Provider::AzureOpenai
        } else if cfg!(feature = "local-model") {
            Provider::Local
        } else {
            Provider::None
        })
    }
}

/// Who turns texts into vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// This process.
    Local,
    /// A deployment of Azure OpenAI.
    AzureOpenai,
    /// `OpenAI`, or a service that answers as it does.
    Openai,
    /// Nobody.
    None,
}

/// Section `embeddings.azure`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AzureConfig {
    /// Address of the resource.
    pub endpoint: Option<String>,
    /// Name of the deployment. None: the model's.
    pub deployment: Option<String>,
    /// Version of the interface.
    pub api_version: String,
    /// How the server proves who it is. None: see [`auth`](Self::auth).
    pub auth: Option<AzureAuth>,
    /// Key of the resource.
    pub api_key: Option<SecretString>,
    /// Tenant in Entra.
    pub tenant_id: Option<String>,
    /// Application or managed identity in Entra.
    pub client_id: Option<String>,
    /// Secret of the application.
    pub client_secret: Option<SecretString>,
    /// File of the service account's token.
    pub federated_token_file: Option<PathBuf>,
    /// Address of Entra.
    pub authority_host: String,
    /// Where App Service hands out tokens.
    pub identity_endpoint: Option<String>,
    /// The secret that goes with it.
    pub identity_header: Option<SecretString>,
}

impl AzureConfig {
    /// How the server proves who it is: as is said, or by the first secret that is there.
    pub fn auth(&self) -> AzureAuth {
        self.auth.unwrap_or(if self.api_key.is_some() {
            AzureAuth::ApiKey
        } else if self.client_secret.is_some() {
            AzureAuth::ClientSecret
        } else if self.federated_token_file.is_some() {
            AzureAuth::WorkloadIdentity
        } else {
            AzureAuth::ManagedIdentity
        })
    }
}

/// How the server proves to Azure who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AzureAuth {
    /// By the key of the resource.
    ApiKey,
    /// As an application with a secret.
    ClientSecret,
    /// As a Kubernetes service account.
    WorkloadIdentity,
    /// As the machine or app that it runs on.
    ManagedIdentity,
}

/// Section `embeddings.openai`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenAiConfig {
    /// Address of the service, up to and with its version.
    pub base_url: String,
    /// Its key. None: it asks for none.
    pub api_key: Option<SecretString>,
    /// Whether to ask for vectors of a size.
    pub send_dimensions: bool,
}
