//! Customers: who ordered, for the first time or again.

use std::fmt::Write as _;

use retail_domain::{Error, SqlText};

use super::{Ask, Statement, joins, keys, listed, sort_key};
use crate::calendar::CompanyCalendar;
use crate::literal;
use crate::metric::{Dimension, Measure};

/// Each visit is a customer in a group. A total of the groups would count customers twice, so it is a question of its own.
pub(super) fn compile(ask: &Ask<'_>, calendar: CompanyCalendar) -> Result<Statement, Error> {
    if ask.measures == [Measure::NewCustomers] && ask.by.is_none_or(Dimension::is_time) {
        return first_orders(ask, calendar);
    }
    let keys = ask.by.map(keys).unwrap_or_default();
    let by_store = ask.by == Some(Dimension::Store) || ask.filter.store.is_some();
    let is_time = ask.by.is_some_and(Dimension::is_time);
    let range_first = literal::date(ask.range.first());

    let mut visit = vec!["d.customer_id".to_owned()];
    visit.extend(keys.iter().map(|(key, name)| format!("{key} AS {name}")));
    let mut group: Vec<String> = vec!["d.customer_id".to_owned()];
    group.extend(keys.iter().map(|(key, _)| (*key).to_owned()));
    if by_store {
        visit.push("d.store_id".to_owned());
        group.push("d.store_id".to_owned());
    }
    visit.push("count(*) AS orders".to_owned());

    let mut from = vec!["retail.orders d".to_owned()];
    from.extend(listed(ask.by, ask.range, calendar));
    from.extend(joins(ask.by, ask.filter, None, "d"));
    let mut conditions = vec![literal::within("d.order_date", ask.range)];
    conditions.extend(ask.filter.conditions());

    // A group that begins before the period begins with the period.
    let since = match keys.first() {
        Some((_, name)) if is_time => format!("greatest(v.{name}, {range_first})"),
        _ => range_first,
    };
    let same_store = if by_store { " AND e.store_id = v.store_id" } else { "" };
    let had_ordered = format!(
        "EXISTS (SELECT 1 FROM retail.orders e WHERE e.customer_id = v.customer_id{same_store} \
         AND e.order_date < {since})"
    );
    let mut columns: Vec<String> =
        keys.iter().map(|(_, name)| format!("v.{name} AS {name}")).collect();
    let count = |measure: Measure| match measure {
        Measure::NewCustomers => format!("count(*) FILTER (WHERE NOT {had_ordered})"),
        Measure::ReturningCustomers => format!("count(*) FILTER (WHERE {had_ordered})"),
        Measure::RepeatCustomers => "count(*) FILTER (WHERE v.orders >= 2)".to_owned(),
        _ => "count(*)".to_owned(),
    };
    for (at, measure) in ask.measures.iter().enumerate() {
        columns.push(format!("{} AS m{at}", count(*measure)));
    }
    columns.push("coalesce(sum(v.orders), 0) AS lines".to_owned());

    let mut sql = format!(
        "WITH v AS (SELECT {} FROM {} WHERE {} GROUP BY {}) SELECT {} FROM v",
        visit.join(", "),
        from.join(" "),
        conditions.join(" AND "),
        group.join(", "),
        columns.join(", "),
    );
    if !keys.is_empty() {
        let numbers: Vec<String> = (1..=keys.len()).map(|at| at.to_string()).collect();
        let numbers = numbers.join(", ");
        let most = match ask.most {
            Some(most) => {
                format!("{} DESC NULLS LAST, ", sort_key(most, |measure| Ok(count(measure)))?)
            }
            None => String::new(),
        };
        let limit = ask.limit + 1;
        let _ = write!(sql, " GROUP BY {numbers} ORDER BY {most}{numbers} LIMIT {limit}");
    }
    Ok(Statement {
        sql: SqlText::new(&sql)?,
        keys: keys.into_iter().map(|(_, name)| name).collect(),
        measures: ask.measures.clone(),
        has_before: false,
        has_total: false,
        counts_rows: true,
    })
}

/// New customers alone: each has one first order, whose day says where they count. Nothing has to be looked up for each visit.
fn first_orders(ask: &Ask<'_>, calendar: CompanyCalendar) -> Result<Statement, Error> {
    let keys = ask.by.map(keys).unwrap_or_default();
    let within = literal::within("d.order_date", ask.range);
    let mut first = vec!["retail.orders d".to_owned()];
    first.extend(joins(None, ask.filter, None, "d"));
    let mut first = first.join(" ");
    let stores = ask.filter.conditions();
    if !stores.is_empty() {
        let _ = write!(first, " WHERE {}", stores.join(" AND "));
    }
    let mut from = vec![format!(
        "(SELECT d.customer_id, min(d.order_date) AS order_date, count(*) FILTER (WHERE {within}) AS orders \
         FROM {first} GROUP BY d.customer_id) d"
    )];
    from.extend(listed(ask.by, ask.range, calendar));
    let mut columns: Vec<String> =
        keys.iter().map(|(key, name)| format!("{key} AS {name}")).collect();
    if let Some((key, _)) = keys.first() {
        columns.insert(0, format!("grouping({key}) AS is_total"));
    }
    columns.push("count(*) AS m0".to_owned());
    columns.push("coalesce(sum(d.orders), 0) AS lines".to_owned());
    let mut sql = format!("SELECT {} FROM {} WHERE {within}", columns.join(", "), from.join(" "));
    if let Some((key, _)) = keys.first() {
        // The groups, one more than wanted, and their total: no customer is in two of them.
        let _ = write!(
            sql,
            " GROUP BY GROUPING SETS (({key}), ()) ORDER BY 1 DESC, 2 LIMIT {}",
            ask.limit + 2
        );
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
