//! A way to PostgreSQL. The server provisions its own through pip; a local one serves as well.

use std::path::Path;

use anyhow::Result;

use super::{found, need_pip};
use crate::command::CommandLine;

/// The oldest PostgreSQL that the storage layer supports.
const OLDEST_MAJOR: u32 = 16;

/// Makes sure that pip, or a PostgreSQL with pgvector, is there.
pub(super) fn provide() -> Result<()> {
    if let Some(version) = local_with_pgvector() {
        found("PostgreSQL", &format!("{version} with pgvector"));
        return Ok(());
    }
    let pip = need_pip("PostgreSQL")?;
    found("PostgreSQL", &format!("downloaded by the server at its first start, through `{pip}`"));
    Ok(())
}

fn local_with_pgvector() -> Option<String> {
    let pg_config = |flag| CommandLine::new("pg_config").arg(flag).output().ok();
    let version = pg_config("--version")?;
    let vector = Path::new(&pg_config("--sharedir")?).join("extension/vector.control");
    (major(&version)? >= OLDEST_MAJOR && vector.is_file()).then_some(version)
}

/// `18` of `PostgreSQL 18.1 (Debian 18.1-1)`.
fn major(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(1)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_major_version() {
        assert_eq!(major("PostgreSQL 15.18 (Debian 15.18-0+deb12u1)"), Some(15));
        assert_eq!(major("PostgreSQL 19beta1"), Some(19));
        assert_eq!(major("nonsense"), None);
    }
}
