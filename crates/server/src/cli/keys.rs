//! `retail-mcp keys`

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use chrono::SecondsFormat;
use clap::{Args, Subcommand};
use retail_auth::load_or_create_key;
use retail_domain::ports::{Clock, SystemClock};
use retail_storage::{Admin, IdentityKey, IdentityKeyRecord};
use secrecy::ExposeSecret;

use super::print;
use crate::access;
use crate::config::Config;

/// The keys that sign identities for the database.
#[derive(Debug, Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the keys that the database believes
    List,
    /// Replace the key; the former one counts for a while longer
    Rotate(Rotate),
}

#[derive(Debug, Args)]
struct Rotate {
    /// How long the former key counts: the time that all servers have to take up the new one
    #[arg(long, value_name = "TIME", default_value = "1h",
          value_parser = humantime_serde::re::humantime::parse_duration)]
    overlap: Duration,
    /// Write the new key to this file and leave `database.identity_key_file` alone, for a secret
    /// store that you fill yourself
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,
}

impl Keys {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<()> {
        match self.command {
            Command::List => {
                let mut admin = connect(config).await?;
                list(&mut admin).await?;
                admin.close().await;
                Ok(())
            }
            Command::Rotate(rotate) => rotate.run(config).await,
        }
    }
}

async fn connect(config: &Config) -> anyhow::Result<Admin> {
    let database = &config.database;
    let login = access::admin(database).context("database.admin_user must be set")?;
    Ok(Admin::connect(&access::settings(database)?, &login).await?)
}

async fn list(admin: &mut Admin) -> anyhow::Result<()> {
    let mut text = String::new();
    for key in admin.identity_keys().await? {
        let state = match key.not_after {
            None => "counts".to_owned(),
            Some(end) => {
                let when = end.to_rfc3339_opts(SecondsFormat::Secs, true);
                if end > SystemClock.now() {
                    format!("counts until {when}")
                } else {
                    format!("ended {when}")
                }
            }
        };
        writeln!(text, "{}  {state}", key.id)?;
    }
    print(if text.is_empty() { "no keys: run `retail-mcp migrate`\n" } else { &text });
    Ok(())
}

impl Rotate {
    async fn run(&self, config: &Config) -> anyhow::Result<()> {
        let former = access::identity_key(&config.database)?;
        let in_use = config.database.identity_key_file.as_deref();
        let (fresh, target) = match (&self.new_key_file, in_use) {
            (Some(file), _) if file.exists() => {
                bail!("{} exists; name a new file", file.display())
            }
            (Some(file), _) => (file.clone(), None),
            (None, Some(file)) => (beside(file), Some(file)),
            (None, None) => bail!(
                "the key is not in a file: name one for the new key with --new-key-file, and put it \
                 where database.identity_key comes from"
            ),
        };
        let mut admin = connect(config).await?;
        // A rotation that broke off has left its key here, and the database may believe it already.
        let key = load_or_create_key(&fresh).context(
            "the new key needs a file beside the one in use, or a place that you name with --new-key-file",
        )?;
        let key = IdentityKey::new(*key.expose_secret());
        // The database first: a server that takes up the new key must be believed.
        admin.rotate_identity_key(&key, self.overlap).await?;
        let known = admin.identity_keys().await?;
        admin.close().await;
        let mut text = format!("The database believes the key {} from now on.\n", key.id());
        // What the database says: the key in use may have ended before, or be another database's.
        let former = former.id();
        match known.iter().find(|record| record.id == former) {
            Some(IdentityKeyRecord { not_after: Some(end), .. }) if *end > SystemClock.now() => {
                let end = end.to_rfc3339_opts(SecondsFormat::Secs, true);
                writeln!(text, "It believes the former one, {former}, until {end}.")?;
            }
            _ => writeln!(text, "It does not believe the one in use, {former}, any more.")?,
        }
        match target {
            Some(file) => {
                std::fs::rename(&fresh, file).with_context(|| {
                    format!(
                        "the database believes the new key already, but {} cannot be replaced; the new key \
                         is in {}",
                        file.display(),
                        fresh.display()
                    )
                })?;
                writeln!(
                    text,
                    "It is in {}. Servers on this file take it up within 10 s; copy it to the others.",
                    file.display()
                )?;
            }
            None => writeln!(
                text,
                "It is in {}. Put it where the servers read theirs, in that time.",
                fresh.display()
            )?,
        }
        print(&text);
        Ok(())
    }
}

/// In the same folder, so that it can be renamed.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".next");
    file.with_file_name(name)
}
