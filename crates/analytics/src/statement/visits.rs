//! Customers of a store: who ordered, for the first time or again, by what each order knows of those before it.

use retail_domain::{Error, SqlText};

use super::{Ask, Statement, grain, joins, keys};
use crate::calendar::CompanyCalendar;
use crate::literal;
use crate::metric::Measure;

/// Each customer of a group is counted by one order of it, so nobody is looked up and nothing is sorted.
pub(super) fn compile(ask: &Ask<'_>, calendar: CompanyCalendar) -> Result<Statement, Error> {
    let keys = ask.by.map(keys).unwrap_or_default();
    let range_first = literal::date(ask.range.first());
    let mut from = vec!["retail.sales_by_order d".to_owned()];
    let mut columns = Vec::new();
    let mut conditions = vec![literal::within("d.order_date", ask.range)];
    conditions.extend(ask.filter.conditions());
    let mut group = String::new();
    let grain = ask.by.and_then(grain);
    if let (Some(grain), Some((_, name))) = (grain, keys.first()) {
        // Each bucket is a range of the index. One that begins before the period begins with the period.
        let rows: Vec<String> = calendar
            .buckets(ask.range, grain)
            .iter()
            .map(|bucket| {
                let days = bucket.range;
                let since = days.first().max(ask.range.first());
                let dates = [days.first(), since, days.last()].map(literal::date);
                format!("({})", dates.join(", "))
            })
            .collect();
        from.push(format!(
            "JOIN (VALUES {}) AS b (first_day, since, last_day) ON d.order_date BETWEEN b.since AND b.last_day",
            rows.join(", ")
        ));
        columns.push("grouping(b.first_day) AS is_total".to_owned());
        columns.push(format!("b.first_day AS {name}"));
        // Who is in several buckets is once in all of them, so the total is no sum.
        for (at, measure) in ask.measures.iter().enumerate() {
            columns.push(format!(
                "CASE grouping(b.first_day) WHEN 0 THEN {} ELSE {} END AS m{at}",
                count(*measure, "b.since"),
                count(*measure, &range_first)
            ));
        }
        group = format!(
            " GROUP BY GROUPING SETS ((b.first_day), ()) ORDER BY 1 DESC, 2 LIMIT {}",
            ask.limit + 2
        );
    } else {
        columns.extend(keys.iter().map(|(key, name)| format!("{key} AS {name}")));
        for (at, measure) in ask.measures.iter().enumerate() {
            columns.push(format!("{} AS m{at}", count(*measure, &range_first)));
        }
        if !keys.is_empty() {
            group = format!(" GROUP BY 1 ORDER BY 1 LIMIT {}", ask.limit + 1);
        }
    }
    columns.push("count(*) AS lines".to_owned());
    from.extend(joins(ask.by, ask.filter, None, "d"));
    let sql = format!(
        "SELECT {} FROM {} WHERE {}{group}",
        columns.join(", "),
        from.join(" "),
        conditions.join(" AND ")
    );
    Ok(Statement {
        sql: SqlText::new(&sql)?,
        keys: keys.into_iter().map(|(_, name)| name).collect(),
        measures: ask.measures.clone(),
        has_before: false,
        has_total: grain.is_some(),
        counts_rows: true,
    })
}

/// Customers of the orders since a day, by the order that has what only one order of each has.
fn count(measure: Measure, since: &str) -> String {
    let previous = format!("d.previous_order_date >= {since}");
    let condition = match measure {
        Measure::NewCustomers => "d.previous_order_date IS NULL".to_owned(),
        Measure::ReturningCustomers => format!("d.previous_order_date < {since}"),
        Measure::RepeatCustomers => {
            format!("{previous} AND (d.second_previous_order_date >= {since}) IS NOT TRUE")
        }
        _ => format!("({previous}) IS NOT TRUE"),
    };
    format!("count(*) FILTER (WHERE {condition})")
}
