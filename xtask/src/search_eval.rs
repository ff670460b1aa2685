//! `cargo xtask search-eval`: how good product search is.

use anyhow::Result;

use crate::command::CommandLine;
use crate::workspace::Workspace;

/// Builds and runs `retail-search-eval`.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    // With the features of the whole workspace, as the tests' build: else the model is compiled again.
    CommandLine::new("cargo")
        .words("build --locked --workspace --bin retail-search-eval")
        .in_dir(workspace.root())
        .run()?;
    CommandLine::new(workspace.built("debug", "retail-search-eval"))
        .args(args)
        .in_dir(workspace.root())
        .run()
}
