//! `retail-mcp migrate`

use std::fmt::Write;

use anyhow::Context;
use clap::Args;
use retail_auth::load_or_create_key;
use retail_storage::{Admin, ConnectionNeeds, MigrateOptions, PoolSettings};

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
        if let (Some(key_file), None) = (&database.identity_key_file, &database.identity_key) {
            load_or_create_key(key_file)?;
        }
        let key = access::identity_key(database)?;
        let mut admin = Admin::connect(&access::settings(database)?, &login).await?;
        let report = admin
            .migrate(&MigrateOptions {
                adopt: self.adopt,
                query_password: database.query_password.clone(),
                head_office_password: database.head_office_password.clone(),
                service_password: database.service_password.clone(),
                identity_key: Some(key),
                connections: Some(ConnectionNeeds::of(
                    database.servers,
                    &PoolSettings {
                        max_connections: database.pool_max_connections,
                        ..PoolSettings::default()
                    },
                    database.pooler_host.is_some(),
                )),
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
