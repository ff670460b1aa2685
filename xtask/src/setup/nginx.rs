//! nginx, behind which load runs put several servers.

use anyhow::{Result, bail};

use super::{found, packages};
use crate::command::CommandLine;

/// Makes sure that `nginx` is there. A service that the package brings is left as it is.
pub(crate) fn provide() -> Result<()> {
    // It tells its version on standard error.
    let there = || program().arg("-v").succeeds();
    if !there() {
        packages::install("nginx, for load runs with several servers", &["nginx-light"])?;
    }
    if !there() {
        bail!("nginx is installed but does not run: try `nginx -v`");
    }
    found("nginx", "in front of several servers");
    Ok(())
}

/// The program. Debian has it where only an administrator looks.
pub(crate) fn program() -> CommandLine {
    let path = std::env::var("PATH").unwrap_or_default();
    CommandLine::new("env").arg(format!("PATH={path}:/usr/sbin")).arg("nginx")
}
