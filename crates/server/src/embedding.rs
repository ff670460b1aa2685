//! The embedder that the configuration names.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use retail_domain::EmbeddingModel;
use retail_domain::ports::Embedder;
use retail_embeddings::{
    Auth, EntraCredential, ManagedIdentityEndpoint, OpenAiEmbedder, OpenAiSettings, RemoteLimits,
    Service, embedding_model,
};
use retail_telemetry::Traces;

use crate::config::{AzureAuth, AzureConfig, Config, EmbeddingsConfig, OpenAiConfig, Provider};
use crate::export;

/// What a service's model is called unless somebody says so.
const USUAL_MODEL: &str = "text-embedding-3-small";

/// Longest time for one try; [`EmbeddingsConfig::timeout`] may be shorter.
const ONE_TRY: Duration = Duration::from_secs(8);

/// What an embedder is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Search texts, for which somebody waits. Nothing is downloaded.
    Searching,
    /// The whole catalogue. The local model is downloaded where it is not there.
    Filling,
    /// Both, on this machine: downloads too.
    Demonstrating,
}

/// The embedder that the configuration names, or none where it names none. The local model is checked and
/// loaded, which takes a second; a service is not asked.
///
/// # Errors
/// When the local model is not there or one of its files is not good, and when a setting is missing or
/// cannot be: the message names it and says what to do.
pub async fn start(config: &Config, usage: Use) -> anyhow::Result<Option<Arc<dyn Embedder>>> {
    let Config { embeddings, telemetry, .. } = config;
    let service = match embeddings.provider() {
        Provider::None => return Ok(None),
        Provider::Local => {
            let local = local(embeddings, usage)
                .await
                .context("embeddings.provider is local; set it to none to search by words alone")?;
            return Ok(Some(local));
        }
        Provider::AzureOpenai => azure(&embeddings.azure, embeddings)?,
        Provider::Openai => openai(&embeddings.openai),
    };
    let embedder = remote(service, embeddings, usage)?;
    Ok(Some(match export::traces(telemetry) {
        Some(traces) => Arc::new(embedder.with_tracer(Arc::new(Traces::new(traces)))),
        None => Arc::new(embedder),
    }))
}

/// The model that the configuration names, or none where it names none. Loads nothing.
///
/// # Errors
/// When a service's model is not known here and its dimensions are not set.
pub fn model(config: &EmbeddingsConfig) -> anyhow::Result<Option<EmbeddingModel>> {
    match config.provider() {
        Provider::None => Ok(None),
        Provider::Local => Ok(Some(local_model(config)?)),
        Provider::AzureOpenai | Provider::Openai => Ok(Some(remote_model(config)?)),
    }
}

fn remote_model(config: &EmbeddingsConfig) -> anyhow::Result<EmbeddingModel> {
    let deployment = config.azure.deployment.as_deref().filter(|deployment| {
        config.provider() == Provider::AzureOpenai && embedding_model(deployment, None).is_ok()
    });
    let name = config.model.as_deref().or(deployment).unwrap_or(USUAL_MODEL);
    embedding_model(name, config.dimensions).context("embeddings.model, embeddings.dimensions")
}

/// A service, and as whom it is called.
struct Remote {
    service: Service,
    auth: Auth,
}

fn remote(remote: Remote, config: &EmbeddingsConfig, usage: Use) -> anyhow::Result<OpenAiEmbedder> {
    let limits = match usage {
        Use::Filling => RemoteLimits::bulk(),
        Use::Searching | Use::Demonstrating => RemoteLimits {
            try_timeout: ONE_TRY.min(config.timeout),
            total_timeout: config.timeout,
            ..RemoteLimits::default()
        },
    };
    let Remote { service, auth } = remote;
    let settings = OpenAiSettings { service, auth, model: remote_model(config)?, limits };
    OpenAiEmbedder::new(settings).context("section embeddings")
}

fn openai(config: &OpenAiConfig) -> Remote {
    Remote {
        service: Service::OpenAiCompatible {
            base_url: config.base_url.clone(),
            send_dimensions: config.send_dimensions,
        },
        auth: config.api_key.clone().map_or(Auth::None, Auth::ApiKey),
    }
}

fn azure(config: &AzureConfig, embeddings: &EmbeddingsConfig) -> anyhow::Result<Remote> {
    let endpoint = config.endpoint.clone().context("embeddings.azure.endpoint must be set")?;
    let deployment = match &config.deployment {
        Some(deployment) => deployment.clone(),
        None => remote_model(embeddings)?.name,
    };
    let service = Service::Azure { endpoint, deployment, api_version: config.api_version.clone() };
    Ok(Remote { service, auth: azure_auth(config)? })
}

fn azure_auth(config: &AzureConfig) -> anyhow::Result<Auth> {
    let missing = |key: &str| {
        let auth = match config.auth() {
            AzureAuth::ApiKey => "api-key",
            AzureAuth::ClientSecret => "client-secret",
            AzureAuth::WorkloadIdentity => "workload-identity",
            AzureAuth::ManagedIdentity => "managed-identity",
        };
        format!("embeddings.azure.{key} must be set to authenticate by {auth}")
    };
    let tenant_id = || config.tenant_id.clone().with_context(|| missing("tenant_id"));
    let client_id = || config.client_id.clone().with_context(|| missing("client_id"));
    let authority = config.authority_host.clone();
    let credential = match config.auth() {
        AzureAuth::ApiKey => {
            let key = config.api_key.clone().with_context(|| missing("api_key"))?;
            return Ok(Auth::ApiKey(key));
        }
        AzureAuth::ClientSecret => EntraCredential::ClientSecret {
            authority,
            tenant_id: tenant_id()?,
            client_id: client_id()?,
            client_secret: config
                .client_secret
                .clone()
                .with_context(|| missing("client_secret"))?,
        },
        AzureAuth::WorkloadIdentity => EntraCredential::WorkloadIdentity {
            authority,
            tenant_id: tenant_id()?,
            client_id: client_id()?,
            token_file: config
                .federated_token_file
                .clone()
                .with_context(|| missing("federated_token_file"))?,
        },
        AzureAuth::ManagedIdentity => EntraCredential::ManagedIdentity {
            client_id: config.client_id.clone(),
            endpoint: match (&config.identity_endpoint, &config.identity_header) {
                (Some(url), Some(header)) => {
                    ManagedIdentityEndpoint::AppService { url: url.clone(), header: header.clone() }
                }
                (None, None) => ManagedIdentityEndpoint::InstanceMetadata { url: None },
                _ => bail!(
                    "set both of embeddings.azure.identity_endpoint and \
                     embeddings.azure.identity_header, or neither"
                ),
            },
        },
    };
    Ok(Auth::Entra(credential))
}

#[cfg(feature = "local-model")]
mod on_this_machine {
    use std::path::Path;

    use retail_embedded_postgres::default_data_root;
    use retail_embeddings::local::{
        DIMENSIONS, LocalEmbedder, LocalModel, LocalModelOptions, MODEL_NAME,
    };

    use super::{Arc, Context, Embedder, EmbeddingModel, EmbeddingsConfig, Use, bail};

    pub(super) async fn local(
        config: &EmbeddingsConfig,
        usage: Use,
    ) -> anyhow::Result<Arc<dyn Embedder>> {
        local_model(config)?;
        let options = options(config.model_dir.as_deref(), usage != Use::Searching);
        let started = tokio::task::spawn_blocking(move || LocalEmbedder::start(&options)).await;
        Ok(Arc::new(started.context("the thread that loads the model")??))
    }

    pub(super) fn local_model(config: &EmbeddingsConfig) -> anyhow::Result<EmbeddingModel> {
        let model = EmbeddingModel { name: MODEL_NAME.to_owned(), dimensions: DIMENSIONS };
        let name = config.model.as_deref().unwrap_or(MODEL_NAME);
        if name != model.name || config.dimensions.is_some_and(|asked| asked != DIMENSIONS) {
            bail!(
                "the local model is {model}: leave embeddings.model and embeddings.dimensions out, or \
                 set embeddings.provider to azure-openai or openai"
            );
        }
        Ok(model)
    }

    /// Fetches the local model if it is not there, and checks its files. Gives their folder.
    pub(crate) async fn fetch_local(
        config: &EmbeddingsConfig,
    ) -> anyhow::Result<std::path::PathBuf> {
        let options = options(config.model_dir.as_deref(), true);
        let located = tokio::task::spawn_blocking(move || {
            let model = LocalModel::locate(&options)?;
            model.verify()?;
            anyhow::Ok(model.folder().to_owned())
        });
        located.await?
    }

    fn options(model_dir: Option<&Path>, allow_download: bool) -> LocalModelOptions {
        LocalModelOptions {
            model_dir: model_dir.map(Path::to_owned),
            allow_download,
            ..LocalModelOptions::new(default_data_root())
        }
    }
}

#[cfg(not(feature = "local-model"))]
mod on_this_machine {
    use super::{Arc, Embedder, EmbeddingModel, EmbeddingsConfig, Use, bail};

    pub(super) async fn local(
        config: &EmbeddingsConfig,
        _usage: Use,
    ) -> anyhow::Result<Arc<dyn Embedder>> {
        Err(local_model(config).err().unwrap_or_else(|| anyhow::anyhow!("no local model")))
    }

    pub(super) fn local_model(_config: &EmbeddingsConfig) -> anyhow::Result<EmbeddingModel> {
        bail!("this program was built without the local model (feature local-model)")
    }

    pub(crate) async fn fetch_local(
        config: &EmbeddingsConfig,
    ) -> anyhow::Result<std::path::PathBuf> {
        Err(local_model(config).err().unwrap_or_else(|| anyhow::anyhow!("no local model")))
    }
}

pub(crate) use on_this_machine::fetch_local;
use on_this_machine::{local, local_model};
