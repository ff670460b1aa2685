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
    let build = CommandLine::new("cargo").words("test --workspace --locked --no-run");
    let build = build.in_dir(workspace.root());
    build.run()?;
    // Once more, for where it is.
    let messages = build.arg("--message-format=json").output()?;
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
        .filter(|built| built.manifest_path == manifest && built.target.name == "it")
        // A warning is about it as well.
        .find_map(|built| built.executable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_that_of_the_package() {
        let of = |folder: &str, name: &str, executable: &str| {
            let manifest = format!(r#""manifest_path": "/{folder}/Cargo.toml""#);
            format!(r#"{{{manifest}, "target": {{"name": "{name}"}}, "executable": {executable}}}"#)
        };
        let messages = [
            of("cache", "it", r#""/cache/it""#),
            r#"{"reason": "build-script-executed"}"#.to_owned(),
            of("storage", "retail_storage", r#""/storage/retail_storage""#),
            of("storage", "it", "null"),
            of("storage", "it", r#""/storage/it""#),
        ]
        .join("\n");
        assert_eq!(program(&messages, "/storage/Cargo.toml").as_deref(), Some("/storage/it"));
        assert_eq!(program(&messages, "/auth/Cargo.toml"), None);
    }
}
