//! PgBouncer, which tests of the storage start for themselves.

use anyhow::{Result, bail};

use super::{found, packages};
use crate::command::CommandLine;

/// Makes sure that `pgbouncer` is there. A service that the package brings is left as it is.
pub(super) fn provide() -> Result<()> {
    if version().is_none() {
        packages::install("PgBouncer, for the tests behind a pooler", &["pgbouncer"])?;
    }
    let Some(version) = version() else {
        bail!("PgBouncer is installed but does not run: try `pgbouncer --version`");
    };
    found("PgBouncer", &version);
    Ok(())
}

/// The first line that it prints. Debian has it where only an administrator looks.
fn version() -> Option<String> {
    ["pgbouncer", "/usr/sbin/pgbouncer"].into_iter().find_map(|program| {
        let output = CommandLine::new(program).arg("--version").output().ok()?;
        output.lines().next().map(ToOwned::to_owned)
    })
}
