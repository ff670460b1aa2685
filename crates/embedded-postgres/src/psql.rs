//! SQL for the administration of a cluster, run by the `psql` program.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::process::Command;

use rand::RngExt;

use crate::server_user::clear_libpq_environment;
use crate::{ConnectionInfo, Error, Installation};

/// The database that every cluster has.
const MAINTENANCE_DATABASE: &str = "postgres";
/// PostgreSQL cuts longer names off.
const MAX_NAME_BYTES: usize = 63;

/// Runs SQL as the superuser of a cluster that this process started or attached to.
#[derive(Debug, Clone)]
pub struct Psql {
    installation: Installation,
    connection: ConnectionInfo,
}

impl Psql {
    /// For the cluster at `connection`, with the `psql` of `installation`.
    pub fn new(installation: Installation, connection: ConnectionInfo) -> Self {
        Self { installation, connection }
    }

    pub(crate) fn installation(&self) -> &Installation {
        &self.installation
    }

    /// Runs one or more statements and gives the rows as text, one a line, columns split by `|`.
    ///
    /// Each statement is a transaction of its own; the first error ends the run. The text must be
    /// trusted: `psql` also obeys its own backslash commands in it.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`] with the server's message, [`Error::Run`] when `psql` cannot be started.
    pub fn run(&self, database: &str, sql: &str) -> Result<String, Error> {
        let program = self.installation.program("psql");
        // Not an argument, which every user could see, nor a pipe, which a large text could block.
        let script = script(sql).map_err(Error::run(&program))?;
        let mut command = Command::new(&program);
        clear_libpq_environment(&mut command);
        let output = command
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--no-password"])
            .args(["--set=ON_ERROR_STOP=1", "--file=-"])
            .env("PGHOST", self.connection.host_string())
            .env("PGPORT", self.connection.port.to_string())
            .env("PGUSER", &self.connection.superuser)
            .env("PGPASSWORD", &self.connection.password)
            .env("PGDATABASE", database)
            .env("PGCLIENTENCODING", "UTF8")
            // The private cluster has no TLS, and a certificate in the home folder is not for it.
            .env("PGSSLMODE", "disable")
            .env("PGCONNECT_TIMEOUT", "10")
            .stdin(script)
            .output()
            .map_err(Error::run(&program))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
        } else {
            let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Error::Sql { output })
        }
    }

    /// Creates a database, as a copy of `template` when one is named.
    ///
    /// Nobody may be connected to the template meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`], or [`Error::Sql`] when it exists or the template is in use.
    pub fn create_database(&self, name: &str, template: Option<&str>) -> Result<(), Error> {
        let name = quoted(name)?;
        let sql = match template {
            // File by file: half the time of PostgreSQL's usual way, which writes each page to the log as well.
            Some(template) => {
                format!("CREATE DATABASE {name} TEMPLATE {} STRATEGY FILE_COPY", quoted(template)?)
            }
            None => format!("CREATE DATABASE {name}"),
        };
        self.run(MAINTENANCE_DATABASE, &sql).map(drop)
    }

    /// Drops a database and ends the connections to it; that it is not there is fine.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidName`], or [`Error::Sql`] when the server refuses.
    pub fn drop_database(&self, name: &str) -> Result<(), Error> {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name)?);
        self.run(MAINTENANCE_DATABASE, &sql).map(drop)
    }
}

/// A database name that no other call gives: the prefix and 16 random hexadecimal digits.
///
/// ```
/// let name = retail_embedded_postgres::unique_name("test");
/// assert!(name.starts_with("test_") && name.len() == 21);
/// ```
pub fn unique_name(prefix: &str) -> String {
    let number: u64 = rand::rng().random();
    format!("{prefix}_{number:016x}")
}

/// The text as a nameless file, at its start.
fn script(sql: &str) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    file.write_all(sql.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

/// Puts a name in quotes after a check that makes quoting safe.
fn quoted(name: &str) -> Result<String, Error> {
    let starts_well = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
    let is_plain = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if starts_well && is_plain && name.len() <= MAX_NAME_BYTES {
        Ok(format!("\"{name}\""))
    } else {
        Err(Error::InvalidName { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_quoted() {
        assert_eq!(quoted("shop_2").unwrap(), "\"shop_2\"");
        let long = "a".repeat(64);
        for name in ["", "2shop", "a\"b", "a b", "Shop", "a;drop", "ü", &long] {
            assert!(matches!(quoted(name), Err(Error::InvalidName { .. })), "{name:?}");
        }
    }

    #[test]
    fn unique_names_are_valid_and_differ() {
        let (first, second) = (unique_name("test"), unique_name("test"));
        assert_ne!(first, second);
        quoted(&first).unwrap();
    }
}
