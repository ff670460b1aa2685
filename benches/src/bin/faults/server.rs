//! `retail-mcp serve` as its operators run it.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use retail_auth::{DevTokenClaims, DevTokenKey, DevTokens};
use retail_domain::ports::SystemClock;
use retail_storage::DatabaseSettings;
use retail_testkit::{HEAD_OFFICE_PASSWORD, IDENTITY_KEY, QUERY_PASSWORD, SERVICE_PASSWORD};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::Client;
use crate::world::Asker;

const READY_WITHIN: Duration = Duration::from_secs(30);
const TOKENS_FOR: Duration = Duration::from_hours(1);

/// The limits would be what is seen, and the log at work is long.
const SETTINGS: [(&str, &str); 6] = [
    ("LIMITS__ADDRESS_PER_SECOND", "0"),
    ("LIMITS__PRINCIPAL_PER_SECOND", "0"),
    ("LIMITS__MAX_CONCURRENT", "0"),
    ("LIMITS__PRINCIPAL_MAX_CONCURRENT", "0"),
    ("LOG__LEVEL", "warn"),
    ("AUTH__MODE", "dev-token"),
];

/// Keys and logs that servers share.
#[derive(Debug)]
pub(crate) struct Keys {
    folder: TempDir,
    tokens: DevTokenKey,
}

impl Keys {
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let identity = folder.path().join("identity-key");
        fs::write(&identity, hex::encode(IDENTITY_KEY))?;
        fs::set_permissions(&identity, fs::Permissions::from_mode(0o600))?;
        let tokens = DevTokenKey::load_or_create(&folder.path().join("dev-token-key"))?;
        Ok(Self { folder, tokens })
    }

    /// A token of one who asks.
    pub(crate) fn token(&self, asker: &Asker) -> Result<String> {
        let claims = DevTokenClaims {
            subject: asker.name.clone(),
            grant: asker.grant,
            with_costs: false,
            operator: false,
            ttl: TOKENS_FOR,
        };
        let token = DevTokens::new(&self.tokens, Arc::new(SystemClock)).mint(&claims)?;
        Ok(token.expose_secret().to_owned())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A running server; it is asked to stop when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts one on `database` with more settings, and waits until it is ready and nothing is amiss.
    pub(crate) async fn start(
        binary: &Path,
        keys: &Keys,
        database: &DatabaseSettings,
        more: &[(&str, String)],
    ) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log_file = keys.file(&format!("{}.log", address.port()));
        let log = File::create(&log_file)?;
        let mut command = Command::new(binary);
        command.args(["serve", "--listen", &address.to_string()]).current_dir(keys.folder.path());
        command.stdout(log.try_clone()?).stderr(log);
        let mut set = |name: &str, value: &str| {
            command.env(format!("RETAIL_MCP__{name}"), value);
        };
        for (name, value) in SETTINGS {
            set(name, value);
        }
        set("AUTH__DEV_TOKEN__KEY_FILE", &keys.file("dev-token-key").to_string_lossy());
        set("DATABASE__IDENTITY_KEY_FILE", &keys.file("identity-key").to_string_lossy());
        set("DATABASE__HOST", &database.host);
        set("DATABASE__PORT", &database.port.to_string());
        set("DATABASE__NAME", &database.database);
        if let Some(pooler) = &database.pooler {
            set("DATABASE__POOLER_HOST", &pooler.host);
            set("DATABASE__POOLER_PORT", &pooler.port.to_string());
        }
        set("DATABASE__QUERY_PASSWORD", QUERY_PASSWORD);
        set("DATABASE__HEAD_OFFICE_PASSWORD", HEAD_OFFICE_PASSWORD);
        set("DATABASE__SERVICE_PASSWORD", SERVICE_PASSWORD);
        for (name, value) in more {
            set(name, value);
        }
        let mut server = Self { child: command.spawn().context("starting the server")?, address };
        let begun = Instant::now();
        while trouble(&Client::new(address)).await.is_some() {
            if server.child.try_wait()?.is_some() || begun.elapsed() > READY_WITHIN {
                bail!("the server is not ready:\n{}", fs::read_to_string(&log_file)?);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its number is still its own: it was not waited for.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

/// How many standbys answer, as `/ready` says.
pub(crate) async fn standbys(client: &Client) -> Result<Option<u64>> {
    let said: Value = serde_json::from_slice(&client.get("/ready").await?.body)?;
    Ok(said.pointer("/standbys/in_use").and_then(Value::as_u64))
}

/// What `/ready` says is not as it should be; none when all is well.
pub(crate) async fn trouble(client: &Client) -> Option<String> {
    let answer = match client.get("/ready").await {
        Ok(answer) => answer,
        Err(error) => return Some(format!("{error:#}")),
    };
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status != 200 {
        return Some(format!("not ready: {said}"));
    }
    let cache = said.pointer("/cache/problem").and_then(Value::as_str).map(ToOwned::to_owned);
    let standbys = |what: &str| said.pointer(&format!("/standbys/{what}")).and_then(Value::as_u64);
    cache.or_else(|| (standbys("in_use") < standbys("configured")).then(|| "no standby".to_owned()))
}
