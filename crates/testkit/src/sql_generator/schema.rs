//! The tables as the generator knows them, and values that occur in them.

/// What kind of value an expression gives.
///
/// Every `Money` expression has two digits behind the point: equal numbers of different scale
/// (`1.5`, `1.50`) would print differently depending on the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Money,
    Text,
    Date,
    Stamp,
    Bool,
}

/// A table that a query role may read, with the columns that it may read.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Kind)],
    /// Columns that name a row.
    pub(super) key: &'static [&'static str],
}

use Kind::{Bool, Date, Int, Money, Stamp, Text};

pub(super) const STORES: usize = 0;
pub(super) const CUSTOMERS: usize = 1;
pub(super) const CATEGORIES: usize = 2;
pub(super) const PRODUCT_TYPES: usize = 3;
pub(super) const PRODUCTS: usize = 4;
pub(super) const INVENTORY: usize = 5;
pub(super) const ORDERS: usize = 6;
pub(super) const ORDER_ITEMS: usize = 7;
pub(super) const SALES_BY_DAY: usize = 8;
pub(super) const SALES_BY_PRODUCT_DAY: usize = 9;
pub(super) const SALES_BY_ORDER: usize = 10;
pub(super) const STORE_BENCHMARK: usize = 11;

pub(super) const TABLES: [Table; 12] = [
    Table {
        name: "stores",
        columns: &[("store_id", Int), ("store_name", Text), ("is_online", Bool)],
        key: &["store_id"],
    },
    Table {
        name: "customers",
        columns: &[
            ("customer_id", Int),
            ("first_name", Text),
            ("last_name", Text),
            ("email", Text),
            ("phone", Text),
            ("primary_store_id", Int),
            ("created_at", Stamp),
        ],
        key: &["customer_id"],
    },
    Table {
        name: "categories",
        columns: &[("category_id", Int), ("category_name", Text)],
        key: &["category_id"],
    },
    Table {
        name: "product_types",
        columns: &[("type_id", Int), ("category_id", Int), ("type_name", Text)],
        key: &["type_id"],
    },
    Table {
        name: "products",
        columns: &[
            ("product_id", Int),
            ("sku", Text),
            ("product_name", Text),
            ("category_id", Int),
            ("type_id", Int),
            ("cost", Money),
            ("base_price", Money),
            ("gross_margin_percent", Money),
        ],
        key: &["product_id"],
    },
    Table {
        name: "inventory",
        columns: &[("store_id", Int), ("product_id", Int), ("stock_level", Int)],
        key: &["store_id", "product_id"],
    },
    Table {
        name: "orders",
        columns: &[
            ("order_id", Int),
            ("customer_id", Int),
            ("store_id", Int),
            ("order_date", Date),
        ],
        key: &["order_id"],
    },
    Table {
        name: "order_items",
        columns: &[
            ("order_item_id", Int),
            ("order_id", Int),
            ("store_id", Int),
            ("product_id", Int),
            ("quantity", Int),
            ("unit_price", Money),
            ("discount_percent", Int),
            ("discount_amount", Money),
            ("total_amount", Money),
        ],
        key: &["order_item_id"],
    },
    Table {
        name: "sales_by_day",
        columns: &[
            ("store_id", Int),
            ("order_date", Date),
            ("order_count", Int),
            ("line_count", Int),
            ("units_sold", Int),
            ("gross_sales", Money),
            ("discount_amount", Money),
            ("net_sales", Money),
        ],
        key: &["store_id", "order_date"],
    },
    Table {
        name: "sales_by_product_day",
        columns: &[
            ("store_id", Int),
            ("order_date", Date),
            ("product_id", Int),
            ("order_count", Int),
            ("line_count", Int),
            ("units_sold", Int),
            ("gross_sales", Money),
            ("discount_amount", Money),
            ("net_sales", Money),
        ],
        key: &["store_id", "order_date", "product_id"],
    },
    Table {
        name: "sales_by_order",
        columns: &[
            ("order_id", Int),
            ("store_id", Int),
            ("order_date", Date),
            ("customer_id", Int),
            ("units_sold", Int),
            ("net_sales", Money),
            ("previous_order_date", Date),
            ("second_previous_order_date", Date),
        ],
        key: &["order_id"],
    },
    Table {
        name: "store_benchmark",
        columns: &[
            ("store_id", Int),
            ("month", Date),
            ("category_id", Int),
            ("metric", Text),
            ("value", Money),
            ("rank", Int),
            ("store_count", Int),
            ("percentile", Int),
            ("peer_mean", Money),
            ("reason", Text),
        ],
        key: &["store_id", "month", "category_id", "metric"],
    },
];

/// A foreign key, or a column that might have been one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) child: usize,
    pub(super) column: &'static str,
    pub(super) parent: usize,
}

impl Edge {
    /// The key column of the parent.
    pub(super) fn parent_column(&self) -> &'static str {
        match self.parent {
            STORES => "store_id",
            CUSTOMERS => "customer_id",
            CATEGORIES => "category_id",
            PRODUCT_TYPES => "type_id",
            PRODUCTS => "product_id",
            _ => "order_id",
        }
    }
}

pub(super) const EDGES: [Edge; 19] = [
    Edge { child: ORDERS, column: "customer_id", parent: CUSTOMERS },
    Edge { child: ORDERS, column: "store_id", parent: STORES },
    Edge { child: ORDER_ITEMS, column: "order_id", parent: ORDERS },
    Edge { child: ORDER_ITEMS, column: "store_id", parent: STORES },
    Edge { child: ORDER_ITEMS, column: "product_id", parent: PRODUCTS },
    Edge { child: PRODUCTS, column: "category_id", parent: CATEGORIES },
    Edge { child: PRODUCTS, column: "type_id", parent: PRODUCT_TYPES },
    Edge { child: PRODUCT_TYPES, column: "category_id", parent: CATEGORIES },
    Edge { child: INVENTORY, column: "store_id", parent: STORES },
    Edge { child: INVENTORY, column: "product_id", parent: PRODUCTS },
    Edge { child: CUSTOMERS, column: "primary_store_id", parent: STORES },
    Edge { child: SALES_BY_DAY, column: "store_id", parent: STORES },
    Edge { child: SALES_BY_PRODUCT_DAY, column: "store_id", parent: STORES },
    Edge { child: SALES_BY_PRODUCT_DAY, column: "product_id", parent: PRODUCTS },
    Edge { child: SALES_BY_ORDER, column: "order_id", parent: ORDERS },
    Edge { child: SALES_BY_ORDER, column: "store_id", parent: STORES },
    Edge { child: SALES_BY_ORDER, column: "customer_id", parent: CUSTOMERS },
    Edge { child: STORE_BENCHMARK, column: "store_id", parent: STORES },
    Edge { child: STORE_BENCHMARK, column: "category_id", parent: CATEGORIES },
];

/// Text values that occur, and some that do not.
pub(super) const TEXTS: [&str; 12] = [
    "Zava Retail Seattle",
    "Zava Retail Online",
    "Zava Retail Kirkland",
    "HAND TOOLS",
    "PLUMBING",
    "HAMMERS",
    "PIPE FITTINGS",
    "Maria",
    "Smith",
    "M",
    "nobody",
    "",
];

/// Patterns for LIKE.
pub(super) const LIKES: [&str; 8] =
    ["%a%", "Zava%", "%Online", "%.1%@example.com", "_a%", "%1__%", "P%S", "%"];

/// Patterns for regular expressions.
pub(super) const REGEXES: [&str; 6] =
    ["^[A-M]", "[0-9]{3}", "(er|or)$", "[aeiou]{2}", "^Zava", "x|y|z"];
