//! Products by what they bring, and those that moved.

use retail_domain::{Error, Principal, SqlText};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::InsightQuestion;
use crate::Analyst;
use crate::analysis::{Analysis, Provenance, Table, TableColumn};
use crate::figure;
use crate::literal;
use crate::metric::Unit;
use crate::statement::Filter;

/// Classes by the net sales of all products that sold more: A below 80 %, B below 95 %, C the rest.
const CLASSES: &str = "CASE WHEN x.above < 0.80 * x.whole THEN 'A' WHEN x.above < 0.95 * x.whole THEN 'B' ELSE 'C' END";

impl Analyst {
    pub(super) async fn product_performance(
        &self,
        principal: &Principal,
        question: &InsightQuestion,
        filter: &Filter,
        provenance: &mut Provenance,
    ) -> Result<Analysis, Error> {
        let before = self.compared(&question.period, "same period last year")?;
        let base = base(question, before.range, filter);
        let sql = SqlText::new(&format!(
            "{base} SELECT {CLASSES} AS class, count(*) AS products, sum(x.n1) AS net, \
             sum(x.q1) AS units, sum(x.lines) AS lines FROM x WHERE x.n1 > 0 GROUP BY 1 ORDER BY 1"
        ))?;
        let rows = self.rows(principal, "ABC classes", &sql, provenance).await?;
        let mut analysis = classes(&rows, provenance)?;
        analysis.title = format!("Product performance, {}", question.period.label);

        let sql = SqlText::new(&format!(
            "{base}, y AS (SELECT x.*, {CLASSES} AS class, x.n1 - x.n0 AS change, \
             row_number() OVER (ORDER BY x.n1 - x.n0 DESC, x.product_id) AS up, \
             row_number() OVER (ORDER BY x.n1 - x.n0, x.product_id) AS down, \
             row_number() OVER (ORDER BY x.n1 DESC, x.product_id) AS best FROM x) \
             SELECT p.product_name, p.sku, CASE WHEN y.n1 > 0 THEN y.class END AS class, y.n1, y.n0, \
             y.change, y.up, y.down, y.best FROM y \
             JOIN retail.products p ON p.product_id = y.product_id \
             WHERE y.up <= {limit} OR y.down <= {limit} OR y.best <= {limit} \
             ORDER BY y.best",
            limit = question.limit
        ))?;
        let rows = self.rows(principal, "movers", &sql, provenance).await?;
        for list in [List::Best, List::Risers, List::Fallers] {
            let ranked = ranked(&rows, list, i64::from(question.limit))?;
            analysis.more.push(Table::new(list.name(), product_columns(), ranked));
        }
        if analysis.table.rows.is_empty() {
            analysis.note("No rows: nothing was sold in the period, in what the caller may see.");
        }
        analysis.note("Class A: the products that bring the first 80 % of net sales; B: up to 95 %; C: the rest that sold.");
        analysis.compared_with = Some(before);
        Ok(analysis)
    }
}

/// The classes, and how much the first one brings.
fn classes(rows: &[Vec<Value>], provenance: &mut Provenance) -> Result<Analysis, Error> {
    let mut found = Vec::new();
    for row in rows {
        let name = row.first().cloned().unwrap_or(Value::Null);
        found.push((name, figure::decimals(row.iter().skip(1))?));
    }
    let sum =
        |at: usize| -> Decimal { found.iter().filter_map(|(_, figures)| figures.get(at)).sum() };
    let (products, net, units) = (sum(0), sum(1), sum(2));
    provenance.rows_behind += u64::try_from(sum(3)).unwrap_or(0);
    let row = |name: Value, figures: &[Decimal]| {
        let of = |at: usize| figures.get(at).copied().unwrap_or_default();
        vec![
            name,
            figure::json(Some(of(0)), Unit::Products),
            figure::json(figure::percent(of(0), products), Unit::Percent),
            figure::json(Some(of(1)), Unit::Usd),
            figure::json(figure::percent(of(1), net), Unit::Percent),
            figure::json(Some(of(2)), Unit::Units),
        ]
    };
    let columns = vec![
        TableColumn::name("class"),
        TableColumn::figure("products", Unit::Products),
        TableColumn::figure("share_of_products", Unit::Percent),
        TableColumn::figure("net_sales", Unit::Usd),
        TableColumn::figure("share_of_net_sales", Unit::Percent),
        TableColumn::figure("units", Unit::Units),
    ];
    let body = found.iter().map(|(name, figures)| row(name.clone(), figures)).collect();
    let mut table = Table::new("classes", columns, body);
    table.total = Some(row(json!("total"), &[products, net, units]));
    let mut analysis = Analysis::new("", table);
    if let Some((_, figures)) = found.first()
        && let [in_class, brings, ..] = figures.as_slice()
    {
        analysis.findings.push(format!(
            "{} of {} products bring {} of net sales (class A).",
            figure::shown(Some(*in_class), Unit::Products),
            figure::shown(Some(products), Unit::Products),
            figure::shown(figure::percent(*brings, net), Unit::Percent)
        ));
    }
    Ok(analysis)
}

/// A list of products, with its rank among the columns of the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Best,
    Risers,
    Fallers,
}

impl List {
    const fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Risers => "risers",
            Self::Fallers => "fallers",
        }
    }

    const fn rank_column(self) -> usize {
        match self {
            Self::Risers => 6,
            Self::Fallers => 7,
            Self::Best => 8,
        }
    }

    /// Whether a product with these net sales, and this change of them, is in it.
    fn takes(self, net: Decimal, change: Decimal) -> bool {
        match self {
            Self::Best => !net.is_zero(),
            Self::Risers => change > Decimal::ZERO,
            Self::Fallers => change < Decimal::ZERO,
        }
    }
}

fn product_columns() -> Vec<TableColumn> {
    vec![
        TableColumn::name("product"),
        TableColumn::name("sku"),
        TableColumn::name("class"),
        TableColumn::figure("net_sales", Unit::Usd),
        TableColumn::figure("net_sales_before", Unit::Usd),
        TableColumn::figure("change", Unit::Usd),
    ]
}

fn ranked(rows: &[Vec<Value>], list: List, limit: i64) -> Result<Vec<Vec<Value>>, Error> {
    let mut ranked = Vec::new();
    for row in rows {
        let rank = row.get(list.rank_column()).and_then(Value::as_i64).unwrap_or(i64::MAX);
        let figures = figure::decimals(row.iter().skip(3).take(3))?;
        let [net, _, change] = figures.as_slice() else {
            return Err(Error::internal("a product has too few columns"));
        };
        if rank > limit || !list.takes(*net, *change) {
            continue;
        }
        let mut values: Vec<Value> = row.iter().take(3).cloned().collect();
        values.extend(figures.iter().map(|figure| figure::json(Some(*figure), Unit::Usd)));
        ranked.push((rank, values));
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    Ok(ranked.into_iter().map(|(_, values)| values).collect())
}

/// Products with their sums in both periods, and what was sold of all that sold more.
fn base(question: &InsightQuestion, before: crate::calendar::DateRange, filter: &Filter) -> String {
    let now = literal::within("d.order_date", question.period.range);
    let then = literal::within("d.order_date", before);
    let store = if filter.store.is_some() {
        " JOIN retail.stores s ON s.store_id = d.store_id"
    } else {
        ""
    };
    let product = if filter.has_product() {
        " JOIN retail.products p ON p.product_id = d.product_id \
         JOIN retail.categories c ON c.category_id = p.category_id \
         JOIN retail.product_types t ON t.type_id = p.type_id"
    } else {
        ""
    };
    let conditions =
        [vec![format!("({now} OR {then})")], filter.conditions()].concat().join(" AND ");
    format!(
        "WITH g AS (SELECT d.product_id, coalesce(sum(d.net_sales) FILTER (WHERE {now}), 0) AS n1, \
         coalesce(sum(d.net_sales) FILTER (WHERE {then}), 0) AS n0, \
         coalesce(sum(d.units_sold) FILTER (WHERE {now}), 0) AS q1, \
         coalesce(sum(d.line_count) FILTER (WHERE {now}), 0) AS lines \
         FROM retail.sales_by_product_day d{store}{product} WHERE {conditions} GROUP BY d.product_id), \
         x AS (SELECT g.*, sum(g.n1) OVER () AS whole, \
         sum(g.n1) OVER (ORDER BY g.n1 DESC, g.product_id) - g.n1 AS above FROM g)"
    )
}
