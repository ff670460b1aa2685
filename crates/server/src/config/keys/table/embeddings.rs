//! Section `embeddings`.

use super::{MINUTE_MS, duration_ms, integer, key};
use crate::config::keys::{Key, Kind};

pub(super) const KEYS: &[Key] = &[
    key(
        "embeddings.provider",
        Kind::Choice(&["local", "azure-openai", "openai", "none"]),
        None,
        "What turns texts into vectors: `local` (all-MiniLM-L6-v2 in this process, no network), \
         `azure-openai`, `openai` (OpenAI or any service that answers as it does), or `none`, with which \
         `hybrid_product_search` goes by words alone. Not set: `azure-openai` where \
         `embeddings.azure.endpoint` is set, else `local`. `demo` uses `local` unless this is set.",
    ),
    key(
        "embeddings.model",
        Kind::Text,
        None,
        "Name of the model. The catalogue's vectors are known by it, so it is the model's own name, not a \
         deployment's. Not set: `all-MiniLM-L6-v2` for `local`; else the deployment's name where OpenAI has a \
         model of that name, or `text-embedding-3-small`.",
    ),
    key(
        "embeddings.dimensions",
        integer(1, 16_000),
        None,
        "Numbers in each vector. Not set: as many as the model gives. For a model that is not OpenAI's it \
         must be set.",
    ),
    key(
        "embeddings.model_dir",
        Kind::Path,
        None,
        "Folder with the files of the local model. Not set: the user's cache folder, which \
         `retail-mcp embed --fetch-model` fills.",
    ),
    key(
        "embeddings.timeout",
        duration_ms(100, 10 * MINUTE_MS),
        Some("10s"),
        "The longest time that a search waits for a service's vector, with all tries. Then \
         `hybrid_product_search` goes by words alone. Must be shorter than `server.request_timeout`.",
    ),
    key(
        "embeddings.azure.endpoint",
        Kind::Place,
        None,
        "Address of the Azure OpenAI resource, such as `https://zava.openai.azure.com`.",
    ),
    key(
        "embeddings.azure.deployment",
        Kind::Text,
        None,
        "Name of the model's deployment. Not set: the model's name.",
    ),
    key(
        "embeddings.azure.api_version",
        Kind::Text,
        Some("v1"),
        "Version of the interface: `v1`, `preview`, or a date such as `2024-10-21`.",
    ),
    key(
        "embeddings.azure.auth",
        Kind::Choice(&["api-key", "client-secret", "workload-identity", "managed-identity"]),
        None,
        "How the server proves to Azure who it is. Not set: by the first of them whose secret or file is \
         set, else as `managed-identity`.",
    ),
    key("embeddings.azure.api_key", Kind::Secret, None, "Key of the resource."),
    key(
        "embeddings.azure.api_key_file",
        Kind::SecretFile { secret: "embeddings.azure.api_key" },
        None,
        "File with that key.",
    ),
    key("embeddings.azure.tenant_id", Kind::Text, None, "Directory (tenant) in Microsoft Entra."),
    key(
        "embeddings.azure.client_id",
        Kind::Text,
        None,
        "Application, or user-assigned managed identity, in Microsoft Entra.",
    ),
    key("embeddings.azure.client_secret", Kind::Secret, None, "Secret of the application."),
    key(
        "embeddings.azure.client_secret_file",
        Kind::SecretFile { secret: "embeddings.azure.client_secret" },
        None,
        "File with that secret.",
    ),
    key(
        "embeddings.azure.federated_token_file",
        Kind::Path,
        None,
        "File of the Kubernetes service account's token, for `workload-identity`.",
    ),
    key(
        "embeddings.azure.authority_host",
        Kind::Place,
        Some("https://login.microsoftonline.com"),
        "Address of Microsoft Entra.",
    ),
    key(
        "embeddings.azure.identity_endpoint",
        Kind::Place,
        None,
        "Where App Service and Container Apps hand out the tokens of a managed identity; they set it \
         themselves. Not set: the metadata service of virtual machines.",
    ),
    key("embeddings.azure.identity_header", Kind::Secret, None, "Secret that goes with it."),
    key(
        "embeddings.azure.identity_header_file",
        Kind::SecretFile { secret: "embeddings.azure.identity_header" },
        None,
        "File with that secret.",
    ),
    key(
        "embeddings.openai.base_url",
        Kind::Place,
        Some("https://api.openai.com/v1"),
        "Address of the service, up to and with its version.",
    ),
    key(
        "embeddings.openai.api_key",
        Kind::Secret,
        None,
        "Key of the service. Not set: the service asks for none.",
    ),
    key(
        "embeddings.openai.api_key_file",
        Kind::SecretFile { secret: "embeddings.openai.api_key" },
        None,
        "File with that key.",
    ),
    key(
        "embeddings.openai.send_dimensions",
        Kind::Boolean,
        Some("false"),
        "Ask for vectors of `embeddings.dimensions`, which only models that can shorten theirs understand. \
         OpenAI's own are asked where it is needed.",
    ),
];
