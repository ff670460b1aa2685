//! Taking over a Zava database that another system made.

use sqlx::Row;

use crate::admin::failed;
use crate::{Admin, StorageError};

const ADOPT: &str = include_str!("../../sql/adopt.sql");

/// Each table with its columns and types, as in migration 0001.
const EXPECTED: &[(&str, &[(&str, &str)])] = &[
    (
        "stores",
        &[
            ("store_id", "integer"),
            ("store_name", "text"),
            ("rls_user_id", "uuid"),
            ("is_online", "boolean"),
        ],
    ),
    (
        "customers",
        &[
            ("customer_id", "integer"),
            ("first_name", "text"),
            ("last_name", "text"),
            ("email", "text"),
            ("phone", "text"),
            ("primary_store_id", "integer"),
            ("created_at", "timestamp without time zone"),
        ],
    ),
    ("categories", &[("category_id", "integer"), ("category_name", "text")]),
    ("product_types", &[("type_id", "integer"), ("category_id", "integer"), ("type_name", "text")]),
    (
        "products",
        &[
            ("product_id", "integer"),
            ("sku", "text"),
            ("product_name", "text"),
            ("category_id", "integer"),
            ("type_id", "integer"),
            ("cost", "numeric"),
            ("base_price", "numeric"),
            ("gross_margin_percent", "numeric"),
            ("product_description", "text"),
        ],
    ),
    (
        "inventory",
        &[("store_id", "integer"), ("product_id", "integer"), ("stock_level", "integer")],
    ),
    (
        "orders",
        &[
            ("order_id", "integer"),
            ("customer_id", "integer"),
            ("store_id", "integer"),
            ("order_date", "date"),
        ],
    ),
    (
        "order_items",
        &[
            ("order_item_id", "integer"),
            ("order_id", "integer"),
            ("store_id", "integer"),
            ("product_id", "integer"),
            ("quantity", "integer"),
            ("unit_price", "numeric"),
            ("discount_percent", "integer"),
            ("discount_amount", "numeric"),
            ("total_amount", "numeric"),
        ],
    ),
];

/// Compares the schema with the one that can be taken over, and names every difference.
///
/// More tables and columns than expected are welcome.
pub(super) async fn check(admin: &mut Admin) -> Result<(), StorageError> {
    let rows = sqlx::query(
        "SELECT table_name::text, column_name::text, data_type::text
         FROM information_schema.columns WHERE table_schema = 'retail'",
    )
    .fetch_all(&mut admin.connection)
    .await
    .map_err(failed("read the existing schema"))?;
    let found = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
        .collect::<Result<Vec<(String, String, String)>, sqlx::Error>>()
        .map_err(failed("read the existing schema"))?;
    let mut faults = Vec::new();
    for (table, columns) in EXPECTED {
        if !found.iter().any(|(name, ..)| name == table) {
            faults.push(format!("retail.{table} is missing"));
            continue;
        }
        for (column, expected) in *columns {
            match found.iter().find(|(t, c, _)| t == table && c == column) {
                None => faults.push(format!("retail.{table}.{column} is missing")),
                Some((_, _, actual)) if actual != expected => {
                    faults.push(format!("retail.{table}.{column} is {actual}, not {expected}"));
                }
                Some(_) => {}
            }
        }
    }
    if faults.is_empty()
        && admin.is_true("SELECT count(*) > count(DISTINCT rls_user_id) FROM retail.stores").await?
    {
        faults.push("retail.stores.rls_user_id is the same for two stores".to_owned());
    }
    if faults.is_empty() { Ok(()) } else { Err(StorageError::CannotAdopt { faults }) }
}

/// Makes the objects ours, and the former policies harmless. Gives notes for the operator.
pub(super) async fn take_over(admin: &mut Admin) -> Result<Vec<String>, StorageError> {
    admin.execute(ADOPT, "take over the existing tables").await?;
    let mut notes = Vec::new();
    if admin
        .is_true(
            "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'store_manager')
                AND has_table_privilege('store_manager', 'retail.orders', 'INSERT, UPDATE, DELETE')",
        )
        .await?
    {
        notes.push(
            "the former role store_manager can still write to the tables; \
             when nothing uses it any more: DROP OWNED BY store_manager; DROP ROLE store_manager"
                .to_owned(),
        );
    }
    Ok(notes)
}
