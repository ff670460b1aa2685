//! System packages: installed where that is plain to do, named where it is not.

use std::path::Path;

use anyhow::{Context, Result, bail};
use rustix::process::geteuid;

use crate::command::CommandLine;

/// Installs Debian packages, or fails with the command that would.
pub(super) fn install(what: &str, packages: &[&str]) -> Result<()> {
    let by_hand = format!("apt-get install -y {}", packages.join(" "));
    if !Path::new("/etc/debian_version").exists() {
        bail!("{what} is missing: install it (on Debian or Ubuntu: {by_hand})");
    }
    let Some(apt_get) = apt_get() else {
        bail!("{what} is missing: run `sudo {by_hand}`");
    };
    let install = apt_get.clone().words("install -y --no-install-recommends").args(packages);
    if install.run().is_err() {
        // A fresh container has no package lists.
        apt_get.arg("update").run()?;
        install.run().with_context(|| format!("installing {what}"))?;
    }
    Ok(())
}

fn apt_get() -> Option<CommandLine> {
    const QUIET: &str = "DEBIAN_FRONTEND=noninteractive";
    if geteuid().is_root() {
        return Some(CommandLine::new("env").args([QUIET, "apt-get"]));
    }
    let sudo = CommandLine::new("sudo").arg("-n");
    let allowed = sudo.clone().arg("true").succeeds();
    allowed.then(|| sudo.args(["env", QUIET, "apt-get"]))
}
