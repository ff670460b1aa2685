//! `cargo xtask faults`: what callers see while Redis, PostgreSQL, a standby or the pooler fails.

use anyhow::Result;

use crate::command::CommandLine;
use crate::setup;
use crate::workspace::Workspace;

/// Builds the server and the program that breaks things around it, in the release profile, and runs that.
pub(crate) fn run(workspace: &Workspace, names: &[String]) -> Result<()> {
    setup::run(workspace)?;
    // With the features of the whole workspace, so that other builds of it are not thrown away.
    CommandLine::new("cargo")
        .words("build --release --locked --workspace --bin retail-mcp --bin faults")
        .in_dir(workspace.root())
        .run()?;
    CommandLine::new(workspace.built("release", "faults"))
        .arg(workspace.built("release", "retail-mcp"))
        .args(names)
        .in_dir(workspace.root())
        .run()
}
