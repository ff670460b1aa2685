//! The parts of `cargo metadata` that the rules read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    /// The members of the workspace.
    pub(super) packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) manifest_path: PathBuf,
    pub(super) dependencies: Vec<Dependency>,
    /// Each feature of the package with what it turns on.
    #[serde(default)]
    pub(super) features: BTreeMap<String, Vec<String>>,
}

/// A dependency as the manifest declares it, under the name of its package.
#[derive(Debug, Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    #[serde(deserialize_with = "kind")]
    pub(super) kind: Kind,
    /// The features that it turns on.
    #[serde(default)]
    pub(super) features: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Part of what users of the crate build: normal and build dependencies.
    Shipped,
    /// For tests, examples and benchmarks.
    Dev,
}

fn kind<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
    let name = Option::<String>::deserialize(deserializer)?;
    Ok(if name.as_deref() == Some("dev") { Kind::Dev } else { Kind::Shipped })
}
