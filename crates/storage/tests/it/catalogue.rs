//! Descriptions of the tables.

use std::sync::Arc;

use retail_domain::ports::SchemaCatalog;
use retail_domain::{KeyRole, RetailTable, RowEstimate, TableSchema};
use retail_storage::PgSchemaCatalog;
use retail_testkit::{TestDatabase, head_office, principal, store};

fn of(schemas: &[TableSchema], table: RetailTable) -> &TableSchema {
    schemas.iter().find(|schema| schema.table == table).unwrap()
}

#[tokio::test]
async fn every_table_and_column_is_described_and_the_secret_one_is_not() {
    let database = TestDatabase::seeded().await;
    let catalog = PgSchemaCatalog::new(Arc::new(database.query_database(2)));
    let schemas = catalog.describe(&head_office().await, &RetailTable::ALL).await.unwrap();
    assert_eq!(schemas.len(), RetailTable::ALL.len());
    for schema in &*schemas {
        assert!(!schema.purpose.is_empty(), "{} has no comment", schema.table);
        for column in &schema.columns {
            assert!(column.comment.is_some(), "{}.{}", schema.table, column.name);
        }
        assert!(schema.columns.iter().any(|column| column.key == Some(KeyRole::Primary)));
    }
    let names: Vec<_> = of(&schemas, RetailTable::Stores)
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(names, ["store_id", "store_name", "is_online"]);
    let customers = &of(&schemas, RetailTable::Customers).columns;
    let keys: Vec<_> = customers.iter().map(|column| column.key).collect();
    // customer_id, first_name, last_name, email, phone, primary_store_id, created_at
    // The index that keeps e-mail addresses unique is of an expression: see migration 0007.
    assert_eq!(keys, [Some(KeyRole::Primary), None, None, None, None, None, None]);
    assert!(!customers[3].nullable && customers[4].nullable);
    let items = of(&schemas, RetailTable::OrderItems);
    assert!(items.columns.iter().any(|c| c.name == "total_amount" && c.pg_type == "numeric(10,2)"));
    assert_eq!(items.relationships.len(), 3);
    let years = &of(&schemas, RetailTable::Orders).valid_values[0].values;
    assert_eq!(years, &["2020", "2021", "2022", "2023", "2024", "2025", "2026"]);
}

#[tokio::test]
async fn values_and_counts_are_the_callers_own() {
    let database = TestDatabase::seeded().await;
    let catalog = PgSchemaCatalog::new(Arc::new(database.query_database(2)));
    let kirkland = principal(store("Zava Retail Kirkland")).await;
    let tables = [RetailTable::Stores, RetailTable::Orders];
    let schemas = catalog.describe(&kirkland, &tables).await.unwrap();
    assert_eq!(schemas[0].valid_values[0].values, ["Zava Retail Kirkland"]);
    let orders = database.psql("SELECT count(*) FROM retail.orders WHERE store_id = 7");
    assert_eq!(schemas[1].rows, Some(RowEstimate::Exactly(orders.trim().parse().unwrap())));
    let all = catalog.describe(&head_office().await, &tables).await.unwrap();
    assert_eq!(all[0].valid_values[0].values.len(), 8);
    assert_eq!(all[0].rows, Some(RowEstimate::About(8)));
}
