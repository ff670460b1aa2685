//! Where the database is, and the secrets to use it with.

use anyhow::Context;
use retail_auth::load_key;
use retail_storage::{DatabaseSettings, IdentityKey, Login, QueryLogins, TlsMode};
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
    /// The key that signs identities.
    pub identity_key: IdentityKey,
}

impl DatabaseAccess {
    /// Access to the database that the configuration names.
    ///
    /// # Errors
    /// When no host or identity key file is named, or the key file cannot be used.
    pub fn from_config(config: &DatabaseConfig) -> anyhow::Result<Self> {
        let key_file = config.identity_key_file.as_deref().ok_or_else(|| {
            anyhow::anyhow!(
                "database.identity_key_file must be set; `retail-mcp migrate` makes the file"
            )
        })?;
        let key = load_key(key_file)
            .context("database.identity_key_file: `retail-mcp migrate` makes the file")?;
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
            identity_key: IdentityKey::new(*key.expose_secret()),
        })
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
    })
}

/// The administrator that the configuration names.
pub(crate) fn admin(config: &DatabaseConfig) -> Option<Login> {
    config.admin_user.clone().map(|user| Login { user, password: config.admin_password.clone() })
}
