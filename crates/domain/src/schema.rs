//! The description of the tables that a model may query.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorCode};

/// The tables that a model may query. No other relation is described or granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RetailTable {
    /// `retail.customers`
    #[serde(rename = "retail.customers")]
    Customers,
    /// `retail.stores`
    #[serde(rename = "retail.stores")]
    Stores,
    /// `retail.categories`
    #[serde(rename = "retail.categories")]
    Categories,
    /// `retail.product_types`
    #[serde(rename = "retail.product_types")]
    ProductTypes,
    /// `retail.products`
    #[serde(rename = "retail.products")]
    Products,
    /// `retail.orders`
    #[serde(rename = "retail.orders")]
    Orders,
    /// `retail.order_items`
    #[serde(rename = "retail.order_items")]
    OrderItems,
    /// `retail.inventory`
    #[serde(rename = "retail.inventory")]
    Inventory,
    /// `retail.sales_by_day`
    #[serde(rename = "retail.sales_by_day")]
    SalesByDay,
    /// `retail.sales_by_product_day`
    #[serde(rename = "retail.sales_by_product_day")]
    SalesByProductDay,
    /// `retail.sales_by_order`
    #[serde(rename = "retail.sales_by_order")]
    SalesByOrder,
    /// `retail.store_benchmark`
    #[serde(rename = "retail.store_benchmark")]
    StoreBenchmark,
}

impl RetailTable {
    /// All tables, in the order in which they are listed.
    pub const ALL: [Self; 12] = [
        Self::Customers,
        Self::Stores,
        Self::Categories,
        Self::ProductTypes,
        Self::Products,
        Self::Orders,
        Self::OrderItems,
        Self::Inventory,
        Self::SalesByDay,
        Self::SalesByProductDay,
        Self::SalesByOrder,
        Self::StoreBenchmark,
    ];

    /// The name with its schema, for example `retail.orders`.
    pub fn qualified_name(self) -> &'static str {
        match self {
            Self::Customers => "retail.customers",
            Self::Stores => "retail.stores",
            Self::Categories => "retail.categories",
            Self::ProductTypes => "retail.product_types",
            Self::Products => "retail.products",
            Self::Orders => "retail.orders",
            Self::OrderItems => "retail.order_items",
            Self::Inventory => "retail.inventory",
            Self::SalesByDay => "retail.sales_by_day",
            Self::SalesByProductDay => "retail.sales_by_product_day",
            Self::SalesByOrder => "retail.sales_by_order",
            Self::StoreBenchmark => "retail.store_benchmark",
        }
    }

    /// The name without its schema, for example `orders`.
    pub fn name(self) -> &'static str {
        self.qualified_name().trim_start_matches("retail.")
    }
}

impl fmt::Display for RetailTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.qualified_name())
    }
}

impl FromStr for RetailTable {
    type Err = Error;

    /// Accepts `retail.orders` and `orders`.
    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|table| table.qualified_name() == name || table.name() == name)
            .ok_or_else(|| {
                Error::new(ErrorCode::InvalidArgument, format!("'{name}' is not a known table"))
            })
    }
}

/// A table as a model needs to see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSchema {
    /// Which table.
    pub table: RetailTable,
    /// What it holds: its COMMENT.
    pub purpose: String,
    /// The columns that the caller may read.
    pub columns: Vec<ColumnSchema>,
    /// Its foreign keys.
    pub relationships: Vec<Relationship>,
    /// Values that occur, where there are few enough to list.
    pub valid_values: Vec<ValidValues>,
    /// How many rows the caller sees; none when it could not be found out in time.
    pub rows: Option<RowEstimate>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnSchema {
    /// Name.
    pub name: String,
    /// PostgreSQL type with its modifier, for example `numeric(10,2)`.
    pub pg_type: String,
    /// What it holds: its COMMENT.
    pub comment: Option<String>,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Its part in the primary key, if any.
    pub key: Option<KeyRole>,
}

/// A column's part in a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyRole {
    /// It is, or is a part of, the primary key.
    Primary,
    /// Its values are unique.
    Unique,
}

/// A foreign key of one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relationship {
    /// The column that refers.
    pub column: String,
    /// The table referred to.
    pub references_table: RetailTable,
    /// The column referred to.
    pub references_column: String,
}

/// Values of a column that the caller may use in a filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidValues {
    /// The column, or what is derived from one, for example `year of order_date`.
    pub of: String,
    /// The heading that the reference uses, for example `Available Years`.
    pub heading: String,
    /// The values, sorted.
    pub values: Vec<String>,
}

/// A number of rows, counted under the caller's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowEstimate {
    /// Exactly this many.
    Exactly(u64),
    /// The planner's estimate.
    About(u64),
    /// Counting stopped here: there are more.
    MoreThan(u64),
}

impl fmt::Display for RowEstimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(rows) => write!(f, "{rows}"),
            Self::About(rows) => write!(f, "about {rows}"),
            Self::MoreThan(rows) => write!(f, "more than {rows}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_with_and_without_their_schema() {
        for table in RetailTable::ALL {
            assert_eq!(table.qualified_name().parse::<RetailTable>().unwrap(), table);
            assert_eq!(table.name().parse::<RetailTable>().unwrap(), table);
            assert_eq!(serde_json::to_value(table).unwrap(), table.qualified_name());
        }
        assert!("retail.product_description_embeddings".parse::<RetailTable>().is_err());
    }
}
