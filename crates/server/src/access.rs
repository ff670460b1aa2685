//! Where the database is, and the secrets to use it with.

use std::path::PathBuf;

use anyhow::{Context, bail};
use retail_auth::load_key;
use retail_storage::{
    DatabaseSettings, IdentityKey, Login, QueryLogins, ReplicaSettings, ServerAddress, TlsMode,
};
use secrecy::ExposeSecret;

use crate::config::{DatabaseConfig, SslMode};

/// All that is needed to reach a database, given by configuration or made for an embedded one.
#[derive(Debug, Clone)]
pub struct DatabaseAccess {
    /// Where it is.
    pub settings: DatabaseSettings,
    /// Who may migrate and load; none where that is somebody else's job.
    pub admin: Option<Login>,
    /// Who runs callers' statements.
    pub query: QueryLogins,
    /// Who does what the server needs for itself.
    pub service: Login,
    /// The key that signs identities.
    pub identity_key: IdentityKey,
    /// The file of that key, if a new one may appear there.
    pub identity_key_file: Option<PathBuf>,
}

impl DatabaseAccess {
    /// Access to the database that the configuration names.
    ///
    /// # Errors
    /// When no host or identity key file is named, or the key file cannot be used.
    pub fn from_config(config: &DatabaseConfig) -> anyhow::Result<Self> {
        Ok(Self {
            settings: settings(config)?,
            admin: admin(config),
            query: QueryLogins {
                stores: Login {
                    user: "retail_query".to_owned(),
                    password: config.query_password.clone(),
                },
                head_office: Login {
                    user: "retail_query_hq".to_owned(),
                    password: config.head_office_password.clone(),
                },
            },
            service: Login {
                user: "retail_service".to_owned(),
                password: config.service_password.clone(),
            },
            identity_key: identity_key(config)?,
            identity_key_file: config.identity_key_file.clone(),
        })
    }
}

/// The key that signs identities, from its file or from the configuration itself.
///
/// # Errors
/// When neither is given, both are, or the key cannot be used.
pub(crate) fn identity_key(config: &DatabaseConfig) -> anyhow::Result<IdentityKey> {
    match (&config.identity_key, config.identity_key_file.as_deref()) {
        (Some(_), Some(_)) => {
            bail!("set database.identity_key or database.identity_key_file, not both")
        }
        (Some(key), None) => Ok(IdentityKey::from_hex(key.expose_secret())?),
        (None, Some(file)) => {
            let key = load_key(file)
                .context("database.identity_key_file: `retail-mcp migrate` makes the file")?;
            Ok(IdentityKey::new(*key.expose_secret()))
        }
        (None, None) => {
            bail!("database.identity_key_file must be set; `retail-mcp migrate` makes the file")
        }
    }
}

/// Where the configured database is.
///
/// # Errors
/// When no host is named.
pub(crate) fn settings(config: &DatabaseConfig) -> anyhow::Result<DatabaseSettings> {
    let host = config.host.clone().ok_or_else(|| anyhow::anyhow!("database.host must be set"))?;
    Ok(DatabaseSettings {
        host,
        port: config.port,
        database: config.name.clone(),
        tls: match config.ssl_mode {
            SslMode::Disable => TlsMode::Disable,
            SslMode::Prefer => TlsMode::ExceptLocal,
            SslMode::Require | SslMode::VerifyFull => TlsMode::Require,
        },
        tls_root_cert: config.ssl_root_cert.clone(),
        application_name: config.application_name.clone(),
        pooler: config
            .pooler_host
            .clone()
            .map(|host| ServerAddress { host, port: config.pooler_port }),
    })
}

/// The standbys that the configuration names.
pub(crate) fn replicas(config: &DatabaseConfig) -> ReplicaSettings {
    // Each was read once when the configuration was checked.
    let addresses =
        config.replicas.iter().filter_map(|text| ServerAddress::parse(text, config.port)).collect();
    ReplicaSettings { addresses, max_lag: config.replica_max_lag }
}

/// The administrator that the configuration names.
pub(crate) fn admin(config: &DatabaseConfig) -> Option<Login> {
    config.admin_user.clone().map(|user| Login { user, password: config.admin_password.clone() })
}
