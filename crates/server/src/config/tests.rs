//! The configuration as a whole.

mod aliases;
mod cache;
mod embeddings;
mod faults;
mod layering;
mod named_sections;
mod reference;
mod secrets;

use super::{Config, ConfigError, EffectiveValue, Fault, Sources};

/// Sources with these environment variables and nothing else.
fn environment(variables: &[(&str, &str)]) -> Sources {
    Sources::default().with_environment(variables.iter().copied())
}

/// Loads this text as `retail-mcp.toml`.
fn load_file(text: &str) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("retail-mcp.toml"), text).unwrap();
    Config::load(&Sources::default().with_folder(folder.path()))
}

fn effective<'a>(config: &'a Config, key: &str) -> &'a EffectiveValue {
    config.effective().iter().find(|value| value.key == key).unwrap()
}

#[track_caller]
fn faults<T: std::fmt::Debug>(result: Result<T, ConfigError>) -> Vec<Fault> {
    match result.unwrap_err() {
        ConfigError::Faults(faults) => faults,
        other => panic!("{other}"),
    }
}
