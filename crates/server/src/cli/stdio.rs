//! `retail-mcp stdio`

use async_trait::async_trait;
use clap::Args;
use retail_auth::{StoreGrant, scopes_of};
use retail_domain::ports::{Credential, IdentityResolver};
use retail_domain::{Error, Principal, VerifiedIdentity, Visibility};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tracing::error;

use super::identity::IdentityFlags;
use super::print;
use crate::access::DatabaseAccess;
use crate::app::App;
use crate::config::{Config, Purpose};
use crate::embedding::{self, Use};
use crate::lifecycle;
use crate::local::{self, LocalDatabase};

/// Serve MCP on standard input and output, as one identity.
#[derive(Debug, Args)]
pub(super) struct Stdio {
    #[command(flatten)]
    identity: IdentityFlags,
    /// Show this store what products cost and earn; head office always sees it
    #[arg(long)]
    with_costs: bool,
}

impl Stdio {
    /// Serves until standard input ends.
    pub(super) async fn run(self, config: &Config) -> anyhow::Result<()> {
        let Some(grant) = self.identity.grant(config).await.transpose() else {
            return refuse(anyhow::anyhow!(
                "stdio needs an identity: --store NAME or --all-stores"
            ))
            .await;
        };
        let grant = match grant {
            Ok(grant) => grant,
            Err(error) => return refuse(error).await,
        };
        let with_costs = self.with_costs || config.auth.store_managers_see_costs;
        let embedder = match embedding::start(config, Use::Searching).await {
            Ok(embedder) => embedder,
            Err(error) => return refuse(error).await,
        };
        let data_dir = local::data_dir(config.data_dir.as_deref());
        if config.database.host.is_some() {
            config.validate(Purpose::Stdio)?;
            let access = DatabaseAccess::from_config(&config.database)?;
            return serve(App::new(config, access, &data_dir, embedder)?, grant, with_costs).await;
        }
        let local = LocalDatabase::attach_or_start(&data_dir).await?;
        let served = match App::new(config, local.access.clone(), &data_dir, embedder) {
            Ok(app) => serve(app, grant, with_costs).await,
            Err(error) => Err(error),
        };
        local.stop_after(served).await
    }
}

/// Answers every request with an error, so that the person at the client sees it, too. Without an
/// identity nothing is served.
async fn refuse(error: anyhow::Error) -> anyhow::Result<()> {
    error!(error = format!("{error:#}"), "nothing is served; each request gets an error");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let id = serde_json::from_str::<Value>(&line).ok().and_then(|message| {
            message.get("id").filter(|id| id.is_string() || id.is_number()).cloned()
        });
        if let Some(id) = id {
            // JSON-RPC 2.0: invalid request.
            let answer = json!({
                "jsonrpc": "2.0",
                "id": id,
                "error": {"code": -32600, "message": format!("Unauthenticated: {error:#}")},
            });
            print(&format!("{answer}\n"));
        }
    }
    Err(error)
}

async fn serve(app: App, grant: StoreGrant, with_costs: bool) -> anyhow::Result<()> {
    app.check_posture().await?;
    let visibility = match grant {
        StoreGrant::AllStores => Visibility::AllStores,
        StoreGrant::Store(rls_user_id) => Visibility::Store(
            app.stores
                .store_find(rls_user_id)
                .await?
                .ok_or_else(|| anyhow::anyhow!("no store has the rls_user_id {rls_user_id}"))?,
        ),
    };
    // Whoever starts the process chose the flags and owns its input: that is the authentication.
    let principal = LocalUser::new("stdio", visibility, with_costs).principal().await?;
    let served = app.mcp.serve_stdio(principal).await;
    lifecycle::flush_audit(&app.audit, served.map_err(anyhow::Error::from)).await
}

/// Whoever started the process, by the flags that they chose.
pub(super) struct LocalUser {
    subject: &'static str,
    visibility: Visibility,
    with_costs: bool,
}

impl LocalUser {
    pub(super) fn new(subject: &'static str, visibility: Visibility, with_costs: bool) -> Self {
        Self { subject, visibility, with_costs }
    }

    pub(super) async fn principal(&self) -> Result<Principal, Error> {
        self.resolve(&Credential::bearer_token("")).await
    }
}

#[async_trait]
impl IdentityResolver for LocalUser {
    async fn verify(&self, _: &Credential) -> Result<VerifiedIdentity, Error> {
        let scopes = scopes_of(&self.visibility, self.with_costs);
        Ok(VerifiedIdentity::new(self.subject, self.visibility.clone(), scopes))
    }
}
