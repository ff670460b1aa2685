//! `retail-mcp doctor`

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use retail_domain::EmbeddingModel;
use retail_storage::{Admin, EmbeddingModelRecord, Finding, FindingState, Posture};

use super::print;
use crate::access::{self, DatabaseAccess};
use crate::app::App;
use crate::config::{CacheMode, Config, Purpose};
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

/// What an administrator alone can see.
struct SeenByAdmin {
    models: Vec<EmbeddingModelRecord>,
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
                    let mut admin = Admin::connect(&settings, &login).await?;
                    let seen = self.look_as_admin(&mut admin).await;
                    admin.close().await;
                    Some(seen?)
                }
                None if self.rollups => bail!("--rollups: database.admin_user must be set"),
                None => None,
            };
            return self.examine(&app, config, seen).await;
        }
        let local = LocalDatabase::attach_or_start(&data_dir).await?;
        let examined = match App::new(config, local.access.clone(), &data_dir, None) {
            Ok(app) => self.examine_local(&app, config, &local).await,
            Err(error) => Err(error),
        };
        local.stop_after(examined).await
    }

    async fn examine_local(
        &self,
        app: &App,
        config: &Config,
        local: &LocalDatabase,
    ) -> anyhow::Result<ExitCode> {
        let mut admin = local.admin().await?;
        let seen = self.look_as_admin(&mut admin).await;
        admin.close().await;
        self.examine(app, config, Some(seen?)).await
    }

    async fn look_as_admin(&self, admin: &mut Admin) -> anyhow::Result<SeenByAdmin> {
        let models = admin.embedding_models().await?;
        let rollups = if self.rollups { admin.check_sales_rollups().await? } else { Vec::new() };
        Ok(SeenByAdmin { models, rollups })
    }

    async fn examine(
        &self,
        app: &App,
        config: &Config,
        seen: Option<SeenByAdmin>,
    ) -> anyhow::Result<ExitCode> {
        let mut posture = app.posture().await.context("the database cannot be looked at")?;
        if !self.security {
            posture.findings.extend(readiness(app).await);
            posture.findings.extend(identity_providers(app).await);
            posture.findings.extend(redis(app).await);
            if let Some(SeenByAdmin { models, rollups }) = seen {
                if let Some(model) = embedding::model(&config.embeddings)? {
                    posture.findings.push(vectors(&models, &model));
                }
                posture.findings.extend(rollups);
            }
        }
        print(&if self.json {
            format!("{}\n", serde_json::to_string_pretty(&posture)?)
        } else {
            table(&posture)?
        });
        Ok(if posture.must_refuse() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// Whether products can be searched for by the meaning that the configured model gives. A server serves
/// without, by words alone.
fn vectors(models: &[EmbeddingModelRecord], configured: &EmbeddingModel) -> Finding {
    let record = models.iter().find(|record| record.model == *configured);
    let detail = match record {
        Some(record) if record.is_ready && record.missing + record.stale == 0 => String::new(),
        Some(record) if record.is_ready => format!(
            "{} products are new and {} changed since: run `retail-mcp embed`",
            record.missing, record.stale
        ),
        _ => "there are no complete vectors of it: run `retail-mcp embed`".to_owned(),
    };
    let state = if detail.is_empty() { FindingState::Good } else { FindingState::Unfit };
    let subject = configured.to_string();
    let check = "embeddings".to_owned();
    Finding { check, subject, state, detail, fix_sql: None, mandatory: false }
}

/// What `/ready` answers, a line each.
async fn readiness(app: &App) -> Vec<Finding> {
    let report = app.health.check().await;
    report
        .parts
        .into_iter()
        .map(|part| Finding {
            check: "readiness".to_owned(),
            subject: part.part,
            state: if part.ok { FindingState::Good } else { FindingState::Unfit },
            detail: part.problem.unwrap_or_default(),
            fix_sql: None,
            mandatory: true,
        })
        .collect()
}

/// Whether servers can share answers, where they are to. One serves without.
async fn redis(app: &App) -> Option<Finding> {
    if app.kept_answers.mode() != CacheMode::Redis {
        return None;
    }
    let problem = app.kept_answers.redis_problem().await;
    Some(Finding {
        check: "cache".to_owned(),
        subject: "Redis".to_owned(),
        state: if problem.is_none() { FindingState::Good } else { FindingState::Unfit },
        detail: problem.unwrap_or_default().to_owned(),
        fix_sql: None,
        mandatory: false,
    })
}

/// Whether tokens can be checked. A server serves without, and refuses those who sign in.
async fn identity_providers(app: &App) -> Vec<Finding> {
    let providers = match &app.oidc {
        Some(oidc) => oidc.providers().await,
        None => Vec::new(),
    };
    providers
        .into_iter()
        .map(|(subject, keys)| Finding {
            check: "identity provider".to_owned(),
            subject,
            state: if keys.is_ok() { FindingState::Good } else { FindingState::Unfit },
            detail: keys.map_or_else(|problem| problem, |count| format!("{count} keys")),
            fix_sql: None,
            mandatory: false,
        })
        .collect()
}

/// A line a finding, what mends it below, and the verdict.
fn table(posture: &Posture) -> anyhow::Result<String> {
    let check_width = posture.findings.iter().map(|f| f.check.len()).max().unwrap_or(0);
    let state_width = posture.findings.iter().map(|f| f.verdict().len()).max().unwrap_or(0);
    let mut text = String::new();
    for finding in &posture.findings {
        let parts = [finding.subject.as_str(), finding.detail.as_str()];
        let about = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let line = format!(
            "{:check_width$}  {:state_width$}  {}",
            finding.check,
            finding.verdict(),
            about.join(": ")
        );
        writeln!(text, "{}", line.trim_end())?;
        if let Some(sql) = &finding.fix_sql {
            writeln!(text, "{:check_width$}  {:state_width$}  mend: {sql}", "", "")?;
        }
    }
    let (faults, remarks) = (posture.faults().count(), posture.remarks().count());
    if faults == 0 {
        writeln!(text, "\nfit to be served from; {remarks} missing layers or advices")?;
    } else {
        writeln!(text, "\nnot fit to be served from: {faults} faults; a server refuses to start")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_that_are_missing_or_stale_are_advice() {
        let model = EmbeddingModel { name: "m".to_owned(), dimensions: 3 };
        let record = |is_ready, missing, stale| EmbeddingModelRecord {
            model_id: 1,
            model: model.clone(),
            text_recipe: "r/1".to_owned(),
            is_ready,
            is_active: false,
            products: 424,
            stale,
            missing,
        };
        assert_eq!(vectors(&[record(true, 0, 0)], &model).state, FindingState::Good);
        for models in
            [vec![], vec![record(false, 0, 0)], vec![record(true, 0, 2)], vec![record(true, 2, 0)]]
        {
            let finding = vectors(&models, &model);
            assert_eq!(finding.verdict(), "advice");
            assert!(finding.detail.contains("retail-mcp embed"), "{finding}");
        }
    }

    #[test]
    fn the_table_names_the_fault_and_what_mends_it() {
        let good = Finding {
            check: "views".to_owned(),
            subject: String::new(),
            state: FindingState::Good,
            detail: String::new(),
            fix_sql: None,
            mandatory: true,
        };
        let unfit = Finding {
            check: "grants".to_owned(),
            subject: "retail.orders for retail_query".to_owned(),
            state: FindingState::Unfit,
            detail: "it has INSERT".to_owned(),
            fix_sql: Some("REVOKE ALL".to_owned()),
            mandatory: true,
        };
        let text = table(&Posture { findings: vec![good, unfit] }).unwrap();
        assert_eq!(
            text,
            "views   good\n\
             grants  unfit  retail.orders for retail_query: it has INSERT\n\
             \x20              mend: REVOKE ALL\n\
             \nnot fit to be served from: 1 faults; a server refuses to start\n"
        );
    }
}
