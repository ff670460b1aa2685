//! From groups of sums to a table of metrics.

use std::fmt::Write as _;

use std::collections::HashMap;

use chrono::{Days, NaiveDate};
use retail_domain::{Error, Principal, SqlText};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{MAX_POINTS, SalesQuestion};
use crate::Analyst;
use crate::analysis::{Analysis, Provenance, Table, TableColumn};
use crate::analyst::{Group, Groups};
use crate::calendar::{Bucket, CompanyCalendar, DateRange, Period};
use crate::figure::{self, Sums};
use crate::literal;
use crate::metric::{Dimension, Formula, Measure, Metric, Unit};
use crate::statement::{Filter, grain};

/// The groups of both periods.
pub(super) struct Measured {
    pub(super) groups: Groups,
    /// The other period, where it was read by itself.
    pub(super) earlier: Option<Groups>,
    /// Whether the groups have the sums of both periods.
    pub(super) is_in_one: bool,
}

/// A group with the sums of the period and of the other one.
struct Row {
    key: Vec<Value>,
    now: Option<Sums>,
    before: Option<Sums>,
    /// Whether both are of as many days, or of whole months and the like.
    is_comparable: bool,
}

/// `today` is the last day that a part may begin on.
pub(super) fn build(
    question: &SalesQuestion,
    measured: &Measured,
    calendar: CompanyCalendar,
    today: NaiveDate,
) -> Analysis {
    let compares = question.compared_with.is_some();
    let rows = rows(question, measured, calendar, today);
    let total = measured.groups.total.as_ref().map(|total| Row {
        key: Vec::new(),
        now: Some(total.now.clone()),
        before: before_of_total(measured, total),
        is_comparable: true,
    });
    let share_of = shared(question);

    let mut columns = key_columns(question.by);
    let names = columns.len();
    for metric in &question.metrics {
        columns.push(TableColumn::figure(metric.name, metric.unit));
        if compares {
            let name = metric.name;
            columns.push(TableColumn::figure(format!("{name}_before"), metric.unit));
            columns.push(TableColumn::figure(format!("{name}_change"), metric.unit));
            columns.push(TableColumn::figure(format!("{name}_change_percent"), Unit::Percent));
        }
        if share_of.is_some_and(|shared| shared == *metric) {
            columns.push(TableColumn::figure("share", Unit::Percent));
        }
    }

    let whole = total.as_ref().and_then(|total| total.now.as_ref());
    let whole = share_of.and_then(|metric| figure::value(metric.formula, whole?));
    let figures = |row: &Row| {
        let mut figures = Vec::new();
        for metric in &question.metrics {
            let now = row.now.as_ref().and_then(|sums| figure::value(metric.formula, sums));
            figures.push(figure::json(now, metric.unit));
            if compares {
                let before =
                    row.before.as_ref().and_then(|sums| figure::value(metric.formula, sums));
                let [before, change, percent] = change(metric, now, before);
                figures.push(before);
                let is_comparable = row.is_comparable;
                figures.extend(
                    [change, percent].map(|value| if is_comparable { value } else { Value::Null }),
                );
            }
            if share_of.is_some_and(|shared| shared == *metric) {
                let share = now.zip(whole).and_then(|(now, whole)| figure::percent(now, whole));
                figures.push(figure::json(share, Unit::Percent));
            }
        }
        figures
    };
    let body = rows
        .iter()
        .map(|row| row.key.iter().cloned().chain(figures(row)).collect())
        .collect::<Vec<Vec<Value>>>();
    let mut table = Table::new("figures", columns, body);
    table.truncated = measured.groups.truncated;
    table.is_series = question.by.is_some_and(Dimension::is_time);
    match (&total, question.by) {
        (Some(total), None) => table.rows = vec![figures(total)],
        (Some(total), Some(_)) => {
            let mut row = vec![json!("total")];
            row.resize(names, Value::Null);
            row.extend(figures(total));
            table.total = Some(row);
        }
        (None, _) => {}
    }
    let mut analysis = Analysis::new("", table);
    findings(question, &rows, total.as_ref(), whole, &mut analysis);
    let grain = question.by.and_then(grain);
    if let Some((period, grain)) = question.compared_with.as_ref().zip(grain) {
        let others = calendar.buckets(period.range, grain).len();
        if others != rows.len() || rows.iter().any(|row| !row.is_comparable) {
            analysis.note(format!(
                "The first part is compared with the first, and so on: the other period has {others}, this one {}. Where \
                 one is cut at an edge of its period, or has no other, no change is given. The totals are of all days.",
                rows.len()
            ));
        }
    }
    analysis
}

/// The metric whose parts are given as shares: the first, if its parts add up and are no points in time.
fn shared(question: &SalesQuestion) -> Option<&'static Metric> {
    let by = question.by?;
    let metric = *question.metrics.first()?;
    (!by.is_time() && metric.is_additive).then_some(metric)
}

fn change(metric: &Metric, now: Option<Decimal>, before: Option<Decimal>) -> [Value; 3] {
    let rounded = |value: Decimal| figure::rounded(value, metric.unit);
    // Of the figures as they are shown, so that anybody can check it.
    let both = now.map(rounded).zip(before.map(rounded));
    [
        figure::json(before, metric.unit),
        figure::json(both.map(|(now, before)| now - before), metric.unit),
        figure::json(both.and_then(|(now, before)| figure::growth(now, before)), Unit::Percent),
    ]
}

fn before_of_total(measured: &Measured, total: &Group) -> Option<Sums> {
    if measured.is_in_one {
        return Some(total.before.clone());
    }
    let total = measured.earlier.as_ref()?.total.as_ref()?;
    Some(total.now.clone())
}

fn key_columns(by: Option<Dimension>) -> Vec<TableColumn> {
    let names: &[&str] = match by {
        None => &[],
        Some(Dimension::ProductType) => &["product_type", "category"],
        Some(Dimension::Product) => &["product", "sku"],
        Some(Dimension::Day) => &["day"],
        Some(by) if by.is_time() => &[by.as_str(), "from"],
        Some(by) => &[by.as_str()],
    };
    names.iter().map(|name| TableColumn::name(*name)).collect()
}

fn rows(
    question: &SalesQuestion,
    measured: &Measured,
    calendar: CompanyCalendar,
    today: NaiveDate,
) -> Vec<Row> {
    let Some(by) = question.by else { return Vec::new() };
    if let Some(grain) = grain(by) {
        let buckets = calendar.buckets(question.period.range, grain);
        let now = by_bucket(&measured.groups, question.period.range, &ranges(&buckets));
        // The first bucket is compared with the first, and so on.
        let earlier = question.compared_with.as_ref();
        let earlier = earlier.map(|period| calendar.buckets(period.range, grain));
        let before = question
            .compared_with
            .as_ref()
            .zip(measured.earlier.as_ref())
            .zip(earlier.as_ref())
            .map(|((period, groups), buckets)| by_bucket(groups, period.range, &ranges(buckets)));
        return buckets
            .iter()
            .take_while(|bucket| bucket.range.first() <= today)
            .enumerate()
            .map(|(at, bucket)| {
                let mut key = vec![json!(bucket.label)];
                if by != Dimension::Day {
                    key.push(json!(bucket.range.first().to_string()));
                }
                let sums = |found: &HashMap<usize, Sums>| found.get(&at).cloned();
                let other = earlier.as_ref().and_then(|buckets| buckets.get(at));
                let before = before.as_ref().filter(|_| other.is_some());
                Row {
                    key,
                    now: Some(sums(&now).unwrap_or_default()),
                    before: before.map(|before| sums(before).unwrap_or_default()),
                    is_comparable: other.is_some_and(|other| compares(bucket, other)),
                }
            })
            .collect();
    }
    let earlier: HashMap<String, &Sums> = measured
        .earlier
        .iter()
        .flat_map(|groups| &groups.list)
        .map(|group| (json!(group.key).to_string(), &group.now))
        .collect();
    measured
        .groups
        .list
        .iter()
        .map(|group| {
            let before = match (measured.is_in_one, &measured.earlier) {
                (true, _) => Some(group.before.clone()),
                (false, Some(_)) => {
                    let found = earlier.get(&json!(group.key).to_string());
                    Some(found.map(|sums| (*sums).clone()).unwrap_or_default())
                }
                (false, None) => None,
            };
            let key = match by {
                Dimension::Weekday => group.key.iter().map(weekday).collect(),
                _ => group.key.clone(),
            };
            Row { key, now: Some(group.now.clone()), before, is_comparable: true }
        })
        .collect()
}

/// Whether the figures of two parts of periods say something of each other: of whole ones, or of as many days.
fn compares(one: &Bucket, other: &Bucket) -> bool {
    (!one.is_partial && !other.is_partial) || one.range.days() == other.range.days()
}

fn ranges(buckets: &[Bucket]) -> Vec<DateRange> {
    buckets.iter().map(|bucket| bucket.range).collect()
}

/// The sums of each bucket, by its place.
fn by_bucket(groups: &Groups, range: DateRange, buckets: &[DateRange]) -> HashMap<usize, Sums> {
    let mut found = HashMap::new();
    for group in &groups.list {
        let day = group.key.first().and_then(Value::as_str).and_then(|day| day.parse().ok());
        let Some(day): Option<NaiveDate> = day else { continue };
        // A week may begin before the period does.
        let day = day.max(range.first());
        if let Some(at) = buckets.iter().position(|bucket| bucket.contains(day)) {
            found.insert(at, group.now.clone());
        }
    }
    found
}

fn weekday(number: &Value) -> Value {
    let names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let at = number.as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
    match at.checked_sub(1).and_then(|at| names.get(at)) {
        Some(name) => json!(name),
        None => number.clone(),
    }
}

/// What stands out.
fn findings(
    question: &SalesQuestion,
    rows: &[Row],
    total: Option<&Row>,
    whole: Option<Decimal>,
    analysis: &mut Analysis,
) {
    let Some(metric) = question.metrics.first() else { return };
    let of =
        |sums: &Option<Sums>| sums.as_ref().and_then(|sums| figure::value(metric.formula, sums));
    if let Some(total) = total {
        let now = of(&total.now);
        let mut sentence = format!("{}: {}", metric.title, figure::shown(now, metric.unit));
        if let Some((now, before)) = now.zip(of(&total.before)) {
            let (now, before) =
                (figure::rounded(now, metric.unit), figure::rounded(before, metric.unit));
            let percent = match figure::growth(now, before) {
                Some(percent) => format!(" ({})", figure::signed(percent, Unit::Percent)),
                None => String::new(),
            };
            let _ = write!(
                sentence,
                ", {}{percent} against {}",
                figure::signed(now - before, metric.unit),
                figure::shown(Some(before), metric.unit)
            );
        }
        analysis.findings.push(format!("{sentence}."));
    }
    let name = |row: &Row| row.key.first().and_then(Value::as_str).unwrap_or("?").to_owned();
    let is_time = question.by.is_some_and(Dimension::is_time);
    if rows.len() > 1 {
        let most = rows
            .iter()
            .filter_map(|row| Some((of(&row.now)?, row)))
            .max_by_key(|(value, _)| *value);
        if let Some((value, row)) = most {
            let share = whole.filter(|_| !is_time).and_then(|whole| figure::percent(value, whole));
            let share = share
                .map(|share| format!(", {} of all", figure::shown(Some(share), Unit::Percent)));
            analysis.findings.push(format!(
                "Most: {} with {}{}.",
                name(row),
                figure::shown(Some(value), metric.unit),
                share.unwrap_or_default()
            ));
        }
    }
    if rows.is_empty() && question.by.is_some() {
        analysis.note("No rows: nothing was sold in the period, in what the caller may see.");
    }
}

/// Days at the beginning and the end of a period in which a store must have sold to be compared.
const TRADING_DAYS: u64 = 28;

/// Stores that traded in both periods.
pub(super) async fn comparable(
    analyst: &Analyst,
    principal: &Principal,
    question: &SalesQuestion,
    before: &Period,
    filter: &Filter,
    provenance: &mut Provenance,
) -> Result<Analysis, Error> {
    let metric = question.metrics.first().ok_or_else(|| Error::internal("no metric"))?;
    let sql = comparable_sql(question.period.range, before.range, filter)?;
    let rows = analyst.rows(principal, "stores in both periods", &sql, provenance).await?;
    let (mut all_now, mut all_before) = (Decimal::ZERO, Decimal::ZERO);
    let mut stores = Vec::new();
    let mut left_out = Vec::new();
    for row in rows {
        let [store, traded, now, before, lines] = row.as_slice() else {
            return Err(Error::internal("a row has not five columns"));
        };
        if traded != &json!(true) {
            left_out.push(store.as_str().unwrap_or("?").to_owned());
            continue;
        }
        let now = figure::decimal(now)?.unwrap_or_default();
        let before = figure::decimal(before)?.unwrap_or_default();
        let lines = figure::decimal(lines)?.and_then(|lines| u64::try_from(lines).ok());
        provenance.rows_behind += lines.unwrap_or(0);
        all_now += now;
        all_before += before;
        stores.push((growth_of(before, now), store.clone(), now, before));
    }
    stores.sort_by(|(a, ..), (b, ..)| b.cmp(a));
    let figures = |growth, now, before| {
        vec![
            figure::json(growth, metric.unit),
            figure::json(Some(now), Unit::Usd),
            figure::json(Some(before), Unit::Usd),
        ]
    };
    let mut columns = vec![
        TableColumn::figure(metric.name, metric.unit),
        TableColumn::figure("net_sales", Unit::Usd),
        TableColumn::figure("net_sales_before", Unit::Usd),
    ];
    let growth = growth_of(all_before, all_now);
    let total = figures(growth, all_now, all_before);
    let table = if question.by.is_none() {
        Table::new("figures", columns, vec![total])
    } else {
        columns.insert(0, TableColumn::name("store"));
        let limit = question.limit as usize;
        let truncated = stores.len() > limit;
        let rows = stores.into_iter().take(limit).map(|(growth, store, now, before)| {
            [vec![store], figures(growth, now, before)].concat()
        });
        let mut table = Table::new("figures", columns, rows.collect());
        table.total = Some([vec![json!("total")], total].concat());
        table.truncated = truncated;
        table
    };
    let mut analysis = Analysis::new("", table);
    let words = figure::shown(growth, Unit::Percent);
    analysis.findings.push(format!("Like-for-like growth: {words}."));
    for store in left_out {
        analysis.note(format!("{store} did not trade in both periods and is left out."));
    }
    Ok(analysis)
}

/// Net sales of each store in both periods, and whether it sold at the beginning and the end of both.
fn comparable_sql(now: DateRange, then: DateRange, filter: &Filter) -> Result<SqlText, Error> {
    let mut checks = Vec::new();
    for range in [now, then] {
        let edge = |first: NaiveDate, last: NaiveDate| {
            let edge = DateRange::new(first.max(range.first()), last.min(range.last()));
            let edge = edge.map_err(Error::internal)?;
            Ok::<_, Error>(format!("bool_or({})", literal::within("d.order_date", edge)))
        };
        let days = Days::new(TRADING_DAYS - 1);
        let start_ends = range.first().checked_add_days(days).unwrap_or(range.last());
        let end_begins = range.last().checked_sub_days(days).unwrap_or(range.first());
        checks.push(edge(range.first(), start_ends)?);
        checks.push(edge(end_begins, range.last())?);
    }
    let now = literal::within("d.order_date", now);
    let then = literal::within("d.order_date", then);
    let conditions = [vec![format!("({now} OR {then})")], filter.conditions()].concat();
    SqlText::new(&format!(
        "SELECT s.store_name, {} AS traded, coalesce(sum(d.net_sales) FILTER (WHERE {now}), 0) AS net, \
         coalesce(sum(d.net_sales) FILTER (WHERE {then}), 0) AS net_before, sum(d.line_count) AS lines \
         FROM retail.sales_by_day d JOIN retail.stores s ON s.store_id = d.store_id WHERE {} \
         GROUP BY s.store_name ORDER BY s.store_name LIMIT {MAX_POINTS}",
        checks.join(" AND "),
        conditions.join(" AND "),
    ))
}

fn growth_of(before: Decimal, now: Decimal) -> Option<Decimal> {
    let sums = Sums::from([(Measure::ComparableNetBefore, before), (Measure::ComparableNet, now)]);
    figure::value(Formula::Growth(Measure::ComparableNetBefore, Measure::ComparableNet), &sums)
}
