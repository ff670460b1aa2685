//! The demo's PostgreSQL, asked as its superuser.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::process;
use crate::command::CommandLine;

const NAME: &str = "zava";

/// A running PostgreSQL.
#[derive(Debug)]
pub(super) struct Database {
    /// The folder of its socket, or its address.
    pub(super) host: String,
    pub(super) port: u16,
    user: String,
    password: String,
    /// Its first process, the parent of all others.
    postmaster: u32,
    programs: PathBuf,
}

/// `connection.json` of an embedded PostgreSQL.
#[derive(Debug, Deserialize)]
struct Published {
    port: u16,
    superuser: String,
    socket_dir: PathBuf,
}

/// A store as callers know it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Store {
    pub(super) id: u32,
    /// The last word of its name, in lower case.
    pub(super) key: String,
    pub(super) rls_user_id: String,
}

impl Database {
    /// The one that runs in a data folder of the demo.
    pub(super) fn of(data_dir: &Path) -> Result<Self> {
        let folder = data_dir.join("postgres");
        let read = |path: &str| {
            let path = folder.join(path);
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
        };
        let published: Published = serde_json::from_str(&read("connection.json")?)?;
        let postmaster = read("pgdata/postmaster.pid")?;
        let postmaster = postmaster.lines().next().and_then(|line| line.trim().parse().ok());
        let postmaster: u32 = postmaster.context("postmaster.pid has no process number")?;
        // pgbench and psql of the very version that runs.
        let server =
            fs::read_link(format!("/proc/{postmaster}/exe")).context("finding PostgreSQL")?;
        Ok(Self {
            host: published.socket_dir.display().to_string(),
            port: published.port,
            user: published.superuser,
            password: read("secrets/superuser-password")?.trim().to_owned(),
            postmaster,
            programs: server.parent().context("PostgreSQL has no folder")?.to_owned(),
        })
    }

    /// One of PostgreSQL's programs, connected.
    pub(super) fn program(&self, name: &str) -> CommandLine {
        self.connected(CommandLine::new(self.programs.join(name)))
    }

    /// A program that reads PostgreSQL's usual variables.
    pub(super) fn connected(&self, program: CommandLine) -> CommandLine {
        program
            .env("PGHOST", &self.host)
            .env("PGPORT", self.port.to_string())
            .env("PGUSER", &self.user)
            .env("PGDATABASE", NAME)
            .env("PGPASSWORD", &self.password)
    }

    /// The lines of an answer, without the password in a failure.
    pub(super) fn lines(&self, program: &CommandLine) -> Result<Vec<String>> {
        match program.output() {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) => bail!("{}", format!("{error:#}").replace(&self.password, "***")),
        }
    }

    /// The rows of a query, with columns separated by tabs.
    pub(super) fn query(&self, sql: &str) -> Result<Vec<String>> {
        let psql = self
            .program("psql")
            .words("-X -q -A -t -v ON_ERROR_STOP=1")
            .args(["-F", "\t", "-c", sql]);
        self.lines(&psql)
    }

    /// The stores.
    pub(super) fn stores(&self) -> Result<Vec<Store>> {
        let rows =
            self.query("SELECT store_id, rls_user_id, store_name FROM retail.stores ORDER BY 1")?;
        rows.iter().map(|row| store(row).with_context(|| format!("a store: {row}"))).collect()
    }

    /// Processor time of all its processes so far.
    pub(super) fn time(&self) -> Result<Duration> {
        process::family_time(self.postmaster)
    }

    /// What runs, for the report.
    pub(super) fn version(&self) -> Result<String> {
        Ok(self.query("SHOW server_version")?.concat())
    }
}

fn store(row: &str) -> Option<Store> {
    let mut columns = row.split('\t');
    let id = columns.next()?.parse().ok()?;
    let rls_user_id = columns.next()?.to_owned();
    let key = columns.next()?.split_whitespace().next_back()?.to_lowercase();
    Some(Store { id, key, rls_user_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_known_by_the_last_word() {
        let expected = Store { id: 3, key: "tacoma".to_owned(), rls_user_id: "u".to_owned() };
        assert_eq!(store("3\tu\tZava Retail Tacoma"), Some(expected));
        assert_eq!(store("x"), None);
    }
}
