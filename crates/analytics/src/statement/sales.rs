//! Sales: sums of days, of products and days, or of the lines themselves.

use std::fmt::Write as _;

use retail_domain::{Error, SqlText};

use super::{Ask, Statement, joins, keys, listed, sort_key};
use crate::calendar::{CompanyCalendar, DateRange};
use crate::literal;
use crate::metric::{Dimension, Measure, Source};

pub(super) fn compile(
    ask: &Ask<'_>,
    source: Source,
    calendar: CompanyCalendar,
) -> Result<Statement, Error> {
    let keys = ask.by.map(keys).unwrap_or_default();
    let aggregate = |measure: Measure, range: Option<DateRange>| {
        let aggregate = source
            .aggregate(measure)
            .ok_or_else(|| Error::internal("a source has no aggregate of a measure"))?;
        Ok::<_, Error>(match range {
            Some(range) => {
                let within = literal::within("d.order_date", range);
                format!("coalesce({aggregate} FILTER (WHERE {within}), 0)")
            }
            None => format!("coalesce({aggregate}, 0)"),
        })
    };
    let now = ask.before.map(|_| ask.range);

    let mut columns = Vec::new();
    if let Some((first, _)) = keys.first() {
        columns.push(format!("grouping({first}) AS is_total"));
        columns.extend(keys.iter().map(|(key, name)| format!("{key} AS {name}")));
    }
    for (at, measure) in ask.measures.iter().enumerate() {
        columns.push(format!("{} AS m{at}", aggregate(*measure, now)?));
    }
    if let Some(before) = ask.before {
        for (at, measure) in ask.measures.iter().enumerate() {
            columns.push(format!("{} AS b{at}", aggregate(*measure, Some(before))?));
        }
    }
    columns.push(format!("{} AS lines", aggregate(Measure::Lines, now)?));

    let mut from = vec![table(ask, source).to_owned()];
    from.extend(listed(ask.by, ask.range, calendar));
    let product_of = match source {
        Source::ProductDays => Some("d"),
        Source::Lines if needs_product(ask) => Some("i"),
        _ => None,
    };
    from.extend(joins(ask.by, ask.filter, product_of, "d"));

    let mut conditions = vec![match ask.before {
        None => literal::within("d.order_date", ask.range),
        Some(before) => format!(
            "({} OR {})",
            literal::within("d.order_date", ask.range),
            literal::within("d.order_date", before)
        ),
    }];
    conditions.extend(ask.filter.conditions());

    let mut sql = format!(
        "SELECT {} FROM {} WHERE {}",
        columns.join(", "),
        from.join(" "),
        conditions.join(" AND ")
    );
    if !keys.is_empty() {
        let names: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
        let names = names.join(", ");
        let _ = write!(sql, " GROUP BY GROUPING SETS (({names}), ())");
        let mut order = vec!["1 DESC".to_owned()];
        if let Some(most) = ask.most {
            let key = sort_key(most, |measure| aggregate(measure, now))?;
            order.push(format!("{key} DESC NULLS LAST"));
        }
        order.extend((2..=keys.len() + 1).map(|at| at.to_string()));
        // One more, to know whether there are more; and the total.
        let _ = write!(sql, " ORDER BY {} LIMIT {}", order.join(", "), ask.limit + 2);
    }
    Ok(Statement {
        sql: SqlText::new(&sql)?,
        has_total: !keys.is_empty(),
        keys: keys.into_iter().map(|(_, name)| name).collect(),
        measures: ask.measures.clone(),
        has_before: ask.before.is_some(),
        counts_rows: true,
    })
}

fn needs_product(ask: &Ask<'_>) -> bool {
    ask.by.is_some_and(Dimension::is_product)
        || ask.filter.has_product()
        || ask.measures.contains(&Measure::Cost)
}

fn table(ask: &Ask<'_>, source: Source) -> &'static str {
    match source {
        Source::ProductDays => "retail.sales_by_product_day d",
        // An order without lines is an order.
        Source::Lines if !needs_product(ask) => {
            "retail.orders d LEFT JOIN retail.order_items i \
             ON i.order_id = d.order_id AND i.store_id = d.store_id"
        }
        Source::Lines => {
            "retail.orders d JOIN retail.order_items i \
             ON i.order_id = d.order_id AND i.store_id = d.store_id"
        }
        _ => "retail.sales_by_day d",
    }
}
