//! Whether statements that callers often send find indexes, from the administrator's side.

use sqlx::Row as _;

use crate::admin::failed;
use crate::{Admin, Finding, FindingState, StorageError};

/// What is looked up, how, and what makes it fast again. Migrations 0001 and 0018 make these indexes.
const LOOKUPS: [(&str, &str, &str); 5] = [
    (
        "a product by its SKU",
        "SELECT product_id FROM retail.products WHERE sku = 'x'",
        "ALTER TABLE retail.products ADD UNIQUE (sku)",
    ),
    (
        "a store's orders by date",
        "SELECT order_id FROM retail.orders WHERE store_id = 1 AND order_date >= DATE '2024-01-01'",
        "CREATE INDEX orders_store_id_order_date_customer_id_order_id ON retail.orders (store_id, order_date) \
         INCLUDE (customer_id, order_id)",
    ),
    (
        "the items of an order",
        "SELECT order_item_id FROM retail.order_items WHERE order_id = 1",
        "CREATE INDEX order_items_order_id_store_id_total_amount ON retail.order_items (order_id, store_id) INCLUDE (total_amount)",
    ),
    (
        "a product's sales in a store",
        "SELECT order_item_id FROM retail.order_items WHERE store_id = 1 AND product_id = 1",
        "CREATE INDEX idx_order_items_store_id_product_id ON retail.order_items (store_id, product_id)",
    ),
    (
        "a product's stock",
        "SELECT store_id FROM retail.inventory WHERE product_id = 1",
        "CREATE INDEX idx_inventory_product_id ON retail.inventory (product_id)",
    ),
];

impl Admin {
    /// Looks at PostgreSQL's plans of lookups that callers often make, one finding each; advice, since the answers are
    /// right without. Nothing is run.
    ///
    /// # Errors
    /// [`StorageError::Statement`], for example before the tables are made.
    pub async fn check_plans(&mut self) -> Result<Vec<Finding>, StorageError> {
        const ACTION: &str = "look at plans";
        self.become_owner().await?;
        let mut findings = Vec::with_capacity(LOOKUPS.len());
        for (what, lookup, fix) in LOOKUPS {
            // A small table is read as a whole, index or not: unless that is forbidden.
            let explain = format!("EXPLAIN (COSTS OFF) {lookup}");
            let mut transaction =
                sqlx::Connection::begin(&mut self.connection).await.map_err(failed(ACTION))?;
            sqlx::query("SET LOCAL enable_seqscan = off")
                .execute(&mut *transaction)
                .await
                .map_err(failed(ACTION))?;
            let rows = sqlx::query(sqlx::AssertSqlSafe(explain))
                .fetch_all(&mut *transaction)
                .await
                .map_err(failed(ACTION))?;
            transaction.rollback().await.map_err(failed(ACTION))?;
            let lines: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
            let plan = lines.map_err(failed(ACTION))?.join("\n");
            findings.push(finding(what, fix, plan.contains("Seq Scan")));
        }
        Ok(findings)
    }
}

fn finding(what: &str, fix: &str, reads_all: bool) -> Finding {
    Finding {
        check: "plans".to_owned(),
        subject: what.to_owned(),
        state: if reads_all { FindingState::Unfit } else { FindingState::Good },
        detail: if reads_all {
            "there is no index for it: the whole table is read".to_owned()
        } else {
            String::new()
        },
        fix_sql: reads_all.then(|| fix.to_owned()),
        mandatory: false,
    }
}
