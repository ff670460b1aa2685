//! Redis, which the tests of the cache start for themselves.

use anyhow::{Result, bail};

use super::{found, packages};
use crate::command::CommandLine;

/// Makes sure that `redis-server` is there. A service that the package brings is left as it is: the tests
/// use processes of their own.
pub(super) fn provide() -> Result<()> {
    if version().is_none() {
        packages::install("Redis, for the tests of the cache", &["redis-server"])?;
    }
    let Some(version) = version() else {
        bail!("redis-server is installed but does not run: try `redis-server --version`");
    };
    found("Redis", &version);
    Ok(())
}

/// `Redis server v=7.0.15` of the line that it prints.
fn version() -> Option<String> {
    let line = CommandLine::new("redis-server").arg("--version").output().ok()?;
    Some(line.split_once(" sha=").map_or(line.trim(), |(version, _)| version).to_owned())
}
