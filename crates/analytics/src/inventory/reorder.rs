//! How much to order, with what it follows from.

use chrono::NaiveDate;
use retail_domain::{Error, Principal, SqlText};
use serde_json::Value;

use super::{InventoryQuestion, SPREAD_DAYS, listed, shelf, shelves::pace_note};
use crate::Analyst;
use crate::analysis::{Analysis, Provenance, TableColumn};
use crate::analyst::sees_all;
use crate::figure;
use crate::metric::Unit;
use crate::statement::Filter;

/// Standard deviations of safety stock: 95 % of lead times end before the stock does, if sales of days are independent and
/// normal.
const SAFETY: &str = "1.645";

impl Analyst {
    /// For each shelf: pace × (lead + cover) + safety − stock, where it is above zero and the stock does not last until
    /// an order arrives and leave the safety stock.
    pub(super) async fn reorder(
        &self,
        principal: &Principal,
        question: &InventoryQuestion,
        newest: NaiveDate,
        filter: &Filter,
        provenance: &mut Provenance,
    ) -> Result<Analysis, Error> {
        let InventoryQuestion { lead_days, cover_days, limit, .. } = question;
        let sql = format!(
            "{}, y AS (SELECT x.*, ceil({SAFETY} * sqrt({lead_days} * greatest(0, \
             (x.squares - x.u90 * x.u90 / {SPREAD_DAYS}.0) / {days}.0))) AS safety FROM x), \
             z AS (SELECT y.*, ceil(y.paced * {lead_days} / y.pace_days + y.safety) AS point, \
             ceil(y.paced * ({lead_days} + {cover_days}) / y.pace_days + y.safety - greatest(y.stock_level, 0)) AS units FROM y) \
             SELECT z.product_name, z.sku, z.store_name, z.stock_level, z.paced / z.pace_days AS pace, z.safety, z.point, z.units, \
             CASE WHEN z.days >= 20 THEN 'high' WHEN z.days >= 8 THEN 'medium' ELSE 'low' END AS confidence, \
             z.days, count(*) OVER () AS found, sum(z.units) OVER () AS all_units \
             FROM z WHERE z.paced > 0 AND z.units > 0 AND greatest(z.stock_level, 0) <= z.point \
             ORDER BY greatest(z.stock_level, 0) * z.pace_days / z.paced, z.n90 DESC, z.sku, z.store_name LIMIT {limit}",
            shelf(newest, filter),
            days = SPREAD_DAYS - 1,
        );
        let rows =
            self.rows(principal, "reorder suggestions", &SqlText::new(&sql)?, provenance).await?;
        let found = rows.first().and_then(|row| row.get(10)).and_then(Value::as_i64).unwrap_or(0);
        let found = u64::try_from(found).unwrap_or(0);
        let all = rows.first().and_then(|row| row.get(11)).map_or(Ok(None), figure::decimal)?;
        provenance.rows_behind += found;
        let columns = [
            TableColumn::figure("stock_on_hand", Unit::Units),
            TableColumn::figure("units_per_day", Unit::Number),
            TableColumn::figure("safety_stock", Unit::Units),
            TableColumn::figure("reorder_point", Unit::Units),
            TableColumn::figure("suggested_units", Unit::Units),
            TableColumn::name("confidence"),
            TableColumn::figure("days_with_sales", Unit::Days),
        ];
        let shows_store = sees_all(principal) && filter.store.is_none();
        let mut table = listed("reorder", &rows, columns.to_vec(), shows_store)?;
        table.truncated = found > table.rows.len() as u64;
        let mut analysis = Analysis::new(
            format!("What to order: {lead_days} days until it arrives, {cover_days} days of cover"),
            table,
        );
        analysis.findings.push(format!(
            "{found} shelves need an order, {} units together.",
            figure::shown(all.or_else(|| Some(0.into())), Unit::Units)
        ));
        analysis.note(format!(
            "suggested_units = units_per_day x ({lead_days} + {cover_days}) + safety_stock - stock; safety_stock = {SAFETY} x the standard \
             deviation of daily units in {SPREAD_DAYS} days x the root of {lead_days}; a shelf is listed when its stock is at or below \
             reorder_point = units_per_day x {lead_days} + safety_stock."
        ));
        analysis.note("confidence: high with 20 or more days with sales in 90, medium with 8 or more. Neither season, promotions nor open orders are in it.");
        pace_note(&mut analysis);
        Ok(analysis)
    }
}
