//! Products in the same baskets.
//!
//! `lift = n_ab * n / (n_a * n_b)`: the baskets with both, over those that chance would give if the two had
//! nothing to do with each other. A lift of few baskets is worth little: two products that were sold once,
//! together, have a lift of all baskets. So products are ranked by a lower bound of the lift, which takes
//! for the count of baskets with both what it exceeds in 95 of 100 cases, `(sqrt(n_ab) - 1.645 / 2)^2`
//! (the square root of a Poisson count has a deviation of nearly 1/2). Only products are named that lie in
//! three of the baskets, in one of two hundred of the product's, and whose bound is above 1.

use retail_domain::{Error, Evidence, ProductRef};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::period::period;
use super::{Found, Wanted, named, rows};
use crate::product_search::cards::column;

/// Half of the 95th percentile of the normal distribution.
const HALF_PERCENTILE: f64 = 1.645 / 2.0;

/// Least baskets with both products.
const MIN_BASKETS: i64 = 3;

/// Least part of the product's baskets that have the other one: one of this many.
const ONE_OF: i64 = 200;

/// One pass over the baskets and no join of them with each other: statistics about fresh orders are often
/// behind, and a wrong guess of the planner would cost minutes.
const SQL: &str = "
    WITH basket AS MATERIALIZED (
        SELECT bool_or(i.product_id = $1) AS has_it, array_agg(DISTINCT i.product_id) AS products
        FROM retail.orders o JOIN retail.order_items i ON i.order_id = o.order_id
        WHERE o.order_date BETWEEN $2::date AND $3::date
        GROUP BY o.order_id),
    whole AS MATERIALIZED (
        SELECT count(*)::float8 AS n, count(*) FILTER (WHERE b.has_it) AS n_a FROM basket b),
    other AS (
        SELECT p.product_id, count(*) AS n_b, count(*) FILTER (WHERE b.has_it) AS n_ab
        FROM basket b CROSS JOIN LATERAL unnest(b.products) AS p (product_id)
        GROUP BY p.product_id),
    ranked AS (
        SELECT o.product_id, o.n_ab, w.n_a, o.n_ab * w.n / (w.n_a * o.n_b) AS lift,
               (sqrt(o.n_ab) - $6) ^ 2 * w.n / (w.n_a * o.n_b) AS bound
        FROM other o CROSS JOIN whole w
        WHERE o.product_id <> $1 AND o.n_ab >= $4 AND o.n_ab * $5 >= w.n_a)
    SELECT r.product_id, r.n_ab, r.n_a, r.lift
    FROM ranked r
    WHERE r.bound > 1
      AND (NOT $7 OR EXISTS (SELECT FROM retail.inventory s
                             WHERE s.product_id = r.product_id AND s.stock_level > 0))
    ORDER BY r.bound DESC, r.product_id LIMIT $8";

pub(super) async fn find(
    client: &Client,
    product: &ProductRef,
    days_back: u32,
    wanted: Wanted,
) -> Result<Found, Error> {
    let (product_id, name) = named(client, product).await?;
    let Some(period) = period(client, days_back).await? else {
        return Ok(Found { about_product: Some(name), ..Found::default() });
    };
    let found = rows(
        client,
        SQL,
        &[
            (&product_id, Type::INT4),
            (&period.first.to_string(), Type::TEXT),
            (&period.last.to_string(), Type::TEXT),
            (&MIN_BASKETS, Type::INT8),
            (&ONE_OF, Type::INT8),
            (&HALF_PERCENTILE, Type::FLOAT8),
            (&wanted.in_stock, Type::BOOL),
            (&wanted.most, Type::INT8),
        ],
    )
    .await?;
    let products = found
        .iter()
        .map(|row| {
            let evidence = Evidence::BoughtTogether {
                baskets: column(row, 1)?,
                baskets_of_product: column(row, 2)?,
                lift: column(row, 3)?,
            };
            Ok((column(row, 0)?, evidence))
        })
        .collect::<Result<_, Error>>()?;
    Ok(Found { products, about_product: Some(name), period: Some(period.days()) })
}
