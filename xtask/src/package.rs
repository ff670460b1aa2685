//! `cargo xtask package`: every published crate is complete, and compiles from what is in its package.
//!
//! `cargo package` verifies by a debug build of each crate with all that it depends on, from nothing. That takes longer
//! than the tests. Here all packages are unpacked into one workspace and checked as the clippy step checks: in the same
//! target folder, with the same profile, features and lock file, so that only our own crates are read again. What this
//! cannot see is a crate that lives off the features which another one turns on. `--each` is for that.

mod manifest;
mod unpacked;

use anyhow::{Context, Result, bail};

use crate::command::CommandLine;
use crate::console;
use crate::workspace::Workspace;
use manifest::Metadata;
use unpacked::Unpacked;

/// Packs all published crates and compiles what was packed. With `each`, every crate by itself too.
pub(crate) fn run(workspace: &Workspace, each: bool) -> Result<()> {
    let metadata = Metadata::read(workspace)?;
    let violations = manifest::violations(workspace, &metadata)?;
    for violation in &violations {
        console::problem(violation);
    }
    if !violations.is_empty() {
        bail!("{} fault(s) in the manifests of published crates", violations.len());
    }
    pack(workspace, &metadata)?;
    let unpacked = Unpacked::new(workspace, &metadata)?;
    unpacked.check_all()?;
    if each {
        metadata.published().try_for_each(|package| unpacked.check_alone(package))?;
    }
    console::line(&format!("{} crates compile from their packages", metadata.published().count()));
    Ok(())
}

/// Makes the archives, as `cargo publish` would upload them.
///
/// Offline: the steps before have fetched what the lock file names, and cargo would ask the registry anew for each crate.
fn pack(workspace: &Workspace, metadata: &Metadata) -> Result<()> {
    let names = metadata.published().flat_map(|package| ["--package", package.name.as_str()]);
    CommandLine::new("cargo")
        .words("package --quiet --no-verify --allow-dirty --locked --offline")
        .args(names)
        .in_dir(workspace.root())
        .run()
        .context("packing the crates")
}
