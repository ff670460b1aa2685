//! A team's own server: the retail tools beside a route of the team, for callers with API keys.
use std::{collections::HashMap, env, io, io::Write, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::http::{StatusCode, header};
use axum::{Extension, Router, extract, middleware, response, routing::get};
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
            Credential::BearerToken(key) => self.0.get(key).ok_or_else(unknown)?,
            _ => return Err(unknown()),
        };
        let store = self.1.store_find(*rls_user_id).await?;
        Ok(VerifiedIdentity {
            subject: "api-key".to_owned(),
            visibility: Visibility::Store(store.ok_or_else(unknown)?),
            scopes: Scope::ALL.into(),
            on_behalf_of: None,
        })
    }
}

/// Puts the principal into the request, where the tools look for it, or refuses the request.
async fn identify(
    extract::State(keys): extract::State<Arc<ApiKeys>>,
    mut request: extract::Request,
    next: middleware::Next,
) -> response::Result<response::Response> {
    let value = request.headers().get(header::AUTHORIZATION);
    let key = value.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let credential = Credential::BearerToken(key.unwrap_or_default().to_owned());
    let principal = keys.resolve(&credential).await.map_err(|error| {
        tracing::warn!(?error, "a caller was refused");
        let status = match error.code() {
            ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        (status, challenge, error.to_string())
    })?;
    request.extensions_mut().insert(principal);
    Ok(next.run(request).await)
}

fn variable(name: &str) -> Result<String> {
    env::var(name)
        .ok()
        .with_context(|| format!("{name} must be set"))
}

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let settings = storage::DatabaseSettings {
        host: variable("DATABASE_HOST")?,
        port: variable("DATABASE_PORT")?
            .parse()
            .context("DATABASE_PORT must be a number")?,
        database: variable("DATABASE_NAME")?,
        tls: storage::TlsMode::ExceptLocal,
        tls_root_cert: None,
        application_name: "embed".to_owned(),
    };
    let login = |user: &str, password| storage::Login {
        user: user.to_owned(),
        password,
    };
    let logins = storage::QueryLogins {
        stores: login("retail_query", Some(variable("DATABASE_PASSWORD")?.into())),
        head_office: login("retail_query_hq", None), // No key is head office's.
    };
    let key = storage::IdentityKey::from_hex(&variable("IDENTITY_KEY")?)?;
    let pool = storage::PoolSettings {
        max_connections: 8,
        acquire_timeout: Duration::from_secs(5),
    };
    let database = Arc::new(storage::QueryDatabase::new(&settings, &logins, key, pool)?);
    let stores = variable("API_KEYS")?.split(',').map(|pair| {
        let (key, rls_user_id) = pair.split_once('=').filter(|(key, _)| key.len() >= 16)?;
        Some((key.to_owned(), RlsUserId(rls_user_id.parse().ok()?)))
    }).collect::<Option<_>>().context("API_KEYS must be pairs key=rls_user_id, with commas between, each key of 16 characters or more")?;
    let keys = ApiKeys(stores, storage::PgStoreDirectory::new(database.clone()));
    let mcp = RetailMcp::builder()
        .query_runner(Arc::new(storage::PgQueryRunner::new(database.clone())))
        .schema_catalog(Arc::new(storage::PgSchemaCatalog::new(database)))
        .build()?;
    let whoami =
        async |Extension(caller): Extension<Principal>| caller.visibility().label().to_owned();
    let router = Router::new()
        .route_service("/mcp", mcp.streamable_http_service(HttpOptions::default()))
        .route("/whoami", get(whoami))
        .layer(middleware::from_fn_with_state(Arc::new(keys), identify));
    let listener = tokio::net::TcpListener::bind(variable("LISTEN")?).await?;
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)?;
    Ok(axum::serve(listener, router).await?)
}
