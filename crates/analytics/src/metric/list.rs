//! The metrics.

use retail_domain::Scope;

use super::{Dimension, Formula, Measure, Metric, Unit};

use Dimension::{
    Category, Day, Month, Product, ProductType, Quarter, RetailMonth, RetailQuarter, RetailWeek,
    Store, Week, Weekday, Year,
};

const SALES: &[Dimension] = &[
    Day,
    Week,
    Month,
    Quarter,
    Year,
    RetailWeek,
    RetailMonth,
    RetailQuarter,
    Weekday,
    Store,
    Category,
    ProductType,
    Product,
];
const CUSTOMERS: &[Dimension] =
    &[Day, Week, Month, Quarter, Year, RetailWeek, RetailMonth, RetailQuarter, Store];
const STOCK: &[Dimension] = &[Store, Category, ProductType, Product];
const STORES: &[Dimension] = &[Store];

const LINE: &str = "a line of an order";
const ORDER: &str = "an order";
const SHELF: &str = "a product in a store";

const TODAYS_COST: &str = "Costs are today's: the data have none of the past.";
const ONE_STORE: &str =
    "A customer of several stores is new to each of them in its turn; in a total, only once.";
const STOCK_NOW: &str =
    "Stock is what there is now, whatever the period: the data have no stock of the past.";

/// A metric of sales, to be completed.
const fn sales(name: &'static str, title: &'static str, formula: Formula, unit: Unit) -> Metric {
    Metric {
        name,
        title,
        version: 1,
        words: "",
        formula,
        unit,
        grain: LINE,
        dimensions: SALES,
        is_additive: true,
        caveats: &[],
        scope: None,
    }
}

/// All metrics, in the order in which they are listed.
pub const METRICS: &[Metric] = &[
    Metric {
        words: "What customers paid: quantity times price, less discounts.",
        caveats: &["There are no returns and no taxes in the data."],
        ..sales("net_sales", "Net sales", Formula::Of(Measure::Net), Unit::Usd)
    },
    Metric {
        words: "Quantity times price, before discounts.",
        ..sales("gross_sales", "Gross sales", Formula::Of(Measure::Gross), Unit::Usd)
    },
    Metric {
        words: "What was taken off prices.",
        ..sales("discounts", "Discounts", Formula::Of(Measure::Discount), Unit::Usd)
    },
    Metric {
        words: "Pieces sold.",
        ..sales("units", "Units", Formula::Of(Measure::Units), Unit::Units)
    },
    Metric {
        words: "Orders, which are baskets. Of a category, type or product: orders with at least one piece of it.",
        grain: ORDER,
        is_additive: false,
        caveats: &[
            "By category, type or product, an order counts in each that it has: parts do not add up.",
        ],
        ..sales("orders", "Orders", Formula::Of(Measure::Orders), Unit::Orders)
    },
    Metric {
        words: "Net sales for each order. Of a category: its net sales for each order that has it.",
        is_additive: false,
        ..sales(
            "basket_value",
            "Basket value",
            Formula::Per(Measure::Net, Measure::Orders),
            Unit::UsdPerOrder,
        )
    },
    Metric {
        words: "Pieces for each order.",
        is_additive: false,
        ..sales(
            "basket_size",
            "Basket size",
            Formula::Per(Measure::Units, Measure::Orders),
            Unit::UnitsPerOrder,
        )
    },
    Metric {
        words: "Net sales for each piece.",
        is_additive: false,
        caveats: &[
            "Moves with what is sold as well as with prices: explain_change tells them apart.",
        ],
        ..sales(
            "average_price",
            "Average price",
            Formula::Per(Measure::Net, Measure::Units),
            Unit::UsdPerUnit,
        )
    },
    Metric {
        words: "Discounts in percent of gross sales.",
        is_additive: false,
        ..sales(
            "discount_rate",
            "Discount rate",
            Formula::PercentOf(Measure::Discount, Measure::Gross),
            Unit::Percent,
        )
    },
    Metric {
        words: "Net sales less what the pieces cost.",
        caveats: &[TODAYS_COST],
        scope: Some(Scope::Costs),
        ..sales(
            "gross_margin",
            "Gross margin",
            Formula::Less(Measure::Net, Measure::Cost),
            Unit::Usd,
        )
    },
    Metric {
        words: "Gross margin in percent of net sales.",
        is_additive: false,
        caveats: &[TODAYS_COST],
        scope: Some(Scope::Costs),
        ..sales(
            "gross_margin_rate",
            "Gross margin rate",
            Formula::MarginOf(Measure::Net, Measure::Cost),
            Unit::Percent,
        )
    },
    Metric {
        words: "Customers with at least one order.",
        grain: ORDER,
        dimensions: CUSTOMERS,
        is_additive: false,
        ..sales(
            "active_customers",
            "Active customers",
            Formula::Of(Measure::Customers),
            Unit::Customers,
        )
    },
    Metric {
        words: "Customers who ordered, and never before.",
        grain: ORDER,
        dimensions: CUSTOMERS,
        is_additive: false,
        caveats: &[ONE_STORE, "Before means in the orders that the caller may see."],
        ..sales(
            "new_customers",
            "New customers",
            Formula::Of(Measure::NewCustomers),
            Unit::Customers,
        )
    },
    Metric {
        words: "Customers who ordered, and had ordered before the period: active less new customers.",
        grain: ORDER,
        dimensions: CUSTOMERS,
        is_additive: false,
        caveats: &["Before means in the orders that the caller may see."],
        ..sales(
            "returning_customers",
            "Returning customers",
            Formula::Of(Measure::ReturningCustomers),
            Unit::Customers,
        )
    },
    Metric {
        words: "Customers with two orders or more, in percent of active customers.",
        grain: ORDER,
        dimensions: CUSTOMERS,
        is_additive: false,
        caveats: &["A longer period has a higher rate: compare periods of the same length."],
        ..sales(
            "repeat_rate",
            "Repeat rate",
            Formula::PercentOf(Measure::RepeatCustomers, Measure::Customers),
            Unit::Percent,
        )
    },
    Metric {
        words: "Pieces sold, in percent of pieces sold and in stock now.",
        grain: SHELF,
        dimensions: STOCK,
        is_additive: false,
        caveats: &[STOCK_NOW],
        ..sales(
            "sell_through",
            "Sell-through",
            Formula::PercentOfBoth(Measure::Units, Measure::Stock),
            Unit::Percent,
        )
    },
    Metric {
        words: "Pieces in stock now.",
        grain: SHELF,
        dimensions: STOCK,
        caveats: &[STOCK_NOW],
        ..sales("stock_on_hand", "Stock on hand", Formula::Of(Measure::Stock), Unit::Units)
    },
    Metric {
        words: "How long the stock lasts, if as many pieces a day are sold as in the last 28 days of the period.",
        grain: SHELF,
        dimensions: STOCK,
        is_additive: false,
        caveats: &[STOCK_NOW, "None where nothing was sold in these 28 days."],
        ..sales(
            "days_of_cover",
            "Days of cover",
            Formula::DaysOf(Measure::Stock, Measure::RecentUnits),
            Unit::Days,
        )
    },
    Metric {
        words: "Products without stock, in percent of products that the store carries.",
        grain: SHELF,
        dimensions: STOCK,
        is_additive: false,
        caveats: &[STOCK_NOW],
        ..sales(
            "stock_out_rate",
            "Stock-out rate",
            Formula::PercentOf(Measure::OutOfStock, Measure::Ranged),
            Unit::Percent,
        )
    },
    Metric {
        words: "What products without stock would have sold since they ran out, at their pace of the 90 days before. \
                A product counts from when its pause is longer than usual, and for 28 days at most.",
        grain: SHELF,
        dimensions: STOCK,
        caveats: &[
            "An estimate: the data do not say when a product ran out.",
            "What customers bought instead is not taken off.",
        ],
        ..sales(
            "lost_sales_estimate",
            "Lost sales (estimate)",
            Formula::Of(Measure::LostSales),
            Unit::Usd,
        )
    },
    Metric {
        words: "Net sales against the same weeks of the year before (364 days earlier), of stores that traded in both.",
        grain: LINE,
        dimensions: STORES,
        is_additive: false,
        caveats: &["A store counts if it sold in the first and the last 28 days of both periods."],
        ..sales(
            "like_for_like_growth",
            "Like-for-like growth",
            Formula::Growth(Measure::ComparableNetBefore, Measure::ComparableNet),
            Unit::Percent,
        )
    },
];
