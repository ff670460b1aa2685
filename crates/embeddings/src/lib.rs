#![doc = include_str!("../README.md")]

#[cfg(feature = "local")]
pub mod local;
#[cfg(feature = "remote")]
mod remote;

#[cfg(feature = "local")]
pub use local::{LocalEmbedder, LocalModelOptions};
#[cfg(feature = "remote")]
pub use remote::{
    AZURE_API_VERSION, Auth, EntraCredential, ManagedIdentityEndpoint, OpenAiEmbedder,
    OpenAiSettings, PUBLIC_AUTHORITY, RemoteError, RemoteLimits, Service, SystemTimer, Timer,
    embedding_model,
};
