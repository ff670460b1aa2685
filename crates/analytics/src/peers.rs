//! `compare_with_peers`: how a store stands among the others.
//!
//! A store's manager reads what was published for their store, and nothing else there is to ask: rank, percentile, and the
//! mean of all others where it tells of no single one of them. Head office sees all stores by name.

use chrono::Months;
use retail_domain::{Error, ErrorCode, Principal, SqlText};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Analyst;
use crate::analysis::{Analysis, Provenance, Table, TableColumn};
use crate::analyst::sees_all;
use crate::calendar::{DateRange, Period};
use crate::figure;
use crate::literal;
use crate::metric::Unit;
use crate::statement::Filter;

/// What can be compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PeerMetric {
    /// Net sales.
    #[default]
    NetSales,
    /// Units.
    Units,
    /// Orders. Of whole stores alone, as all that follow.
    Orders,
    /// Net sales for each order.
    BasketValue,
    /// Units for each order.
    BasketSize,
    /// Discounts in percent of gross sales.
    DiscountRate,
}

impl PeerMetric {
    /// The name in `retail.store_benchmark`, the name of the metric, and its unit.
    const fn names(self) -> (&'static str, &'static str, Unit) {
        match self {
            Self::NetSales => ("net_sales", "net_sales", Unit::Usd),
            Self::Units => ("units", "units", Unit::Units),
            Self::Orders => ("orders", "orders", Unit::Orders),
            Self::BasketValue => ("basket_value", "basket_value", Unit::UsdPerOrder),
            Self::BasketSize => ("units_per_order", "basket_size", Unit::UnitsPerOrder),
            Self::DiscountRate => ("discount_rate", "discount_rate", Unit::Percent),
        }
    }
}

/// A question about the place among peers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PeerQuestion {
    /// What is compared.
    pub metric: PeerMetric,
    /// Of one category; none for all.
    pub category: Option<String>,
    /// The store, for head office. Without it all stores are ranked in the newest month.
    pub store: Option<String>,
    /// Months looked back.
    pub months: u32,
}

impl PeerQuestion {
    /// A question about twelve months.
    pub fn new(metric: PeerMetric) -> Self {
        Self { metric, category: None, store: None, months: 12 }
    }
}

impl Analyst {
    /// Compares a store with the others.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] for a metric that is not published by category, [`ErrorCode::NotFound`] where nothing
    /// was published, and those of [`Self::analyze_sales`].
    pub async fn compare_with_peers(
        &self,
        principal: &Principal,
        question: &PeerQuestion,
    ) -> Result<Analysis, Error> {
        let by_category = matches!(question.metric, PeerMetric::NetSales | PeerMetric::Units);
        if question.category.is_some() && !by_category {
            let message = "of a category, net_sales and units alone are compared";
            return Err(
                Error::new(ErrorCode::InvalidArgument, message).with_hint("leave 'category' out")
            );
        }
        let mut provenance = Provenance::default();
        let mut asked = Filter::default();
        asked.store.clone_from(&question.store);
        asked.category.clone_from(&question.category);
        let filter = self.filter(principal, &asked, &mut provenance).await?;
        let ranks_all = sees_all(principal) && filter.store.is_none();
        let sql = statement(question, &filter, ranks_all);
        let rows =
            self.rows(principal, "published places", &SqlText::new(&sql)?, &mut provenance).await?;
        if rows.is_empty() {
            let message = "nothing was published for these months";
            return Err(Error::new(ErrorCode::NotFound, message).with_hint(
                "a month is published when it is over; operators do it with `retail-mcp benchmarks publish`",
            ));
        }
        provenance.rows_behind += rows.len() as u64;
        let mut analysis = table(question, &filter, &rows, ranks_all)?;
        analysis.provenance = provenance;
        analysis.uses(crate::metric::Metric::find(question.metric.names().1)?);
        analysis.note("Published once a month is over, and not changed by later corrections.");
        if !ranks_all {
            analysis.note("peer_mean: the mean of all other stores, rounded to two digits. It is held back (why_no_mean) where it could tell of one store: few_stores, or protected because of other figures.");
        }
        Ok(analysis)
    }
}

fn statement(question: &PeerQuestion, filter: &Filter, ranks_all: bool) -> String {
    let (metric, ..) = question.metric.names();
    let category = match &filter.category {
        Some(name) => format!(
            "(SELECT c.category_id FROM retail.categories c WHERE c.category_name = {})",
            literal::text(name)
        ),
        None => "0".to_owned(),
    };
    let mut conditions = vec![
        format!("m.metric = {}", literal::text(metric)),
        format!("m.category_id = {category}"),
    ];
    conditions.extend(Filter { category: None, ..filter.clone() }.conditions());
    if ranks_all {
        conditions.push(format!(
            "m.month = (SELECT max(n.month) FROM retail.store_benchmark n WHERE n.metric = {} \
             AND n.category_id = {category})",
            literal::text(metric)
        ));
    }
    let order = if ranks_all { "m.value DESC, s.store_name" } else { "m.month DESC" };
    format!(
        "SELECT m.month, s.store_name, m.value, m.rank, m.store_count, m.percentile, m.peer_mean, m.reason \
         FROM retail.store_benchmark m JOIN retail.stores s ON s.store_id = m.store_id WHERE {} \
         ORDER BY {order} LIMIT {}",
        conditions.join(" AND "),
        if ranks_all { 500 } else { question.months }
    )
}

fn table(
    question: &PeerQuestion,
    filter: &Filter,
    rows: &[Vec<Value>],
    ranks_all: bool,
) -> Result<Analysis, Error> {
    let (_, name, unit) = question.metric.names();
    let figures = |row: &[Value]| -> Result<Vec<Value>, Error> {
        let of = |at: usize, unit| {
            let value = row.get(at).map_or(Ok(None), figure::decimal)?;
            Ok::<_, Error>(figure::json(value, unit))
        };
        Ok(vec![
            of(2, unit)?,
            of(3, Unit::Units)?,
            of(4, Unit::Units)?,
            of(5, Unit::Units)?,
            of(6, unit)?,
            row.get(7).cloned().unwrap_or(Value::Null),
        ])
    };
    let mut columns = vec![
        TableColumn::name(if ranks_all { "store" } else { "month" }),
        TableColumn::figure(name, unit),
        TableColumn::figure("rank", Unit::Number),
        TableColumn::figure("stores", Unit::Number),
        TableColumn::figure("percentile", Unit::Number),
    ];
    if !ranks_all {
        columns.push(TableColumn::figure("peer_mean", unit));
        columns.push(TableColumn::name("why_no_mean"));
    }
    let width = columns.len();
    let mut body = Vec::new();
    let in_order: Vec<&Vec<Value>> =
        if ranks_all { rows.iter().collect() } else { rows.iter().rev().collect() };
    for row in in_order {
        let key = row.get(usize::from(ranks_all)).cloned().unwrap_or(Value::Null);
        let mut values = vec![key];
        values.extend(figures(row)?);
        values.truncate(width);
        body.push(values);
    }
    let of = match &filter.category {
        Some(category) => format!(" of {category}"),
        None => String::new(),
    };
    let mut table = Table::new("peers", columns, body);
    table.is_series = !ranks_all;
    let store = rows.first().and_then(|row| row.get(1)).and_then(Value::as_str).unwrap_or("?");
    let title = if ranks_all {
        format!("Stores by {name}{of}")
    } else {
        format!("{store} among all stores, {name}{of}")
    };
    let mut analysis = Analysis::new(title, table);
    analysis.period = months(rows)?;
    if let Some(row) = rows.first() {
        analysis.findings = findings(row, unit, ranks_all)?;
    }
    Ok(analysis)
}

fn month_of(row: &[Value]) -> Option<chrono::NaiveDate> {
    row.first()?.as_str()?.parse().ok()
}

/// From the oldest month to the newest, which comes first.
fn months(rows: &[Vec<Value>]) -> Result<Option<Period>, Error> {
    let month = |row: Option<&Vec<Value>>| row.and_then(|row| month_of(row));
    let (Some(newest), Some(oldest)) = (month(rows.first()), month(rows.last())) else {
        return Ok(None);
    };
    let last = newest.checked_add_months(Months::new(1)).and_then(|day| day.pred_opt());
    let range = DateRange::new(oldest, last.unwrap_or(newest)).map_err(Error::internal)?;
    let label = format!("{} to {}", oldest.format("%B %Y"), newest.format("%B %Y"));
    Ok(Some(Period::new(label, range)))
}

/// What the newest month says.
fn findings(row: &[Value], unit: Unit, ranks_all: bool) -> Result<Vec<String>, Error> {
    let number = |at: usize| row.get(at).map_or(Ok(None), figure::decimal);
    let month = month_of(row).map(|month| month.format("%B %Y").to_string()).unwrap_or_default();
    let store = row.get(1).and_then(Value::as_str).unwrap_or("?");
    let value = figure::shown(number(2)?, unit);
    let mut findings = vec![match (number(3)?, number(4)?) {
        (Some(rank), Some(stores)) => {
            format!("{month}: {store} is number {rank} of {stores} with {value}.")
        }
        _ => format!("{month}: {value}. Too few stores sold to be ranked."),
    }];
    if let Some(mean) = number(6)?.filter(|_| !ranks_all) {
        let mean = figure::shown(Some(mean), unit);
        findings.push(format!("The mean of the others is about {mean}."));
    }
    Ok(findings)
}
