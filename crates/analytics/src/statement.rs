//! From a question about metrics to one SELECT.

mod customers;
mod sales;
mod stock;
mod visits;

use chrono::NaiveDate;
use retail_domain::{Error, ErrorCode, SqlText};

use crate::calendar::{Bucket, CompanyCalendar, DateRange, TimeGrain};
use crate::literal;
use crate::metric::{Dimension, Formula, Measure, Source};

pub(crate) use stock::recent;

/// Rows that a question is confined to, besides what the caller may see. Names are as in the data.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// One store, by name.
    pub store: Option<String>,
    /// One category, by name.
    pub category: Option<String>,
    /// One product type, by name.
    pub product_type: Option<String>,
    /// One product, by SKU.
    pub sku: Option<String>,
}

impl Filter {
    pub(crate) fn has_product(&self) -> bool {
        self.category.is_some() || self.product_type.is_some() || self.sku.is_some()
    }

    /// What stands behind a title.
    pub(crate) fn suffix(&self) -> String {
        let names = [&self.store, &self.category, &self.product_type, &self.sku];
        names.into_iter().flatten().fold(String::new(), |suffix, name| suffix + ", " + name)
    }

    /// The conditions, over the aliases s, c, t and p.
    pub(crate) fn conditions(&self) -> Vec<String> {
        let columns = [
            ("s.store_name", &self.store),
            ("c.category_name", &self.category),
            ("t.type_name", &self.product_type),
            ("p.sku", &self.sku),
        ];
        columns
            .into_iter()
            .filter_map(|(column, value)| {
                value.as_ref().map(|value| format!("{column} = {}", literal::text(value)))
            })
            .collect()
    }
}

/// What one statement is to give.
#[derive(Debug, Clone)]
pub(crate) struct Ask<'a> {
    pub(crate) measures: Vec<Measure>,
    pub(crate) by: Option<Dimension>,
    pub(crate) range: DateRange,
    /// The other period, read by the same statement.
    pub(crate) before: Option<DateRange>,
    pub(crate) filter: &'a Filter,
    /// Whether the caller sees all stores.
    pub(crate) of_company: bool,
    /// Groups with the most of it come first. `None`: in the order of the dimension.
    pub(crate) most: Option<Formula>,
    /// At most as many groups.
    pub(crate) limit: u32,
    /// The tables to read; `None` for those that read the fewest rows.
    pub(crate) source: Option<Source>,
}

/// A statement and what its columns are.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) sql: SqlText,
    /// Names of the columns that name a group.
    pub(crate) keys: Vec<&'static str>,
    /// The measures, once for the period and once more for the other.
    pub(crate) measures: Vec<Measure>,
    pub(crate) has_before: bool,
    /// Whether the first column says if a row is the total of all groups.
    pub(crate) has_total: bool,
    /// Whether the last column counts the rows behind.
    pub(crate) counts_rows: bool,
}

impl Ask<'_> {
    /// The statement.
    pub(crate) fn compile(&self, calendar: CompanyCalendar) -> Result<Statement, Error> {
        match self.source()? {
            Source::Visits => visits::compile(self, calendar),
            Source::Customers => customers::compile(self, calendar),
            Source::Stock => stock::compile(self),
            source => sales::compile(self, source, calendar),
        }
    }

    /// The first source that has all measures.
    pub(crate) fn source(&self) -> Result<Source, Error> {
        let by = match (self.by, &self.filter) {
            (Some(dimension), _) if dimension.is_product() => Some(dimension),
            (_, filter) if filter.has_product() => Some(Dimension::Category),
            (by, _) => by,
        };
        // What an order knows of those before it is of one store; a customer of the company may have ordered elsewhere.
        let is_of_company =
            self.of_company && self.filter.store.is_none() && by != Some(Dimension::Store);
        let fits = |source: &Source| {
            let gives = self.measures.iter().all(|measure| source.gives(*measure, by));
            gives && !(is_of_company && *source == Source::Visits)
        };
        self.source.into_iter().chain(Source::ALL).find(fits).ok_or_else(|| {
            let message = "the metrics cannot be read together, or not with 'by' and these filters";
            Error::new(ErrorCode::InvalidArgument, message).with_hint(
                "ask for customers and for stock apart from sales; customers have no category",
            )
        })
    }
}

/// The columns that name a group, with their names.
fn keys(by: Dimension) -> Vec<(&'static str, &'static str)> {
    match by {
        Dimension::Day => vec![("d.order_date", "day")],
        Dimension::Week => vec![("date_trunc('week', d.order_date::timestamp)::date", "week")],
        Dimension::Month => vec![("date_trunc('month', d.order_date::timestamp)::date", "month")],
        Dimension::Quarter => {
            vec![("date_trunc('quarter', d.order_date::timestamp)::date", "quarter")]
        }
        Dimension::Year => vec![("date_trunc('year', d.order_date::timestamp)::date", "year")],
        // From Sunday.
        Dimension::RetailWeek => {
            vec![("d.order_date - extract(dow FROM d.order_date)::int4", "retail_week")]
        }
        Dimension::RetailMonth => vec![("b.first_day", "retail_month")],
        Dimension::RetailQuarter => vec![("b.first_day", "retail_quarter")],
        Dimension::Weekday => vec![("extract(isodow FROM d.order_date)::int4", "weekday")],
        Dimension::Store => vec![("s.store_name", "store")],
        Dimension::Category => vec![("c.category_name", "category")],
        Dimension::ProductType => {
            vec![("t.type_name", "product_type"), ("c.category_name", "category")]
        }
        Dimension::Product => vec![("p.product_name", "product"), ("p.sku", "sku")],
    }
}

/// The grain of a dimension of time.
pub(crate) fn grain(by: Dimension) -> Option<TimeGrain> {
    Some(match by {
        Dimension::Day => TimeGrain::Day,
        Dimension::Week => TimeGrain::Week,
        Dimension::Month => TimeGrain::Month,
        Dimension::Quarter => TimeGrain::Quarter,
        Dimension::Year => TimeGrain::Year,
        Dimension::RetailWeek => TimeGrain::RetailWeek,
        Dimension::RetailMonth => TimeGrain::RetailMonth,
        Dimension::RetailQuarter => TimeGrain::RetailQuarter,
        _ => return None,
    })
}

/// The periods of a 4-5-4 calendar are no arithmetic of dates: they are listed. `None` for all others.
fn listed(by: Option<Dimension>, range: DateRange, calendar: CompanyCalendar) -> Option<String> {
    let grain = match by? {
        Dimension::RetailMonth => TimeGrain::RetailMonth,
        Dimension::RetailQuarter => TimeGrain::RetailQuarter,
        _ => return None,
    };
    let day = |day: NaiveDate| literal::date(day);
    let rows: Vec<String> = calendar
        .buckets(range, grain)
        .iter()
        .map(|Bucket { range, .. }| format!("({}, {})", day(range.first()), day(range.last())))
        .collect();
    Some(format!(
        "JOIN (VALUES {}) AS b (first_day, last_day) ON d.order_date BETWEEN b.first_day AND b.last_day",
        rows.join(", ")
    ))
}

/// Joins of what names are read from. `d` has `store_id`, `p` is the product.
fn joins(
    by: Option<Dimension>,
    filter: &Filter,
    product_of: Option<&str>,
    store_of: &str,
) -> Vec<String> {
    let mut joins = Vec::new();
    if by == Some(Dimension::Store) || filter.store.is_some() {
        joins.push(format!("JOIN retail.stores s ON s.store_id = {store_of}.store_id"));
    }
    if let Some(product_of) = product_of {
        joins.push(format!("JOIN retail.products p ON p.product_id = {product_of}.product_id"));
        let names_category = matches!(by, Some(Dimension::Category | Dimension::ProductType));
        if names_category || filter.category.is_some() {
            joins.push("JOIN retail.categories c ON c.category_id = p.category_id".to_owned());
        }
        if by == Some(Dimension::ProductType) || filter.product_type.is_some() {
            joins.push("JOIN retail.product_types t ON t.type_id = p.type_id".to_owned());
        }
    }
    joins
}

/// A formula over SQL expressions, to sort by.
fn sort_key(
    formula: Formula,
    of: impl Fn(Measure) -> Result<String, Error>,
) -> Result<String, Error> {
    Ok(match formula {
        Formula::Of(a) => of(a)?,
        Formula::Less(a, b) => format!("{} - {}", of(a)?, of(b)?),
        Formula::Per(a, b) | Formula::PercentOf(a, b) | Formula::DaysOf(a, b) => {
            format!("{}::numeric / nullif({}, 0)", of(a)?, of(b)?)
        }
        Formula::MarginOf(a, b) => {
            let (a, b) = (of(a)?, of(b)?);
            format!("({a} - {b})::numeric / nullif({a}, 0)")
        }
        Formula::PercentOfBoth(a, b) => {
            let (a, b) = (of(a)?, of(b)?);
            format!("{a}::numeric / nullif({a} + {b}, 0)")
        }
        Formula::Growth(a, b) => format!("{}::numeric / nullif({}, 0)", of(b)?, of(a)?),
    })
}
