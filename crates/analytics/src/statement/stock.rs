//! Stock on hand, beside what was sold of it.

use std::fmt::Write as _;

use chrono::Days;
use retail_domain::{Error, SqlText};

use super::{Ask, Statement, joins, keys, sort_key};
use crate::calendar::DateRange;
use crate::figure::COVER_DAYS;
use crate::literal;
use crate::metric::Measure;

/// Days before a product's last sale over which its pace is taken.
const PACE_DAYS: u32 = 90;
/// A product counts as lost for at most as many days.
const MAX_LOST_DAYS: u32 = 28;

pub(super) fn compile(ask: &Ask<'_>) -> Result<Statement, Error> {
    let keys = ask.by.map(keys).unwrap_or_default();
    let recent = recent(ask.range);
    let needs_sales =
        ask.measures.iter().any(|measure| matches!(measure, Measure::Units | Measure::RecentUnits));

    let mut from = vec!["retail.inventory v".to_owned()];
    from.extend(joins(ask.by, ask.filter, Some("v"), "v"));
    if needs_sales {
        let whole = DateRange::new(ask.range.first().min(recent.first()), ask.range.last())
            .map_err(Error::internal)?;
        from.push(format!(
            "LEFT JOIN (SELECT d.store_id, d.product_id, \
             sum(d.units_sold) FILTER (WHERE {}) AS units, \
             sum(d.units_sold) FILTER (WHERE {}) AS recent_units \
             FROM retail.sales_by_product_day d WHERE {} GROUP BY d.store_id, d.product_id) AS u \
             ON u.store_id = v.store_id AND u.product_id = v.product_id",
            literal::within("d.order_date", ask.range),
            literal::within("d.order_date", recent),
            literal::within("d.order_date", whole),
        ));
    }
    if ask.measures.contains(&Measure::LostSales) {
        from.push(lost_sales());
    }

    let aggregate = |measure: Measure| {
        match measure {
            Measure::Ranged => "count(*)",
            Measure::OutOfStock => "count(*) FILTER (WHERE v.stock_level <= 0)",
            Measure::Units => "coalesce(sum(u.units), 0)",
            Measure::RecentUnits => "coalesce(sum(u.recent_units), 0)",
            Measure::LostSales => "round(coalesce(sum(l.lost), 0), 6)",
            _ => "coalesce(sum(greatest(v.stock_level, 0)), 0)",
        }
        .to_owned()
    };
    let mut columns = Vec::new();
    if let Some((first, _)) = keys.first() {
        columns.push(format!("grouping({first}) AS is_total"));
        columns.extend(keys.iter().map(|(key, name)| format!("{key} AS {name}")));
    }
    for (at, measure) in ask.measures.iter().enumerate() {
        columns.push(format!("{} AS m{at}", aggregate(*measure)));
    }
    columns.push("count(*) AS lines".to_owned());

    let conditions = ask.filter.conditions();
    let mut sql = format!("SELECT {} FROM {}", columns.join(", "), from.join(" "));
    if !conditions.is_empty() {
        let _ = write!(sql, " WHERE {}", conditions.join(" AND "));
    }
    if !keys.is_empty() {
        let names: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
        let _ = write!(sql, " GROUP BY GROUPING SETS (({}), ())", names.join(", "));
        let mut order = vec!["1 DESC".to_owned()];
        if let Some(most) = ask.most {
            let key = sort_key(most, |measure| Ok(aggregate(measure)))?;
            order.push(format!("{key} DESC NULLS LAST"));
        }
        order.extend((2..=keys.len() + 1).map(|at| at.to_string()));
        let _ = write!(sql, " ORDER BY {} LIMIT {}", order.join(", "), ask.limit + 2);
    }
    Ok(Statement {
        sql: SqlText::new(&sql)?,
        has_total: !keys.is_empty(),
        keys: keys.into_iter().map(|(_, name)| name).collect(),
        measures: ask.measures.clone(),
        has_before: false,
        counts_rows: true,
    })
}

/// The last days of a period, from which the pace of sales is taken.
pub(crate) fn recent(range: DateRange) -> DateRange {
    let first =
        range.last().checked_sub_days(Days::new(u64::from(COVER_DAYS - 1))).unwrap_or(range.last());
    // In order, since the first is at or before the last.
    DateRange::new(first, range.last()).unwrap_or(range)
}

/// What each product without stock would have sold since. The newest day of all sales is "now": beyond, nothing is known.
///
/// The newest day stands alone, so that it is looked for once, and the stock is asked for where the last sale is, so that shelves
/// with stock are passed by: else the chain's answer takes seconds.
fn lost_sales() -> String {
    format!(
        "LEFT JOIN LATERAL (SELECT q.net / {PACE_DAYS} * least({MAX_LOST_DAYS}, \
         greatest(0, (SELECT max(n.order_date) FROM retail.sales_by_day n) - q.last_sale \
         - {PACE_DAYS}::numeric / q.days)) AS lost \
         FROM (SELECT a.last_sale, sum(d.net_sales) AS net, count(*) AS days \
         FROM (SELECT max(m.order_date) AS last_sale FROM retail.sales_by_product_day m \
         WHERE m.store_id = v.store_id AND m.product_id = v.product_id AND v.stock_level <= 0) AS a \
         JOIN retail.sales_by_product_day d ON d.store_id = v.store_id AND d.product_id = v.product_id \
         AND d.order_date > a.last_sale - {PACE_DAYS} GROUP BY a.last_sale) AS q) AS l ON true"
    )
}
