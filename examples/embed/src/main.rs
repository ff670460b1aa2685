//! A team's own server: the retail tools beside a route of the team, for callers with API keys.
use std::{collections::HashMap, env, sync::Arc, time::Duration};

use anyhow::Context;
use axum::extract::{Request, State};
use axum::{Extension, Router, http::StatusCode, middleware, response, routing::get};
use retail_domain::ports::{Credential, IdentityResolver, StoreDirectory};
use retail_domain::{Error, ErrorCode, Principal, RlsUserId, Scope, VerifiedIdentity, Visibility};
use retail_mcp_protocol::{HttpOptions, RetailMcp};
use retail_storage as storage;

/// The team's callers: each API key belongs to one store.
struct ApiKeys(HashMap<String, RlsUserId>, storage::PgStoreDirectory);

#[async_trait::async_trait]
impl IdentityResolver for ApiKeys {
    async fn verify(&self, credential: &Credential) -> Result<VerifiedIdentity, Error> {
        let unknown = || Error::new(ErrorCode::Unauthenticated, "a known API key is required");
        let rls_user_id = match credential {
            Credential::BearerToken(key) if !key.is_empty() => self.0.get(key),
            _ => None,
        };
        let store = self
            .1
            .store_find(*rls_user_id.ok_or_else(unknown)?)
            .await?
            .ok_or_else(unknown)?;
        Ok(VerifiedIdentity {
            subject: store.name.clone(),
            visibility: Visibility::Store(store),
            scopes: Scope::ALL.into(),
            on_behalf_of: None,
        })
    }
}

/// Puts the principal into the request, where the tools look for it, or refuses the request.
async fn identify(keys: State<Arc<ApiKeys>>, mut request: Request) -> response::Result<Request> {
    let header = request.headers().get("authorization");
    let key = header.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let credential = Credential::BearerToken(key.unwrap_or_default().to_owned());
    let refusal = (StatusCode::UNAUTHORIZED, [("www-authenticate", "Bearer")]);
    match keys.resolve(&credential).await {
        Ok(principal) => request.extensions_mut().insert(principal),
        Err(error) if error.code() == ErrorCode::Unauthenticated => Err(refusal)?,
        Err(error) => Err((StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?,
    };
    Ok(request)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init();
    let var = |name: &str| env::var(name).with_context(|| format!("set {name}"));
    let settings = storage::DatabaseSettings {
        host: var("DATABASE_HOST")?,
        port: var("DATABASE_PORT")?.parse().context("DATABASE_PORT")?,
        database: var("DATABASE_NAME")?,
        tls: storage::TlsMode::ExceptLocal,
        tls_root_cert: None, // The system's authorities.
        application_name: "embed".to_owned(),
    };
    let login = |user: String, password| storage::Login { user, password };
    let logins = storage::QueryLogins {
        stores: login(
            "retail_query".into(),
            Some(var("DATABASE_PASSWORD")?.into()),
        ),
        head_office: login("retail_query_hq".into(), None), // No key is head office's.
    };
    let pool = storage::PoolSettings {
        max_connections: 8,
        acquire_timeout: Duration::from_secs(5),
    };
    let identity_key = storage::IdentityKey::from_hex(&var("IDENTITY_KEY")?)?;
    let database = storage::QueryDatabase::new(&settings, &logins, identity_key, pool)?;
    let database = Arc::new(database);
    let stores = serde_json::from_str(&var("API_KEYS")?).context("API_KEYS")?;
    let keys = ApiKeys(stores, storage::PgStoreDirectory::new(database.clone()));
    let mcp = RetailMcp::builder()
        .query_runner(Arc::new(storage::PgQueryRunner::new(database.clone())))
        .schema_catalog(Arc::new(storage::PgSchemaCatalog::new(database)))
        .build()?;
    let router = Router::new()
        .route_service("/mcp", mcp.streamable_http_service(HttpOptions::default()))
        .route(
            "/whoami",
            get(async |caller: Extension<Principal>| caller.subject().to_owned()),
        )
        .layer(middleware::map_request_with_state(Arc::new(keys), identify));
    let listener = tokio::net::TcpListener::bind(var("LISTEN")?).await?;
    tracing::info!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}
