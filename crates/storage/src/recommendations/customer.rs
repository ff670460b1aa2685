//! Products near to what a customer bought.
//!
//! Each purchase has a weight: the units, halved for each 90 days that they are old, then `ln(1 + units)`,
//! so that fifty screws do not drown a drill. For each of the weightiest purchases the nearest products
//! are looked up, and a product's score is the sum over these of `weight * similarity^4`. The power lets
//! one near purchase count more than many that are only vaguely near: a mean of all purchases would lie
//! between paint and hammers, where nothing is that the customer wants.

use retail_domain::{Error, ErrorCode, Evidence};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::in_stock::{compares_all, in_stock};
use super::period::period;
use super::{Found, Wanted, rows};
use crate::embeddings::active_model;
use crate::product_search::cards::column;

/// Days after which a purchase counts half.
const HALF_LIFE_DAYS: f64 = 90.0;

/// Most purchases that are looked at, the weightiest.
const MOST_PURCHASES: i64 = 20;

/// Products that each purchase may bring in, beyond those asked for.
const CANDIDATES_MORE: i64 = 50;

/// The same text whether there is no such customer or the caller may not see them.
fn not_found(customer_id: i32) -> Error {
    Error::new(ErrorCode::NotFound, format!("there is no customer {customer_id} among yours"))
        .with_hint("look the customer_id up in retail.customers")
}

pub(super) async fn find(
    client: &Client,
    customer_id: i32,
    days_back: u32,
    wanted: Wanted,
) -> Result<Found, Error> {
    let sql = "SELECT FROM retail.customers WHERE customer_id = $1";
    if rows(client, sql, &[(&customer_id, Type::INT4)]).await?.is_empty() {
        return Err(not_found(customer_id));
    }
    let Some(period) = period(client, days_back).await? else {
        return Ok(Found::default());
    };
    let nothing = Found { period: Some(period.days()), ..Found::default() };
    let (first, last) = (period.first.to_string(), period.last.to_string());
    // Without a purchase there is nothing to be near to, and no vector is needed to say so.
    let sql = "SELECT FROM retail.orders o JOIN retail.order_items i ON i.order_id = o.order_id
               WHERE o.customer_id = $1 AND o.order_date BETWEEN $2::date AND $3::date LIMIT 1";
    let values: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] =
        [(&customer_id, Type::INT4), (&first, Type::TEXT), (&last, Type::TEXT)];
    if rows(client, sql, &values).await?.is_empty() {
        return Ok(nothing);
    }
    let (model_id, _) = active_model(client).await?;
    let compares_all = compares_all(client, wanted).await?;
    let sql = statement(model_id, wanted.in_stock, compares_all);
    let found = rows(
        client,
        &sql,
        &[
            (&customer_id, Type::INT4),
            (&first, Type::TEXT),
            (&last, Type::TEXT),
            (&HALF_LIFE_DAYS, Type::FLOAT8),
            (&MOST_PURCHASES, Type::INT8),
            (&wanted.most, Type::INT8),
        ],
    )
    .await?;
    let products = found
        .iter()
        .map(|row| {
            let evidence = Evidence::NearPurchases {
                similarity: column(row, 1)?,
                nearest_purchase: column(row, 2)?,
            };
            Ok((column(row, 0)?, evidence))
        })
        .collect::<Result<_, Error>>()?;
    Ok(Found { products, ..nothing })
}

/// The products near to the purchases: `$1` the customer, `$2` and `$3` the days, `$4` the days after
/// which a purchase counts half, `$5` the most purchases, `$6` the most products.
fn statement(model_id: i16, only_in_stock: bool, compares_all: bool) -> String {
    let not_bought = "product_id <> ALL (ARRAY(SELECT l.product_id FROM line l))";
    let (candidates, from) = if compares_all {
        let candidates = format!(
            "passing AS MATERIALIZED (
                 SELECT p.product_id FROM retail.products p WHERE p.{not_bought} AND {}),
             candidate AS MATERIALIZED (
                 SELECT e.product_id, e.embedding
                 FROM passing JOIN retail_mcp.product_embeddings e
                   ON e.model_id = {model_id} AND e.product_id = passing.product_id),",
            in_stock("p")
        );
        (candidates, "candidate e".to_owned())
    } else {
        let stock = if only_in_stock { in_stock("e") } else { "true".to_owned() };
        let from = format!(
            "retail_mcp.product_embeddings e
             WHERE e.model_id = {model_id} AND e.{not_bought} AND {stock}"
        );
        (String::new(), from)
    };
    format!(
        "WITH line AS MATERIALIZED (
             SELECT i.product_id, i.quantity, o.order_date
             FROM retail.orders o JOIN retail.order_items i ON i.order_id = o.order_id
             WHERE o.customer_id = $1),
         purchase AS MATERIALIZED (
             SELECT l.product_id,
                    ln(1 + sum(l.quantity * 0.5 ^ (($3::date - l.order_date) / $4))) AS weight
             FROM line l
             WHERE l.order_date BETWEEN $2::date AND $3::date AND l.quantity > 0
             GROUP BY l.product_id
             ORDER BY weight DESC, l.product_id LIMIT $5),
         {candidates}
         near AS MATERIALIZED (
             SELECT n.product_id, u.product_id AS purchase_id, u.weight,
                    1 - n.distance AS similarity
             FROM purchase u
             JOIN retail_mcp.product_embeddings own
                 ON own.model_id = {model_id} AND own.product_id = u.product_id
             CROSS JOIN LATERAL (
                 SELECT e.product_id,
                        retail_mcp.distance_between_{model_id}(e.embedding, own.embedding) AS distance
                 FROM {from}
                 ORDER BY distance LIMIT $6 + {CANDIDATES_MORE}) AS n)
         SELECT n.product_id, max(n.similarity),
                (array_agg(p.product_name ORDER BY n.similarity DESC, p.product_id))[1]
         FROM near n JOIN retail.products p ON p.product_id = n.purchase_id
         WHERE n.similarity > 0
         GROUP BY n.product_id
         ORDER BY sum(n.weight * n.similarity ^ 4) DESC, n.product_id LIMIT $6"
    )
}
