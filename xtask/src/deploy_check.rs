//! `cargo xtask deploy-check`: the deployment files, by the tools that read them and by rules of ours across them.
//!
//! The rules are Python, beside the files that they are about: `deploy/check`.

use std::path::Path;

use anyhow::{Result, bail};

use crate::conformance::tools::Python;
use crate::setup;
use crate::workspace::Workspace;

/// Where Microsoft's types of Azure resources are looked for, for who keeps them beside the checkout. They are not ours to
/// ship.
const TYPES: &str = "../shared/deploy/bicep-types";
const TYPES_VARIABLE: &str = "RETAIL_BICEP_TYPES";

/// Runs the checks. With `prove`, each is shown a file that was broken on purpose, and must find it.
pub(crate) fn run(workspace: &Workspace, prove: bool, only: &[String]) -> Result<()> {
    setup::nginx()?;
    setup::promtool()?;
    let python = Python::provide(workspace, "deploy-check", "deploy/check/requirements.txt")?;
    let mut check = python.run().arg(workspace.root().join("deploy/check/main.py"));
    if prove {
        check = check.arg("--prove");
    }
    for name in only {
        check = check.args(["--only", name]);
    }
    let types = workspace.root().join(TYPES);
    if std::env::var_os(TYPES_VARIABLE).is_none() && Path::is_dir(&types) {
        check = check.env(TYPES_VARIABLE, types.to_string_lossy());
    }
    if check.in_dir(workspace.root()).run().is_err() {
        bail!("the deployment files are not as they should be");
    }
    Ok(())
}
