//! What tests may see of the pool and callers may not.

use std::time::Duration;

use retail_domain::Error;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use crate::QueryDatabase;
use crate::identity::Who;
use crate::sql_error::our_statement_failed;

impl QueryDatabase {
    /// Lets calls through without a look at the posture, for a test that has broken the database on
    /// purpose.
    pub fn skip_posture_gate(&self) {
        self.primary.gate.open_unseen();
    }

    /// Sets what the server knows of the database's clock back, on one pooled connection of the
    /// stores' role: as after a jump of that clock.
    ///
    /// # Errors
    /// As of any statement, when there is no connection.
    pub async fn lose_time(&self, lost: Duration) -> Result<(), Error> {
        let nobody = Who::Store(retail_domain::RlsUserId(uuid::Uuid::nil()));
        let mut connection = self.connection(nobody).await?;
        connection.place.lose_time(lost);
        Ok(())
    }

    /// How many statements a pooled connection of the stores' role has prepared.
    ///
    /// # Errors
    /// As of any statement, when there is no connection.
    pub async fn prepared_statements(&self) -> Result<i64, Error> {
        let nobody = Who::Store(retail_domain::RlsUserId(uuid::Uuid::nil()));
        let connection = self.connection(nobody).await?;
        let sql = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'retail%'";
        let rows = connection.client.query_typed(sql, &[]).await;
        let rows = rows.map_err(|error| our_statement_failed(&error))?;
        rows.first()
            .and_then(|row| row.try_get(0).ok())
            .ok_or_else(|| Error::internal("there is no count"))
    }

    /// The values of settings on a pooled connection of the stores' role, outside of any
    /// transaction: what the next caller would start from. None where PostgreSQL does not know the
    /// setting.
    ///
    /// # Errors
    /// As of any statement, when there is no connection.
    pub async fn idle_settings(&self, names: &[&str]) -> Result<Vec<Option<String>>, Error> {
        let nobody = Who::Store(retail_domain::RlsUserId(uuid::Uuid::nil()));
        let connection = self.connection(nobody).await?;
        let mut values = Vec::new();
        for name in names {
            let shown = connection.client.simple_query(&format!("SHOW {name}")).await;
            values.push(match shown {
                Ok(messages) => messages.iter().find_map(|message| match message {
                    SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
                    _ => None,
                }),
                Err(error) if error.code() == Some(&SqlState::UNDEFINED_OBJECT) => None,
                Err(error) => return Err(our_statement_failed(&error)),
            });
        }
        Ok(values)
    }
}
