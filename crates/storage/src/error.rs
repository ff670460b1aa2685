//! What can go wrong on the administrator's side, and at start-up.

use std::path::PathBuf;

use retail_domain::EmbeddingModel;

use crate::Posture;

/// A failure to connect, migrate, adopt or load. For operators: it may name tables and roles.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The server could not be reached, or refused the login.
    #[error("could not connect to the database as {user}")]
    Connect {
        /// The role that logged in.
        user: String,
        /// The driver's reason.
        #[source]
        source: sqlx::Error,
    },
    /// A statement of ours failed.
    #[error("could not {action}")]
    Statement {
        /// What was being done.
        action: &'static str,
        /// The driver's reason.
        #[source]
        source: sqlx::Error,
    },
    /// A migration failed; it left nothing behind.
    #[error("could not migrate the database")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The server is too old.
    #[error("PostgreSQL {found} is too old: 16, 17 or 18 is needed")]
    ServerTooOld {
        /// Its major version.
        found: i32,
    },
    /// The schema is there and was not made by us.
    #[error(
        "the database has a schema `retail` that was not made by these migrations; \
         run `retail-mcp migrate --adopt` to take it over without touching its rows"
    )]
    ForeignSchema,
    /// The schema differs from the one that can be adopted.
    #[error("the database cannot be adopted:\n  {}", faults.join("\n  "))]
    CannotAdopt {
        /// One line a difference.
        faults: Vec<String>,
    },
    /// The roles are missing, and the login may not make them.
    #[error(
        "the roles of retail-mcp are missing and {user} may not create roles; \
         run `retail-mcp migrate` once as an administrator (database.admin_user)"
    )]
    RolesMissing {
        /// The role that logged in.
        user: String,
    },
    /// Somebody else migrates or embeds, and does not finish.
    #[error(
        "another migration or `retail-mcp embed` holds the lock for {waited_seconds} s; try again when it is done"
    )]
    Locked {
        /// How long this one waited.
        waited_seconds: u64,
    },
    /// The database is not one to serve from.
    #[error(
        "the schema is current, but the database is not fit to be served from; \
         mend it with the SQL given, and migrate again:\n{posture}"
    )]
    Unfit {
        /// What was found.
        posture: Posture,
    },
    /// A login role of ours could not log in, or its connection was lost.
    #[error("could not use the database as {user}")]
    QueryRole {
        /// The role.
        user: String,
        /// The driver's reason.
        #[source]
        source: tokio_postgres::Error,
    },
    /// The audit log was given up with entries that are not in the database.
    #[error(
        "{entries} entries of the audit log could not be written in time; they are in the log alone"
    )]
    AuditUnwritten {
        /// How many.
        entries: u64,
    },
    /// A grant cannot be added.
    #[error("this claim is granted already (identity {identity_id}); remove that grant first")]
    GrantExists {
        /// Key of the grant that is there.
        identity_id: i64,
    },
    /// The database believes another key.
    #[error(
        "the database believes another identity key than the configured one; copy the key from the \
         machine that migrated first, or replace it with `retail-mcp keys rotate`"
    )]
    OtherIdentityKey,
    /// There are rows already.
    #[error(
        "the database holds data already; load into an empty one, or replace it with --replace"
    )]
    NotEmpty,
    /// There are rows that are not sample data.
    #[error("the tables hold rows that are not sample data; they are never replaced")]
    NotSampleData,
    /// A vector came from another model than the one that is being filled.
    #[error("a vector of {found} cannot be kept as one of {expected}")]
    OtherEmbeddingModel {
        /// The model that is being filled.
        expected: EmbeddingModel,
        /// The model of the vector.
        found: EmbeddingModel,
    },
    /// There is no model of that key.
    #[error("there is no embedding model {model_id}; `retail-mcp embed` registers one")]
    UnknownEmbeddingModel {
        /// The key.
        model_id: i16,
    },
    /// A model cannot be made ready: products have no vector of it, or one of a former text.
    #[error(
        "{missing} products have no current vector of {model}; run `retail-mcp embed`, which goes on \
         where it stopped"
    )]
    EmbeddingsMissing {
        /// The model.
        model: EmbeddingModel,
        /// How many products.
        missing: u64,
    },
    /// The file of certificate authorities is not usable.
    #[error("could not read certificates from {}", path.display())]
    Certificates {
        /// The file, or the system's store.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A setting cannot work.
    #[error("{0}")]
    Setting(String),
}

impl StorageError {
    /// Whether the server was reached and refuses the login, so that waiting does not help.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::QueryRole { source, .. } => source
                .code()
                .is_some_and(|state| state.code().starts_with("28") || state.code() == "42501"),
            _ => false,
        }
    }
}
