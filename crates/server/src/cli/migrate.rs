//! `retail-mcp migrate`

use std::fmt::Write;

use anyhow::Context;
use clap::Args;
use retail_auth::load_or_create_key;
use retail_storage::{Admin, IdentityKey, MigrateOptions};
use secrecy::ExposeSecret;

use super::print;
use crate::access;
use crate::config::Config;

/// Bring the configured database to the current schema; may be run again at any time.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// Take over an existing Zava database without touching its rows
    #[arg(long)]
    adopt: bool,
}

impl Migrate {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<()> {
        let database = &config.database;
        let login = access::admin(database).context("database.admin_user must be set")?;
        let key_file = database.identity_key_file.as_deref().context(
            "database.identity_key_file must be set: the key is made there if it is missing, \
             and the server needs it",
        )?;
        let key = load_or_create_key(key_file)?;
        let mut admin = Admin::connect(&access::settings(database)?, &login).await?;
        let report = admin
            .migrate(&MigrateOptions {
                adopt: self.adopt,
                query_password: database.query_password.clone(),
                head_office_password: database.head_office_password.clone(),
                identity_key: Some(IdentityKey::new(*key.expose_secret())),
            })
            .await?;
        admin.close().await;
        let mut text = format!(
            "{} migrations applied on PostgreSQL {}{}\n",
            report.applied,
            report.server_major_version,
            if report.adopted { "; the existing tables were adopted" } else { "" },
        );
        for note in report.notes {
            writeln!(text, "note: {note}")?;
        }
        print(&text);
        Ok(())
    }
}
