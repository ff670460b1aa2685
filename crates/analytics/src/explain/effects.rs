//! Net sales: volume, stores, mix, stock-outs, prices and discounts.
//!
//! A cell is a product in a store. q are its units, g and n its gross and net sales, with 0 for the period before and 1 for
//! the period; Q are the units of all cells, Qs those of the store. The effects of a cell are
//!
//! ```text
//! volume    n0 (Q1/Q0 - 1)             as if each cell had grown as all did
//! store     n0 (Qs1/Qs0 - Q1/Q0)       as if each cell had grown as its store did
//! mix       n0 (q1/q0 - Qs1/Qs0)       what it did otherwise
//! price     (g1 - q1 g0/q0) n0/g0      another price before discount
//! discount  n1 - g1 n0/g0              another discount
//! ```
//!
//! and sum to n1 - n0. A cell that sold nothing before has no price then: its list price stands for it, with the discount of all
//! cells. A stock-out is the mix effect of a cell that sold less than its store did, and has no stock now.

use chrono::Days;
use retail_domain::{Error, Principal, SqlText};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{ChangeQuestion, Part, exact, part_table};
use crate::Analyst;
use crate::analysis::{Analysis, Provenance, Table, TableColumn};
use crate::figure;
use crate::literal;
use crate::metric::{Dimension, Unit};
use crate::statement::Filter;

/// The effects, in the order of the statement's columns, with a word for people.
const EFFECTS: [(&str, &str); 6] = [
    ("volume", "more or fewer units"),
    ("stores", "stores that grew more or less than others"),
    ("mix", "other products than before"),
    ("stock_out", "products without stock now"),
    ("price", "prices before discount"),
    ("discount", "discounts"),
];

/// Stock is of today: it says something about a period that ended at most so many days ago.
const STOCK_SAYS_DAYS: u64 = 28;

impl Analyst {
    pub(super) async fn effects(
        &self,
        principal: &Principal,
        question: &ChangeQuestion,
        by: Option<Dimension>,
        filter: &Filter,
        provenance: &mut Provenance,
    ) -> Result<Analysis, Error> {
        let by = by.unwrap_or(Dimension::Category);
        let oldest = self.today().checked_sub_days(Days::new(STOCK_SAYS_DAYS));
        let is_recent = oldest.is_none_or(|oldest| question.period.range.last() >= oldest);
        let sql = SqlText::new(&statement(question, by, filter, is_recent))?;
        let rows = self.rows(principal, "effects by part", &sql, provenance).await?;
        let names = names(by);
        let mut parts = Vec::new();
        let mut whole = None;
        for row in rows {
            let mut values = row.into_iter();
            let is_total = values.next().as_ref().and_then(Value::as_i64) == Some(1);
            let key: Vec<Value> = values.by_ref().take(names.len()).collect();
            let figures = values
                .map(|value| Ok(figure::decimal(&value)?.unwrap_or_default()))
                .collect::<Result<Vec<Decimal>, Error>>()?;
            let [now, before, effects @ .., lines] = figures.as_slice() else {
                return Err(Error::internal("a row has too few columns"));
            };
            if is_total {
                provenance.rows_behind += u64::try_from(*lines).unwrap_or(0);
                whole = Some((*now, *before));
            } else {
                let effects = exact(effects, now - before, Unit::Usd);
                let figures = [vec![*before, *now], effects, vec![now - before]].concat();
                parts.push(Part { key, figures });
            }
        }
        let (now, before) = whole.ok_or_else(|| Error::internal("no total"))?;
        // Of the parts as they are shown, so that columns add up as rows do.
        let effects: Vec<Decimal> = (2..2 + EFFECTS.len())
            .map(|at| parts.iter().filter_map(|part| part.figures.get(at)).sum())
            .collect();
        let sees_stores = super::super::analyst::sees_all(principal) && filter.store.is_none();
        let shown: Vec<usize> = (0..EFFECTS.len())
            .filter(|at| sees_stores || *at != 1)
            .filter(|at| is_recent || *at != 3)
            .collect();
        let mut analysis = Analysis::new("", drivers(now, before, &effects, &shown));
        let mut figures =
            vec![TableColumn::figure("before", Unit::Usd), TableColumn::figure("now", Unit::Usd)];
        let effect =
            |at: &usize| EFFECTS.get(*at).map(|(name, _)| TableColumn::figure(*name, Unit::Usd));
        figures.extend(shown.iter().filter_map(effect));
        figures.push(TableColumn::figure("change", Unit::Usd));
        for part in &mut parts {
            // Before, now, the effects, the change.
            let mut at = 0;
            part.figures.retain(|_| {
                let kept = at < 2 || at >= 2 + EFFECTS.len() || shown.contains(&(at - 2));
                at += 1;
                kept
            });
        }
        let names = names.iter().map(|name| TableColumn::name(*name)).collect();
        analysis.more.push(part_table(by, names, figures, parts, question.limit));
        if is_recent {
            analysis.note("stock_out is an estimate: it takes products without stock today that sold less than the store did.");
        } else {
            analysis.note("The period ended too long ago for today's stock to say anything about it: there is no stock_out.");
        }
        Ok(analysis)
    }
}

fn names(by: Dimension) -> &'static [&'static str] {
    match by {
        Dimension::Store => &["store"],
        Dimension::ProductType => &["product_type", "category"],
        Dimension::Product => &["product", "sku"],
        _ => &["category"],
    }
}

/// The contributions of the drivers.
fn drivers(now: Decimal, before: Decimal, effects: &[Decimal], shown: &[usize]) -> Table {
    let change = now - before;
    // Effects that are not shown are zero, but for what rounding left.
    let effects: Vec<Decimal> =
        shown.iter().map(|at| effects.get(*at).copied().unwrap_or_default()).collect();
    let effects = exact(&effects, change, Unit::Usd);
    let rows = shown
        .iter()
        .zip(effects)
        .filter_map(|(at, effect)| {
            let (name, words) = EFFECTS.get(*at)?;
            let share = figure::percent(effect, change);
            Some(vec![
                json!(name),
                json!(words),
                figure::json(Some(effect), Unit::Usd),
                figure::json(share, Unit::Percent),
            ])
        })
        .collect();
    let columns = vec![
        TableColumn::name("driver"),
        TableColumn::name("what_it_is"),
        TableColumn::figure("contribution", Unit::Usd),
        TableColumn::figure("percent_of_change", Unit::Percent),
    ];
    let mut table = Table::new("drivers", columns, rows);
    let all = figure::json(figure::percent(change, change), Unit::Percent);
    let sums = format!(
        "from {} to {}",
        figure::shown(Some(before), Unit::Usd),
        figure::shown(Some(now), Unit::Usd)
    );
    table.total =
        Some(vec![json!("total"), json!(sums), figure::json(Some(change), Unit::Usd), all]);
    table
}

fn statement(question: &ChangeQuestion, by: Dimension, filter: &Filter, is_recent: bool) -> String {
    let now = literal::within("d.order_date", question.period.range);
    let then = literal::within("d.order_date", question.before.range);
    let sums: Vec<String> = [("q", "units_sold"), ("g", "gross_sales"), ("n", "net_sales")]
        .iter()
        .flat_map(|(name, column)| {
            [(1, &now), (0, &then)].map(|(at, when)| {
                format!("coalesce(sum(d.{column}) FILTER (WHERE {when}), 0) AS {name}{at}")
            })
        })
        .collect();
    let mut from = "retail.sales_by_product_day d".to_owned();
    if filter.store.is_some() {
        from.push_str(" JOIN retail.stores s ON s.store_id = d.store_id");
    }
    // The guard counts tables: those that nothing is read from stay out.
    if filter.has_product() {
        from.push_str(" JOIN retail.products p ON p.product_id = d.product_id");
    }
    if filter.category.is_some() {
        from.push_str(" JOIN retail.categories c ON c.category_id = p.category_id");
    }
    if filter.product_type.is_some() {
        from.push_str(" JOIN retail.product_types t ON t.type_id = p.type_id");
    }
    let conditions =
        [vec![format!("({now} OR {then})")], filter.conditions()].concat().join(" AND ");
    let key = match by {
        Dimension::Store => "s.store_name",
        Dimension::ProductType => "t.type_name, c.category_name",
        Dimension::Product => "e.product_name, e.sku",
        _ => "c.category_name",
    };
    let first = key.split(',').next().unwrap_or(key);
    let join = match by {
        Dimension::Store => "JOIN retail.stores s ON s.store_id = e.store_id",
        Dimension::Product => "",
        Dimension::ProductType => {
            "JOIN retail.categories c ON c.category_id = e.category_id \
             JOIN retail.product_types t ON t.type_id = e.type_id"
        }
        _ => "JOIN retail.categories c ON c.category_id = e.category_id",
    };
    // What a cell without a past would have cost.
    let list = "x.q1 * r.base_price * a.n0 / nullif(a.g0, 0)";
    let out = if is_recent { "coalesce(v.stock_level, 1) <= 0" } else { "false" };
    format!(
        "WITH x AS (SELECT d.store_id, d.product_id, {sums}, sum(d.line_count) FILTER (WHERE {now}) AS lines \
         FROM {from} WHERE {conditions} GROUP BY d.store_id, d.product_id), \
         a AS (SELECT sum(q1) AS q1, sum(q0) AS q0, sum(n0) AS n0, sum(g0) AS g0 FROM x), \
         o AS (SELECT store_id, sum(q1) AS q1, sum(q0) AS q0 FROM x GROUP BY store_id), \
         f AS (SELECT x.store_id, r.product_name, r.sku, r.category_id, r.type_id, x.n1, x.n0, x.lines, {out} AS is_out, \
         x.n0 * (a.q1 / nullif(a.q0, 0) - 1) AS volume, \
         CASE WHEN o.q0 = 0 THEN {list} ELSE x.n0 * (o.q1 / o.q0 - a.q1 / nullif(a.q0, 0)) END AS store, \
         CASE WHEN o.q0 = 0 THEN 0 WHEN x.q0 = 0 THEN {list} ELSE x.n0 * (x.q1 / x.q0 - o.q1 / o.q0) END AS mix, \
         CASE WHEN x.g0 > 0 THEN (x.g1 - x.q1 * x.g0 / x.q0) * x.n0 / x.g0 \
         ELSE (x.g1 - x.q1 * r.base_price) * a.n0 / nullif(a.g0, 0) END AS price, \
         CASE WHEN x.g0 > 0 THEN x.n1 - x.g1 * x.n0 / x.g0 ELSE x.n1 - x.g1 * a.n0 / nullif(a.g0, 0) END AS discount \
         FROM x JOIN o ON o.store_id = x.store_id JOIN retail.products r ON r.product_id = x.product_id \
         LEFT JOIN retail.inventory v ON v.store_id = x.store_id AND v.product_id = x.product_id CROSS JOIN a), \
         e AS (SELECT f.store_id, f.product_name, f.sku, f.category_id, f.type_id, f.n1, f.n0, f.lines, f.volume, f.store, f.price, f.discount, \
         CASE WHEN f.is_out AND f.mix < 0 THEN 0 ELSE f.mix END AS mix, \
         CASE WHEN f.is_out AND f.mix < 0 THEN f.mix ELSE 0 END AS stock_out FROM f) \
         SELECT grouping({first}) AS is_total, {key}, sum(e.n1) AS now, sum(e.n0) AS before, \
         round(coalesce(sum(e.volume), 0), 9) AS volume, round(coalesce(sum(e.store), 0), 9) AS store, round(coalesce(sum(e.mix), 0), 9) AS mix, round(coalesce(sum(e.stock_out), 0), 9) AS stock_out, \
         round(coalesce(sum(e.price), 0), 9) AS price, round(coalesce(sum(e.discount), 0), 9) AS discount, coalesce(sum(e.lines), 0) AS lines \
         FROM e {join} GROUP BY GROUPING SETS (({key}), ()) \
         ORDER BY 1 DESC, abs(sum(e.n1) - sum(e.n0)) DESC, 2 LIMIT 999",
        sums = sums.join(", "),
    )
}
