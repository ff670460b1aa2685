//! `retail-mcp stdio`

use async_trait::async_trait;
use retail_auth::StoreGrant;
use retail_domain::ports::{Credential, IdentityResolver};
use retail_domain::{Error, Scope, VerifiedIdentity, Visibility};

use super::identity::IdentityFlags;
use crate::access::DatabaseAccess;
use crate::app::App;
use crate::config::{Config, Purpose};
use crate::local::{self, LocalDatabase};

/// Serves until standard input ends.
pub(super) async fn run(config: &Config, identity: &IdentityFlags) -> anyhow::Result<()> {
    let grant = identity.grant(config).await?;
    let data_dir = local::data_dir(config.data_dir.as_deref());
    if config.database.host.is_some() {
        config.validate(Purpose::Stdio)?;
        let access = DatabaseAccess::from_config(&config.database)?;
        return serve(App::new(config, access, &data_dir)?, grant).await;
    }
    let local = LocalDatabase::attach_or_start(&data_dir).await?;
    let app = App::new(config, local.access.clone(), &data_dir)?;
    let served = serve(app, grant).await;
    local.stop().await?;
    served
}

async fn serve(app: App, grant: StoreGrant) -> anyhow::Result<()> {
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
    let local = LocalUser(visibility);
    let principal = local.resolve(&Credential::BearerToken(String::new())).await?;
    Ok(app.mcp.serve_stdio(principal).await?)
}

/// The user at the other end of standard input.
struct LocalUser(Visibility);

#[async_trait]
impl IdentityResolver for LocalUser {
    async fn verify(&self, _: &Credential) -> Result<VerifiedIdentity, Error> {
        Ok(VerifiedIdentity {
            subject: "stdio".to_owned(),
            visibility: self.0.clone(),
            scopes: Scope::ALL.into_iter().collect(),
            on_behalf_of: None,
        })
    }
}
