//! The database that the program brings itself.

use std::path::{Path, PathBuf};

use anyhow::Context;
use retail_auth::load_or_create_key;
use retail_embedded_postgres::{
    Cluster, ClusterOptions, ConnectionInfo, Error, Installation, ProvisionOptions,
    default_data_root, existing_major,
};
use retail_storage::{Admin, DatabaseSettings, IdentityKey, Login, MigrateOptions, QueryLogins};
use secrecy::ExposeSecret;

use crate::access::DatabaseAccess;

const DATABASE: &str = "zava";

/// The folder of the embedded database and of the keys, unless the configuration names one.
pub(crate) fn data_dir(configured: Option<&Path>) -> PathBuf {
    configured.map_or_else(|| default_data_root().join("demo"), Path::to_owned)
}

/// The key of development tokens in a data folder.
pub(crate) fn dev_token_key_file(data_dir: &Path) -> PathBuf {
    data_dir.join("secrets").join("dev-token-key")
}

/// Whether an embedded database was made in a data folder.
pub(crate) fn has_database(data_dir: &Path) -> bool {
    data_dir.join("postgres").is_dir()
}

/// An embedded database that is ready: migrated, with roles, passwords and key.
#[derive(Debug)]
pub(crate) struct LocalDatabase {
    pub(crate) access: DatabaseAccess,
    /// None when another process runs it.
    cluster: Option<Cluster>,
}

impl LocalDatabase {
    /// Starts the database of a data folder and brings its schema up to date.
    ///
    /// Where PostgreSQL is not yet there, it is provided first, which needs a network once.
    pub(crate) async fn start(data_dir: &Path) -> anyhow::Result<Self> {
        let folder = data_dir.join("postgres");
        let cluster = tokio::task::spawn_blocking(move || start_cluster(&folder)).await??;
        let local =
            Self { access: access(data_dir, cluster.connection())?, cluster: Some(cluster) };
        local.migrate().await?;
        Ok(local)
    }

    /// Uses the database that another process runs in the data folder, or starts it.
    pub(crate) async fn attach_or_start(data_dir: &Path) -> anyhow::Result<Self> {
        match Cluster::attach(&data_dir.join("postgres")) {
            Ok(connection) => Ok(Self { access: access(data_dir, &connection)?, cluster: None }),
            Err(Error::NotRunning { .. }) => Self::start(data_dir).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Connects as the administrator.
    pub(crate) async fn admin(&self) -> anyhow::Result<Admin> {
        let login =
            self.access.admin.as_ref().context("an embedded database has an administrator")?;
        Ok(Admin::connect(&self.access.settings, login).await?)
    }

    /// Stops the database, if this process runs it, after what was done with it. Its own failure is
    /// told only when there is no earlier one.
    pub(crate) async fn stop_after<T>(self, done: anyhow::Result<T>) -> anyhow::Result<T> {
        let stopped = self.stop().await;
        let value = done?;
        stopped?;
        Ok(value)
    }

    /// Stops the database, if this process runs it.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        if let Some(cluster) = self.cluster {
            tokio::task::spawn_blocking(move || cluster.stop()).await??;
        }
        Ok(())
    }

    async fn migrate(&self) -> anyhow::Result<()> {
        let mut admin = self.admin().await?;
        admin
            .migrate(&MigrateOptions {
                adopt: false,
                query_password: self.access.query.stores.password.clone(),
                head_office_password: self.access.query.head_office.password.clone(),
                service_password: self.access.service.password.clone(),
                identity_key: Some(self.access.identity_key.clone()),
                connections: None,
            })
            .await?;
        admin.close().await;
        Ok(())
    }
}

fn start_cluster(folder: &Path) -> anyhow::Result<Cluster> {
    let installation = Installation::locate(&ProvisionOptions {
        major: existing_major(folder),
        ..ProvisionOptions::new(default_data_root())
    })?;
    let cluster = Cluster::start(ClusterOptions::new(installation, folder))?;
    let exists = format!("SELECT count(*) FROM pg_database WHERE datname = '{DATABASE}'");
    if cluster.psql().run("postgres", &exists)?.trim() == "0" {
        cluster.create_database(DATABASE, None)?;
    }
    // The query roles have nothing to do in the others, where the catalogue is not locked.
    cluster.psql().run("postgres", "REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")?;
    Ok(cluster)
}

fn access(data_dir: &Path, connection: &ConnectionInfo) -> anyhow::Result<DatabaseAccess> {
    let secret = |name: &str| load_or_create_key(&data_dir.join("secrets").join(name));
    let login = |user: &str| -> anyhow::Result<Login> {
        let password = hex::encode(secret(user)?.expose_secret());
        Ok(Login::new(user, password))
    };
    Ok(DatabaseAccess {
        settings: DatabaseSettings::new(connection.host_string(), connection.port, DATABASE),
        admin: Some(Login::new(&connection.superuser, connection.password.clone())),
        query: QueryLogins {
            stores: login("retail_query")?,
            head_office: login("retail_query_hq")?,
        },
        service: login("retail_service")?,
        identity_key: IdentityKey::new(*secret("identity-key")?.expose_secret()),
        identity_key_file: Some(data_dir.join("secrets").join("identity-key")),
    })
}
