//! What every crate's folder has in common: shared lints, shared versions, a README.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::metadata::Package;

/// What is wrong with a crate's folder.
pub(super) fn violations(package: &Package) -> Result<Vec<String>> {
    let path = &package.manifest_path;
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let manifest = text.parse().with_context(|| format!("reading {}", path.display()))?;
    let mut found = in_manifest(&package.name, &manifest);
    if !path.parent().unwrap_or(Path::new("")).join("README.md").is_file() {
        found.push(format!("{}: has no README.md", package.name));
    }
    Ok(found)
}

fn in_manifest(name: &str, manifest: &Table) -> Vec<String> {
    let mut found = Vec::new();
    if !is_from_workspace(manifest.get("lints")) {
        found.push(format!("{name}: the manifest has no `[lints] workspace = true`"));
    }
    let targets = manifest.get("target").and_then(Value::as_table);
    let platforms = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    for table in platforms.chain([manifest]) {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (dependency, value) in
                table.get(section).and_then(Value::as_table).into_iter().flatten()
            {
                // The crate itself, with more features for its tests: by path, since no registry has this version yet.
                let is_itself = dependency == name && value.get("version").is_none();
                if !is_itself && !is_from_workspace(Some(value)) {
                    found.push(format!(
                        "{name} -> {dependency}: the version belongs in the root's [workspace.dependencies]"
                    ));
                }
            }
        }
    }
    found
}

fn is_from_workspace(value: Option<&Value>) -> bool {
    let inherited = value.and_then(|value| value.get("workspace"));
    inherited.and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agreed_manifest_passes() {
        let manifest = "
            [lints]
            workspace = true
            [dependencies]
            serde.workspace = true
            rmcp = { workspace = true, features = ['client'] }
            [dev-dependencies]
            retail-x = { path = '.', features = ['redis'] }
            [target.'cfg(unix)'.dependencies]
            rustix = { workspace = true }
        ";
        assert_eq!(in_manifest("retail-x", &manifest.parse().unwrap()), Vec::<String>::new());
    }

    #[test]
    fn own_versions_and_own_lints_are_refused() {
        let manifest = "
            [dependencies]
            serde = '1'
            [dev-dependencies]
            rstest = { version = '0.28' }
            [target.'cfg(unix)'.build-dependencies]
            cc = { path = '../cc' }
        ";
        let found = in_manifest("retail-x", &manifest.parse().unwrap()).join("\n");
        for part in ["lints", "retail-x -> serde", "retail-x -> rstest", "retail-x -> cc"] {
            assert!(found.contains(part), "{part} is not in:\n{found}");
        }
    }
}
