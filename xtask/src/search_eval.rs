//! `cargo xtask search-eval`: how good product search is.

use anyhow::Result;

use crate::command::CommandLine;
use crate::workspace::Workspace;

/// Builds and runs `retail-search-eval`.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    CommandLine::new(workspace.build("retail-search-eval", &[])?)
        .args(args)
        .in_dir(workspace.root())
        .run()
}
