//! Shelves: without stock, about to be, or with too much of it.

use chrono::NaiveDate;
use retail_domain::{Error, Principal, SqlText};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{InventoryQuestion, InventoryView, SPREAD_DAYS, listed, shelf};
use crate::Analyst;
use crate::analysis::{Analysis, Provenance, Table, TableColumn};
use crate::analyst::sees_all;
use crate::figure;
use crate::metric::Unit;
use crate::statement::Filter;

/// Stock that lasts longer, or did not sell for 90 days, does not move.
const SLOW_DAYS: u32 = 180;

impl Analyst {
    pub(super) async fn shelves(
        &self,
        principal: &Principal,
        question: &InventoryQuestion,
        newest: NaiveDate,
        filter: &Filter,
        provenance: &mut Provenance,
    ) -> Result<Analysis, Error> {
        let InventoryQuestion { view, limit, .. } = *question;
        let slow =
            format!("x.stock_level > 0 AND x.stock_level * x.pace_days > {SLOW_DAYS} * x.paced");
        let (name, title, condition, order) = match view {
            InventoryView::StockOuts => (
                "stock_outs",
                "Products without stock",
                "x.stock_level <= 0",
                "x.n90 DESC".to_owned(),
            ),
            InventoryView::Cover => (
                "cover",
                "Days of cover, the shortest first",
                "x.stock_level > 0 AND x.paced > 0",
                "x.stock_level * x.pace_days / x.paced".to_owned(),
            ),
            _ => (
                "slow_movers",
                "Products that do not move",
                slow.as_str(),
                "x.stock_level * x.base_price DESC".to_owned(),
            ),
        };
        let sql = format!(
            "{} SELECT x.product_name, x.sku, x.store_name, x.stock_level, x.u28, x.paced / x.pace_days AS pace, \
             CASE WHEN x.paced > 0 THEN greatest(x.stock_level, 0) * x.pace_days / x.paced END AS cover, \
             x.n90, x.stock_level * x.base_price AS list_value, x.last_sale, count(*) OVER () AS found \
             FROM x WHERE {condition} ORDER BY {order}, x.sku, x.store_name LIMIT {}",
            shelf(newest, filter),
            limit
        );
        let rows = self.rows(principal, title, &SqlText::new(&sql)?, provenance).await?;
        let found = rows.first().and_then(|row| row.last()).and_then(Value::as_i64).unwrap_or(0);
        let found = u64::try_from(found).unwrap_or(0);
        provenance.rows_behind += found;
        let columns = [
            TableColumn::figure("stock_on_hand", Unit::Units),
            TableColumn::figure("units_28_days", Unit::Units),
            TableColumn::figure("units_per_day", Unit::Number),
            TableColumn::figure("days_of_cover", Unit::Days),
            TableColumn::figure("net_sales_90_days", Unit::Usd),
            TableColumn::figure("stock_at_list_price", Unit::Usd),
            TableColumn::name("last_sale_in_90_days"),
        ];
        let shows_store = sees_all(principal) && filter.store.is_none();
        let mut table = listed(name, &rows, columns.to_vec(), shows_store)?;
        table.truncated = found > table.rows.len() as u64;
        let mut analysis = Analysis::new(title, table);
        analysis.findings.push(match view {
            InventoryView::StockOuts => format!("{found} shelves have no stock."),
            InventoryView::Cover => format!("{found} shelves have stock and sell."),
            _ => format!("{found} shelves have stock for more than {SLOW_DAYS} days, or sold nothing in {SPREAD_DAYS} days."),
        });
        pace_note(&mut analysis);
        Ok(analysis)
    }

    pub(super) async fn stock_summary(
        &self,
        principal: &Principal,
        newest: NaiveDate,
        filter: &Filter,
        provenance: &mut Provenance,
    ) -> Result<Analysis, Error> {
        let sql = format!(
            "{} SELECT count(*) AS shelves, coalesce(sum(greatest(x.stock_level, 0)), 0) AS stock, \
             count(*) FILTER (WHERE x.stock_level <= 0) AS outs, \
             count(*) FILTER (WHERE x.stock_level > 0 AND x.paced > 0 AND x.stock_level * x.pace_days < 7 * x.paced) AS short, \
             count(*) FILTER (WHERE x.stock_level > 0 AND x.stock_level * x.pace_days > {SLOW_DAYS} * x.paced) AS slow, \
             coalesce(sum(x.u28), 0) AS u28, \
             coalesce(sum(greatest(x.stock_level, 0) * x.base_price), 0) AS list_value, \
             coalesce(sum(greatest(x.stock_level, 0) * x.base_price) FILTER (WHERE x.stock_level * x.pace_days > {SLOW_DAYS} * x.paced), 0) AS slow_value \
             FROM x",
            shelf(newest, filter)
        );
        let rows = self.rows(principal, "stock", &SqlText::new(&sql)?, provenance).await?;
        let figures = rows
            .first()
            .into_iter()
            .flatten()
            .map(|value| Ok(figure::decimal(value)?.unwrap_or_default()))
            .collect::<Result<Vec<Decimal>, Error>>()?;
        let [shelves, stock, outs, short, slow, recent, value, slow_value] = figures.as_slice()
        else {
            return Err(Error::internal("a summary of stock has too few columns"));
        };
        provenance.rows_behind += u64::try_from(*shelves).unwrap_or(0);
        let cover = (*stock * Decimal::from(figure::COVER_DAYS)).checked_div(*recent);
        let row = |name: &str, value, unit: Unit| {
            vec![json!(name), figure::json(value, unit), json!(unit.label())]
        };
        let rows = vec![
            row("stock_on_hand", Some(*stock), Unit::Units),
            row("products_carried", Some(*shelves), Unit::Products),
            row("stock_outs", Some(*outs), Unit::Products),
            row("stock_out_rate", figure::percent(*outs, *shelves), Unit::Percent),
            row("units_sold_28_days", Some(*recent), Unit::Units),
            row("days_of_cover", cover, Unit::Days),
            row("cover_below_7_days", Some(*short), Unit::Products),
            row("slow_movers", Some(*slow), Unit::Products),
            row("stock_at_list_price", Some(*value), Unit::Usd),
            row("slow_stock_at_list_price", Some(*slow_value), Unit::Usd),
        ];
        let columns = vec![
            TableColumn::name("figure"),
            TableColumn::name("value"),
            TableColumn::name("unit"),
        ];
        let mut analysis = Analysis::new("Stock at a glance", Table::new("stock", columns, rows));
        analysis.findings.push(format!(
            "{} of {} are without stock, {} last less than a week.",
            figure::shown(Some(*outs), Unit::Products),
            figure::shown(Some(*shelves), Unit::Products),
            figure::shown(Some(*short), Unit::Products)
        ));
        analysis.note("A product counts once in each store that carries it.");
        pace_note(&mut analysis);
        Ok(analysis)
    }
}

/// What the pace is.
pub(super) fn pace_note(analysis: &mut Analysis) {
    analysis.note("units_per_day: of the last 28 days if at least 5 pieces were sold in them, else of the last 90.");
}
