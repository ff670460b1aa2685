//! Statements of constant parts with bound values.

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

type Value = Box<dyn ToSql + Sync + Send>;

/// A statement that is put together of constant texts; every value is bound.
#[derive(Debug, Default)]
pub(super) struct Statement {
    pub(super) sql: String,
    values: Vec<(Value, Type)>,
}

impl Statement {
    /// Adds constant text.
    pub(super) fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Adds a bound value in its place.
    pub(super) fn bind(
        &mut self,
        value: impl ToSql + Sync + Send + 'static,
        value_type: Type,
    ) -> &mut Self {
        self.values.push((Box::new(value), value_type));
        let place = format!("${}", self.values.len());
        self.push(&place)
    }

    pub(super) async fn run(&self, client: &Client) -> Result<Vec<Row>, tokio_postgres::Error> {
        let values: Vec<(&(dyn ToSql + Sync), Type)> = self
            .values
            .iter()
            .map(|(value, value_type)| {
                let value: &(dyn ToSql + Sync) = value.as_ref();
                (value, value_type.clone())
            })
            .collect();
        client.query_typed(&self.sql, &values).await
    }
}
