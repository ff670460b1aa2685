//! promtool, which checks and tests the rules for Prometheus.

use anyhow::{Result, bail};

use super::{found, packages};
use crate::command::CommandLine;

/// Makes sure that `promtool` is there. A service that the package brings is left as it is.
pub(crate) fn provide() -> Result<()> {
    let version = || CommandLine::new("promtool").arg("--version").output().ok();
    if version().is_none() {
        packages::install("promtool, for the alerts", &["prometheus"])?;
    }
    let Some(version) = version() else {
        bail!("promtool is installed but does not run: try `promtool --version`");
    };
    found("promtool", version.lines().next().unwrap_or_default());
    Ok(())
}
