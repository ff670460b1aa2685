//! Customers by recency, frequency and monetary value.

use retail_domain::{Error, ErrorCode, Principal, SqlText};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::InsightQuestion;
use crate::Analyst;
use crate::analysis::{Analysis, Provenance, Table, TableColumn};
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
        let sql = SqlText::new(&statement(question, filter))?;
        let rows = self.rows(principal, "segments", &sql, provenance).await?;
        let mut found = Vec::new();
        let (mut all, mut all_net, mut all_high, mut all_orders) =
            (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
        for row in rows {
            let name = row.first().and_then(Value::as_str).unwrap_or_default().to_owned();
            let figures = row
                .iter()
                .skip(1)
                .map(|value| Ok(figure::decimal(value)?.unwrap_or_default()))
                .collect::<Result<Vec<Decimal>, Error>>()?;
            let [customers, orders, net, high] = figures.as_slice() else {
                return Err(Error::internal("a segment has too few columns"));
            };
            all += customers;
            all_orders += orders;
            all_net += net;
            all_high += high;
            found.push((name, *customers, *orders, *net, *high));
        }
        provenance.rows_behind += u64::try_from(all_orders).unwrap_or(0);
        let mut rows = Vec::new();
        for (name, words, _) in SEGMENTS {
            let none =
                (name.to_owned(), Decimal::ZERO, Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
            let (_, customers, orders, net, high) =
                found.iter().find(|(found, ..)| found == name).unwrap_or(&none);
            rows.push(vec![
                json!(name),
                json!(words),
                figure::json(Some(*customers), Unit::Customers),
                figure::json(figure::percent(*customers, all), Unit::Percent),
                figure::json(Some(*net), Unit::Usd),
                figure::json(figure::percent(*net, all_net), Unit::Percent),
                figure::json(net.checked_div(*customers), Unit::Usd),
                figure::json(orders.checked_div(*customers), Unit::Number),
                figure::json(Some(*high), Unit::Customers),
            ]);
        }
        let columns = vec![
            TableColumn::name("segment"),
            TableColumn::name("who"),
            TableColumn::figure("customers", Unit::Customers),
            TableColumn::figure("share_of_customers", Unit::Percent),
            TableColumn::figure("net_sales", Unit::Usd),
            TableColumn::figure("share_of_net_sales", Unit::Percent),
            TableColumn::figure("net_sales_per_customer", Unit::Usd),
            TableColumn::figure("orders_per_customer", Unit::Number),
            TableColumn::figure("high_value_customers", Unit::Customers),
        ];
        let mut table = Table::new("segments", columns, rows);
        table.total = Some(vec![
            json!("total"),
            Value::Null,
            figure::json(Some(all), Unit::Customers),
            figure::json(figure::percent(all, all), Unit::Percent),
            figure::json(Some(all_net), Unit::Usd),
            figure::json(figure::percent(all_net, all_net), Unit::Percent),
            figure::json(all_net.checked_div(all), Unit::Usd),
            figure::json(all_orders.checked_div(all), Unit::Number),
            figure::json(Some(all_high), Unit::Customers),
        ]);
        let mut analysis =
            Analysis::new(format!("Customer segments, {}", question.period.label), table);
        let most = found.iter().max_by_key(|(_, _, _, net, _)| *net);
        if let Some((name, customers, _, net, _)) = most {
            analysis.findings.push(format!(
                "{name}: {} customers bring {} of net sales.",
                figure::shown(Some(*customers), Unit::Customers),
                figure::shown(figure::percent(*net, all_net), Unit::Percent)
            ));
        }
        if let Some((_, customers, _, net, high)) =
            found.iter().find(|(name, ..)| name == "at_risk")
        {
            analysis.findings.push(format!(
                "at_risk: {} customers who had ordered {} stay away; {} of them are of high value.",
                figure::shown(Some(*customers), Unit::Customers),
                figure::shown(Some(*net), Unit::Usd),
                figure::shown(Some(*high), Unit::Customers)
            ));
        }
        analysis.note("R: the period in five equal parts, 5 the newest, by the day of the last order. High value: the fifth of customers who spent most.");
        analysis.note("Only orders in the period count, in what the caller may see.");
        Ok(analysis)
    }
}

fn statement(question: &InsightQuestion, filter: &Filter) -> String {
    let range = question.period.range;
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
    format!(
        "WITH v AS (SELECT d.customer_id, {fifth} AS r, count(DISTINCT d.order_id) AS orders, \
         coalesce(sum(i.total_amount), 0) AS net FROM retail.orders d LEFT JOIN retail.order_items i \
         ON i.order_id = d.order_id AND i.store_id = d.store_id{store} WHERE {conditions} \
         GROUP BY d.customer_id), \
         x AS (SELECT v.r, v.orders, v.net, ntile(5) OVER (ORDER BY v.net, v.customer_id) AS m FROM v) \
         SELECT CASE {} END AS segment, count(*) AS customers, sum(x.orders) AS orders, \
         sum(x.net) AS net, count(*) FILTER (WHERE x.m = 5) AS high FROM x GROUP BY 1 ORDER BY 1",
        cases.join(" ")
    )
}
