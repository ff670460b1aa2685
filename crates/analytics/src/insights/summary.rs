//! The period at a glance.

use retail_domain::{Error, ErrorCode, Principal, SqlText};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::InsightQuestion;
use crate::Analyst;
use crate::analysis::{Analysis, Provenance, Table, TableColumn};
use crate::calendar::DateRange;
use crate::figure;
use crate::literal;
use crate::metric::Unit;
use crate::statement::Filter;

/// A change of less than this many percent is called steady.
const STEADY_PERCENT: i64 = 3;

/// Sums of one period.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    orders: Decimal,
    net: Decimal,
    units: Decimal,
    active_days: Decimal,
    customers: Decimal,
}

impl Analyst {
    pub(super) async fn summary(
        &self,
        principal: &Principal,
        question: &InsightQuestion,
        filter: &Filter,
        provenance: &mut Provenance,
    ) -> Result<Analysis, Error> {
        if filter.has_product() {
            let message = "a summary is of whole stores";
            return Err(Error::new(ErrorCode::InvalidArgument, message)
                .with_hint("leave 'category' and the like out, or ask for product_performance"));
        }
        let period = &question.period;
        let before = self.compared(period, "previous period")?;
        let last_year = self.compared(period, "same period last year")?;
        let ranges = [period.range, before.range, last_year.range];
        let rows = self.rows(principal, "totals", &days(&ranges, filter)?, provenance).await?;
        let customers =
            self.rows(principal, "customers", &customers(&ranges, filter)?, provenance).await?;
        let sql = categories(period.range, filter)?;
        let best = self.rows(principal, "categories", &sql, provenance).await?;
        let read = Read::new(&rows, &customers, &best)?;
        provenance.rows_behind += read.lines;

        let table = Table::new("summary", columns(), rows_of(&read));
        let mut analysis = Analysis::new(format!("Summary, {}", period.label), table);
        analysis.more.push(facts(&read));
        analysis.compared_with = Some(before);
        say(&mut analysis, &read);
        analysis.note("customer_retention_percent: customers of the period before who ordered again in this one.");
        analysis.note(format!(
            "A trend is steady within {STEADY_PERCENT} %. Seasons move sales from month to month: compare with the year before, too."
        ));
        Ok(analysis)
    }
}

/// What the statements gave.
struct Read {
    now: Totals,
    then: Totals,
    year: Totals,
    /// Customers of the period before who came again.
    kept: Decimal,
    lines: u64,
    top_category: Option<String>,
    top_category_net: Option<Decimal>,
    products: Option<Decimal>,
}

impl Read {
    fn new(
        rows: &[Vec<Value>],
        customers: &[Vec<Value>],
        best: &[Vec<Value>],
    ) -> Result<Self, Error> {
        let missing = || Error::internal("a summary has too few columns");
        let days = figure::decimals(rows.iter().flatten())?;
        let who = figure::decimals(customers.iter().flatten())?;
        let totals = |at: usize| -> Result<Totals, Error> {
            let of = |column: usize| days.get(at * 4 + column).copied().ok_or_else(missing);
            Ok(Totals {
                orders: of(0)?,
                net: of(1)?,
                units: of(2)?,
                active_days: of(3)?,
                customers: who.get(at).copied().ok_or_else(missing)?,
            })
        };
        let best = best.first();
        let of_best = |at: usize| best.and_then(|row| row.get(at));
        Ok(Self {
            now: totals(0)?,
            then: totals(1)?,
            year: totals(2)?,
            kept: who.get(3).copied().ok_or_else(missing)?,
            lines: days.last().and_then(|lines| u64::try_from(*lines).ok()).unwrap_or(0),
            top_category: of_best(0).and_then(Value::as_str).map(str::to_owned),
            top_category_net: of_best(1).map_or(Ok(None), figure::decimal)?,
            products: of_best(2).map_or(Ok(None), figure::decimal)?,
        })
    }
}

/// A figure of the summary: its name, its unit, and how it follows from the sums.
type SummaryFigure = (&'static str, Unit, fn(&Totals) -> Option<Decimal>);

/// With the reference system's names.
const FIGURES: [SummaryFigure; 9] = [
    ("total_revenue", Unit::Usd, |of| Some(of.net)),
    ("total_transactions", Unit::Orders, |of| Some(of.orders)),
    ("unique_customers", Unit::Customers, |of| Some(of.customers)),
    ("total_items_sold", Unit::Units, |of| Some(of.units)),
    ("avg_transaction_value", Unit::UsdPerOrder, |of| of.net.checked_div(of.orders)),
    ("items_per_transaction", Unit::UnitsPerOrder, |of| of.units.checked_div(of.orders)),
    ("revenue_per_customer", Unit::Usd, |of| of.net.checked_div(of.customers)),
    ("active_days", Unit::Days, |of| Some(of.active_days)),
    ("avg_daily_revenue", Unit::Usd, |of| of.net.checked_div(of.active_days)),
];

fn columns() -> Vec<TableColumn> {
    vec![
        TableColumn::name("figure"),
        TableColumn::name("unit"),
        TableColumn::figure("now", Unit::Number),
        TableColumn::figure("period_before", Unit::Number),
        TableColumn::figure("change_percent", Unit::Percent),
        TableColumn::figure("year_before", Unit::Number),
        TableColumn::figure("year_change_percent", Unit::Percent),
    ]
}

fn rows_of(read: &Read) -> Vec<Vec<Value>> {
    let row = |(name, unit, of): &SummaryFigure| {
        let (now, then, year) = (of(&read.now), of(&read.then), of(&read.year));
        let growth = |other: Option<Decimal>| {
            let rounded = |value: Decimal| figure::rounded(value, *unit);
            let pair = now.map(rounded).zip(other.map(rounded));
            figure::json(pair.and_then(|(a, b)| figure::growth(a, b)), Unit::Percent)
        };
        vec![
            json!(name),
            json!(unit.label()),
            figure::json(now, *unit),
            figure::json(then, *unit),
            growth(then),
            figure::json(year, *unit),
            growth(year),
        ]
    };
    FIGURES.iter().map(row).collect()
}

fn facts(read: &Read) -> Table {
    let retention = figure::percent(read.kept, read.then.customers);
    let facts = vec![
        vec![json!("top_category"), json!(read.top_category)],
        vec![json!("top_category_revenue"), figure::json(read.top_category_net, Unit::Usd)],
        vec![json!("products_sold"), figure::json(read.products, Unit::Products)],
        vec![json!("revenue_trend"), json!(trend(read.now.net, read.then.net))],
        vec![json!("revenue_trend_year_on_year"), json!(trend(read.now.net, read.year.net))],
        vec![json!("customer_retention_percent"), figure::json(retention, Unit::Percent)],
    ];
    let columns = vec![TableColumn::name("fact"), TableColumn::name("value")];
    Table::new("facts", columns, facts)
}

fn say(analysis: &mut Analysis, read: &Read) {
    let now = read.now.net;
    let against = |other: &Totals, words: &str| {
        let percent = figure::growth(now, other.net)?;
        Some(format!(", {} against {words}", figure::signed(percent, Unit::Percent)))
    };
    analysis.findings.push(format!(
        "Net sales {}{}{}.",
        figure::shown(Some(now), Unit::Usd),
        against(&read.then, "the period before").unwrap_or_default(),
        against(&read.year, "the year before").unwrap_or_default()
    ));
    if let Some(top) = &read.top_category {
        analysis.findings.push(format!("Most was sold of {top}."));
    }
    if read.now.orders.is_zero() {
        analysis.note("No rows: nothing was sold in the period, in what the caller may see.");
    }
}

fn trend(now: Decimal, before: Decimal) -> &'static str {
    match figure::growth(now, before) {
        None => "unknown",
        Some(growth) if growth > Decimal::from(STEADY_PERCENT) => "rising",
        Some(growth) if growth < Decimal::from(-STEADY_PERCENT) => "falling",
        Some(_) => "steady",
    }
}

fn store_join(filter: &Filter) -> &'static str {
    if filter.store.is_some() { " JOIN retail.stores s ON s.store_id = d.store_id" } else { "" }
}

fn any_of(ranges: &[DateRange], filter: &Filter) -> String {
    let ranges: Vec<String> =
        ranges.iter().map(|range| literal::within("d.order_date", *range)).collect();
    [vec![format!("({})", ranges.join(" OR "))], filter.conditions()].concat().join(" AND ")
}

fn days(ranges: &[DateRange], filter: &Filter) -> Result<SqlText, Error> {
    let columns: Vec<String> = ranges
        .iter()
        .enumerate()
        .flat_map(|(at, range)| {
            let when = literal::within("d.order_date", *range);
            [
                format!("coalesce(sum(d.order_count) FILTER (WHERE {when}), 0) AS o{at}"),
                format!("coalesce(sum(d.net_sales) FILTER (WHERE {when}), 0) AS n{at}"),
                format!("coalesce(sum(d.units_sold) FILTER (WHERE {when}), 0) AS u{at}"),
                format!("count(DISTINCT d.order_date) FILTER (WHERE {when}) AS a{at}"),
            ]
        })
        .collect();
    let now = ranges.first().map(|range| literal::within("d.order_date", *range));
    SqlText::new(&format!(
        "SELECT {}, coalesce(sum(d.line_count) FILTER (WHERE {}), 0) AS lines \
         FROM retail.sales_by_day d{} WHERE {}",
        columns.join(", "),
        now.unwrap_or_default(),
        store_join(filter),
        any_of(ranges, filter)
    ))
}

/// Customers of each period, and those of the first who were in the second.
fn customers(ranges: &[DateRange], filter: &Filter) -> Result<SqlText, Error> {
    let whens: Vec<String> = ranges
        .iter()
        .enumerate()
        .map(|(at, range)| format!("bool_or({}) AS w{at}", literal::within("d.order_date", *range)))
        .collect();
    let counts: Vec<String> =
        (0..ranges.len()).map(|at| format!("count(*) FILTER (WHERE x.w{at}) AS c{at}")).collect();
    SqlText::new(&format!(
        "SELECT {}, count(*) FILTER (WHERE x.w0 AND x.w1) AS kept FROM \
         (SELECT d.customer_id, {} FROM retail.orders d{} WHERE {} GROUP BY d.customer_id) AS x",
        counts.join(", "),
        whens.join(", "),
        store_join(filter),
        any_of(ranges, filter)
    ))
}

/// The category with the most net sales, and how many products were sold.
fn categories(range: DateRange, filter: &Filter) -> Result<SqlText, Error> {
    SqlText::new(&format!(
        "SELECT c.category_name, sum(x.net) AS net, (sum(count(*)) OVER ())::int8 AS products FROM \
         (SELECT d.product_id, sum(d.net_sales) AS net FROM retail.sales_by_product_day d{} WHERE {} \
         GROUP BY d.product_id) AS x JOIN retail.products p ON p.product_id = x.product_id \
         JOIN retail.categories c ON c.category_id = p.category_id GROUP BY c.category_name \
         ORDER BY net DESC, c.category_name LIMIT 1",
        store_join(filter),
        any_of(&[range], filter)
    ))
}
