//! Products that sell better than at the same season a year before.
//!
//! The growth of a product is `(units + 10) / (units a year before + 10)`. The ten units on both sides
//! pull small numbers towards "as before": from none to three is 1.3, from 100 to 200 is 1.9. A product
//! counts when it sold at least five units, grew, and grew more than all products together did: in a store
//! that sells half as much again as last year, a product with a fifth more is none that trends.

use retail_domain::{Cents, Error, ErrorCode, Evidence};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::period::period;
use super::{Found, Wanted, rows};
use crate::product_search::cards::column;

/// Units that are added to both sides.
const SMOOTHING_UNITS: f64 = 10.0;

/// Least units of a product in the period.
const MIN_UNITS: i64 = 5;

/// A longer season would count days twice.
const MOST_DAYS: u32 = 365;

const SQL: &str = "
    WITH sold AS MATERIALIZED (
        SELECT i.product_id,
               coalesce(sum(i.quantity) FILTER (WHERE o.order_date >= $1::date), 0)::int8 AS units,
               coalesce(sum(i.quantity) FILTER (WHERE o.order_date < $1::date), 0)::int8 AS units_before,
               sum(CASE WHEN o.order_date >= $1::date THEN i.total_amount
                   ELSE -i.total_amount END) AS sales_change
        FROM retail.orders o JOIN retail.order_items i ON i.order_id = o.order_id
        WHERE o.order_date BETWEEN $1::date AND $2::date OR o.order_date BETWEEN $3::date AND $4::date
        GROUP BY i.product_id),
    compared AS (
        -- More returned than sold counts as nothing sold.
        SELECT s.*, (s.units + $5) / (greatest(s.units_before, 0) + $5) AS growth FROM sold s),
    whole AS MATERIALIZED (
        SELECT sum(s.units)::float8 / nullif(sum(s.units_before), 0) AS growth FROM sold s)
    SELECT c.product_id, c.units, c.units_before, (c.sales_change * 100)::int8, c.growth
    FROM compared c CROSS JOIN whole w
    WHERE c.units >= $6 AND c.growth > greatest(1, w.growth) AND w.growth IS NOT NULL
      AND (NOT $7 OR EXISTS (SELECT FROM retail.inventory s
                             WHERE s.product_id = c.product_id AND s.stock_level > 0))
    ORDER BY c.growth DESC, c.product_id LIMIT $8";

pub(super) async fn find(client: &Client, days_back: u32, wanted: Wanted) -> Result<Found, Error> {
    if days_back > MOST_DAYS {
        return Err(Error::new(
            ErrorCode::InvalidArgument,
            "days_back must be at most 365 for what trends",
        )
        .with_hint("a season is compared with the same season a year before"));
    }
    let Some(period) = period(client, days_back).await? else {
        return Ok(Found::default());
    };
    let Some(before) = period.a_year_before() else {
        return Ok(Found::default());
    };
    let days = [period.first, period.last, before.first, before.last].map(|day| day.to_string());
    let [first, last, first_before, last_before] = &days;
    let found = rows(
        client,
        SQL,
        &[
            (first, Type::TEXT),
            (last, Type::TEXT),
            (first_before, Type::TEXT),
            (last_before, Type::TEXT),
            (&SMOOTHING_UNITS, Type::FLOAT8),
            (&MIN_UNITS, Type::INT8),
            (&wanted.in_stock, Type::BOOL),
            (&wanted.most, Type::INT8),
        ],
    )
    .await?;
    let products = found
        .iter()
        .map(|row| {
            let evidence = Evidence::Growth {
                units: column(row, 1)?,
                units_year_before: column(row, 2)?,
                net_sales_change: Cents(column(row, 3)?),
                growth: column(row, 4)?,
            };
            Ok((column(row, 0)?, evidence))
        })
        .collect::<Result<_, Error>>()?;
    Ok(Found { products, about_product: None, period: Some(period.days()) })
}
