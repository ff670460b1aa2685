//! Statements as an answer shows them, made into what pgbench may be asked.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::scenario::{HEAD_OFFICE, STORE_ID};

/// Tables that have rows of several stores.
const OF_STORES: [&str; 8] = [
    "orders",
    "order_items",
    "sales_by_day",
    "sales_by_product_day",
    "sales_by_order",
    "inventory",
    "stores",
    "store_benchmark",
];

/// The statements of an answer, in their order. A store's tables are confined to it, as row security does for a caller: the
/// superuser sees all rows.
pub(super) fn statements(answer: &Value, caller: &str) -> Result<Vec<String>> {
    let shown = answer
        .pointer("/result/structuredContent/provenance/statements")
        .and_then(Value::as_array)
        .context("shown_by: the answer names no statements")?;
    let statements: Vec<String> = shown
        .iter()
        .map(|statement| {
            let sql = statement.get("sql").and_then(Value::as_str);
            let sql = sql.context("shown_by: the answer shows no SQL; ask with show_sql")?;
            Ok(if caller == HEAD_OFFICE { sql.to_owned() } else { confined(sql) })
        })
        .collect::<Result<_>>()?;
    if statements.is_empty() {
        bail!("shown_by: nothing was run for the answer");
    }
    Ok(statements)
}

/// With a subquery, which PostgreSQL folds into the statement, in the place of each table. All tables have an alias there.
fn confined(sql: &str) -> String {
    let mut parts = sql.split("retail.");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|letter: char| !letter.is_ascii_lowercase() && letter != '_');
        let (table, rest) = part.split_at(end.unwrap_or(part.len()));
        if OF_STORES.contains(&table) {
            // Writing to a String cannot fail.
            let _ = write!(text, "(SELECT * FROM retail.{table} WHERE store_id = {STORE_ID})");
        } else {
            text.push_str("retail.");
            text.push_str(table);
        }
        text.push_str(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(sql: &str) -> Value {
        let provenance = json!({ "statements": [{ "purpose": "p", "sql": sql }] });
        json!({ "result": { "structuredContent": { "provenance": provenance } } })
    }

    #[test]
    fn a_stores_tables_are_confined_to_it() {
        let sql = "SELECT 1 FROM retail.orders d JOIN retail.products p ON true JOIN retail.order_items i ON true";
        let [shown] =
            <[String; 1]>::try_from(statements(&answer(sql), "seattle").unwrap()).unwrap();
        assert_eq!(
            shown,
            "SELECT 1 FROM (SELECT * FROM retail.orders WHERE store_id = {store_id}) d \
             JOIN retail.products p ON true \
             JOIN (SELECT * FROM retail.order_items WHERE store_id = {store_id}) i ON true"
        );
        assert_eq!(statements(&answer(sql), HEAD_OFFICE).unwrap(), [sql]);
    }

    #[test]
    fn an_answer_without_sql_is_refused() {
        let without =
            json!({ "result": { "structuredContent": { "provenance": { "statements": [{}] } } } });
        for wrong in [json!({}), without] {
            let error = statements(&wrong, "seattle").unwrap_err().to_string();
            assert!(error.contains("shown_by"), "{error}");
        }
    }
}
