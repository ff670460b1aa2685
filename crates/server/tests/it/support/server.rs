//! The whole server in this process, without a port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use http::request::Builder;
use retail_auth::{DevTokenClaims, DevTokenKey, DevTokens, StoreGrant};
use retail_domain::Store;
use retail_domain::ports::{Clock, Embedder, SystemClock};
use retail_server::access::DatabaseAccess;
use retail_server::app::App;
use retail_server::config::{Config, Sources};
use retail_server::http::{Edge, Tls, edge, serve};
use retail_storage::{AuditWriter, IdentityKey};
use retail_testkit::{IDENTITY_KEY, TestDatabase};
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{Call, Reply};

/// A client on the same machine.
const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 40_000);

/// A server and the key of its tokens.
pub(crate) struct TestServer {
    pub(crate) edge: Edge,
    pub(crate) draining: CancellationToken,
    pub(crate) token_key: DevTokenKey,
    pub(crate) audit: Arc<AuditWriter>,
    config: Config,
    _keys: TempDir,
    _database: Option<TestDatabase>,
}

impl TestServer {
    /// A server with development tokens on a test's database.
    pub(crate) fn new(database: &TestDatabase) -> Self {
        Self::with(access_to(database), &[])
    }

    /// A server with a database of its own.
    pub(crate) async fn seeded(variables: &[(&str, &str)]) -> Self {
        let database = TestDatabase::seeded().await;
        let server = Self::with(access_to(&database), variables);
        Self { _database: Some(database), ..server }
    }

    /// A server with these environment variables, without `RETAIL_MCP__`, and the defaults besides.
    pub(crate) fn with(access: DatabaseAccess, variables: &[(&str, &str)]) -> Self {
        Self::with_embedder(access, variables, None)
    }

    /// As [`Self::with`], with an embedder.
    pub(crate) fn with_embedder(
        access: DatabaseAccess,
        variables: &[(&str, &str)],
        embedder: Option<Arc<dyn Embedder>>,
    ) -> Self {
        let keys = tempfile::tempdir().unwrap();
        let key_file = keys.path().join("dev-token-key");
        let token_key = DevTokenKey::load_or_create(&key_file).unwrap();
        let key_file = key_file.to_str().unwrap().to_owned();
        let variables = [
            ("AUTH__MODE", "dev-token"),
            ("AUTH__DEV_TOKEN__KEY_FILE", key_file.as_str()),
            // Most tests write behind the server's back, and look at once.
            ("CACHE__MODE", "off"),
            // Its calls would be among those that tests count.
            ("TELEMETRY__WATCHDOG__EVERY", "0s"),
        ]
        .into_iter()
        // The last value of a key is the one that counts, so the test's own come first.
        .filter(|(name, _)| variables.iter().all(|(own, _)| own != name))
        .chain(variables.iter().copied())
        .map(|(name, value)| (format!("RETAIL_MCP__{name}"), value.to_owned()));
        let config = Config::load(&Sources::default().with_environment(variables)).unwrap();
        let app = App::new(&config, access, keys.path(), embedder).unwrap();
        let audit = Arc::clone(&app.audit);
        let draining = CancellationToken::new();
        let abort = CancellationToken::new();
        Self {
            edge: edge(app, &config, draining.clone(), abort),
            draining,
            token_key,
            audit,
            config,
            _keys: keys,
            _database: None,
        }
    }

    /// A token for head office.
    pub(crate) fn head_office(&self) -> String {
        self.token(StoreGrant::AllStores)
    }

    /// A token for a store's manager.
    pub(crate) fn manager(&self, store: &Store) -> String {
        self.token(StoreGrant::Store(store.rls_user_id))
    }

    fn token(&self, grant: StoreGrant) -> String {
        minted(&self.token_key, Arc::new(SystemClock), grant, Duration::from_mins(5))
    }

    /// A token for somebody else.
    pub(crate) fn token_of(&self, subject: &str, grant: StoreGrant, with_costs: bool) -> String {
        let ttl = Duration::from_mins(5);
        let claims =
            DevTokenClaims { subject: subject.to_owned(), grant, with_costs, operator: false, ttl };
        let token = DevTokens::new(&self.token_key, Arc::new(SystemClock)).mint(&claims).unwrap();
        token.expose_secret().to_owned()
    }

    /// A token for an operator.
    pub(crate) fn operator(&self) -> String {
        self.operator_for(Duration::from_mins(5))
    }

    /// One that is good for this long.
    pub(crate) fn operator_for(&self, ttl: Duration) -> String {
        let claims = DevTokenClaims {
            subject: "operator".to_owned(),
            grant: StoreGrant::AllStores,
            with_costs: false,
            operator: true,
            ttl,
        };
        let token = DevTokens::new(&self.token_key, Arc::new(SystemClock)).mint(&claims).unwrap();
        token.expose_secret().to_owned()
    }

    /// Sends a call from this machine.
    pub(crate) async fn send(&self, call: Call) -> Reply {
        self.send_from(LOOPBACK, call).await
    }

    /// Sends a call from another address.
    pub(crate) async fn send_from(&self, peer: SocketAddr, call: Call) -> Reply {
        let response = self.edge.clone().oneshot(call.into_request(peer)).await;
        Reply::of(response.unwrap()).await
    }

    /// Runs a statement with a token.
    pub(crate) async fn query(&self, token: &str, sql: &str) -> Reply {
        self.send(Call::query(sql).bearer(token)).await
    }

    /// Asks for a path such as `/ready`, with no credential.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.request(Request::get(path).header("host", "localhost")).await
    }

    /// Sends a request without a body from this machine.
    pub(crate) async fn request(&self, request: Builder) -> Reply {
        self.request_from(LOOPBACK, request).await
    }

    /// Sends a request without a body from another address.
    pub(crate) async fn request_from(&self, peer: SocketAddr, request: Builder) -> Reply {
        let request = request.extension(ConnectInfo(peer)).body(Body::empty()).unwrap();
        Reply::of(self.edge.clone().oneshot(request).await.unwrap()).await
    }

    /// Serves on a free port of this machine, as the program does, until the test's runtime ends or
    /// `draining` is cancelled.
    pub(crate) async fn listen(&self) -> SocketAddr {
        self.listen_with(None).await
    }

    /// As [`Self::listen`], by TLS.
    pub(crate) async fn listen_with(&self, tls: Option<Arc<Tls>>) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (edge, config) = (self.edge.clone(), self.config.server.clone());
        let stop = self.draining.clone();
        tokio::spawn(async move { serve(listener, edge, &config, tls, stop).await });
        address
    }
}

/// What a server needs to use a test's database.
pub(crate) fn access_to(database: &TestDatabase) -> DatabaseAccess {
    DatabaseAccess {
        settings: database.settings(),
        admin: None,
        query: database.query_logins(),
        service: database.service_login(),
        identity_key: IdentityKey::new(IDENTITY_KEY),
        identity_key_file: None,
    }
}

/// A development token.
pub(crate) fn minted(
    key: &DevTokenKey,
    clock: Arc<dyn Clock>,
    grant: StoreGrant,
    ttl: Duration,
) -> String {
    // Each identity is a principal of its own, as with the tokens of the program.
    let subject = match &grant {
        StoreGrant::AllStores => "test".to_owned(),
        StoreGrant::Store(id) => format!("test-{}", id.0),
    };
    let claims = DevTokenClaims { subject, grant, with_costs: false, operator: false, ttl };
    let token = DevTokens::new(key, clock).mint(&claims).unwrap();
    token.expose_secret().to_owned()
}
