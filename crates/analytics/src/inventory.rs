//! `inventory_status`: what is out, what lasts how long, what does not move, what to order.

mod reorder;
mod shelves;

use chrono::NaiveDate;
use retail_domain::{Error, ErrorCode, JsonRow, Principal};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Analyst;
use crate::analysis::{Analysis, Provenance, Table, TableColumn};
use crate::calendar::{DateRange, Period};
use crate::figure;
use crate::statement::Filter;

/// What is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InventoryView {
    /// All of it in a few figures.
    #[default]
    Summary,
    /// Products without stock, those that sold best first.
    StockOuts,
    /// How long stock lasts, the shortest first.
    Cover,
    /// What does not move, the most stock first.
    SlowMovers,
    /// How much to order, and why.
    Reorder,
}

/// A question about stock.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InventoryQuestion {
    /// What is looked at.
    pub view: InventoryView,
    /// Names that the rows are confined to.
    pub filter: Filter,
    /// Days from an order to its arrival.
    pub lead_days: u32,
    /// Days that the stock is to last after that.
    pub cover_days: u32,
    /// At most as many rows.
    pub limit: u32,
}

impl InventoryQuestion {
    /// A question about all that the caller may see.
    pub fn new(view: InventoryView) -> Self {
        Self { view, filter: Filter::default(), lead_days: 7, cover_days: 28, limit: 20 }
    }
}

impl Analyst {
    /// Says how stock is.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] for days out of range, and those of [`Self::analyze_sales`].
    pub async fn inventory_status(
        &self,
        principal: &Principal,
        question: &InventoryQuestion,
    ) -> Result<Analysis, Error> {
        if !(1..=180).contains(&question.lead_days) || !(1..=365).contains(&question.cover_days) {
            let message = "'lead_days' must be 1 to 180 and 'cover_days' 1 to 365";
            return Err(Error::new(ErrorCode::InvalidArgument, message)
                .with_hint("leave them out for 7 and 28"));
        }
        let mut provenance = Provenance::default();
        let filter = self.filter(principal, &question.filter, &mut provenance).await?;
        let newest = match self.newest_day_into(principal, &mut provenance).await {
            // A new store has stock before it sells.
            Err(error) if error.code() == ErrorCode::NotFound => self.today(),
            newest => newest?,
        };
        let mut analysis = match question.view {
            InventoryView::Summary => {
                self.stock_summary(principal, newest, &filter, &mut provenance).await?
            }
            InventoryView::Reorder => {
                self.reorder(principal, question, newest, &filter, &mut provenance).await?
            }
            _ => self.shelves(principal, question, newest, &filter, &mut provenance).await?,
        };
        analysis.provenance = provenance;
        analysis.title.push_str(&filter.suffix());
        for name in ["stock_on_hand", "days_of_cover"] {
            let metric = crate::metric::Metric::find(name)?;
            analysis.provenance.metrics.insert(format!("{}@{}", metric.name, metric.version));
        }
        let range = crate::statement::recent(newest_range(newest)?);
        analysis.period =
            Some(Period::new(format!("the {} days until {newest}", range.days()), range));
        analysis.note(
            "Stock is what there is now. The pace of sales is of the days until the newest sale.",
        );
        Ok(analysis)
    }
}

fn newest_range(newest: NaiveDate) -> Result<DateRange, Error> {
    DateRange::new(newest, newest).map_err(Error::internal)
}

/// Rows of `product, sku, store` and what `columns` name; the store is shown where several are seen. A count stays a whole number.
fn listed(
    name: &'static str,
    rows: &[JsonRow],
    columns: Vec<TableColumn>,
    shows_store: bool,
) -> Result<Table, Error> {
    let mut all = vec![TableColumn::name("product"), TableColumn::name("sku")];
    if shows_store {
        all.push(TableColumn::name("store"));
    }
    let named = if shows_store { 3 } else { 2 };
    let body = rows.iter().map(|row| {
        let mut values: Vec<Value> = row.iter().take(named).cloned().collect();
        for (value, column) in row.iter().skip(3).zip(&columns) {
            values.push(match column.unit {
                Some(unit) if !value.is_i64() => figure::json(figure::decimal(value)?, unit),
                _ => value.clone(),
            });
        }
        Ok(values)
    });
    let body = body.collect::<Result<Vec<_>, Error>>()?;
    all.extend(columns);
    Ok(Table::new(name, all, body))
}

/// Joins of a filter over `v`, the shelf.
fn joins(filter: &Filter) -> String {
    let mut joins = "JOIN retail.products p ON p.product_id = v.product_id \
                     JOIN retail.categories c ON c.category_id = p.category_id"
        .to_owned();
    if filter.product_type.is_some() {
        joins.push_str(" JOIN retail.product_types t ON t.type_id = p.type_id");
    }
    joins.push_str(" JOIN retail.stores s ON s.store_id = v.store_id");
    joins
}

/// Days over which the spread of daily sales is taken.
const SPREAD_DAYS: u32 = 90;
/// So many pieces in 28 days are a pace; with fewer, that of 90 days is taken.
const PACE_UNITS: u32 = 5;

/// Each shelf (a product in a store) with its stock and its sales: of 28 days, of 90, days with a sale, sums of squares, the
/// last sale, and the pace: pieces, and the days in which they were sold. It is divided last: a pace of 1/90 has no exact
/// decimal, and 180 days of it would be less than the 2 pieces that they are.
fn shelf(newest: NaiveDate, filter: &Filter) -> String {
    let day = crate::literal::date(newest);
    let conditions = filter.conditions();
    let conditions = if conditions.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", conditions.join(" AND "))
    };
    format!(
        "WITH u AS (SELECT d.store_id, d.product_id, \
         sum(d.units_sold) FILTER (WHERE d.order_date > {day} - 28) AS u28, \
         sum(d.units_sold) AS u90, count(*) AS days, sum(d.units_sold * d.units_sold) AS squares, \
         sum(d.net_sales) AS n90, max(d.order_date) AS last_sale \
         FROM retail.sales_by_product_day d \
         WHERE d.order_date BETWEEN {day} - {before} AND {day} GROUP BY d.store_id, d.product_id), \
         x AS (SELECT s.store_name, p.product_name, p.sku, c.category_name, p.base_price, v.stock_level, \
         coalesce(u.u28, 0) AS u28, coalesce(u.u90, 0) AS u90, coalesce(u.days, 0) AS days, \
         coalesce(u.squares, 0) AS squares, coalesce(u.n90, 0) AS n90, u.last_sale, \
         CASE WHEN coalesce(u.u28, 0) >= {PACE_UNITS} THEN u.u28 ELSE coalesce(u.u90, 0) END AS paced, \
         CASE WHEN coalesce(u.u28, 0) >= {PACE_UNITS} THEN 28.0 ELSE {SPREAD_DAYS}.0 END AS pace_days \
         FROM retail.inventory v {joins} LEFT JOIN u \
         ON u.store_id = v.store_id AND u.product_id = v.product_id{conditions})",
        before = SPREAD_DAYS - 1,
        joins = joins(filter),
    )
}
