//! Whether a caller's statement would work now.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use retail_domain::ports::{HealthProbe, HealthReport, PartHealth};
use retail_domain::{Error, RlsUserId};
use tracing::warn;
use uuid::Uuid;

use crate::QueryDatabase;
use crate::identity::Who;
use crate::sql_error::our_statement_failed;

/// Longest time for the check of one part.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// Goes the whole way of a statement, on a connection of each role: connect, sign, be believed,
/// read a table, roll back.
#[derive(Debug, Clone)]
pub struct PgHealthProbe {
    database: Arc<QueryDatabase>,
}

impl PgHealthProbe {
    /// A probe of `database`.
    pub fn new(database: Arc<QueryDatabase>) -> Self {
        Self { database }
    }

    async fn try_identity(&self, who: Who) -> Result<(), Error> {
        let transaction = self.database.begin(who, CHECK_TIMEOUT).await?;
        let client = transaction.client();
        client
            .query_typed("SELECT store_id FROM retail.stores LIMIT 1", &[])
            .await
            .map_err(|error| our_statement_failed(&error))?;
        transaction.finish().await
    }

    async fn part(&self, name: &str, who: Who) -> PartHealth {
        let problem = match tokio::time::timeout(CHECK_TIMEOUT, self.try_identity(who)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => {
                warn!(part = name, error = &error as &dyn std::error::Error, "not ready");
                Some(error.public_message().to_owned())
            }
            Err(_) => Some("the database does not answer in time".to_owned()),
        };
        PartHealth { part: name.to_owned(), ok: problem.is_none(), problem }
    }
}

#[async_trait]
impl HealthProbe for PgHealthProbe {
    async fn check(&self) -> HealthReport {
        // A correctly signed identity of no store: believed, and sees nothing.
        let nobody = Who::Store(RlsUserId(Uuid::nil()));
        let (stores, head_office) = tokio::join!(
            self.part("database", nobody),
            self.part("database_head_office", Who::AllStores)
        );
        HealthReport { parts: vec![stores, head_office] }
    }
}
