//! `get_multiple_table_schemas`: what the tables are, in few tokens.

mod markdown;

use std::sync::Arc;

use async_trait::async_trait;
use retail_domain::ports::SchemaCatalog;
use retail_domain::{
    Error, ErrorCode, KeyRole, Principal, RetailTable, RowEstimate, Scope, TableSchema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answered, RetailTool};
use crate::arguments::echo;

/// Most wrong names that an error repeats.
const ECHOED_NAMES: usize = 8;

pub(crate) struct GetMultipleTableSchemas {
    catalog: Arc<dyn SchemaCatalog>,
}

impl GetMultipleTableSchemas {
    pub(crate) fn new(catalog: Arc<dyn SchemaCatalog>) -> Self {
        Self { catalog }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Tables to describe, with or without the prefix: `retail.customers`, `retail.stores`,
    /// `retail.categories`, `retail.product_types`, `retail.products`, `retail.orders`,
    /// `retail.order_items`, `retail.inventory`, `retail.sales_by_day`,
    /// `retail.sales_by_product_day`, `retail.sales_by_order`, `retail.store_benchmark`.
    #[schemars(length(min = 1))]
    table_names: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Answer {
    /// One entry a table, in the order asked for.
    tables: Vec<TableDescription>,
}

/// A table.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TableDescription {
    /// Name with its prefix.
    table: &'static str,
    /// What it holds.
    purpose: String,
    /// How many rows the caller sees; absent when it could not be found out in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Rows>,
    /// The columns.
    columns: Vec<TableColumn>,
    /// The foreign keys, each of one column.
    relationships: Vec<ForeignKey>,
    /// Values to use in filters.
    valid_values: Vec<Values>,
}

/// A number of rows.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Rows {
    /// The number.
    count: u64,
    /// `exact`, `about`, or `more_than` where counting stopped.
    precision: &'static str,
}

/// A column.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TableColumn {
    /// Name.
    name: String,
    /// PostgreSQL type.
    #[serde(rename = "type")]
    pg_type: String,
    /// `primary` or `unique`; absent for a column of no key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'static str>,
    /// Whether it may be NULL.
    nullable: bool,
    /// What it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

/// A foreign key.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ForeignKey {
    /// The column that refers.
    column: String,
    /// The column referred to, as `retail.table.column`.
    references: String,
}

/// The values of a column.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Values {
    /// The column, or what is derived from one.
    of: String,
    /// The values, sorted.
    values: Vec<String>,
}

#[async_trait]
impl RetailTool for GetMultipleTableSchemas {
    const NAME: &'static str = "get_multiple_table_schemas";
    const TITLE: &'static str = "Table schemas";
    const SCOPE: Scope = Scope::Read;
    const TABLES: &'static [&'static str] =
        &["retail.stores", "retail.categories", "retail.product_types", "retail.orders"];
    type Arguments = Arguments;
    type Answer = Answer;

    fn description(&self) -> String {
        "Get the schemas of several tables at once: columns with types, keys and comments, \
         relationships, valid values, row counts and query hints. Call it before \
         execute_sales_query, only for tables whose schema you have not fetched during this \
         conversation, and ask for all the tables you need in one call. \
         retail.sales_by_day, retail.sales_by_product_day and retail.sales_by_order hold sales added up; \
         retail.store_benchmark says how a store stands among the others."
            .to_owned()
    }

    async fn call(
        &self,
        principal: &Principal,
        arguments: Arguments,
    ) -> Result<Answered<Answer>, Error> {
        let tables = known_tables(&arguments.table_names)?;
        let schemas = self.catalog.describe(principal, &tables).await?;
        let text = markdown::describe(&schemas);
        let tables = schemas.iter().map(TableDescription::from).collect();
        Ok(Answered::new(text, Answer { tables }))
    }
}

/// The tables named, each once, in the order given.
fn known_tables(names: &[String]) -> Result<Vec<RetailTable>, Error> {
    let mut tables = Vec::new();
    let mut invalid = Vec::new();
    for name in names {
        match name.trim().parse::<RetailTable>() {
            Ok(table) if tables.contains(&table) => {}
            Ok(table) => tables.push(table),
            Err(_) => invalid.push(name),
        }
    }
    if invalid.is_empty() {
        return Ok(tables);
    }
    let invalid: Vec<String> = invalid.into_iter().take(ECHOED_NAMES).map(|n| echo(n)).collect();
    let message = format!(
        "Error: Invalid table names: {}. Valid tables are: {}",
        quoted_list(invalid.iter().map(String::as_str)),
        quoted_list(RetailTable::ALL.into_iter().map(RetailTable::qualified_name)),
    );
    Err(Error::new(ErrorCode::InvalidArgument, message)
        .with_hint("call again with names from the list of valid tables"))
}

/// A list as the reference system prints it: `['a', 'b']`.
fn quoted_list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.map(|name| format!("'{name}'")).collect();
    format!("[{}]", quoted.join(", "))
}

impl From<&TableSchema> for TableDescription {
    fn from(schema: &TableSchema) -> Self {
        Self {
            table: schema.table.qualified_name(),
            purpose: schema.purpose.clone(),
            rows: schema.rows.map(Rows::from),
            columns: schema
                .columns
                .iter()
                .map(|column| TableColumn {
                    name: column.name.clone(),
                    pg_type: column.pg_type.clone(),
                    key: column.key.map(|key| match key {
                        KeyRole::Primary => "primary",
                        KeyRole::Unique => "unique",
                    }),
                    nullable: column.nullable,
                    comment: column.comment.clone(),
                })
                .collect(),
            relationships: schema
                .relationships
                .iter()
                .map(|key| ForeignKey {
                    references: format!("{}.{}", key.references_table, key.references_column),
                    column: key.column.clone(),
                })
                .collect(),
            valid_values: schema
                .valid_values
                .iter()
                .map(|values| Values { of: values.of.clone(), values: values.values.clone() })
                .collect(),
        }
    }
}

impl From<RowEstimate> for Rows {
    fn from(estimate: RowEstimate) -> Self {
        let (count, precision) = match estimate {
            RowEstimate::Exactly(count) => (count, "exact"),
            RowEstimate::About(count) => (count, "about"),
            RowEstimate::MoreThan(count) => (count, "more_than"),
        };
        Self { count, precision }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn both_spellings_are_one_table() {
        let tables = known_tables(&names(&["orders", "retail.stores", "retail.orders"])).unwrap();
        assert_eq!(tables, [RetailTable::Orders, RetailTable::Stores]);
    }

    #[test]
    fn wrong_names_are_listed_beside_the_valid_ones() {
        let error = known_tables(&names(&["orders", "sales", "pg_authid"])).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        assert_eq!(
            error.public_message(),
            "Error: Invalid table names: ['sales', 'pg_authid']. Valid tables are: \
             ['retail.customers', 'retail.stores', 'retail.categories', 'retail.product_types', \
             'retail.products', 'retail.orders', 'retail.order_items', 'retail.inventory', \
             'retail.sales_by_day', 'retail.sales_by_product_day', 'retail.sales_by_order', 'retail.store_benchmark']"
        );
    }

    #[test]
    fn a_flood_of_wrong_names_is_not_repeated() {
        let many = vec!["x".repeat(1_000); 1_000];
        let error = known_tables(&many).unwrap_err();
        assert!(error.public_message().len() < 1_000);
    }

    #[test]
    fn the_argument_description_names_each_table() {
        let schema = schemars::schema_for!(Arguments);
        let text = schema.as_value().to_string();
        for table in RetailTable::ALL {
            assert!(text.contains(table.qualified_name()), "{table}");
        }
    }
}
