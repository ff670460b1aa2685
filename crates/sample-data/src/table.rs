//! The tables of the data set.

use std::fmt;

/// A table, in the order in which foreign keys let them be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// The eight stores.
    Stores,
    /// The nine product categories.
    Categories,
    /// The product types within the categories.
    ProductTypes,
    /// The products.
    Products,
    /// The customers.
    Customers,
    /// The stock of every product in every store.
    Inventory,
    /// The order headers, by ascending date.
    Orders,
    /// The order lines, by ascending date.
    OrderItems,
}

impl Table {
    /// Every table, in load order.
    pub const ALL: [Self; 8] = [
        Self::Stores,
        Self::Categories,
        Self::ProductTypes,
        Self::Products,
        Self::Customers,
        Self::Inventory,
        Self::Orders,
        Self::OrderItems,
    ];

    /// The name with its schema, for example `retail.stores`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stores => "retail.stores",
            Self::Categories => "retail.categories",
            Self::ProductTypes => "retail.product_types",
            Self::Products => "retail.products",
            Self::Customers => "retail.customers",
            Self::Inventory => "retail.inventory",
            Self::Orders => "retail.orders",
            Self::OrderItems => "retail.order_items",
        }
    }

    /// The columns of a row in the COPY text, in order.
    ///
    /// `products.gross_margin_percent` is not among them: the table's default of 33.00 holds.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Stores => &["store_id", "store_name", "rls_user_id", "is_online"],
            Self::Categories => &["category_id", "category_name"],
            Self::ProductTypes => &["type_id", "category_id", "type_name"],
            Self::Products => &[
                "product_id",
                "sku",
                "product_name",
                "category_id",
                "type_id",
                "cost",
                "base_price",
                "product_description",
            ],
            Self::Customers => &[
                "customer_id",
                "first_name",
                "last_name",
                "email",
                "phone",
                "primary_store_id",
                "created_at",
            ],
            Self::Inventory => &["store_id", "product_id", "stock_level"],
            Self::Orders => &["order_id", "customer_id", "store_id", "order_date"],
            Self::OrderItems => &[
                "order_item_id",
                "order_id",
                "store_id",
                "product_id",
                "quantity",
                "unit_price",
                "discount_percent",
                "discount_amount",
                "total_amount",
            ],
        }
    }

    /// The column which a sequence numbers, if there is one.
    ///
    /// The rows bring their own numbers, so after a load the sequence must be set past them.
    pub const fn serial_column(self) -> Option<&'static str> {
        match self {
            Self::Stores => Some("store_id"),
            Self::Categories => Some("category_id"),
            Self::ProductTypes => Some("type_id"),
            Self::Products => Some("product_id"),
            Self::Customers => Some("customer_id"),
            Self::Inventory => None,
            Self::Orders => Some("order_id"),
            Self::OrderItems => Some("order_item_id"),
        }
    }

    /// The statement that takes the rows of [`Dataset::copy_chunks`](crate::Dataset::copy_chunks).
    ///
    /// ```
    /// use retail_sample_data::Table;
    ///
    /// assert_eq!(
    ///     Table::Categories.copy_statement(),
    ///     "COPY retail.categories (category_id, category_name) FROM STDIN"
    /// );
    /// ```
    pub fn copy_statement(self) -> String {
        format!("COPY {} ({}) FROM STDIN", self.name(), self.columns().join(", "))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How many rows a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowCount {
    /// Exactly this many.
    Exact(u64),
    /// About this many, good enough for a progress bar.
    Estimate(u64),
}

impl RowCount {
    /// The number, exact or not.
    pub const fn value(self) -> u64 {
        match self {
            Self::Exact(rows) | Self::Estimate(rows) => rows,
        }
    }

    /// True when the number is exact.
    pub const fn is_exact(self) -> bool {
        matches!(self, Self::Exact(_))
    }
}
