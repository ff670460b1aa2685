//! What the manifests of published crates must say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result};
use serde::Deserialize;
use toml::{Table, Value};

use crate::command::CommandLine;
use crate::workspace::Workspace;

/// Features that are on by default, and nothing else is. What a team embeds it asks for.
///
/// The program's is for who installs it: it finds products without any service.
const DEFAULTS: [(&str, &[&str]); 1] = [("retail-server", &["local-model"])];

/// The parts of `cargo metadata` that the rules read.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    description: Option<String>,
    license: Option<String>,
    repository: Option<String>,
    readme: Option<String>,
    rust_version: Option<String>,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    features: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
    /// Registries that it may go to; none at all with `publish = false`.
    publish: Option<Vec<String>>,
}

/// A dependency of any kind.
#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    req: String,
    features: Vec<String>,
    uses_default_features: bool,
    /// Where it is on this disk, for a crate of the workspace.
    path: Option<String>,
}

/// What is asked of a crate that others wrote, by all crates of the workspace together.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) version: String,
    pub(super) features: BTreeSet<String>,
    pub(super) default_features: bool,
}

impl Metadata {
    pub(super) fn read(workspace: &Workspace) -> Result<Self> {
        let listing = CommandLine::new("cargo").words("metadata --format-version 1 --no-deps");
        let listing = listing.in_dir(workspace.root()).output()?;
        serde_json::from_str(&listing).context("reading cargo metadata")
    }

    /// The crates that others may depend on.
    pub(super) fn published(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.publish.as_deref() != Some(&[]))
    }

    /// The crates of others, with all features that any crate of the workspace turns on, also for its tests.
    pub(super) fn of_others(&self) -> BTreeMap<&str, Wanted> {
        let mut all: BTreeMap<&str, Wanted> = BTreeMap::new();
        let dependencies = self.packages.iter().flat_map(|package| &package.dependencies);
        for dependency in dependencies.filter(|dependency| dependency.path.is_none()) {
            let wanted = all.entry(&dependency.name).or_default();
            wanted.version.clone_from(&dependency.req);
            wanted.features.extend(dependency.features.iter().cloned());
            wanted.default_features |= dependency.uses_default_features;
        }
        all
    }
}

impl Package {
    /// What an archive unpacks to.
    pub(super) fn folder_name(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }
}

/// What is wrong with the manifests.
pub(super) fn violations(workspace: &Workspace, metadata: &Metadata) -> Result<Vec<String>> {
    let path = workspace.root().join("Cargo.toml");
    let root = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let root: Table = root.parse().with_context(|| format!("reading {}", path.display()))?;
    let mut found: Vec<String> = metadata.published().flat_map(of_package).collect();
    found.extend(of_versions(&root));
    Ok(found)
}

fn of_package(package: &Package) -> Vec<String> {
    let texts = [
        ("description", &package.description),
        ("license", &package.license),
        ("repository", &package.repository),
        ("readme", &package.readme),
        ("rust-version", &package.rust_version),
    ];
    let lists = [("keywords", &package.keywords), ("categories", &package.categories)];
    let no_text = texts.into_iter().filter(|(_, value)| value.as_deref().is_none_or(str::is_empty));
    let no_list = lists.into_iter().filter(|(_, values)| values.is_empty());
    let missing = no_text.map(|(key, _)| key).chain(no_list.map(|(key, _)| key));
    let mut found: Vec<String> =
        missing.map(|key| format!("{}: the manifest has no {key}", package.name)).collect();
    let allowed = DEFAULTS.iter().find(|(name, _)| *name == package.name);
    let allowed = allowed.map_or(&[][..], |(_, features)| features);
    for feature in package.features.get("default").into_iter().flatten() {
        if !allowed.contains(&feature.as_str()) {
            found.push(format!("{}: the feature {feature} is on by default", package.name));
        }
    }
    found
}

/// A package asks the registry for the version that stands beside the path. Were it another than the workspace's, the
/// crates would compile here and not there.
fn of_versions(root: &Table) -> Vec<String> {
    let table = |of: &str| root.get("workspace").and_then(|workspace| workspace.get(of));
    let ours = table("package").and_then(|package| package.get("version")).and_then(Value::as_str);
    let dependencies = table("dependencies").and_then(Value::as_table).into_iter().flatten();
    dependencies
        .filter(|(_, dependency)| dependency.get("path").is_some())
        .filter_map(|(name, dependency)| {
            let version = dependency.get("version").and_then(Value::as_str)?;
            (Some(version) != ours).then(|| {
                format!(
                    "{name}: [workspace.dependencies] asks for {version}, the workspace is {}",
                    ours.unwrap_or("without a version")
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn complete() -> Json {
        json!({
            "name": "retail-x", "version": "1.2.3", "description": "x", "license": "MIT",
            "repository": "https://example.com", "readme": "README.md", "rust_version": "1.95",
            "keywords": ["x"], "categories": ["x"], "features": {}, "publish": null,
        })
    }

    fn found(package: &Json) -> Vec<String> {
        of_package(&serde_json::from_value(package.clone()).unwrap())
    }

    #[test]
    fn a_complete_manifest_passes() {
        assert_eq!(found(&complete()), Vec::<String>::new());
    }

    #[test]
    fn each_missing_word_is_named() {
        for key in ["description", "license", "repository", "readme", "rust_version"] {
            for nothing in [json!(null), json!("")] {
                let mut package = complete();
                package[key] = nothing;
                let name = key.replace('_', "-");
                assert_eq!(found(&package), [format!("retail-x: the manifest has no {name}")]);
            }
        }
        for key in ["keywords", "categories"] {
            let mut package = complete();
            package[key] = json!([]);
            assert_eq!(found(&package), [format!("retail-x: the manifest has no {key}")]);
        }
    }

    #[test]
    fn only_the_program_has_a_default_feature() {
        let mut package = complete();
        package["features"] = json!({ "default": ["local-model"], "local-model": [] });
        assert_eq!(found(&package), ["retail-x: the feature local-model is on by default"]);
        package["name"] = json!("retail-server");
        assert_eq!(found(&package), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_published_is_left_alone() {
        let mut hidden = complete();
        hidden["publish"] = json!([]);
        let metadata: Metadata =
            serde_json::from_value(json!({ "packages": [hidden, complete()] })).unwrap();
        assert_eq!(metadata.published().count(), 1);
    }

    #[test]
    fn features_of_all_who_use_a_crate_are_joined() {
        let using = |features: Json, uses_default_features: bool| {
            let tokio = json!({
                "name": "tokio", "req": "^1.54", "features": features,
                "uses_default_features": uses_default_features, "path": null,
            });
            let ours = json!({
                "name": "retail-y", "req": "*", "features": [], "uses_default_features": true,
                "path": "/y",
            });
            let mut package = complete();
            package["dependencies"] = json!([tokio, ours]);
            package
        };
        let packages = [using(json!(["net"]), false), using(json!(["fs", "net"]), true)];
        let metadata: Metadata = serde_json::from_value(json!({ "packages": packages })).unwrap();
        let all = metadata.of_others();
        assert_eq!(all.keys().collect::<Vec<_>>(), [&"tokio"]);
        assert_eq!(all["tokio"].version, "^1.54");
        assert!(all["tokio"].default_features);
        assert_eq!(all["tokio"].features.iter().collect::<Vec<_>>(), ["fs", "net"]);
    }

    #[test]
    fn a_version_of_yesterday_is_found() {
        let root = "
            [workspace.package]
            version = '1.2.3'
            [workspace.dependencies]
            serde = '1'
            retail-x = { path = 'x', version = '1.2.2' }
            retail-y = { path = 'y', version = '1.2.3' }
            retail-testkit = { path = 'testkit' }
        ";
        assert_eq!(
            of_versions(&root.parse().unwrap()),
            ["retail-x: [workspace.dependencies] asks for 1.2.2, the workspace is 1.2.3"]
        );
    }
}
