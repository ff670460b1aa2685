//! From any state that is understood to the current schema.

mod adopt;
mod list;

use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use sqlx::AssertSqlSafe;
use tracing::info;

pub use self::list::SCHEMA_VERSION;
use crate::admin::failed;
use crate::{Admin, ConnectionNeeds, IdentityKey, StorageError};

/// The oldest PostgreSQL that has all we use.
const MIN_MAJOR_VERSION: i32 = 16;

/// A lock of the session that one at a time holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdvisoryLock {
    pub(crate) key: i64,
    pub(crate) longest_wait: Duration,
}

const MIGRATION_LOCK: AdvisoryLock = AdvisoryLock {
    // "retail" in ASCII.
    key: 0x72_65_74_61_69_6c,
    longest_wait: Duration::from_mins(1),
};

const BOOTSTRAP: &str = include_str!("../sql/bootstrap.sql");
const LOCKED: &str = include_str!("../sql/posture/locked.sql");
const LOCKDOWN: &str = include_str!("../sql/lockdown.sql");

const IS_SUPERUSER: &str = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user";

/// What a migration is to do beside the schema.
#[derive(Debug, Default)]
pub struct MigrateOptions {
    /// Take over a schema `retail` that these migrations did not make.
    pub adopt: bool,
    /// Password for `retail_query`; none leaves it.
    pub query_password: Option<SecretString>,
    /// Password for `retail_query_hq`; none leaves it.
    pub head_office_password: Option<SecretString>,
    /// Password for `retail_service`; none leaves it.
    pub service_password: Option<SecretString>,
    /// The key that signs identities; none leaves what is there.
    pub identity_key: Option<IdentityKey>,
    /// What the servers will take; where a login role may take less, its limit is raised. None leaves the limits.
    pub connections: Option<ConnectionNeeds>,
}

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationReport {
    /// Major version of the server.
    pub server_major_version: i32,
    /// Whether an existing schema was taken over.
    pub adopted: bool,
    /// Migrations that were applied now.
    pub applied: usize,
    /// Things an operator should know.
    pub notes: Vec<String>,
}

impl Admin {
    /// Brings the database to the current schema. May be run as often as wanted, by several at once.
    ///
    /// A database that a newer version migrated stays as it is, and a note says so: whoever goes back to a former version
    /// runs this again, and that version's servers work on it.
    ///
    /// # Errors
    /// [`StorageError::ForeignSchema`] for a schema that is not ours and no [`MigrateOptions::adopt`];
    /// [`StorageError::CannotAdopt`] when it differs too much; [`StorageError::RolesMissing`],
    /// [`StorageError::ServerTooOld`], [`StorageError::Locked`], or the database's own refusal.
    pub async fn migrate(
        &mut self,
        options: &MigrateOptions,
    ) -> Result<MigrationReport, StorageError> {
        let server_major_version = self.server_major_version().await?;
        if server_major_version < MIN_MAJOR_VERSION {
            return Err(StorageError::ServerTooOld { found: server_major_version });
        }
        self.execute("RESET ROLE", "take the login's own role").await?;
        self.lock(MIGRATION_LOCK).await?;
        let result = self.migrate_locked(options, server_major_version).await;
        // The lock goes with the session anyway.
        let _ = self.execute("RESET ROLE", "take the login's own role").await;
        self.unlock(MIGRATION_LOCK).await;
        result
    }

    async fn migrate_locked(
        &mut self,
        options: &MigrateOptions,
        server_major_version: i32,
    ) -> Result<MigrationReport, StorageError> {
        let ours = self.is_true("SELECT to_regclass('retail_mcp._sqlx_migrations') IS NOT NULL");
        let ours = ours.await?;
        let foreign = !ours
            && self
                .is_true(
                    "SELECT EXISTS (SELECT FROM pg_class WHERE relkind IN ('r', 'p')
                     AND relnamespace = to_regnamespace('retail'))",
                )
                .await?;
        if foreign && !options.adopt {
            return Err(StorageError::ForeignSchema);
        }
        if let (true, Some(key)) = (ours, &options.identity_key) {
            self.check_identity_key(key).await?;
        }
        if ours && let Some(newer) = self.newer_schema_version().await? {
            info!(newer, "a newer version migrated the database: it stays as it is");
            let note = format!(
                "a newer version migrated the database (schema {newer}, and this is {SCHEMA_VERSION}): nothing was changed, \
                 passwords and limits included"
            );
            let notes = vec![note];
            return Ok(MigrationReport { server_major_version, adopted: false, applied: 0, notes });
        }
        let mut notes = Vec::new();
        if foreign {
            adopt::check(self).await?;
        }
        self.bootstrap().await?;
        if options.adopt && (foreign || ours) {
            notes = adopt::take_over(self).await?;
        }
        self.become_owner().await?;
        let before = self.applied().await?;
        list::migrator()
            .run_direct(None, &mut self.connection, false)
            .await
            .map_err(StorageError::Migrate)?;
        let applied = self.applied().await? - before;
        if options.adopt {
            notes.extend(self.import_former_embeddings().await?);
        }
        self.execute("RESET ROLE", "take the login's own role").await?;
        if self.may_change_roles().await? {
            self.set_password("retail_query", options.query_password.as_ref()).await?;
            self.set_password("retail_query_hq", options.head_office_password.as_ref()).await?;
            self.set_password("retail_service", options.service_password.as_ref()).await?;
            if let Some(needs) = &options.connections {
                notes.extend(self.raise_connection_limits(needs).await?);
            }
        } else {
            notes.push(format!(
                "{} may not change roles: the passwords of the login roles are as they were",
                self.user
            ));
        }
        if let Some(key) = &options.identity_key {
            self.put_identity_key(key).await?;
        }
        // A key that was not given is somebody else's to bring.
        let posture = self.put_posture(options.identity_key.is_some()).await?;
        // Whoever put a backup back runs this next: nothing that was read before counts.
        self.renew_data_epoch().await?;
        notes.extend(posture.remarks().map(ToString::to_string));
        info!(applied, adopted = foreign, "the database schema is current");
        Ok(MigrationReport { server_major_version, adopted: foreign, applied, notes })
    }

    async fn server_major_version(&mut self) -> Result<i32, StorageError> {
        let number: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int")
            .fetch_one(&mut self.connection)
            .await
            .map_err(failed("ask for the server's version"))?;
        Ok(number / 10_000)
    }

    /// Tries in a loop: a session that waits inside PostgreSQL holds a snapshot, and
    /// `CREATE INDEX CONCURRENTLY` in the other migration would wait for it for ever.
    pub(crate) async fn lock(&mut self, lock: AdvisoryLock) -> Result<(), StorageError> {
        let started = Instant::now();
        let try_lock = "SELECT pg_try_advisory_lock($1)";
        loop {
            let locked: bool = sqlx::query_scalar(try_lock)
                .bind(lock.key)
                .fetch_one(&mut self.connection)
                .await
                .map_err(failed("take a lock"))?;
            if locked {
                return Ok(());
            }
            if started.elapsed() > lock.longest_wait {
                return Err(StorageError::Locked { waited_seconds: lock.longest_wait.as_secs() });
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Gives the lock back. It goes with the session anyway.
    pub(crate) async fn unlock(&mut self, lock: AdvisoryLock) {
        let unlock = format!("SELECT pg_advisory_unlock({})", lock.key);
        let _ = self.execute(&unlock, "release a lock").await;
    }

    /// Makes roles, extension and schemas if the login may; otherwise they have to be there.
    async fn bootstrap(&mut self) -> Result<(), StorageError> {
        if self.may_change_roles().await? {
            self.execute_on_roles(BOOTSTRAP, "create the roles and schemas").await?;
            self.execute_as("retail_sec", &[LOCKED], "list what is locked").await?;
            if self.is_true(IS_SUPERUSER).await? {
                self.execute_on_roles(LOCKDOWN, "lock the system catalogue").await?;
            }
            return Ok(());
        }
        let present = self
            .is_true(
                "SELECT count(*) = 6 FROM pg_roles WHERE rolname IN ('retail_owner', 'retail_sec',
                 'retail_migrator', 'retail_query', 'retail_query_hq', 'retail_service')",
            )
            .await?;
        if present { Ok(()) } else { Err(StorageError::RolesMissing { user: self.user.clone() }) }
    }

    async fn may_change_roles(&mut self) -> Result<bool, StorageError> {
        self.is_true("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
            .await
    }

    /// Roles belong to the whole cluster, and the lock to one database: a migration of another
    /// database may touch the same role at the same time. PostgreSQL then refuses one of the two.
    async fn execute_on_roles(
        &mut self,
        sql: &str,
        action: &'static str,
    ) -> Result<(), StorageError> {
        const ATTEMPTS: usize = 10;
        let mut attempt = 1;
        loop {
            let result = self.execute(sql, action).await;
            match &result {
                Err(StorageError::Statement { source: sqlx::Error::Database(refusal), .. })
                    if attempt < ATTEMPTS
                        && (refusal.message() == "tuple concurrently updated"
                            || matches!(
                                refusal.code().as_deref(),
                                Some("42710" | "23505" | "40P01")
                            )) =>
                {
                    attempt += 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                _ => return result,
            }
        }
    }

    /// The last applied migration, if this version does not know it.
    async fn newer_schema_version(&mut self) -> Result<Option<i64>, StorageError> {
        self.become_owner().await?;
        let newest: Option<i64> =
            sqlx::query_scalar("SELECT max(version) FROM retail_mcp._sqlx_migrations")
                .fetch_one(&mut self.connection)
                .await
                .map_err(failed("read the applied migrations"))?;
        self.execute("RESET ROLE", "take the login's own role").await?;
        Ok(newest.filter(|newest| *newest > SCHEMA_VERSION))
    }

    async fn applied(&mut self) -> Result<usize, StorageError> {
        if !self.is_true("SELECT to_regclass('retail_mcp._sqlx_migrations') IS NOT NULL").await? {
            return Ok(0);
        }
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM retail_mcp._sqlx_migrations")
            .fetch_one(&mut self.connection)
            .await
            .map_err(failed("read the applied migrations"))?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    pub(crate) async fn is_true(&mut self, sql: &str) -> Result<bool, StorageError> {
        sqlx::query_scalar::<_, Option<bool>>(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut self.connection)
            .await
            .map(|value| value.unwrap_or(false))
            .map_err(failed("look at the database"))
    }

    /// Limits that are too low for the servers, so that these need not be refused. None is ever lowered.
    async fn raise_connection_limits(
        &mut self,
        needs: &ConnectionNeeds,
    ) -> Result<Vec<String>, StorageError> {
        let mut notes = Vec::new();
        for (role, needed) in [
            ("retail_query", needs.stores),
            ("retail_query_hq", needs.head_office),
            ("retail_service", needs.service),
        ] {
            let limit: i32 =
                sqlx::query_scalar("SELECT rolconnlimit FROM pg_roles WHERE rolname = $1")
                    .bind(role)
                    .fetch_one(&mut self.connection)
                    .await
                    .map_err(failed("read the connection limit of a login role"))?;
            // Below zero there is none, which the posture does not let pass.
            if usize::try_from(limit).is_ok_and(|limit| limit < needed) {
                let sql = format!("ALTER ROLE {role} CONNECTION LIMIT {needed}");
                self.execute_on_roles(&sql, "raise the connection limit of a login role").await?;
                notes.push(format!("{role} may now take {needed} connections, and not {limit}"));
            }
        }
        Ok(notes)
    }

    async fn set_password(
        &mut self,
        role: &'static str,
        password: Option<&SecretString>,
    ) -> Result<(), StorageError> {
        let Some(password) = password else {
            return Ok(());
        };
        // A verifier, not the password: statements may be logged.
        let verifier =
            postgres_protocol::password::scram_sha_256(password.expose_secret().as_bytes());
        let sql = format!("ALTER ROLE {role} LOGIN PASSWORD '{verifier}'");
        self.execute_on_roles(&sql, "set the password of a login role").await
    }
}
