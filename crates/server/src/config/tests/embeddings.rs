//! Section `embeddings`.

use rstest::rstest;

use super::super::{AzureAuth, Config, Provider, Purpose};
use super::{environment, faults};

#[rstest]
#[case(&[], Provider::Local)]
#[case(&[("AZURE_OPENAI_ENDPOINT", "https://a.example")], Provider::AzureOpenai)]
#[case(&[("AZURE_OPENAI_ENDPOINT", "<ENDPOINT_URL>")], Provider::Local)]
#[case(
    &[("AZURE_OPENAI_ENDPOINT", "https://a.example"), ("RETAIL_MCP__EMBEDDINGS__PROVIDER", "none")],
    Provider::None
)]
#[case(&[("RETAIL_MCP__EMBEDDINGS__PROVIDER", "azure-openai")], Provider::AzureOpenai)]
fn the_provider_is_what_is_said_or_follows_from_the_endpoint(
    #[case] variables: &[(&str, &str)],
    #[case] provider: Provider,
) {
    let config = Config::load(&environment(variables)).unwrap();
    assert_eq!(config.embeddings.provider(), provider);
}

#[rstest]
#[case(&[], AzureAuth::ManagedIdentity)]
#[case(&[("AZURE_FEDERATED_TOKEN_FILE", "/t")], AzureAuth::WorkloadIdentity)]
#[case(
    &[("AZURE_FEDERATED_TOKEN_FILE", "/t"), ("AZURE_CLIENT_SECRET", "s")],
    AzureAuth::ClientSecret
)]
#[case(&[("AZURE_CLIENT_SECRET", "s"), ("AZURE_OPENAI_KEY", "k")], AzureAuth::ApiKey)]
#[case(
    &[("AZURE_OPENAI_KEY", "k"), ("RETAIL_MCP__EMBEDDINGS__AZURE__AUTH", "managed-identity")],
    AzureAuth::ManagedIdentity
)]
fn the_way_to_authenticate_follows_from_the_secrets(
    #[case] variables: &[(&str, &str)],
    #[case] auth: AzureAuth,
) {
    let config = Config::load(&environment(variables)).unwrap();
    assert_eq!(config.embeddings.azure.auth(), auth);
}

#[rstest]
#[case(&[("EMBEDDINGS__PROVIDER", "azure-openai")], "embeddings.azure.endpoint")]
#[case(
    &[("EMBEDDINGS__PROVIDER", "openai"), ("EMBEDDINGS__TIMEOUT", "60s")],
    "embeddings.timeout"
)]
#[case(
    &[("EMBEDDINGS__PROVIDER", "openai"), ("EMBEDDINGS__MODEL_DIR", "/m")],
    "embeddings.model_dir"
)]
fn what_does_not_fit_is_a_fault(#[case] variables: &[(&str, &str)], #[case] key: &str) {
    let variables: Vec<(String, &str)> =
        variables.iter().map(|(name, value)| (format!("RETAIL_MCP__{name}"), *value)).collect();
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let config = Config::load(&environment(&variables)).unwrap();
    let faults = faults(config.validate(Purpose::Demo).map(|()| config.clone()));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].key, key);
}

#[test]
fn no_key_of_a_service_is_shown() {
    let config = Config::load(&environment(&[
        ("AZURE_OPENAI_API_KEY", "hunter1"),
        ("AZURE_CLIENT_SECRET", "hunter2"),
        ("IDENTITY_HEADER", "hunter3"),
        ("RETAIL_MCP__EMBEDDINGS__OPENAI__API_KEY", "hunter4"),
    ]))
    .unwrap();
    let shown = format!("{config:?} {:?}", config.effective());
    assert!(!shown.contains("hunter"), "{shown}");
}
