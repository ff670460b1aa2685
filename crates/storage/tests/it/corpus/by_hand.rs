//! The rows of one manager picked by hand, for whom row security does not bind.

use retail_domain::{JsonRow, SqlText, Store};
use retail_testkit::TestDatabase;
use serde_json::Value;
use tokio_postgres::SimpleQueryMessage;

use crate::isolation::connect;

/// The twelve tables as views in schema `by_hand`, each with the manager's rows by an explicit
/// condition.
const VIEWS: &str = "
    CREATE SCHEMA by_hand;
    CREATE VIEW by_hand.stores AS
        SELECT store_id, store_name, is_online FROM retail.stores WHERE store_id = :own;
    CREATE VIEW by_hand.orders AS SELECT * FROM retail.orders WHERE store_id = :own;
    CREATE VIEW by_hand.order_items AS SELECT * FROM retail.order_items WHERE store_id = :own;
    CREATE VIEW by_hand.sales_by_day AS SELECT * FROM retail.sales_by_day WHERE store_id = :own;
    CREATE VIEW by_hand.sales_by_product_day AS
        SELECT * FROM retail.sales_by_product_day WHERE store_id = :own;
    CREATE VIEW by_hand.sales_by_order AS SELECT * FROM retail.sales_by_order WHERE store_id = :own;
    CREATE VIEW by_hand.store_benchmark AS
        SELECT * FROM retail.store_benchmark WHERE store_id = :own;
    CREATE VIEW by_hand.inventory AS SELECT * FROM retail.inventory WHERE store_id = :own;
    CREATE VIEW by_hand.customers AS SELECT * FROM retail.customers WHERE primary_store_id = :own
        OR customer_id IN (SELECT customer_id FROM retail.orders WHERE store_id = :own);
    CREATE VIEW by_hand.categories AS SELECT * FROM retail.categories;
    CREATE VIEW by_hand.product_types AS SELECT * FROM retail.product_types;
    CREATE VIEW by_hand.products AS SELECT * FROM retail.products";

/// Makes the views for a store's manager.
pub(super) fn make_views(database: &TestDatabase, store: &Store) {
    database.psql(&VIEWS.replace(":own", &store.id.to_string()));
}

/// A superuser who reads the views.
pub(super) struct ByHand(tokio_postgres::Client);

impl ByHand {
    pub(super) async fn connect(database: &TestDatabase) -> Self {
        let client = connect(database, &database.superuser()).await;
        let set = "SET search_path = by_hand; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; \
                   SET statement_timeout = '20s'; SET default_transaction_read_only = on";
        client.batch_execute(set).await.unwrap();
        Self(client)
    }

    /// How the answer to a statement differs from what the views give, in any order of rows.
    pub(super) async fn difference(
        &self,
        sql: &str,
        columns: usize,
        rows: &[JsonRow],
    ) -> Option<String> {
        let sql = SqlText::new(sql).unwrap();
        let sql = sql.as_str().replace("\"retail\".", "by_hand.").replace("retail.", "by_hand.");
        let names: Vec<String> = (0..columns).map(|i| format!("c{i}")).collect();
        let texts: Vec<String> = names.iter().map(|name| format!("q.{name}::text")).collect();
        let wrapped =
            format!("SELECT {} FROM (\n{sql}\n) AS q({})", texts.join(","), names.join(","));
        let messages = match self.0.simple_query(&wrapped).await {
            Ok(messages) => messages,
            Err(error) => return Some(format!("it fails: {error:?}")),
        };
        let mut expected: Vec<Vec<Option<String>>> = Vec::new();
        for message in &messages {
            if let SimpleQueryMessage::Row(row) = message {
                expected.push((0..columns).map(|i| row.get(i).map(ToOwned::to_owned)).collect());
            }
        }
        let mut left: Vec<&JsonRow> = rows.iter().collect();
        for row in &expected {
            match left.iter().position(|answer| same_row(answer, row)) {
                Some(place) => drop(left.swap_remove(place)),
                None => return Some(format!("there is no row {row:?}")),
            }
        }
        left.first().map(|row| format!("there is a row {row:?}"))
    }
}

fn same_row(answer: &JsonRow, expected: &[Option<String>]) -> bool {
    answer.len() == expected.len()
        && answer.iter().zip(expected).all(|(value, text)| same(value, text.as_deref()))
}

/// Whether a value of an answer is PostgreSQL's text for it.
fn same(value: &Value, text: Option<&str>) -> bool {
    match (value, text) {
        (Value::Null, None) => true,
        (_, None) => false,
        (Value::String(value), Some(text)) if value == text => true,
        // A whole float prints as an integer.
        (Value::Number(value), Some(text)) if value.is_f64() => {
            text.parse::<f64>().ok() == value.as_f64()
        }
        (value, Some(text)) => {
            serde_json::from_str::<Value>(text).is_ok_and(|parsed| parsed == *value)
        }
    }
}
