//! `cargo xtask layers`: dependencies point one way.

mod manifest;
mod metadata;
mod rules;

use anyhow::{Context, Result, bail};

use crate::command::CommandLine;
use crate::console;
use crate::workspace::Workspace;
use metadata::{Kind, Metadata, Package};

/// Fails when a crate depends on what it must not know, or when its manifest is not as agreed.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let listing = CommandLine::new("cargo").words("metadata --format-version 1 --no-deps");
    let listing = listing.in_dir(workspace.root()).output()?;
    let metadata: Metadata = serde_json::from_str(&listing).context("reading cargo metadata")?;
    let mut violations = violations(&metadata);
    for package in &metadata.packages {
        violations.extend(manifest::violations(package)?);
    }
    for violation in &violations {
        console::problem(violation);
    }
    if !violations.is_empty() {
        bail!(
            "{} violation(s) of the layers (the rules are in xtask/src/layers/rules.rs)",
            violations.len()
        );
    }
    console::line(&format!("{} crates keep to their layers", metadata.packages.len()));
    Ok(())
}

/// Every dependency that breaks a rule, as `crate -> dependency: reason`.
fn violations(metadata: &Metadata) -> Vec<String> {
    let members: Vec<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    let mut found: Vec<String> =
        metadata.packages.iter().flat_map(|package| of_package(package, &members)).collect();
    found.sort();
    found.dedup();
    found
}

fn of_package(package: &Package, members: &[&str]) -> Vec<String> {
    let name = package.name.as_str();
    let Some(layer) = rules::LAYERS.iter().find(|layer| layer.name == name) else {
        return vec![format!("{name}: has no rule yet, add it to xtask/src/layers/rules.rs")];
    };
    let mut found = Vec::new();
    for dependency in &package.dependencies {
        let to = dependency.name.as_str();
        let mut refuse = |reason: String| found.push(format!("{name} -> {to}: {reason}"));
        if dependency.kind == Kind::Dev {
            continue;
        }
        if members.contains(&to) {
            if to == rules::TEST_ONLY && !layer.is_test_code {
                refuse("is test code, a dev-dependency only".to_owned());
            } else if let Some(reason) = layer.refuses(to) {
                refuse(reason);
            }
            // Features add up over a build: one crate that turns it on does so for all.
            if !layer.is_test_code
                && dependency.features.iter().any(|feature| feature == rules::TEST_ONLY_FEATURE)
            {
                refuse(format!("the feature {} is for tests only", rules::TEST_ONLY_FEATURE));
            }
        }
        if let Some(owned) = rules::OWNED.iter().find(|owned| owned.matches(to))
            && !owned.by.contains(&name)
        {
            refuse(format!("only {} may use it ({})", owned.by.join(", "), owned.why));
        }
        if layer.must_not_use.iter().any(|pattern| rules::matches(pattern, to)) {
            refuse("this layer does no I/O and knows no protocol".to_owned());
        }
    }
    found.extend(forwarded_test_features(package));
    found
}

/// Features of a package that reach for another's test feature, or are on by default: a dependency
/// without it is no use if `default = ["retail-storage/test-support"]` stands next to it.
fn forwarded_test_features(package: &Package) -> impl Iterator<Item = String> + '_ {
    package.features.iter().flat_map(move |(feature, turns_on)| {
        turns_on.iter().filter_map(move |other| {
            let (_, other_feature) = other.split_once('/').unwrap_or(("", other));
            (other_feature == rules::TEST_ONLY_FEATURE && feature != rules::TEST_ONLY_FEATURE).then(
                || {
                    format!(
                        "{}: its feature {feature} turns on {other}, for tests only",
                        package.name
                    )
                },
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Violations of a workspace with the given `(crate, dependency, kind)` arrows.
    fn check(arrows: &[(&str, &str, Value)]) -> Vec<String> {
        let packages: Vec<Value> = rules::LAYERS
            .iter()
            .map(|layer| {
                let dependencies: Vec<Value> = arrows
                    .iter()
                    .filter(|(from, ..)| *from == layer.name)
                    .map(|(_, to, kind)| json!({ "name": to, "kind": kind }))
                    .collect();
                json!({ "name": layer.name, "manifest_path": "/x/Cargo.toml", "dependencies": dependencies })
            })
            .collect();
        let metadata = serde_json::from_value(json!({ "packages": packages })).unwrap();
        violations(&metadata)
    }

    fn only_violation(from: &str, to: &str) -> String {
        let found = check(&[(from, to, Value::Null)]);
        assert_eq!(found.len(), 1, "{from} -> {to}: {found:?}");
        found.into_iter().next().unwrap()
    }

    #[test]
    fn the_designed_arrows_are_accepted() {
        let arrows = [
            ("retail-server", "retail-storage", Value::Null),
            ("retail-server", "retail-mcp-protocol", Value::Null),
            ("retail-server", "axum", Value::Null),
            ("retail-mcp-protocol", "retail-domain", Value::Null),
            ("retail-mcp-protocol", "rmcp", Value::Null),
            ("retail-storage", "retail-domain", Value::Null),
            ("retail-storage", "sqlx", Value::Null),
            ("retail-storage", "deadpool-postgres", Value::Null),
            ("retail-storage", "retail-testkit", json!("dev")),
            ("retail-server", "rmcp", json!("dev")),
            ("retail-domain", "tokio", json!("dev")),
            ("retail-testkit", "retail-storage", Value::Null),
            ("retail-benches", "retail-testkit", Value::Null),
            ("retail-example-embed", "axum", Value::Null),
        ];
        assert_eq!(check(&arrows), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_that_points_the_wrong_way_is_refused() {
        let wrong = [
            ("retail-domain", "retail-storage"),
            ("retail-storage", "retail-server"),
            ("retail-storage", "retail-mcp-protocol"),
            ("retail-mcp-protocol", "retail-storage"),
            ("retail-mcp-protocol", "retail-auth"),
            ("retail-auth", "retail-storage"),
            ("retail-embedded-postgres", "retail-domain"),
            ("retail-sample-data", "retail-domain"),
            ("xtask", "retail-domain"),
        ];
        for (from, to) in wrong {
            let violation = only_violation(from, to);
            assert!(violation.starts_with(&format!("{from} -> {to}: ")), "{violation}");
        }
    }

    #[test]
    fn a_technology_stays_in_its_layer() {
        let wrong = [
            ("retail-mcp-protocol", "sqlx"),
            ("retail-mcp-protocol", "tokio-postgres"),
            ("retail-mcp-protocol", "deadpool-redis"),
            ("retail-mcp-protocol", "axum"),
            ("retail-server", "sqlx"),
            ("retail-server", "rmcp"),
            ("retail-storage", "axum"),
            ("retail-domain", "tokio"),
            ("retail-domain", "reqwest"),
        ];
        for (from, to) in wrong {
            let violation = only_violation(from, to);
            assert!(violation.starts_with(&format!("{from} -> {to}: ")), "{violation}");
        }
    }

    #[test]
    fn test_code_is_a_dev_dependency_only() {
        assert!(only_violation("retail-server", "retail-testkit").contains("dev-dependency only"));
        assert!(only_violation("retail-storage", "retail-testkit").contains("dev-dependency only"));
    }

    /// A workspace in which `from` turns on `feature` of `to`.
    fn check_feature(from: &str, to: &str, kind: &Value, feature: &str) -> Vec<String> {
        let dependency = json!({ "name": to, "kind": kind, "features": [feature] });
        let package = |name: &str, dependencies: Vec<Value>| json!({ "name": name, "manifest_path": "/x", "dependencies": dependencies });
        let packages = json!([package(from, vec![dependency]), package(to, vec![])]);
        violations(&serde_json::from_value(json!({ "packages": packages })).unwrap())
    }

    #[test]
    fn the_feature_for_tests_is_not_shipped() {
        for (from, to) in [
            ("retail-storage", "retail-sql-guard"),
            ("retail-server", "retail-sql-guard"),
            ("retail-server", "retail-storage"),
        ] {
            for kind in [Value::Null, json!("build")] {
                let found = check_feature(from, to, &kind, "test-support");
                assert_eq!(
                    found,
                    [format!("{from} -> {to}: the feature test-support is for tests only")]
                );
            }
            assert!(check_feature(from, to, &json!("dev"), "test-support").is_empty());
            assert!(check_feature(from, to, &Value::Null, "another").is_empty());
        }
        assert!(
            check_feature("retail-testkit", "retail-storage", &Value::Null, "test-support")
                .is_empty()
        );
    }

    #[test]
    fn no_feature_turns_the_one_for_tests_on() {
        let of = |features: Value| {
            let package = json!({ "name": "retail-server", "manifest_path": "/x", "dependencies": [], "features": features });
            violations(&serde_json::from_value(json!({ "packages": [package] })).unwrap())
        };
        assert_eq!(of(json!({ "default": ["retail-storage/test-support"] })).len(), 1);
        assert_eq!(of(json!({ "default": ["retail-storage?/test-support"] })).len(), 1);
        assert_eq!(of(json!({ "default": ["test-support"], "test-support": [] })).len(), 1);
        assert!(
            of(json!({ "test-support": ["dep:mockall", "retail-storage/test-support"] }))
                .is_empty()
        );
    }

    #[test]
    fn a_build_dependency_counts() {
        let found = check(&[("retail-domain", "retail-storage", json!("build"))]);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn an_unknown_crate_needs_a_rule() {
        let package = json!({ "name": "retail-new", "manifest_path": "/x", "dependencies": [] });
        let metadata = serde_json::from_value(json!({ "packages": [package] })).unwrap();
        let found = violations(&metadata);
        assert!(found.len() == 1 && found[0].starts_with("retail-new: has no rule"), "{found:?}");
    }
}
