//! `retail-mcp demo`: everything on this machine.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use anyhow::bail;
use clap::Args;
use retail_auth::StoreGrant;
use retail_storage::{Admin, ChainStore};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::print;
use super::seed::DataFlags;
use super::token::Minter;
use crate::app::App;
use crate::config::{AuthMode, Config, Provider};
use crate::embedding::{self, Use};
use crate::local::{self, LocalDatabase};
use crate::{catalogue, http, lifecycle, sample, watch};

/// What product search is for.
const SEARCH_QUESTIONS: [&str; 4] = [
    "What do we have to hang a heavy mirror on drywall, and is it in stock?",
    "Find containers for paint under $20, not plastic.",
    "Which waterproof electrical boxes do we sell for outdoor use?",
    "What sells better this season than last year, and what do people buy with it?",
];

const STOPPED_EARLY: &str = "stopped before the demo was ready; the next start goes on from here";

/// Run everything on this machine: an embedded database, the sample data, the server.
#[derive(Debug, Args)]
pub(super) struct Demo {
    #[command(flatten)]
    data: DataFlags,
}

impl Demo {
    pub(super) async fn run(self, mut config: Config) -> anyhow::Result<()> {
        let started = Instant::now();
        let stop = CancellationToken::new();
        lifecycle::stop_at_signal(stop.clone())?;
        config.auth.mode = Some(config.auth.mode.unwrap_or(AuthMode::DevToken));
        if config.auth.mode == Some(AuthMode::TrustedHeader) {
            bail!(
                "the demo uses development tokens, or an identity provider (auth.mode = \"oidc\"); leave \
                 auth.mode out, or run `retail-mcp serve`"
            );
        }
        if config.database.host.is_some() {
            bail!(
                "the demo brings its own database; leave database.host out, or, for the one that it \
                 names, run `retail-mcp migrate`, `seed` and `serve`"
            );
        }
        if config.embeddings.provider.is_none() {
            config.embeddings.provider = Some(Provider::Local);
            // They belong to a service whose variables happen to be set.
            config.embeddings.model = None;
            config.embeddings.dimensions = None;
        }
        // Before the long work, so that a port which is taken is known at once.
        let listener = lifecycle::listen(config.server.listen).await?;
        let data_dir = local::data_dir(config.data_dir.as_deref());
        info!(data_dir = %data_dir.display(), "starting the embedded database");
        let local = tokio::select! {
            local = LocalDatabase::start(&data_dir) => local?,
            () = stop.cancelled() => bail!(STOPPED_EARLY),
        };
        let served = self.serve(&config, &local, listener, stop, started).await;
        local.stop_after(served).await
    }

    async fn serve(
        &self,
        config: &Config,
        local: &LocalDatabase,
        listener: TcpListener,
        stop: CancellationToken,
        started: Instant,
    ) -> anyhow::Result<()> {
        let prepared = async {
            // The model loads, or is fetched, while the data are loaded.
            let (embedder, stores) = tokio::try_join!(
                embedding::start(config, Use::Demonstrating),
                self.prepare(local)
            )?;
            if let Some(embedder) = &embedder {
                let mut admin = local.admin().await?;
                // A model that somebody made the active one stays it.
                let activate = !admin.embedding_models().await?.iter().any(|one| one.is_active);
                let fill = catalogue::Fill { all: false, activate };
                catalogue::fill(&mut admin, embedder.as_ref(), fill, &stop).await?;
                admin.close().await;
            }
            anyhow::Ok((embedder, stores))
        };
        let (embedder, stores) = tokio::select! {
            prepared = prepared => prepared?,
            () = stop.cancelled() => bail!(STOPPED_EARLY),
        };
        watch::guard_runtime(config.telemetry.watchdog.abort_after);
        let abort = CancellationToken::new();
        let data_dir = local::data_dir(config.data_dir.as_deref());
        let app = App::new(config, local.access.clone(), &data_dir, embedder)?;
        app.check_posture().await?;
        let (audit, telemetry) = (Arc::clone(&app.audit), Arc::clone(&app.telemetry));
        let edge = http::edge(app, config, stop.clone(), abort.clone());
        print(&welcome(config, listener.local_addr()?, &stores, started)?);
        let served = lifecycle::serve(listener, edge, &config.server, stop, abort).await;
        lifecycle::flush_metrics(telemetry).await;
        lifecycle::flush_audit(&audit, served).await
    }

    async fn prepare(&self, local: &LocalDatabase) -> anyhow::Result<Vec<ChainStore>> {
        let mut admin: Admin = local.admin().await?;
        match admin.load_record().await? {
            None => sample::load(&mut admin, self.data.spec(), false).await?,
            Some(loaded) if self.data.accept(&loaded) => {}
            Some(loaded) => bail!(
                "the data folder holds a data set of scale {}, seed {}, until {}; choose another folder \
                 with --data-dir, or run `retail-mcp seed --replace` with the flags that you want",
                loaded.scale,
                loaded.seed,
                loaded.until
            ),
        }
        let stores = admin.stores().await?;
        admin.close().await;
        Ok(stores)
    }
}

/// What the person at the terminal needs next.
fn welcome(
    config: &Config,
    address: SocketAddr,
    stores: &[ChainStore],
    started: Instant,
) -> anyhow::Result<String> {
    let endpoint = format!("http://{address}/mcp");
    let uses_tokens = config.auth.mode == Some(AuthMode::DevToken);
    let servers = if uses_tokens {
        with_tokens(config, &endpoint, stores)?
    } else {
        // The client finds out by itself where its user signs in.
        Map::from_iter([("zava".to_owned(), json!({"type": "http", "url": endpoint}))])
    };
    let mcp_json = serde_json::to_string_pretty(&json!({"servers": servers}))?;
    let mut text = String::new();
    writeln!(text, "\nmcp.json for your client (.vscode/mcp.json in VS Code):\n{mcp_json}\n")?;
    if uses_tokens {
        let ttl =
            humantime_serde::re::humantime::format_duration(config.auth.dev_token.default_ttl);
        writeln!(text, "The tokens are valid for {ttl}.\n")?;
        let operator = Minter::new(config)?.mint_operator(config.auth.dev_token.default_ttl)?;
        writeln!(
            text,
            "How the server does: http://{address}/dashboard, with this token:\n{}\n",
            operator.expose_secret()
        )?;
    }
    writeln!(text, "Questions to try:")?;
    writeln!(text, "  - What were our net sales by category last quarter?")?;
    writeln!(
        text,
        "  - Which 20 products bring the most revenue, and how much stock is left of each?"
    )?;
    writeln!(text, "  - How did this year's orders by month compare with last year's?")?;
    for question in SEARCH_QUESTIONS {
        writeln!(text, "  - {question}")?;
    }
    writeln!(
        text,
        "\nReady at {endpoint} after {:.1} s. Ctrl-C stops it.",
        started.elapsed().as_secs_f64()
    )?;
    Ok(text)
}

/// A server with a token for head office, and for each store.
fn with_tokens(
    config: &Config,
    endpoint: &str,
    stores: &[ChainStore],
) -> anyhow::Result<Map<String, Value>> {
    let minter = Minter::new(config)?;
    let ttl = config.auth.dev_token.default_ttl;
    let mut servers = Map::new();
    let mut add = |name: &str, grant: StoreGrant| -> anyhow::Result<()> {
        let token = minter.mint(grant, false, ttl)?;
        servers.insert(
            format!("zava-{name}"),
            json!({
                "type": "http",
                "url": endpoint,
                "headers": {"Authorization": format!("Bearer {}", token.expose_secret())},
            }),
        );
        Ok(())
    };
    add("head-office", StoreGrant::AllStores)?;
    for one in stores {
        let short = one.store.name.rsplit(' ').next().unwrap_or(&one.store.name).to_lowercase();
        add(&short, StoreGrant::Store(one.store.rls_user_id))?;
    }
    Ok(servers)
}
