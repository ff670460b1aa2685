//! Whether a caller's statement would work now.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use retail_domain::ports::{HealthProbe, HealthReport, PartHealth};
use retail_domain::{Error, RlsUserId};
use tracing::warn;
use uuid::Uuid;

use crate::identity::Who;
use crate::sql_error::our_statement_failed;
use crate::{QueryDatabase, ServiceDatabase};

/// Longest time for the check of one part.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// Goes the whole way of a statement, on a connection of each role: connect, sign, be believed,
/// read a table, roll back.
#[derive(Debug, Clone)]
pub struct PgHealthProbe {
    database: Arc<QueryDatabase>,
    service: Option<Arc<ServiceDatabase>>,
}

impl PgHealthProbe {
    /// A probe of `database`.
    pub fn new(database: Arc<QueryDatabase>) -> Self {
        Self { database, service: None }
    }

    /// Probes the server's own login too, which a call needs where it is to be recorded.
    #[must_use]
    pub fn with_service(mut self, service: Arc<ServiceDatabase>) -> Self {
        self.service = Some(service);
        self
    }

    async fn try_identity(&self, who: Who) -> Result<(), Error> {
        let transaction = self.database.begin(who, CHECK_TIMEOUT).await?.unobserved();
        let client = transaction.client();
        client
            .query_typed("SELECT store_id FROM retail.stores LIMIT 1", &[])
            .await
            .map_err(|error| our_statement_failed(&error))?;
        transaction.finish().await
    }

    /// Whether callers have all connections of a pool.
    fn has_none_free(&self, pool: Option<&str>) -> bool {
        let pools = self.database.pools();
        pools.iter().any(|status| Some(status.name) == pool && status.used >= status.max)
    }

    async fn try_service(service: &ServiceDatabase) -> Result<(), Error> {
        service.rows("SELECT 1", &[], CHECK_TIMEOUT).await.map(drop)
    }

    async fn part(
        &self,
        name: &str,
        pool: Option<&str>,
        tried: impl Future<Output = Result<(), Error>>,
    ) -> PartHealth {
        let problem = match tokio::time::timeout(CHECK_TIMEOUT, tried).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => {
                warn!(part = name, error = &error as &dyn std::error::Error, "not ready");
                Some(error.public_message().to_owned())
            }
            // A pool that is used up is not a database that hangs.
            Err(_) if self.has_none_free(pool) => {
                Some("no database connection was free in time".to_owned())
            }
            Err(_) => Some("the database does not answer in time".to_owned()),
        };
        PartHealth::new(name, problem)
    }
}

#[async_trait]
impl HealthProbe for PgHealthProbe {
    async fn check(&self) -> HealthReport {
        // A correctly signed identity of no store: believed, and sees nothing.
        let nobody = Who::Store(RlsUserId(Uuid::nil()));
        let service = async {
            match self.service.as_deref() {
                Some(service) => {
                    let tried = Self::try_service(service);
                    Some(self.part("database_service", None, tried).await)
                }
                None => None,
            }
        };
        let (stores, head_office, service) = tokio::join!(
            self.part("database", Some("stores"), self.try_identity(nobody)),
            self.part(
                "database_head_office",
                Some("head_office"),
                self.try_identity(Who::AllStores)
            ),
            service
        );
        HealthReport::new([stores, head_office].into_iter().chain(service).collect())
    }
}
