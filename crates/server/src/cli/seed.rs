//! `retail-mcp seed`

use std::process::ExitCode;

use anyhow::Context;
use chrono::NaiveDate;
use clap::Args;
use retail_domain::ports::{Clock, SystemClock};
use retail_sample_data::{Scale, Spec};
use retail_storage::{Admin, LoadRecord};

use super::print;
use crate::config::Config;
use crate::local::{self, LocalDatabase};
use crate::{access, sample};

/// Seed of the random numbers, unless another is asked for.
const DEFAULT_SEED: u64 = 42;

/// Load the sample data into the configured database, or else into the embedded one.
#[derive(Debug, Args)]
pub(super) struct Seed {
    #[command(flatten)]
    data: DataFlags,
    /// Replace the rows that are there
    #[arg(long)]
    replace: bool,
    /// Leave sample data that are there as they are, and succeed: for set-ups that run again
    #[arg(long, conflicts_with = "replace")]
    if_empty: bool,
    /// Load nothing: measure the loaded data against its targets
    #[arg(long, conflicts_with_all = ["replace", "if_empty", "scale", "seed", "until"])]
    verify: bool,
}

/// Which data set.
#[derive(Debug, Args)]
pub(super) struct DataFlags {
    /// Size: tiny, full, or a factor such as 10x [default: full]
    #[arg(long)]
    scale: Option<Scale>,
    /// Seed of the random numbers [default: 42]
    #[arg(long)]
    seed: Option<u64>,
    /// Day of the last order, such as 2026-11-22 [default: today, UTC]
    #[arg(long, value_name = "DATE")]
    until: Option<NaiveDate>,
}

impl DataFlags {
    pub(super) fn spec(&self) -> Spec {
        Spec {
            seed: self.seed.unwrap_or(DEFAULT_SEED),
            scale: self.scale.unwrap_or(Scale::FULL),
            until: self.until.unwrap_or_else(|| SystemClock.now().date_naive()),
        }
    }

    /// Whether a loaded data set is what the flags ask for. What they do not name may be anything.
    pub(super) fn accept(&self, loaded: &LoadRecord) -> bool {
        self.scale.is_none_or(|scale| scale.to_string() == loaded.scale)
            && self.seed.is_none_or(|seed| seed == loaded.seed)
            && self.until.is_none_or(|until| until == loaded.until)
    }
}

impl Seed {
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<ExitCode> {
        if config.database.host.is_some() {
            let login =
                access::admin(&config.database).context("database.admin_user must be set")?;
            let mut admin = Admin::connect(&access::settings(&config.database)?, &login).await?;
            return self.run_on(&mut admin).await;
        }
        let data_dir = local::data_dir(config.data_dir.as_deref());
        let local = LocalDatabase::attach_or_start(&data_dir).await?;
        let mut admin = local.admin().await?;
        let result = self.run_on(&mut admin).await;
        admin.close().await;
        local.stop_after(result).await
    }

    async fn run_on(&self, admin: &mut Admin) -> anyhow::Result<ExitCode> {
        if !self.verify {
            if self.if_empty && admin.load_record().await?.is_some() {
                print("sample data are there already\n");
                return Ok(ExitCode::SUCCESS);
            }
            sample::load(admin, self.data.spec(), self.replace).await?;
            return Ok(ExitCode::SUCCESS);
        }
        let loaded = admin
            .load_record()
            .await?
            .context("the database holds no sample data; run `retail-mcp seed`")?;
        let spec = Spec { seed: loaded.seed, scale: loaded.scale.parse()?, until: loaded.until };
        let (report, ok) = sample::verify(admin, spec).await?;
        print(&report);
        Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
