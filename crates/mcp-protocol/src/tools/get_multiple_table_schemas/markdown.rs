//! The text of table descriptions: the reference system's headings, with as few tokens as keep the
//! facts.

use std::fmt::Write as _;

use retail_domain::{ColumnSchema, KeyRole, RetailTable, TableSchema, ValidValues};

#[cfg(test)]
mod tests;

/// Words that add nothing to a column's name.
const FILLER: [&str; 17] = [
    "a",
    "an",
    "and",
    "by",
    "for",
    "from",
    "id",
    "identifier",
    "in",
    "is",
    "it",
    "its",
    "key",
    "name",
    "of",
    "the",
    "this",
];

/// Describes the tables, one after the other.
pub(super) fn describe(schemas: &[TableSchema]) -> String {
    let tables: Vec<String> = schemas.iter().map(describe_table).collect();
    tables.join("\n\n")
}

fn describe_table(schema: &TableSchema) -> String {
    let mut text = format!("# Table: {}\n**Purpose:** {}", schema.table, schema.purpose);
    if let Some(rows) = schema.rows {
        // Writing to a string cannot fail, here and below.
        let _ = write!(text, "\n**Rows:** {rows}");
    }
    let columns: Vec<String> =
        schema.columns.iter().map(|column| describe_column(schema, column)).collect();
    let _ = write!(text, "\n## Schema\n{}", columns.join(", "));
    if !schema.relationships.is_empty() {
        text.push_str("\n## Relationships");
    }
    for key in &schema.relationships {
        let _ = write!(
            text,
            "\n- `{}` → `{}.{}` (MANY_TO_ONE)",
            key.column, key.references_table, key.references_column
        );
    }
    if !schema.valid_values.is_empty() {
        text.push_str("\n## Valid Values");
    }
    for values in &schema.valid_values {
        let _ = write!(text, "\n**{}:** {}", values.heading, value_list(values));
    }
    let _ = write!(text, "\n## Query Hints\n- {}", hint(schema.table));
    text
}

/// For example `unit_price:numeric(10,2) (before discount, USD)` or `phone:text NULL`.
fn describe_column(schema: &TableSchema, column: &ColumnSchema) -> String {
    let mut text = format!("{}:{}", column.name, short_type(&column.pg_type));
    match column.key {
        Some(KeyRole::Primary) => text.push_str(" PK"),
        Some(KeyRole::Unique) => text.push_str(" UNIQUE"),
        None => {}
    }
    if schema.relationships.iter().any(|key| key.column == column.name) {
        text.push_str(" FK");
    }
    if column.nullable {
        text.push_str(" NULL");
    }
    if let Some(comment) = &column.comment
        && says_more(comment, &column.name, schema.table)
    {
        let _ = write!(text, " ({comment})");
    }
    text
}

/// The usual short name of a type that PostgreSQL prints in full.
fn short_type(pg_type: &str) -> String {
    match pg_type {
        "integer" => "int".to_owned(),
        "boolean" => "bool".to_owned(),
        "timestamp without time zone" => "timestamp".to_owned(),
        "timestamp with time zone" => "timestamptz".to_owned(),
        other => other.replace("character varying", "varchar"),
    }
}

/// Whether a comment has a word that neither the column nor the table has in its name.
fn says_more(comment: &str, column: &str, table: RetailTable) -> bool {
    let known: Vec<String> = words(column).chain(words(table.name())).collect();
    words(comment).any(|word| !FILLER.contains(&word.as_str()) && !known.contains(&word))
}

/// Words in lower case, without a plural ending.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(|word| {
        let word = word.to_lowercase();
        match word.strip_suffix("ies") {
            Some(stem) => format!("{stem}y"),
            None => word.strip_suffix('s').unwrap_or(&word).to_owned(),
        }
    })
}

/// The values, with a separator that none of them contains.
fn value_list(values: &ValidValues) -> String {
    let has_comma = values.values.iter().any(|value| value.contains(','));
    values.values.join(if has_comma { "; " } else { ", " })
}

/// What models get wrong about a table most often: where the fact they want really is.
fn hint(table: RetailTable) -> &'static str {
    match table {
        RetailTable::Customers => "Join with `orders` using `customer_id` for what they bought",
        RetailTable::Stores => {
            "Join with `orders`, `order_items` or `inventory` using `store_id`; filter on \
             `is_online` for online sales"
        }
        RetailTable::Categories => "Join with `products` using `category_id`",
        RetailTable::ProductTypes => "Join with `products` using `type_id`",
        RetailTable::Products => {
            "Join with `order_items` using `product_id` for sales, with `inventory` for stock"
        }
        RetailTable::Orders => {
            "Join with `order_items` using `order_id` for amounts and products; sums by day are in \
             `sales_by_day`"
        }
        RetailTable::OrderItems => {
            "Join with `orders` using `order_id` for dates and customers; sums by product and day \
             are in `sales_by_product_day`"
        }
        RetailTable::Inventory => {
            "Stock now, without history; join with `stores` and `products` for names"
        }
        RetailTable::SalesByDay => {
            "Instead of `orders` and `order_items` wherever no customer or product matters; one \
             row a store and day, none without orders; join with `stores` using `store_id`"
        }
        RetailTable::SalesByProductDay => {
            "Instead of `order_items` wherever no customer or single order matters; join with \
             `products` using `product_id`, with `stores` using `store_id`"
        }
        RetailTable::SalesByOrder => {
            "Customers of a period at a store: active are the rows whose `previous_order_date` is \
             NULL or before the period, new those where it is NULL; one row an order"
        }
        RetailTable::StoreBenchmark => {
            "For rank and comparison with other stores, whose own figures nobody is shown; filter \
             on `metric` and `category_id` (0 = all), newest month first; a NULL `peer_mean` is \
             held back and cannot be had another way"
        }
    }
}
