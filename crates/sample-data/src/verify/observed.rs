//! What is measured in the database, and how.

use chrono::NaiveDate;

use crate::Table;

/// A statement that measures a part of an [`Observed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// The part: `totals`, `store_sales`, `year_orders` or `category_months`.
    pub name: &'static str,
    /// A SELECT without parameters.
    pub sql: &'static str,
    /// The result's columns with their PostgreSQL types, in order.
    pub columns: &'static [(&'static str, &'static str)],
}

/// The statements that fill an [`Observed`], in the order of its parts.
///
/// Run them as a role that row-level security lets see every store.
pub const fn queries() -> &'static [Query] {
    &[
        Query {
            name: "totals",
            sql: "SELECT (SELECT count(*) FROM retail.stores) AS stores,\n\
                  (SELECT count(*) FROM retail.categories) AS categories,\n\
                  (SELECT count(*) FROM retail.product_types) AS product_types,\n\
                  (SELECT count(*) FROM retail.products) AS products,\n\
                  (SELECT count(*) FROM retail.customers) AS customers,\n\
                  (SELECT count(*) FROM retail.inventory) AS inventory,\n\
                  (SELECT count(*) FROM retail.orders) AS orders,\n\
                  (SELECT count(*) FROM retail.order_items) AS order_items,\n\
                  (SELECT min(order_date) FROM retail.orders) AS first_order_date,\n\
                  (SELECT max(order_date) FROM retail.orders) AS last_order_date",
            columns: &[
                ("stores", "int8"),
                ("categories", "int8"),
                ("product_types", "int8"),
                ("products", "int8"),
                ("customers", "int8"),
                ("inventory", "int8"),
                ("orders", "int8"),
                ("order_items", "int8"),
                ("first_order_date", "date"),
                ("last_order_date", "date"),
            ],
        },
        Query {
            name: "store_sales",
            sql: "WITH order_values AS (\n\
                  SELECT store_id, order_id, sum(total_amount) AS order_value\n\
                  FROM retail.order_items GROUP BY store_id, order_id)\n\
                  SELECT s.store_name, count(*) AS orders,\n\
                  avg(v.order_value)::float8 AS mean_order_value,\n\
                  coalesce(stddev_samp(v.order_value), 0)::float8 AS stddev_order_value\n\
                  FROM order_values v JOIN retail.stores s USING (store_id)\n\
                  GROUP BY s.store_name ORDER BY s.store_name",
            columns: &[
                ("store_name", "text"),
                ("orders", "int8"),
                ("mean_order_value", "float8"),
                ("stddev_order_value", "float8"),
            ],
        },
        Query {
            name: "year_orders",
            sql: "SELECT extract(year FROM order_date)::int4 AS year, count(*) AS orders\n\
                  FROM retail.orders GROUP BY 1 ORDER BY 1",
            columns: &[("year", "int4"), ("orders", "int8")],
        },
        Query {
            name: "category_months",
            sql: "SELECT c.category_name, extract(year FROM o.order_date)::int4 AS year,\n\
                  extract(month FROM o.order_date)::int4 AS month, sum(i.quantity) AS units\n\
                  FROM retail.order_items i\n\
                  JOIN retail.orders o ON o.order_id = i.order_id\n\
                  JOIN retail.products p ON p.product_id = i.product_id\n\
                  JOIN retail.categories c ON c.category_id = p.category_id\n\
                  GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            columns: &[
                ("category_name", "text"),
                ("year", "int4"),
                ("month", "int4"),
                ("units", "int8"),
            ],
        },
    ]
}

/// What was measured in a database, by the statements of [`queries`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// Rows of `retail.stores`.
    pub stores: u64,
    /// Rows of `retail.categories`.
    pub categories: u64,
    /// Rows of `retail.product_types`.
    pub product_types: u64,
    /// Rows of `retail.products`.
    pub products: u64,
    /// Rows of `retail.customers`.
    pub customers: u64,
    /// Rows of `retail.inventory`.
    pub inventory: u64,
    /// Rows of `retail.orders`.
    pub orders: u64,
    /// Rows of `retail.order_items`.
    pub order_items: u64,
    /// The date of the first order.
    pub first_order_date: Option<NaiveDate>,
    /// The date of the last order.
    pub last_order_date: Option<NaiveDate>,
    /// The sales of each store.
    pub store_sales: Vec<StoreSales>,
    /// The orders of each year.
    pub year_orders: Vec<YearOrders>,
    /// The pieces sold by category and month.
    pub category_months: Vec<CategoryMonth>,
}

/// A row of the query `store_sales`.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreSales {
    /// The store's name.
    pub store_name: String,
    /// Its number of orders.
    pub orders: u64,
    /// The mean of its orders' totals, in dollars.
    pub mean_order_value: f64,
    /// The standard deviation of its orders' totals, in dollars.
    pub stddev_order_value: f64,
}

/// A row of the query `year_orders`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YearOrders {
    /// The calendar year.
    pub year: i32,
    /// Its number of orders.
    pub orders: u64,
}

/// A row of the query `category_months`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryMonth {
    /// The category's name.
    pub category_name: String,
    /// The calendar year.
    pub year: i32,
    /// The month, from 1 to 12.
    pub month: u32,
    /// The pieces sold.
    pub units: u64,
}

impl Observed {
    pub(super) fn rows_of(&self, table: Table) -> u64 {
        match table {
            Table::Stores => self.stores,
            Table::Categories => self.categories,
            Table::ProductTypes => self.product_types,
            Table::Products => self.products,
            Table::Customers => self.customers,
            Table::Inventory => self.inventory,
            Table::Orders => self.orders,
            Table::OrderItems => self.order_items,
        }
    }

    pub(super) fn store(&self, name: &str) -> Option<&StoreSales> {
        self.store_sales.iter().find(|sales| sales.store_name == name)
    }

    /// A category's pieces from January to December, over the years that are wanted.
    pub(super) fn units_by_month(&self, name: &str, wanted: impl Fn(i32) -> bool) -> [f64; 12] {
        let mut sums = [0.0; 12];
        let rows = self.category_months.iter();
        for row in rows.filter(|row| row.category_name == name && wanted(row.year)) {
            let month0 = row.month.wrapping_sub(1) as usize;
            if let Some(sum) = sums.get_mut(month0) {
                *sum += super::count(row.units);
            }
        }
        sums
    }
}
