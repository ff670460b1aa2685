//! `retail-mcp token`

use std::sync::Arc;

use anyhow::Context;
use clap::{ArgGroup, Args};
use retail_auth::{DevTokenClaims, DevTokens, StoreGrant};
use retail_domain::ports::SystemClock;
use secrecy::{ExposeSecret, SecretString};

use super::identity::IdentityFlags;
use super::print;
use crate::app;
use crate::config::Config;
use crate::local;

/// Print a development token, alone on standard output.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("identity").required(true).args(["store", "all_stores", "operator"]))]
pub(super) struct Token {
    #[command(flatten)]
    identity: IdentityFlags,
    /// Show this store what products cost and earn; head office's tokens always do
    #[arg(long, conflicts_with = "operator")]
    with_costs: bool,
    /// For who operates the server: opens /dashboard, /metrics and /monitor, and no tool
    #[arg(long)]
    operator: bool,
    /// How long it is valid, such as 30m or 12h [default: `auth.dev_token.default_ttl`]
    #[arg(long, value_name = "TIME", value_parser = humantime_serde::re::humantime::parse_duration)]
    ttl: Option<std::time::Duration>,
}

impl Token {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<()> {
        let ttl = self.ttl.unwrap_or(config.auth.dev_token.default_ttl);
        let minter = Minter::new(config)?;
        let token = if self.operator {
            minter.mint_operator(ttl)?
        } else {
            let grant = self.identity.grant(config).await?.context("an identity must be named")?;
            minter.mint(grant, self.with_costs, ttl)?
        };
        print(&format!("{}\n", token.expose_secret()));
        Ok(())
    }
}

/// Mints tokens that the server of the same data folder accepts.
pub(super) struct Minter(DevTokens);

impl Minter {
    pub(super) fn new(config: &Config) -> anyhow::Result<Self> {
        let data_dir = local::data_dir(config.data_dir.as_deref());
        let key = app::dev_token_key(&config.auth, &data_dir)?;
        Ok(Self(DevTokens::new(&key, Arc::new(SystemClock))))
    }

    pub(super) fn mint(
        &self,
        grant: StoreGrant,
        with_costs: bool,
        ttl: std::time::Duration,
    ) -> anyhow::Result<SecretString> {
        let subject = match &grant {
            StoreGrant::Store(rls_user_id) => format!("manager:{rls_user_id}"),
            StoreGrant::AllStores => "head-office".to_owned(),
        };
        let claims = DevTokenClaims { subject, grant, with_costs, operator: false, ttl };
        Ok(self.0.mint(&claims)?)
    }

    /// A token for who operates the server, and for no tool.
    pub(super) fn mint_operator(&self, ttl: std::time::Duration) -> anyhow::Result<SecretString> {
        Ok(self.0.mint(&DevTokenClaims {
            subject: "operator".to_owned(),
            grant: StoreGrant::AllStores,
            with_costs: false,
            operator: true,
            ttl,
        })?)
    }
}
