//! `retail-mcp benchmarks`

use anyhow::Context;
use chrono::{Days, NaiveDate};
use clap::{Args, Subcommand};
use retail_domain::ports::{Clock, SystemClock};
use retail_storage::{Admin, Restate};

use super::print;
use crate::access;
use crate::config::Config;
use crate::local::{self, LocalDatabase};

/// How long a month is over before it is published, unless a day is asked for: sales may be entered late.
const GRACE: Days = Days::new(3);

/// How each store stands among the others, by month.
#[derive(Debug, Args)]
pub(super) struct Benchmarks {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Publish the months that are over and not published yet; may be run every night
    Publish(Publish),
}

#[derive(Debug, Args)]
struct Publish {
    /// Day by which a month must have ended [default: three days ago, UTC]
    #[arg(long, value_name = "DATE")]
    until: Option<NaiveDate>,
    /// Compute the published months anew. Who kept the former figures sees what a late sale has changed
    #[arg(long)]
    restate: bool,
}

impl Benchmarks {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<()> {
        let Command::Publish(publish) = self.command;
        if config.database.host.is_some() {
            let login =
                access::admin(&config.database).context("database.admin_user must be set")?;
            let mut admin = Admin::connect(&access::settings(&config.database)?, &login).await?;
            let done = publish.run_on(&mut admin).await;
            admin.close().await;
            return done;
        }
        let data_dir = local::data_dir(config.data_dir.as_deref());
        let local = LocalDatabase::attach_or_start(&data_dir).await?;
        let mut admin = local.admin().await?;
        let done = publish.run_on(&mut admin).await;
        admin.close().await;
        local.stop_after(done).await
    }
}

impl Publish {
    async fn run_on(&self, admin: &mut Admin) -> anyhow::Result<()> {
        let today = SystemClock.now().date_naive();
        let until = self.until.unwrap_or_else(|| today - GRACE);
        let restate = if self.restate { Restate::Everything } else { Restate::Nothing };
        let done = admin.publish_store_benchmarks(until, restate).await?;
        let text = format!("{} months published, {} restated\n", done.published, done.restated);
        print(&text);
        Ok(())
    }
}
