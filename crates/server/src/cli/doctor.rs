//! `retail-mcp doctor`

mod checks;
mod report;
mod surroundings;

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use retail_storage::{Admin, EmbeddingModelRecord, Finding, Posture, StorageError};
use tracing::warn;

use super::print;
use crate::access::{self, DatabaseAccess};
use crate::app::App;
use crate::config::{Config, Purpose};
use crate::embedding;
use crate::local::{self, LocalDatabase};

/// Look at the database, as a server does before it serves.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Only the security posture, without asking for a row of each role
    #[arg(long)]
    security: bool,
    /// Also compare the sales rollups with all orders, as administrator; takes as long as reading them
    #[arg(long, conflicts_with = "security")]
    rollups: bool,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

/// The longest that is waited for what an administrator looks at.
const ADMIN_LOOKS_WITHIN: std::time::Duration = std::time::Duration::from_secs(20);

/// What an administrator alone can see.
struct SeenByAdmin {
    models: Vec<EmbeddingModelRecord>,
    plans: Vec<Finding>,
    rollups: Vec<Finding>,
}

impl Doctor {
    /// Prints all findings. The exit code is 1 when a server would refuse to serve.
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<ExitCode> {
        let data_dir = local::data_dir(config.data_dir.as_deref());
        if config.database.host.is_some() {
            config.validate(Purpose::Stdio)?;
            let access = DatabaseAccess::from_config(&config.database)?;
            let app = App::new(config, access, &data_dir, None)?;
            // Only an administrator may list the models; without one nothing is said of them.
            let seen = match access::admin(&config.database).filter(|_| !self.security) {
                Some(login) => {
                    let settings = access::settings(&config.database)?;
                    match Admin::connect(&settings, &login).await {
                        Ok(mut admin) => match self.within_reason(&mut admin).await {
                            Some(seen) => {
                                admin.close().await;
                                Some(seen?)
                            }
                            // Whatever holds it up is in the way of servers, too, and their roles find more.
                            None => None,
                        },
                        // What the server's own roles find says more.
                        Err(StorageError::Connect { .. }) if !self.rollups => None,
                        Err(error) => return Err(error.into()),
                    }
                }
                None if self.rollups => bail!("--rollups: database.admin_user must be set"),
                None => None,
            };
            return self.examine(&app, config, &data_dir, seen).await;
        }
        let local = LocalDatabase::attach_or_start(&data_dir).await?;
        let examined = match App::new(config, local.access.clone(), &data_dir, None) {
            Ok(app) => self.examine_local(&app, config, &data_dir, &local).await,
            Err(error) => Err(error),
        };
        local.stop_after(examined).await
    }

    async fn examine_local(
        &self,
        app: &App,
        config: &Config,
        data_dir: &Path,
        local: &LocalDatabase,
    ) -> anyhow::Result<ExitCode> {
        let mut admin = local.admin().await?;
        let seen = self.look_as_admin(&mut admin).await;
        admin.close().await;
        self.examine(app, config, data_dir, Some(seen?)).await
    }

    /// None where the database takes too long: a lock is held, or it hangs. Sums of all orders may take what they take.
    async fn within_reason(&self, admin: &mut Admin) -> Option<anyhow::Result<SeenByAdmin>> {
        let look = Box::pin(self.look_as_admin(admin));
        if self.rollups {
            return Some(look.await);
        }
        let seen = tokio::time::timeout(ADMIN_LOOKS_WITHIN, look).await.ok();
        if seen.is_none() {
            warn!(
                seconds = ADMIN_LOOKS_WITHIN.as_secs(),
                "the database did not answer an administrator in time: vectors and plans were not looked at"
            );
        }
        seen
    }

    async fn look_as_admin(&self, admin: &mut Admin) -> anyhow::Result<SeenByAdmin> {
        let models = admin.embedding_models().await?;
        let plans = admin.check_plans().await?;
        let rollups = if self.rollups { admin.check_sales_rollups().await? } else { Vec::new() };
        Ok(SeenByAdmin { models, plans, rollups })
    }

    async fn examine(
        &self,
        app: &App,
        config: &Config,
        data_dir: &Path,
        seen: Option<SeenByAdmin>,
    ) -> anyhow::Result<ExitCode> {
        // What cannot be looked at is a finding too: the others may tell why.
        let mut posture =
            app.posture().await.unwrap_or_else(|error| Posture::new(vec![not_looked_at(&error)]));
        if !self.security {
            posture.findings.extend(checks::readiness(app).await);
            posture.findings.extend(surroundings::findings(app, config, data_dir).await);
            posture.findings.extend(checks::identity_providers(app).await);
            posture.findings.extend(checks::redis(app).await);
            if let Some(SeenByAdmin { models, plans, rollups }) = seen {
                if let Some(model) = embedding::model(&config.embeddings)? {
                    posture.findings.push(checks::vectors(&models, &model));
                }
                posture.findings.extend(plans);
                posture.findings.extend(rollups);
            }
        }
        print(&if self.json { report::json(&posture)? } else { report::table(&posture)? });
        Ok(if posture.must_refuse() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// The database could not be looked at.
fn not_looked_at(error: &StorageError) -> Finding {
    let causes =
        std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let detail: Vec<String> = causes.map(ToString::to_string).collect();
    Finding::new("database", "", Some(detail.join(": ")), true)
}
