//! The sums that metrics are made of, and the tables that give them.

use super::Dimension;

/// A sum over rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Measure {
    /// What customers paid, USD.
    Net,
    /// The same before discounts, USD.
    Gross,
    /// Discounts, USD.
    Discount,
    /// Pieces sold.
    Units,
    /// Lines of orders.
    Lines,
    /// Orders.
    Orders,
    /// What the pieces sold cost the chain at today's cost, USD.
    Cost,
    /// Customers who ordered.
    Customers,
    /// Customers whose first order is in the period.
    NewCustomers,
    /// Customers who ordered, and had ordered before the period.
    ReturningCustomers,
    /// Customers with two orders or more in the period.
    RepeatCustomers,
    /// Pieces in stock now.
    Stock,
    /// Products that a store carries.
    Ranged,
    /// Products that a store carries and has none of.
    OutOfStock,
    /// Pieces sold in the last 28 days of the period.
    RecentUnits,
    /// What products without stock would have sold since they ran out, USD.
    LostSales,
    /// Net sales of stores that traded in the comparison period too, USD.
    ComparableNet,
    /// Net sales of the same stores in the comparison period, USD.
    ComparableNetBefore,
}

/// Tables that give measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// `retail.sales_by_day`.
    Days,
    /// `retail.sales_by_product_day` and `retail.products`.
    ProductDays,
    /// `retail.orders`, `retail.order_items` and `retail.products`: what the two above are sums of.
    Lines,
    /// `retail.sales_by_order`: customers of one store, who may come to another, too.
    Visits,
    /// `retail.orders`, customer by customer.
    Customers,
    /// `retail.inventory`, with the sales of each product.
    Stock,
    /// `retail.sales_by_day`, store by store in two periods.
    Comparable,
}

impl Source {
    /// All of them, those that read the fewest rows first.
    pub const ALL: [Self; 7] = [
        Self::Days,
        Self::ProductDays,
        Self::Lines,
        Self::Visits,
        Self::Customers,
        Self::Stock,
        Self::Comparable,
    ];

    /// Whether the measure can be read here, split by `dimension`.
    pub fn gives(self, measure: Measure, dimension: Option<Dimension>) -> bool {
        use Measure as M;
        let is_product = dimension.is_some_and(Dimension::is_product);
        let is_sum =
            matches!(measure, M::Net | M::Gross | M::Discount | M::Units | M::Lines | M::Cost);
        match self {
            Self::Days => !is_product && (measure == M::Orders || is_sum && measure != M::Cost),
            // No orders: one with several products would count once for each.
            Self::ProductDays => is_sum,
            Self::Lines => is_sum || measure == M::Orders,
            // Mondays are no period: who came on one may have come on another.
            Self::Visits => {
                Self::Customers.gives(measure, dimension) && dimension != Some(Dimension::Weekday)
            }
            Self::Customers => {
                matches!(
                    measure,
                    M::Customers | M::NewCustomers | M::ReturningCustomers | M::RepeatCustomers
                ) && !is_product
            }
            Self::Stock => matches!(
                measure,
                M::Stock | M::Ranged | M::OutOfStock | M::RecentUnits | M::LostSales | M::Units
            ),
            Self::Comparable => matches!(measure, M::ComparableNet | M::ComparableNetBefore),
        }
    }

    /// Whether it counts customers: who is in two groups is once in both.
    pub(crate) const fn is_of_customers(self) -> bool {
        matches!(self, Self::Visits | Self::Customers)
    }

    /// The aggregate that gives `measure`, without a filter. `None` where a statement of its own does.
    pub fn aggregate(self, measure: Measure) -> Option<&'static str> {
        use Measure as M;
        Some(match (self, measure) {
            (Self::Days | Self::ProductDays, M::Net) => "sum(d.net_sales)",
            (Self::Days | Self::ProductDays, M::Gross) => "sum(d.gross_sales)",
            (Self::Days | Self::ProductDays, M::Discount) => "sum(d.discount_amount)",
            (Self::Days | Self::ProductDays, M::Units) => "sum(d.units_sold)",
            (Self::Days | Self::ProductDays, M::Lines) => "sum(d.line_count)",
            (Self::Days | Self::ProductDays, M::Orders) => "sum(d.order_count)",
            (Self::ProductDays, M::Cost) => "sum(d.units_sold * p.cost)",
            (Self::Lines, M::Net) => "sum(i.total_amount)",
            (Self::Lines, M::Gross) => "sum(i.quantity * i.unit_price)",
            (Self::Lines, M::Discount) => "sum(coalesce(i.discount_amount, 0))",
            (Self::Lines, M::Units) => "sum(i.quantity)",
            (Self::Lines, M::Lines) => "count(i.order_item_id)",
            (Self::Lines, M::Orders) => "count(DISTINCT d.order_id)",
            (Self::Lines, M::Cost) => "sum(i.quantity * p.cost)",
            _ => return None,
        })
    }
}

impl Measure {
    /// Whether parts of it add up to the whole, by whatever they are split.
    pub const fn is_additive(self) -> bool {
        !matches!(
            self,
            Self::Orders
                | Self::Customers
                | Self::NewCustomers
                | Self::ReturningCustomers
                | Self::RepeatCustomers
        )
    }

    /// How it is computed from the raw tables, for documents.
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Net => "sum(order_items.total_amount)",
            Self::Gross => "sum(order_items.quantity * order_items.unit_price)",
            Self::Discount => "sum(coalesce(order_items.discount_amount, 0))",
            Self::Units => "sum(order_items.quantity)",
            Self::Lines => "count(order_items)",
            Self::Orders => "count(DISTINCT orders.order_id)",
            Self::Cost => "sum(order_items.quantity * products.cost)",
            Self::Customers => "count(DISTINCT orders.customer_id)",
            Self::NewCustomers => {
                "count(DISTINCT orders.customer_id) FILTER (WHERE no order of the customer is before the period)"
            }
            Self::ReturningCustomers => {
                "count(DISTINCT orders.customer_id) FILTER (WHERE an order of the customer is before the period)"
            }
            Self::RepeatCustomers => {
                "count(DISTINCT orders.customer_id) FILTER (WHERE the customer has 2 or more orders in the period)"
            }
            Self::Stock => "sum(greatest(inventory.stock_level, 0))",
            Self::Ranged => "count(inventory)",
            Self::OutOfStock => "count(inventory) FILTER (WHERE stock_level <= 0)",
            Self::RecentUnits => {
                "sum(order_items.quantity) FILTER (WHERE order_date is in the last 28 days of the period)"
            }
            Self::LostSales => {
                "sum(net sales of the 90 days before the last sale / 90 * days without a sale beyond the usual gap, at most 28) FILTER (WHERE stock_level <= 0)"
            }
            Self::ComparableNet => {
                "sum(order_items.total_amount) FILTER (WHERE the store sold in the first and the last 28 days of both periods)"
            }
            Self::ComparableNetBefore => {
                "sum(order_items.total_amount) of the same stores, in the same weeks of the year before"
            }
        }
    }
}
