//! How many connections the database gives, and how many servers want.

use std::time::Duration;

use retail_domain::Error;
use tokio_postgres::Row;

use crate::service::MAX_CONNECTIONS as SERVICE_CONNECTIONS;
use crate::{PoolSettings, ServiceDatabase, StorageError};

const ASK: &str = "SELECT usable, stores, head_office, service FROM retail_sec.connection_limits()";
const LONGEST: Duration = Duration::from_secs(5);

/// What the database gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionLimits {
    /// To all who are no superusers.
    pub usable: usize,
    /// To `retail_query`; none where it may take all.
    pub stores: Option<usize>,
    /// To `retail_query_hq`.
    pub head_office: Option<usize>,
    /// To `retail_service`.
    pub service: Option<usize>,
}

/// Connections that all servers together take, by the role that logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionNeeds {
    /// As `retail_query`.
    pub stores: usize,
    /// As `retail_query_hq`.
    pub head_office: usize,
    /// As `retail_service`.
    pub service: usize,
}

impl ConnectionNeeds {
    /// What so many servers with such pools take. `pooled` says that a pooler stands between them and the database, as far as
    /// callers' statements go: then its own limits count.
    pub fn of(servers: usize, pool: &PoolSettings, pooled: bool) -> Self {
        let head_office = pool.head_office_connections();
        let of_callers = |connections| if pooled { 0 } else { servers * connections };
        Self {
            stores: of_callers(pool.max_connections - head_office),
            head_office: of_callers(head_office),
            service: servers * SERVICE_CONNECTIONS,
        }
    }

    /// All of them.
    pub fn together(&self) -> usize {
        self.stores + self.head_office + self.service
    }
}

impl ServiceDatabase {
    /// The database's clock: the time since 1970.
    ///
    /// # Errors
    /// [`Unavailable`](retail_domain::ErrorCode::Unavailable) when it does not answer.
    pub async fn time(&self) -> Result<Duration, Error> {
        let ask = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8";
        let rows = self.rows(ask, &[], LONGEST).await?;
        let micros: Option<i64> = rows.first().and_then(|row| row.try_get(0).ok());
        let micros = micros.and_then(|micros| micros.try_into().ok());
        micros
            .map(Duration::from_micros)
            .ok_or_else(|| Error::internal("the database tells no time"))
    }

    /// Asks the database.
    ///
    /// # Errors
    /// [`Unavailable`](retail_domain::ErrorCode::Unavailable) when it does not answer.
    pub async fn connection_limits(&self) -> Result<ConnectionLimits, Error> {
        let rows = self.rows(ASK, &[], LONGEST).await?;
        let row = rows.first().ok_or_else(|| Error::internal("the database tells no limits"))?;
        read(row).map_err(|error| Error::internal(error.to_string()))
    }
}

fn read(row: &Row) -> Result<ConnectionLimits, tokio_postgres::Error> {
    // -1 is no limit.
    let limit = |place: usize| {
        row.try_get(place).map(|limit: Option<i32>| limit.and_then(|limit| limit.try_into().ok()))
    };
    Ok(ConnectionLimits {
        usable: limit(0)?.unwrap_or(0),
        stores: limit(1)?,
        head_office: limit(2)?,
        service: limit(3)?,
    })
}

impl ConnectionLimits {
    /// Whether so many servers with such pools fit, as [`ConnectionNeeds::of`] has them.
    ///
    /// # Errors
    /// [`StorageError::Setting`] with the keys and the numbers.
    pub fn check(
        &self,
        servers: usize,
        pool: &PoolSettings,
        pooled: bool,
    ) -> Result<(), StorageError> {
        let needs = ConnectionNeeds::of(servers, pool, pooled);
        let all = needs.together();
        let too_many = |needed: usize, there_are: usize, whose: &str, fix: &str| {
            Err(StorageError::Setting(format!(
                "{servers} servers (database.servers) with {} connections each (database.pool_max_connections) and \
                 {SERVICE_CONNECTIONS} for themselves need {needed} {whose}, and there are {there_are}: make the pool \
                 smaller, put a pooler between (database.pooler_host), or {fix}",
                pool.max_connections
            )))
        };
        if all > self.usable {
            return too_many(
                all,
                self.usable,
                "of PostgreSQL's connections",
                "raise max_connections",
            );
        }
        let roles = [
            ("retail_query", needs.stores, self.stores),
            ("retail_query_hq", needs.head_office, self.head_office),
            ("retail_service", needs.service, self.service),
        ];
        for (role, needed, limit) in roles {
            if let Some(limit) = limit.filter(|limit| needed > *limit) {
                let whose = format!("of the role {role}");
                let fix = format!(
                    "run `retail-mcp migrate` with the same settings, or ALTER ROLE {role} CONNECTION LIMIT {needed}"
                );
                return too_many(needed, limit, &whose, &fix);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn limits() -> ConnectionLimits {
        ConnectionLimits { usable: 97, stores: Some(40), head_office: Some(40), service: Some(40) }
    }

    #[rstest]
    #[case::one(1, 8, false, None)]
    #[case::six_of_eight(6, 8, false, None)]
    #[case::seven_of_eight(7, 8, false, Some("need 42 of the role retail_query, and there are 40"))]
    #[case::large(2, 60, false, Some("need 128 of PostgreSQL's connections, and there are 97"))]
    #[case::behind_a_pooler(10, 60, true, None)]
    #[case::too_many_behind_a_pooler(11, 60, true, Some("need 44 of the role retail_service"))]
    fn servers_fit_or_are_told_why_not(
        #[case] servers: usize,
        #[case] max_connections: usize,
        #[case] pooled: bool,
        #[case] expected: Option<&str>,
    ) {
        let pool = PoolSettings { max_connections, ..PoolSettings::default() };
        let checked = limits().check(servers, &pool, pooled).map_err(|error| error.to_string());
        match expected {
            None => assert_eq!(checked, Ok(())),
            Some(expected) => {
                let said = checked.unwrap_err();
                assert!(said.contains(expected) && said.contains("database.servers"), "{said}");
            }
        }
    }
}
