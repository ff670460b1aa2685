//! The named questions of the reference system, with its columns.

use chrono::NaiveDate;
use retail_domain::{Error, Principal, SqlText};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Analyst;
use crate::analysis::{Analysis, Provenance, Table, TableColumn};
use crate::calendar::Period;
use crate::figure;
use crate::literal;
use crate::metric::{Metric, Unit};
use crate::statement::Filter;

/// A question with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SalesTemplate {
    /// Orders, revenue, basket value and customers of each day.
    DailySales,
    /// The products with the highest revenue.
    TopProducts,
    /// The customers who spent most.
    CustomerAnalysis,
    /// Categories by revenue.
    CategoryPerformance,
    /// Revenue day by day, with a mean of seven days and the change against the day and the week before.
    SalesTrends,
}

/// Where rows of a template come from, and how its columns are called.
struct Shape {
    title: &'static str,
    columns: Vec<TableColumn>,
    sql: String,
    metrics: &'static [&'static str],
    is_series: bool,
}

impl Analyst {
    /// Answers a named question. Rows beyond `limit` are left out, and the table says so.
    ///
    /// # Errors
    /// Those of [`Self::analyze_sales`].
    pub async fn sales_template(
        &self,
        principal: &Principal,
        template: SalesTemplate,
        period: Period,
        filter: &Filter,
        limit: u32,
    ) -> Result<Analysis, Error> {
        let mut provenance = Provenance::default();
        let filter = self.filter(principal, filter, &mut provenance).await?;
        let shape = shape(template, &period, &filter, limit);
        let sql = SqlText::new(&shape.sql)?;
        let mut rows = self.rows(principal, shape.title, &sql, &mut provenance).await?;
        // The last column counts the lines of all rows, those left out too.
        for row in &mut rows {
            let lines = row.pop().unwrap_or(Value::Null);
            let lines = figure::decimal(&lines)?.and_then(|lines| u64::try_from(lines).ok());
            provenance.rows_behind = provenance.rows_behind.max(lines.unwrap_or(0));
        }
        if template == SalesTemplate::SalesTrends {
            rows = trend(&rows, period.range.first(), period.range.last().min(self.today()))?;
        }
        let rows_wanted = limit as usize;
        let truncated = rows.len() > rows_wanted;
        if shape.is_series {
            // The newest days are those that are asked about.
            let surplus = rows.len().saturating_sub(rows_wanted);
            rows.drain(..surplus);
        } else {
            rows.truncate(rows_wanted);
        }
        for row in &mut rows {
            for (value, column) in row.iter_mut().zip(&shape.columns) {
                if let Some(unit) = column.unit {
                    *value = figure::json(figure::decimal(value)?, unit);
                }
            }
        }
        let mut table = Table::new("figures", shape.columns, rows);
        table.truncated = truncated;
        table.is_series = shape.is_series;
        let mut analysis =
            Analysis::new(format!("{}, {}{}", shape.title, period.label, filter.suffix()), table);
        analysis.provenance = provenance;
        for name in shape.metrics {
            analysis.uses(Metric::find(name)?);
        }
        if let Some(note) = &period.note {
            analysis.note(note.clone());
        }
        if analysis.table.rows.is_empty() {
            analysis.note("No rows: nothing was sold in the period, in what the caller may see.");
        }
        analysis.period = Some(period);
        Ok(analysis)
    }
}

/// What the statements of all templates are made of.
struct Parts {
    /// Orders and their lines.
    lines: &'static str,
    store: &'static str,
    /// Products, where the filter names some.
    product: &'static str,
    conditions: String,
    /// One more than asked for, to know whether there are more.
    limit: u32,
}

/// Products, categories and types of the lines `i` or `d`.
macro_rules! products_of {
    ($alias:literal) => {
        concat!(
            "JOIN retail.products p ON p.product_id = ",
            $alias,
            ".product_id JOIN retail.categories c ON c.category_id = p.category_id \
             JOIN retail.product_types t ON t.type_id = p.type_id"
        )
    };
}

fn money(name: &str) -> TableColumn {
    TableColumn::figure(name, Unit::Usd)
}

fn shape(template: SalesTemplate, period: &Period, filter: &Filter, limit: u32) -> Shape {
    let range = literal::within("d.order_date", period.range);
    let parts = Parts {
        lines: "retail.orders d JOIN retail.order_items i ON i.order_id = d.order_id \
                AND i.store_id = d.store_id",
        store: if filter.store.is_some() {
            " JOIN retail.stores s ON s.store_id = d.store_id"
        } else {
            ""
        },
        product: if filter.has_product() { products_of!("i") } else { "" },
        conditions: [vec![range], filter.conditions()].concat().join(" AND "),
        limit: limit + 1,
    };
    match template {
        SalesTemplate::DailySales => daily_sales(&parts),
        SalesTemplate::TopProducts => top_products(&parts),
        SalesTemplate::CustomerAnalysis => customer_analysis(&parts, period),
        SalesTemplate::CategoryPerformance => category_performance(&parts),
        SalesTemplate::SalesTrends => sales_trends(&parts, period, filter),
    }
}

fn daily_sales(parts: &Parts) -> Shape {
    let Parts { lines, store, product, conditions, limit } = parts;
    Shape {
        title: "Daily sales",
        columns: vec![
            TableColumn::name("sales_date"),
            TableColumn::figure("transaction_count", Unit::Orders),
            money("total_revenue"),
            TableColumn::figure("avg_transaction_value", Unit::UsdPerOrder),
            TableColumn::figure("unique_customers", Unit::Customers),
        ],
        // The newest days, and at most as many as asked for; in the order of time.
        sql: format!(
            "SELECT * FROM (SELECT d.order_date, count(DISTINCT d.order_id) AS orders, \
             sum(i.total_amount) AS net, \
             sum(i.total_amount) / nullif(count(DISTINCT d.order_id), 0) AS basket, \
             count(DISTINCT d.customer_id) AS customers, sum(count(*)) OVER () AS lines \
             FROM {lines}{store} {product} WHERE {conditions} GROUP BY d.order_date \
             ORDER BY d.order_date DESC LIMIT {limit}) AS days ORDER BY 1"
        ),
        metrics: &["orders", "net_sales", "basket_value", "active_customers"],
        is_series: true,
    }
}

fn top_products(parts: &Parts) -> Shape {
    let Parts { store, conditions, limit, .. } = parts;
    Shape {
        title: "Top products",
        columns: vec![
            TableColumn::name("product_name"),
            TableColumn::name("sku"),
            TableColumn::figure("total_quantity_sold", Unit::Units),
            money("total_revenue"),
            TableColumn::figure("transaction_count", Unit::Orders),
            TableColumn::figure("avg_price", Unit::UsdPerUnit),
        ],
        sql: format!(
            "SELECT p.product_name, p.sku, sum(d.units_sold) AS units, sum(d.net_sales) AS net, \
             sum(d.order_count) AS orders, sum(d.net_sales) / nullif(sum(d.units_sold), 0) AS price, \
             sum(sum(d.line_count)) OVER () AS lines FROM retail.sales_by_product_day d{store} \
             JOIN retail.products p ON p.product_id = d.product_id \
             JOIN retail.categories c ON c.category_id = p.category_id \
             JOIN retail.product_types t ON t.type_id = p.type_id WHERE {conditions} \
             GROUP BY p.product_id, p.product_name, p.sku ORDER BY net DESC, p.sku LIMIT {limit}"
        ),
        metrics: &["net_sales", "units", "orders", "average_price"],
        is_series: false,
    }
}

fn customer_analysis(parts: &Parts, period: &Period) -> Shape {
    let Parts { lines, store, product, conditions, limit } = parts;
    // Whole orders have been added up.
    let (from, orders, net) = if product.is_empty() {
        ("retail.sales_by_order d", "count(*)", "d.net_sales")
    } else {
        (*lines, "count(DISTINCT d.order_id)", "i.total_amount")
    };
    Shape {
        title: "Customers by what they spent",
        columns: vec![
            TableColumn::name("customer"),
            TableColumn::figure("transaction_count", Unit::Orders),
            money("total_spent"),
            TableColumn::figure("avg_transaction_value", Unit::UsdPerOrder),
            TableColumn::name("last_purchase_date"),
            TableColumn::figure("days_since_last_purchase", Unit::Units),
        ],
        sql: format!(
            "SELECT u.first_name || ' ' || u.last_name AS customer, x.orders, x.net, \
             x.net / nullif(x.orders, 0) AS basket, x.last_day, {today} - x.last_day AS days, x.lines \
             FROM (SELECT d.customer_id, {orders} AS orders, sum({net}) AS net, \
             max(d.order_date) AS last_day, sum(count(*)) OVER () AS lines \
             FROM {from}{store} {product} WHERE {conditions} \
             GROUP BY d.customer_id ORDER BY net DESC, d.customer_id LIMIT {limit}) AS x \
             JOIN retail.customers u ON u.customer_id = x.customer_id \
             ORDER BY x.net DESC, x.customer_id",
            today = literal::date(period.range.last()),
        ),
        metrics: &["orders", "net_sales", "basket_value"],
        is_series: false,
    }
}

fn category_performance(parts: &Parts) -> Shape {
    let Parts { lines, store, product, conditions, limit } = parts;
    // Names are joined last, unless they are asked for.
    let (of_days, of_lines) = if product.is_empty() {
        ("", "JOIN retail.products p ON p.product_id = i.product_id")
    } else {
        (products_of!("d"), *product)
    };
    Shape {
        title: "Category performance",
        columns: vec![
            TableColumn::name("category_name"),
            TableColumn::figure("unique_products", Unit::Products),
            TableColumn::figure("total_quantity_sold", Unit::Units),
            money("total_revenue"),
            TableColumn::figure("avg_price", Unit::UsdPerUnit),
            TableColumn::figure("transaction_count", Unit::Orders),
        ],
        sql: format!(
            "WITH y AS (SELECT d.product_id, sum(d.units_sold) AS units, sum(d.net_sales) AS net, \
             sum(d.line_count) AS lines FROM retail.sales_by_product_day d{store} {of_days} \
             WHERE {conditions} GROUP BY d.product_id), \
             x AS (SELECT p.category_id, count(*) AS products, sum(y.units) AS units, \
             sum(y.net) AS net, sum(y.lines) AS lines \
             FROM y JOIN retail.products p ON p.product_id = y.product_id GROUP BY p.category_id), \
             o AS (SELECT q.category_id, count(*) AS orders FROM (SELECT DISTINCT d.order_id, \
             p.category_id FROM {lines}{store} {of_lines} WHERE {conditions}) AS q \
             GROUP BY q.category_id) \
             SELECT c.category_name, x.products, x.units, x.net, \
             x.net / nullif(x.units, 0) AS price, o.orders, sum(x.lines) OVER () AS lines \
             FROM x JOIN o ON o.category_id = x.category_id \
             JOIN retail.categories c ON c.category_id = x.category_id \
             ORDER BY x.net DESC, c.category_name LIMIT {limit}"
        ),
        metrics: &["net_sales", "units", "orders", "average_price"],
        is_series: false,
    }
}

fn sales_trends(parts: &Parts, period: &Period, filter: &Filter) -> Shape {
    let Parts { lines, store, product, .. } = parts;
    Shape {
        title: "Sales trends",
        columns: vec![
            TableColumn::name("sales_date"),
            money("daily_revenue"),
            TableColumn::figure("daily_transactions", Unit::Orders),
            money("rolling_7day_avg"),
            TableColumn::figure("day_over_day_percent", Unit::Percent),
            TableColumn::figure("week_over_week_percent", Unit::Percent),
        ],
        // Seven days more, for the first mean and the first comparison.
        sql: if filter.has_product() {
            format!(
                "SELECT d.order_date, sum(i.total_amount) AS net, \
                 count(DISTINCT d.order_id) AS orders, sum(count(*)) OVER () AS lines \
                 FROM {lines}{store} {product} WHERE {wider} GROUP BY d.order_date ORDER BY 1",
                wider = wider(period, filter),
            )
        } else {
            format!(
                "SELECT d.order_date, sum(d.net_sales) AS net, sum(d.order_count) AS orders, \
                 sum(sum(d.line_count)) OVER () AS lines FROM retail.sales_by_day d{store} \
                 WHERE {wider} GROUP BY d.order_date ORDER BY 1",
                wider = wider(period, filter),
            )
        },
        metrics: &["net_sales", "orders"],
        is_series: true,
    }
}

/// The conditions for the period and the seven days before it.
fn wider(period: &Period, filter: &Filter) -> String {
    let range = format!(
        "d.order_date BETWEEN {} - 7 AND {}",
        literal::date(period.range.first()),
        literal::date(period.range.last())
    );
    [vec![range], filter.conditions()].concat().join(" AND ")
}

/// Days from `first` to `last`, each with its mean of seven days and its changes. A day without sales has zero.
fn trend(rows: &[Vec<Value>], first: NaiveDate, last: NaiveDate) -> Result<Vec<Vec<Value>>, Error> {
    let mut days = std::collections::HashMap::new();
    for row in rows {
        let [day, net, orders] = row.as_slice() else {
            return Err(Error::internal("a day has not three columns"));
        };
        let day: NaiveDate = day
            .as_str()
            .and_then(|day| day.parse().ok())
            .ok_or_else(|| Error::internal("no day"))?;
        let net = figure::decimal(net)?.unwrap_or_default();
        days.insert(day, (net, figure::decimal(orders)?.unwrap_or_default()));
    }
    let net = |day: Option<NaiveDate>| -> Decimal {
        day.and_then(|day| days.get(&day)).map(|(net, _)| *net).unwrap_or_default()
    };
    let back = |day: NaiveDate, by: u64| day.checked_sub_days(chrono::Days::new(by));
    let percent = |now: Decimal, before: Decimal| match figure::growth(now, before) {
        Some(growth) => json!(growth.to_string()),
        None => Value::Null,
    };
    Ok(first
        .iter_days()
        .take_while(|day| *day <= last)
        .map(|day| {
            let week: Decimal = (0..7).map(|by| net(back(day, by))).sum();
            let today = net(Some(day));
            let orders = days.get(&day).map(|(_, orders)| *orders).unwrap_or_default();
            vec![
                json!(day.to_string()),
                json!(today.to_string()),
                json!(orders.to_string()),
                json!((week / Decimal::from(7)).to_string()),
                percent(today, net(back(day, 1))),
                percent(today, net(back(day, 7))),
            ]
        })
        .collect())
}
