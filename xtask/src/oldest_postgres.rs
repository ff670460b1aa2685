//! The tests of storage that another version of PostgreSQL could fail, on the oldest one.

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::command::CommandLine;
use crate::workspace::Workspace;

/// Everything else runs on the newest.
const MAJOR: &str = "16";

/// The schema, its triggers and policies, plans, and what is refused. The guard's corpora and the audit log are the same on
/// all versions, and pgvector, which searches need, is of the same version there.
const TESTS: &str = "migrate:: adopt:: posture:: catalogue:: isolation:: rollups:: peers:: data_versions:: queries:: \
                     signature:: customers:: replicas::";

/// What cargo says of something that it built.
#[derive(Deserialize)]
struct Built {
    manifest_path: String,
    target: Target,
    executable: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Runs them, with the program of the tests of all packages: `cargo test -p` would compile what it needs once more, with
/// other features.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let messages = CommandLine::new("cargo")
        .words("test --workspace --locked --no-run --message-format=json")
        .in_dir(workspace.root())
        .output()?;
    let folder = workspace.root().join("crates/storage");
    let program = program(&messages, &folder.join("Cargo.toml").to_string_lossy())
        .context("cargo has built no program `it` of retail-storage")?;
    CommandLine::new(program).words(TESTS).in_dir(&folder).env("RETAIL_TEST_PG_MAJOR", MAJOR).run()
}

/// The integration tests of a package.
fn program(messages: &str, manifest: &str) -> Option<String> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Built>(line).ok())
        .find(|built| built.manifest_path == manifest && built.target.name == "it")?
        .executable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_that_of_the_package() {
        let built = |folder: &str, name: &str| {
            format!(
                r#"{{"reason": "compiler-artifact", "manifest_path": "/{folder}/Cargo.toml",
                     "target": {{"name": "{name}"}}, "executable": "/{folder}/{name}"}}"#
            )
            .replace('\n', "")
        };
        let messages = [
            built("cache", "it"),
            r#"{"reason": "build-script-executed"}"#.to_owned(),
            built("storage", "retail_storage"),
            built("storage", "it"),
        ]
        .join("\n");
        assert_eq!(program(&messages, "/storage/Cargo.toml").as_deref(), Some("/storage/it"));
        assert_eq!(program(&messages, "/auth/Cargo.toml"), None);
    }
}
