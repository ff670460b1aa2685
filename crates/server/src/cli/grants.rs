//! `retail-mcp identity`

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::{Context, bail};
use clap::{ArgGroup, Args, Subcommand};
use retail_domain::Scope;
use retail_domain::ports::ClaimValue;
use retail_storage::{Admin, IdentityGrantRecord, NewIdentityGrant};

use super::{identity, print};
use crate::access;
use crate::config::Config;
use crate::local::{self, LocalDatabase};

/// What claims of verified tokens may see and do.
#[derive(Debug, Args)]
pub(super) struct Identity {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the grants
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Let callers whose token has a claim see a store, or all stores
    Add(Add),
    /// Remove a grant
    Remove {
        /// Its number in the list
        #[arg(value_name = "ID")]
        identity_id: i64,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whose").required(true).args(["store", "all_stores"]))]
struct Add {
    /// The token's `iss`
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// Name of the claim, such as oid, sub, groups or roles
    #[arg(long, value_name = "NAME")]
    claim: String,
    /// Its value, letter by letter
    #[arg(long, value_name = "VALUE")]
    value: String,
    /// One store: its name, or a word of it such as seattle
    #[arg(long, value_name = "NAME")]
    store: Option<String>,
    /// The rows of all stores
    #[arg(long)]
    all_stores: bool,
    /// The most that it allows, with commas between
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', value_parser = scope,
          default_value = "retail.read,retail.search,retail.sql")]
    scopes: Vec<Scope>,
    /// Why, for those who look at the list later
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

impl Identity {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<()> {
        with_admin(config, async |admin| match self.command {
            Command::List { json } => {
                let grants = admin.identity_grants().await?;
                let text = if json {
                    format!("{}\n", serde_json::to_string_pretty(&grants)?)
                } else {
                    table(&grants)?
                };
                print(&text);
                Ok(())
            }
            Command::Add(add) => add.run(admin).await,
            Command::Remove { identity_id } => {
                if !admin.remove_identity_grant(identity_id).await? {
                    bail!("there is no grant {identity_id}; see `retail-mcp identity list`");
                }
                print(&format!("removed grant {identity_id}\n"));
                Ok(())
            }
        })
        .await
    }
}

impl Add {
    async fn run(self, admin: &mut Admin) -> anyhow::Result<()> {
        let store = match &self.store {
            Some(name) => Some(identity::find_store(&admin.stores().await?, name)?),
            None => None,
        };
        let whose = store.as_ref().map_or("all stores", |store| store.name.as_str()).to_owned();
        for (flag, text) in
            [("--issuer", &self.issuer), ("--claim", &self.claim), ("--value", &self.value)]
        {
            if text.is_empty() {
                bail!("{flag} must not be empty");
            }
        }
        let grant = NewIdentityGrant {
            issuer: self.issuer,
            claim: ClaimValue { claim: self.claim, value: self.value },
            store: store.map(|store| store.id),
            scopes: self.scopes.into_iter().collect::<BTreeSet<_>>(),
            note: self.note,
        };
        let identity_id = admin.add_identity_grant(&grant).await?;
        print(&format!("added grant {identity_id}: {whose}\n"));
        Ok(())
    }
}

fn scope(name: &str) -> Result<Scope, String> {
    Scope::from_name(name).ok_or_else(|| {
        let names: Vec<_> = Scope::ALL.into_iter().map(Scope::as_str).collect();
        format!("the scopes are {}", names.join(", "))
    })
}

fn table(grants: &[IdentityGrantRecord]) -> anyhow::Result<String> {
    let mut text = String::new();
    for grant in grants {
        let whose = match (&grant.store_name, grant.store_id) {
            _ if grant.all_stores => "all stores".to_owned(),
            (Some(name), _) => name.clone(),
            (None, id) => format!("no store: there is none of key {}", id.unwrap_or_default()),
        };
        writeln!(
            text,
            "{}  {}  {}={}  {whose}  {}{}",
            grant.identity_id,
            grant.issuer,
            grant.claim,
            grant.value,
            grant.scopes.join(","),
            grant.note.as_ref().map_or_else(String::new, |note| format!("  # {note}")),
        )?;
    }
    if text.is_empty() {
        text.push_str("no grants; `retail-mcp identity add` makes one\n");
    }
    Ok(text)
}

/// Does something as the administrator of the configured database, or else of the embedded one.
pub(super) async fn with_admin<T>(
    config: &Config,
    work: impl AsyncFnOnce(&mut Admin) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    if config.database.host.is_some() {
        let login = access::admin(&config.database).context("database.admin_user must be set")?;
        let mut admin = Admin::connect(&access::settings(&config.database)?, &login).await?;
        let done = work(&mut admin).await;
        admin.close().await;
        return done;
    }
    let local =
        LocalDatabase::attach_or_start(&local::data_dir(config.data_dir.as_deref())).await?;
    let done = match local.admin().await {
        Ok(mut admin) => {
            let done = work(&mut admin).await;
            admin.close().await;
            done
        }
        Err(error) => Err(error),
    };
    local.stop_after(done).await
}
