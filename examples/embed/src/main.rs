//! A team's own server: the retail tools beside a route of the team, for callers with API keys.
use std::{collections::HashMap, env, sync::Arc};

use anyhow::Context;
use axum::extract::{Request, State};
use axum::{Extension, Router, http::StatusCode, middleware, routing::get};
use retail_domain::ports::{Credential, IdentityResolver, Proof, StoreDirectory};
use retail_domain::{Error, ErrorCode, Principal, RlsUserId, Scope, VerifiedIdentity, Visibility};
use retail_mcp_protocol::{HttpOptions, RetailMcp};
use retail_storage as storage;

/// The team's callers: each API key belongs to one store.
struct ApiKeys(HashMap<String, RlsUserId>, storage::PgStoreDirectory);

#[async_trait::async_trait]
impl IdentityResolver for ApiKeys {
    async fn verify(&self, credential: &Credential) -> Result<VerifiedIdentity, Error> {
        let unknown = || Error::new(ErrorCode::Unauthenticated, "a known API key is required");
        let Proof::BearerToken(key) = &credential.proof else { return Err(unknown()) };
        let rls_user_id = self.0.get(key).filter(|_| !key.is_empty()).ok_or_else(unknown)?;
        let store = self.1.store_find(*rls_user_id).await?.ok_or_else(unknown)?;
        let scopes = [Scope::Read, Scope::Sql];
        Ok(VerifiedIdentity::new(store.name.clone(), Visibility::Store(store), scopes))
    }
}

type Refusal = (StatusCode, [(&'static str, &'static str); 1]);

/// Puts the principal into the request, where the tools look for it, or refuses the request.
async fn identify(keys: State<Arc<ApiKeys>>, mut request: Request) -> Result<Request, Refusal> {
    let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    let key = header.and_then(|header| header.strip_prefix("Bearer ")).unwrap_or_default();
    let credential = Credential::bearer_token(key);
    let principal = keys.resolve(&credential).await.map_err(|error| match error.code() {
        ErrorCode::Unauthenticated => (StatusCode::UNAUTHORIZED, [("www-authenticate", "Bearer")]),
        _ => (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "5")]),
    })?;
    request.extensions_mut().insert(principal);
    Ok(request)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init();
    let var = |name: &str| env::var(name).with_context(|| format!("{name} must be set"));
    let port = var("DATABASE_PORT")?.parse().context("DATABASE_PORT must be a port number")?;
    let settings =
        storage::DatabaseSettings::new(var("DATABASE_HOST")?, port, var("DATABASE_NAME")?);
    let logins = storage::QueryLogins {
        stores: storage::Login::new("retail_query", var("DATABASE_PASSWORD")?),
        // No key is head office's, but its role is looked at before anything is served.
        head_office: storage::Login::new("retail_query_hq", var("HEAD_OFFICE_PASSWORD")?),
    };
    let pool = storage::PoolSettings::default();
    let key = storage::IdentityKey::from_hex(&var("IDENTITY_KEY")?).context("IDENTITY_KEY")?;
    let database = Arc::new(storage::QueryDatabase::new(&settings, &logins, key, pool)?);
    // Looks up whose identity a key is; no statement of a caller runs as it.
    let service = storage::Login::new("retail_service", var("SERVICE_PASSWORD")?);
    let service = Arc::new(storage::ServiceDatabase::new(&settings, &service)?);
    let api_keys = serde_json::from_str(&var("API_KEYS")?).context("API_KEYS must be JSON")?;
    let api_keys = ApiKeys(api_keys, storage::PgStoreDirectory::new(service));
    let mcp = RetailMcp::builder()
        .query_runner(Arc::new(storage::PgQueryRunner::new(database.clone())))
        .schema_catalog(Arc::new(storage::PgSchemaCatalog::new(database)))
        .build()?;
    let router = Router::new()
        .route_service("/mcp", mcp.streamable_http_service(HttpOptions::default()))
        .route("/whoami", get(async |caller: Extension<Principal>| caller.subject().to_owned()))
        .layer(middleware::map_request_with_state(Arc::new(api_keys), identify));
    let listener = tokio::net::TcpListener::bind(var("LISTEN")?).await?;
    tracing::info!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}
