//! The layers below the guard, alone: what holds if the guard is wrong.

use std::sync::Arc;

use async_trait::async_trait;
use retail_domain::ports::QueryRunner;
use retail_domain::{Error, Principal, QueryAnswer, QueryLimits, SqlText};
use retail_sql_guard::CheckedQuery;
use retail_storage::{PgQueryRunner, QueryDatabase};
use retail_testkit::TestDatabase;

/// Runs any text, and once more when it was answered: a text that ran before takes another way.
#[derive(Clone)]
pub(crate) struct Unguarded(PgQueryRunner);

impl Unguarded {
    pub(crate) fn new(database: QueryDatabase) -> Self {
        Self(PgQueryRunner::new(Arc::new(database)))
    }

    /// Over `max_connections` connections.
    pub(crate) fn on(database: &TestDatabase, max_connections: usize) -> Self {
        Self::new(database.query_database(max_connections))
    }
}

#[async_trait]
impl QueryRunner for Unguarded {
    async fn run_page(
        &self,
        principal: &Principal,
        sql: &SqlText,
        cursor: Option<String>,
        limits: &QueryLimits,
    ) -> Result<QueryAnswer, Error> {
        let query = CheckedQuery::unchecked(sql.as_str());
        let first = self.0.run_checked(principal, &query, cursor.as_deref(), limits).await?;
        let again = self.0.run_checked(principal, &query, cursor.as_deref(), limits).await?;
        assert_eq!(again.columns, first.columns);
        assert_eq!(again.truncation, first.truncation);
        assert_eq!(again.rows.len(), first.rows.len());
        Ok(again)
    }
}
