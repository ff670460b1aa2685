//! `retail-mcp embed`

use std::fmt::Write;

use anyhow::{Context, bail};
use clap::Args;
use retail_storage::{Admin, EmbeddingModelRecord};
use tokio_util::sync::CancellationToken;

use super::print;
use crate::catalogue::{self, Fill};
use crate::config::Config;
use crate::embedding::{self, Use};
use crate::local::{self, LocalDatabase};
use crate::{access, lifecycle};

/// Give the products the vectors that search compares: what is missing or stale, of the configured model.
///
/// It can be stopped and run again: it goes on where it was, but with `--force` begins anew. When all products have a vector, the model is
/// made ready and active in one step; until then searches use what was there before.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(super) struct Embed {
    /// Model to embed with, in place of `embeddings.model`
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Embed every product anew; with `--drop`, drop the active model too
    #[arg(long)]
    force: bool,
    /// Make the model ready, but leave the active one as it is
    #[arg(long)]
    no_activate: bool,
    /// Fetch the local model if it is not there, check its files, and do no more
    #[arg(long, conflicts_with_all = ["force", "no_activate", "status", "drop", "model"])]
    fetch_model: bool,
    /// List the models that the database has vectors of
    #[arg(long, conflicts_with_all = ["force", "no_activate", "drop", "model"])]
    status: bool,
    /// Remove a model and its vectors, by its name or `name/dimensions`
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["no_activate", "model"])]
    drop: Option<String>,
}

impl Embed {
    pub(super) async fn run(self, mut config: Config) -> anyhow::Result<()> {
        if let Some(model) = &self.model {
            config.embeddings.model = Some(model.clone());
        }
        if self.fetch_model {
            let folder = embedding::fetch_local(&config.embeddings).await?;
            print(&format!("the model is in {}, and its files are good\n", folder.display()));
            return Ok(());
        }
        if config.database.host.is_some() {
            let login =
                access::admin(&config.database).context("database.admin_user must be set")?;
            let mut admin = Admin::connect(&access::settings(&config.database)?, &login).await?;
            let done = self.run_on(&mut admin, &config).await;
            admin.close().await;
            return done;
        }
        let data_dir = local::data_dir(config.data_dir.as_deref());
        if self.status && !local::has_database(&data_dir) {
            bail!(
                "there is no database in {}; `retail-mcp demo` makes one, database.host or --data-dir \
                 names another",
                data_dir.display()
            );
        }
        let local = LocalDatabase::attach_or_start(&data_dir).await?;
        let mut admin = local.admin().await?;
        let done = self.run_on(&mut admin, &config).await;
        admin.close().await;
        local.stop_after(done).await
    }

    async fn run_on(&self, admin: &mut Admin, config: &Config) -> anyhow::Result<()> {
        if self.status {
            let mut text = table(&admin.embedding_models().await?)?;
            match embedding::model(&config.embeddings) {
                Ok(Some(model)) => writeln!(text, "\nconfigured: {model}")?,
                Ok(None) => writeln!(text, "\nconfigured: none (embeddings.provider)")?,
                Err(error) => writeln!(text, "\nconfigured: not usable, {error:#}")?,
            }
            print(&text);
            return Ok(());
        }
        if let Some(name) = &self.drop {
            return self.drop_model(admin, name).await;
        }
        let stop = CancellationToken::new();
        lifecycle::stop_at_signal(stop.clone())?;
        let embedder = embedding::start(config, Use::Filling)
            .await?
            .context("embeddings.provider is none: set it to what is to embed")?;
        let fill = Fill { all: self.force, activate: !self.no_activate };
        let filled = catalogue::fill(admin, embedder.as_ref(), fill, &stop).await?;
        let model = embedder.model();
        if filled.products == 0 {
            print(&format!("{model}: nothing was missing or stale\n"));
        } else {
            print(&format!(
                "{model}: embedded {} products in {:.1} s, {:.0} products/s\n",
                filled.products,
                filled.elapsed.as_secs_f64(),
                filled.per_second()
            ));
        }
        Ok(())
    }

    async fn drop_model(&self, admin: &mut Admin, name: &str) -> anyhow::Result<()> {
        let models = admin.embedding_models().await?;
        let record = find(&models, name)?;
        if record.is_active && !self.force {
            bail!(
                "{} is the active model: make another one active with `retail-mcp embed` first, or add \
                 --force",
                record.model
            );
        }
        admin.drop_embedding_model(record.model_id).await?;
        print(&format!("{}: dropped with {} vectors\n", record.model, record.products));
        Ok(())
    }
}

/// The one model that is called `name`, or `name/dimensions`.
fn find<'a>(
    models: &'a [EmbeddingModelRecord],
    name: &str,
) -> anyhow::Result<&'a EmbeddingModelRecord> {
    let full_name =
        |one: &EmbeddingModelRecord| format!("{}/{}", one.model.name, one.model.dimensions);
    let found: Vec<_> =
        models.iter().filter(|one| one.model.name == name || full_name(one) == name).collect();
    match found.as_slice() {
        [one] => Ok(one),
        found => {
            let problem = if found.is_empty() { "no model is called" } else { "write which of" };
            let names: Vec<String> = models.iter().map(full_name).collect();
            bail!("{problem} {name:?}; the database has: {}", names.join(", "))
        }
    }
}

/// A line a model.
fn table(models: &[EmbeddingModelRecord]) -> anyhow::Result<String> {
    let mut text = String::new();
    if models.is_empty() {
        writeln!(text, "the database has no vectors yet; run `retail-mcp embed`")?;
        return Ok(text);
    }
    let width = models.iter().map(|one| one.model.name.len()).max().unwrap_or(0).max(5);
    writeln!(
        text,
        "{:width$}  DIMENSIONS  PRODUCTS  MISSING   STALE  STATE          TEXT RECIPE",
        "MODEL"
    )?;
    for one in models {
        let state = match (one.is_active, one.is_ready) {
            (true, _) => "ready, active",
            (false, true) => "ready",
            (false, false) => "filling",
        };
        writeln!(
            text,
            "{:width$}  {:>10}  {:>8}  {:>7}  {:>6}  {state:13}  {}",
            one.model.name,
            one.model.dimensions,
            one.products,
            one.missing,
            one.stale,
            one.text_recipe
        )?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use retail_domain::EmbeddingModel;
    use rstest::rstest;

    use super::*;

    fn record(name: &str, dimensions: u32, is_active: bool) -> EmbeddingModelRecord {
        let model = EmbeddingModel { name: name.to_owned(), dimensions };
        let mut record = EmbeddingModelRecord::new(1, model, "r/1");
        (record.is_ready, record.is_active) = (is_active, is_active);
        (record.products, record.stale, record.missing) = (424, 3, 2);
        record
    }

    #[rstest]
    #[case("small", Some(384))]
    #[case("large/256", Some(256))]
    #[case("large", None)]
    #[case("none", None)]
    fn a_model_is_found_by_its_name(#[case] name: &str, #[case] dimensions: Option<u32>) {
        let models =
            [record("small", 384, true), record("large", 256, false), record("large", 3072, false)];
        let found = find(&models, name).ok().map(|one| one.model.dimensions);
        assert_eq!(found, dimensions);
    }

    #[test]
    fn the_status_is_a_table() {
        let models = [record("all-MiniLM-L6-v2", 384, true), record("large", 3072, false)];
        assert_eq!(
            table(&models).unwrap(),
            "MODEL             DIMENSIONS  PRODUCTS  MISSING   STALE  STATE          TEXT RECIPE\n\
             all-MiniLM-L6-v2         384       424        2       3  ready, active  r/1\n\
             large                   3072       424        2       3  filling        r/1\n"
        );
    }
}
