//! Descriptions of the tables, as the caller's role and rows allow.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use retail_domain::ports::SchemaCatalog;
use retail_domain::{
    ColumnSchema, Error, KeyRole, Principal, Relationship, RetailTable, RowEstimate, TableSchema,
    ValidValues, Visibility,
};
use tokio_postgres::{Client, Row};

use crate::QueryDatabase;
use crate::identity::Who;
use crate::sql_error::our_statement_failed;

// The catalogue is closed to the query roles; sql/posture/describe.sql has what they may know of it.
const COLUMNS: &str =
    "SELECT table_name, column_name, pg_type, nullable, comment, key_role, purpose
    FROM retail_sec.describe_columns()";
const FOREIGN_KEYS: &str = "SELECT table_name, column_name, references_table, references_column
    FROM retail_sec.describe_foreign_keys()";

/// Longest time for a description.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Counting a store's rows stops here. The number is for a model's sense of size.
const COUNT_UP_TO: i64 = 200_000;

/// Reads what the caller's role may know of the catalogue, and the values that occur, under the caller's identity.
///
/// Nothing is kept between calls: what one caller may see is never another's answer.
#[derive(Debug, Clone)]
pub struct PgSchemaCatalog {
    database: Arc<QueryDatabase>,
}

impl PgSchemaCatalog {
    /// A catalogue of `database`.
    pub fn new(database: Arc<QueryDatabase>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl SchemaCatalog for PgSchemaCatalog {
    async fn describe(
        &self,
        principal: &Principal,
        tables: &[RetailTable],
    ) -> Result<Arc<[TableSchema]>, Error> {
        let who = Who::from(principal.visibility());
        let transaction = self.database.begin(who, TIMEOUT).await?;
        let client = transaction.client();
        let columns = read(client, COLUMNS).await?;
        let foreign_keys = read(client, FOREIGN_KEYS).await?;
        let mut schemas = Vec::with_capacity(tables.len());
        for table in tables {
            schemas.push(TableSchema {
                rows: count(client, principal.visibility(), *table).await?,
                valid_values: valid_values(client, *table).await?,
                ..describe(*table, &columns, &foreign_keys)?
            });
        }
        transaction.finish().await?;
        Ok(schemas.into())
    }
}

async fn read(client: &Client, sql: &str) -> Result<Vec<Row>, Error> {
    client.query_typed(sql, &[]).await.map_err(|error| our_statement_failed(&error))
}

fn text(row: &Row, index: usize) -> Result<String, Error> {
    row.try_get(index).map_err(|error| Error::internal(error.to_string()))
}

fn optional_text(row: &Row, index: usize) -> Result<Option<String>, Error> {
    row.try_get(index).map_err(|error| Error::internal(error.to_string()))
}

fn describe(
    table: RetailTable,
    columns: &[Row],
    foreign_keys: &[Row],
) -> Result<TableSchema, Error> {
    let mut schema = TableSchema {
        table,
        purpose: String::new(),
        columns: Vec::new(),
        relationships: Vec::new(),
        valid_values: Vec::new(),
        rows: None,
    };
    for row in columns {
        if text(row, 0)? != table.name() {
            continue;
        }
        schema.purpose = optional_text(row, 6)?.unwrap_or_default();
        schema.columns.push(ColumnSchema {
            name: text(row, 1)?,
            pg_type: text(row, 2)?,
            nullable: row.try_get(3).map_err(|error| Error::internal(error.to_string()))?,
            comment: optional_text(row, 4)?,
            key: match text(row, 5)?.as_str() {
                "primary" => Some(KeyRole::Primary),
                "unique" => Some(KeyRole::Unique),
                _ => None,
            },
        });
    }
    for row in foreign_keys {
        // A key to a table that is not described is of no use to the caller.
        if text(row, 0)? == table.name()
            && let Ok(references_table) = text(row, 2)?.parse()
        {
            schema.relationships.push(Relationship {
                column: text(row, 1)?,
                references_table,
                references_column: text(row, 3)?,
            });
        }
    }
    Ok(schema)
}

/// Head office sees all rows, so the planner's estimate is its number; a store's own are counted.
async fn count(
    client: &Client,
    visibility: &Visibility,
    table: RetailTable,
) -> Result<Option<RowEstimate>, Error> {
    let sql = match visibility {
        Visibility::AllStores => format!(
            "SELECT row_count FROM retail_sec.estimated_rows() WHERE table_name = '{}'",
            table.name()
        ),
        Visibility::Store(_) => {
            format!("SELECT count(*) FROM (SELECT FROM {table} LIMIT {COUNT_UP_TO} + 1) AS counted")
        }
    };
    let rows = read(client, &sql).await?;
    let number: i64 = match rows.first() {
        Some(row) => row.try_get(0).map_err(|error| Error::internal(error.to_string()))?,
        None => return Ok(None),
    };
    // Minus one is PostgreSQL's word for "never analysed".
    let Ok(rows) = u64::try_from(number) else {
        return Ok(None);
    };
    Ok(Some(match visibility {
        Visibility::AllStores => RowEstimate::About(rows),
        Visibility::Store(_) if number > COUNT_UP_TO => {
            RowEstimate::MoreThan(COUNT_UP_TO.unsigned_abs())
        }
        Visibility::Store(_) => RowEstimate::Exactly(rows),
    }))
}

/// The values that a filter may name, where there are few.
async fn valid_values(client: &Client, table: RetailTable) -> Result<Vec<ValidValues>, Error> {
    let (of, heading, sql) = match table {
        RetailTable::Stores => (
            "store_name",
            "Stores Locations",
            "SELECT store_name FROM retail.stores ORDER BY store_name",
        ),
        RetailTable::Categories => (
            "category_name",
            "Valid Categories",
            "SELECT category_name FROM retail.categories ORDER BY category_name",
        ),
        RetailTable::ProductTypes => (
            "type_name",
            "Valid Product Types",
            "SELECT DISTINCT type_name FROM retail.product_types ORDER BY type_name",
        ),
        // From the first to the last order by the index, not by a scan of all orders.
        RetailTable::Orders => (
            "year of order_date",
            "Available Years",
            "SELECT y::text FROM generate_series(
                 (SELECT extract(year FROM min(order_date))::int FROM retail.orders),
                 (SELECT extract(year FROM max(order_date))::int FROM retail.orders)) AS y
             ORDER BY y",
        ),
        RetailTable::Customers
        | RetailTable::Products
        | RetailTable::OrderItems
        | RetailTable::Inventory
        | RetailTable::SalesByDay
        | RetailTable::SalesByProductDay
        | RetailTable::SalesByOrder
        | RetailTable::StoreBenchmark => return Ok(Vec::new()),
    };
    let values =
        read(client, sql).await?.iter().map(|row| text(row, 0)).collect::<Result<Vec<_>, _>>()?;
    Ok(vec![ValidValues { of: of.to_owned(), heading: heading.to_owned(), values }])
}
