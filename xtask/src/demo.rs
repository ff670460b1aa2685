//! `cargo xtask demo`: from a clone to a running server.

use std::os::unix::process::CommandExt;

use anyhow::{Context, Result};

use crate::command::CommandLine;
use crate::console;
use crate::setup;
use crate::workspace::Workspace;

/// Sets up, builds, and becomes `retail-mcp demo`.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    setup::to_build(workspace)?;
    let build = CommandLine::new("cargo").words("build --release --locked -p retail-server");
    build.in_dir(workspace.root()).run()?;
    let server = workspace.built("release", "retail-mcp");
    let demo = CommandLine::new(&server).arg("demo").args(args);
    console::line(&format!("$ {demo}"));
    // Replaces this process, so that Ctrl-C and other signals go straight to the server. Our own
    // signal handler ends here.
    Err(demo.to_command().exec()).with_context(|| format!("starting {}", server.display()))
}
