//! Customers by recency, frequency and monetary value.

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

/// The segments: name, and what a customer in it is like. R is the fifth of the period in which the last order was, 5 the newest;
/// F is the number of orders. Every customer is in the first that fits, and so in one.
const SEGMENTS: [(&str, &str, &str); 7] = [
    ("champions", "R 4-5, 4 orders or more", "x.r >= 4 AND x.orders >= 4"),
    ("loyal", "R 3-5, 3 orders or more", "x.r >= 3 AND x.orders >= 3"),
    ("promising", "R 3-5, 2 orders", "x.r >= 3 AND x.orders = 2"),
    ("recent_single", "R 4-5, one order", "x.r >= 4"),
    ("cooling", "R 3, one order", "x.r = 3"),
    ("at_risk", "R 1-2, 2 orders or more", "x.orders >= 2"),
    ("lapsed", "R 1-2, one order", "true"),
];

/// Each fifth of a period has a day.
const SHORTEST_DAYS: u32 = 5;

impl Analyst {
    pub(super) async fn segments(
        &self,
        principal: &Principal,
        question: &InsightQuestion,
        filter: &Filter,
        provenance: &mut Provenance,
    ) -> Result<Analysis, Error> {
        if filter.has_product() {
            let message = "customers are segmented by all that they bought";
            return Err(Error::new(ErrorCode::InvalidArgument, message)
                .with_hint("leave 'category' and the like out"));
        }
        // Days to come are no recency.
        let range = question.period.range;
        let range =
            DateRange::new(range.first(), range.last().min(self.today().max(range.first())))
                .map_err(Error::internal)?;
        if range.days() < SHORTEST_DAYS {
            let message = format!("customers are segmented over {SHORTEST_DAYS} days or more");
            return Err(Error::new(ErrorCode::InvalidArgument, message)
                .with_hint("give a longer 'period', or more 'days'; a year says most"));
        }
        let sql = SqlText::new(&statement(range, filter))?;
        let rows = self.rows(principal, "segments", &sql, provenance).await?;
        let mut found = Vec::new();
        for row in &rows {
            found.push(Segment::read(row)?);
        }
        let all = found.iter().fold(Segment::default(), Segment::with);
        provenance.rows_behind += u64::try_from(all.orders).unwrap_or(0);
        let rows = SEGMENTS
            .iter()
            .map(|(name, words, _)| {
                let segment = found.iter().find(|segment| segment.name == *name);
                segment.unwrap_or(&Segment::default()).row(json!(name), json!(words), &all)
            })
            .collect();
        let mut table = Table::new("segments", columns(), rows);
        table.total = Some(all.row(json!("total"), Value::Null, &all));
        let mut analysis =
            Analysis::new(format!("Customer segments, {}", question.period.label), table);
        analysis.findings = findings(&found, &all);
        analysis.note("R: the days of the period until today in five equal parts, 5 the newest, by the day of the last order. High value: the fifth of customers who spent most.");
        analysis.note("Only orders in the period count, in what the caller may see.");
        Ok(analysis)
    }
}

/// What is known of a segment.
#[derive(Debug, Clone, Default)]
struct Segment {
    name: String,
    customers: Decimal,
    orders: Decimal,
    net: Decimal,
    /// Customers of high value.
    high: Decimal,
}

impl Segment {
    fn read(row: &[Value]) -> Result<Self, Error> {
        let name = row.first().and_then(Value::as_str).unwrap_or_default().to_owned();
        let figures = figure::decimals(row.iter().skip(1))?;
        let [customers, orders, net, high] = figures.as_slice() else {
            return Err(Error::internal("a segment has too few columns"));
        };
        Ok(Self { name, customers: *customers, orders: *orders, net: *net, high: *high })
    }

    fn with(self, other: &Self) -> Self {
        Self {
            name: self.name,
            customers: self.customers + other.customers,
            orders: self.orders + other.orders,
            net: self.net + other.net,
            high: self.high + other.high,
        }
    }

    fn row(&self, name: Value, words: Value, all: &Self) -> Vec<Value> {
        vec![
            name,
            words,
            figure::json(Some(self.customers), Unit::Customers),
            figure::json(figure::percent(self.customers, all.customers), Unit::Percent),
            figure::json(Some(self.net), Unit::Usd),
            figure::json(figure::percent(self.net, all.net), Unit::Percent),
            figure::json(self.net.checked_div(self.customers), Unit::Usd),
            figure::json(self.orders.checked_div(self.customers), Unit::Number),
            figure::json(Some(self.high), Unit::Customers),
        ]
    }
}

fn columns() -> Vec<TableColumn> {
    vec![
        TableColumn::name("segment"),
        TableColumn::name("who"),
        TableColumn::figure("customers", Unit::Customers),
        TableColumn::figure("share_of_customers", Unit::Percent),
        TableColumn::figure("net_sales", Unit::Usd),
        TableColumn::figure("share_of_net_sales", Unit::Percent),
        TableColumn::figure("net_sales_per_customer", Unit::Usd),
        TableColumn::figure("orders_per_customer", Unit::Number),
        TableColumn::figure("high_value_customers", Unit::Customers),
    ]
}

fn findings(found: &[Segment], all: &Segment) -> Vec<String> {
    let customers = |count| figure::shown(Some(count), Unit::Customers);
    let mut findings = Vec::new();
    if let Some(most) = found.iter().max_by_key(|segment| segment.net) {
        findings.push(format!(
            "{}: {} customers bring {} of net sales.",
            most.name,
            customers(most.customers),
            figure::shown(figure::percent(most.net, all.net), Unit::Percent)
        ));
    }
    if let Some(at_risk) = found.iter().find(|segment| segment.name == "at_risk") {
        findings.push(format!(
            "at_risk: {} customers who had ordered {} stay away; {} of them are of high value.",
            customers(at_risk.customers),
            figure::shown(Some(at_risk.net), Unit::Usd),
            customers(at_risk.high)
        ));
    }
    findings
}

fn statement(range: DateRange, filter: &Filter) -> String {
    let conditions =
        [vec![literal::within("d.order_date", range)], filter.conditions()].concat().join(" AND ");
    let store = if filter.store.is_some() {
        " JOIN retail.stores s ON s.store_id = d.store_id"
    } else {
        ""
    };
    let cases: Vec<String> = SEGMENTS
        .iter()
        .map(|(name, _, condition)| format!("WHEN {condition} THEN {}", literal::text(name)))
        .collect();
    // From 1, the oldest fifth, to 5.
    let fifth = format!(
        "least(5, 1 + (max(d.order_date) - {}) * 5 / {})",
        literal::date(range.first()),
        range.days()
    );
    // Whole cents are sorted and added up faster than decimal numbers.
    format!(
        "WITH v AS (SELECT d.customer_id, {fifth} AS r, count(*) AS orders, \
         (sum(d.net_sales) * 100)::bigint AS cents FROM retail.sales_by_order d{store} WHERE {conditions} GROUP BY d.customer_id), \
         x AS (SELECT v.r, v.orders, v.cents, ntile(5) OVER (ORDER BY v.cents, v.customer_id) AS m FROM v) \
         SELECT CASE {} END AS segment, count(*) AS customers, sum(x.orders) AS orders, \
         sum(x.cents) / 100 AS net, count(*) FILTER (WHERE x.m = 5) AS high FROM x GROUP BY 1 ORDER BY 1",
        cases.join(" ")
    )
}
