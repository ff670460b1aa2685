//! What a retailer counts. Each metric is defined here once: tools, resources, documents and tests are made from it.

mod document;
mod list;
mod measure;

use std::fmt;
use std::str::FromStr;

use retail_domain::{Error, ErrorCode, Scope};
use serde::{Deserialize, Serialize};

pub use document::{markdown, resource};
pub use list::METRICS;
pub use measure::{Measure, Source};

use crate::words::nearest;

/// The unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// US dollars, with cents.
    Usd,
    /// Pieces of a product.
    Units,
    /// Orders, which are baskets.
    Orders,
    /// Customers.
    Customers,
    /// Pieces of a product in one order.
    UnitsPerOrder,
    /// Dollars for one piece.
    UsdPerUnit,
    /// Dollars of one order.
    UsdPerOrder,
    /// Parts of a hundred: 12.5 is 12.5 %.
    Percent,
    /// Days.
    Days,
    /// Products.
    Products,
    /// A pure number.
    Number,
}

impl Unit {
    /// Digits behind the decimal point.
    pub const fn decimals(self) -> u32 {
        match self {
            Self::Usd
            | Self::UnitsPerOrder
            | Self::UsdPerUnit
            | Self::UsdPerOrder
            | Self::Percent
            | Self::Number => 2,
            Self::Days => 1,
            Self::Units | Self::Orders | Self::Customers | Self::Products => 0,
        }
    }

    /// The name for people, such as `USD per order`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Usd => "USD",
            Self::Units => "units",
            Self::Orders => "orders",
            Self::Customers => "customers",
            Self::UnitsPerOrder => "units per order",
            Self::UsdPerUnit => "USD per unit",
            Self::UsdPerOrder => "USD per order",
            Self::Percent => "%",
            Self::Days => "days",
            Self::Products => "products",
            Self::Number => "number",
        }
    }
}

/// What a metric can be split by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dimension {
    /// The day of the order.
    Day,
    /// ISO week, from Monday.
    Week,
    /// Calendar month.
    Month,
    /// Calendar quarter.
    Quarter,
    /// Calendar year.
    Year,
    /// Week of the 4-5-4 calendar, from Sunday.
    RetailWeek,
    /// Month of the 4-5-4 calendar.
    RetailMonth,
    /// Quarter of the 4-5-4 calendar.
    RetailQuarter,
    /// Day of the week, Monday first.
    Weekday,
    /// The store that sold. A store's manager has one.
    Store,
    /// Category of the product.
    Category,
    /// Type of the product, within its category.
    ProductType,
    /// The product.
    Product,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Quarter,
        Self::Year,
        Self::RetailWeek,
        Self::RetailMonth,
        Self::RetailQuarter,
        Self::Weekday,
        Self::Store,
        Self::Category,
        Self::ProductType,
        Self::Product,
    ];

    /// The name in arguments, such as `product_type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
            Self::RetailWeek => "retail_week",
            Self::RetailMonth => "retail_month",
            Self::RetailQuarter => "retail_quarter",
            Self::Weekday => "weekday",
            Self::Store => "store",
            Self::Category => "category",
            Self::ProductType => "product_type",
            Self::Product => "product",
        }
    }

    /// Whether it is one of time, whose values follow each other.
    pub const fn is_time(self) -> bool {
        matches!(
            self,
            Self::Day
                | Self::Week
                | Self::Month
                | Self::Quarter
                | Self::Year
                | Self::RetailWeek
                | Self::RetailMonth
                | Self::RetailQuarter
        )
    }

    /// Whether it is one of products, which one order has several of.
    pub const fn is_product(self) -> bool {
        matches!(self, Self::Category | Self::ProductType | Self::Product)
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a metric follows from measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Formula {
    /// The measure itself.
    Of(Measure),
    /// The first less the second.
    Less(Measure, Measure),
    /// The first for each of the second.
    Per(Measure, Measure),
    /// The first in percent of the second.
    PercentOf(Measure, Measure),
    /// The first less the second, in percent of the first.
    MarginOf(Measure, Measure),
    /// The first in percent of both together.
    PercentOfBoth(Measure, Measure),
    /// The second in percent of the first, less 100.
    Growth(Measure, Measure),
    /// The first, divided by what the second is in a day of the last 28.
    DaysOf(Measure, Measure),
}

impl Formula {
    /// The measures that it is made of.
    pub fn measures(self) -> Vec<Measure> {
        match self {
            Self::Of(measure) => vec![measure],
            Self::Less(a, b)
            | Self::Per(a, b)
            | Self::PercentOf(a, b)
            | Self::MarginOf(a, b)
            | Self::PercentOfBoth(a, b)
            | Self::Growth(a, b)
            | Self::DaysOf(a, b) => vec![a, b],
        }
    }
}

/// The definition of a metric.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Metric {
    /// Name in arguments, such as `net_sales`.
    pub name: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// Goes up when the same rows would give another figure.
    pub version: u16,
    /// The formula in words.
    pub words: &'static str,
    /// How it follows from measures.
    pub formula: Formula,
    /// Its unit.
    pub unit: Unit,
    /// What one row behind it is.
    pub grain: &'static str,
    /// What it can be split by.
    pub dimensions: &'static [Dimension],
    /// Whether parts add up to the whole.
    pub is_additive: bool,
    /// What to know before drawing conclusions.
    pub caveats: &'static [&'static str],
    /// What a caller must hold besides the right to call the tool.
    pub scope: Option<Scope>,
}

impl Metric {
    /// The metric of a name.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] with the nearest name, or all of them.
    ///
    /// ```
    /// use retail_analytics::metric::Metric;
    ///
    /// assert_eq!(Metric::find("net_sales")?.unit.label(), "USD");
    /// assert!(Metric::find("net_sale").unwrap_err().hint().unwrap().contains("net_sales"));
    /// # Ok::<(), retail_domain::Error>(())
    /// ```
    pub fn find(name: &str) -> Result<&'static Self, Error> {
        let asked = name.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        let known = METRICS.iter().find(|metric| metric.name == asked);
        known.ok_or_else(|| {
            let names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
            let hint = match nearest(&asked, names.iter().copied()) {
                Some(near) => format!("did you mean {near}? There are: {}", names.join(", ")),
                None => format!("the metrics are: {}", names.join(", ")),
            };
            Error::new(ErrorCode::InvalidArgument, "'metrics' has a name that is not defined")
                .with_hint(hint)
        })
    }

    /// Whether it may be split by `dimension`.
    pub fn allows(&self, dimension: Dimension) -> bool {
        self.dimensions.contains(&dimension)
    }
}

impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl FromStr for Dimension {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let asked = text.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == asked).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            Error::new(ErrorCode::InvalidArgument, "'by' is no dimension")
                .with_hint(format!("the dimensions are: {names}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_text_is_there() {
        let names: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
        for metric in METRICS {
            assert!(metric.version > 0 && !metric.words.is_empty() && !metric.grain.is_empty());
            assert!(metric.words.ends_with('.'), "{}", metric.name);
        }
    }

    #[test]
    fn costs_are_behind_the_scope_of_costs() {
        for metric in METRICS {
            let has_cost = metric.formula.measures().contains(&Measure::Cost);
            assert_eq!(has_cost, metric.scope == Some(Scope::Costs), "{}", metric.name);
        }
    }

    #[test]
    fn a_source_is_there_for_every_dimension() {
        for metric in METRICS {
            for dimension in metric.dimensions {
                for measure in metric.formula.measures() {
                    assert!(
                        Source::ALL.iter().any(|source| source.gives(measure, Some(*dimension))),
                        "{} by {dimension}: {measure:?}",
                        metric.name
                    );
                }
            }
        }
    }
}
