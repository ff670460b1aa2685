//! Products as a customer is told of them.

use std::collections::HashMap;

use retail_domain::{Cents, Error, Principal, ProductCard, Scope, StockOnHand};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use super::failure::search_failed;
use crate::tenant::TenantTransaction;

/// The cards of the products with keys `$1`. What a caller may not see is not read.
fn statement(with_costs: bool) -> String {
    let costs = if with_costs {
        ", (p.cost * 100)::int8, (p.gross_margin_percent * 100)::int4"
    } else {
        ""
    };
    format!(
        "SELECT p.product_id, p.sku, p.product_name, c.category_name, t.type_name,
                p.product_description, (p.base_price * 100)::int8, s.units, s.stores{costs}
         FROM retail.products p
         JOIN retail.categories c ON c.category_id = p.category_id
         JOIN retail.product_types t ON t.type_id = p.type_id
         CROSS JOIN LATERAL (
             SELECT coalesce(sum(i.stock_level), 0)::int8 AS units, count(*)::int4 AS stores
             FROM retail.inventory i
             WHERE i.product_id = p.product_id AND i.stock_level > 0) AS s
         WHERE p.product_id = ANY ($1)"
    )
}

/// The cards of products, by key, with the stock that the transaction's caller sees. A product that
/// is not there has none. Cost and margin are read for callers with [`Scope::Costs`] alone.
pub(crate) async fn cards(
    transaction: &TenantTransaction,
    principal: &Principal,
    product_ids: &[i32],
) -> Result<HashMap<i32, ProductCard>, Error> {
    if product_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let with_costs = principal.has_scope(Scope::Costs);
    transaction
        .client()
        .query_typed(&statement(with_costs), &[(&product_ids, Type::INT4_ARRAY)])
        .await
        .map_err(|error| search_failed(&error))?
        .iter()
        .map(|row| {
            let card = card(row, with_costs)?;
            Ok((card.product_id, card))
        })
        .collect()
}

fn card(row: &Row, with_costs: bool) -> Result<ProductCard, Error> {
    let stores: i32 = column(row, 8)?;
    let (cost, gross_margin_basis_points) =
        if with_costs { (Some(Cents(column(row, 9)?)), column(row, 10)?) } else { (None, None) };
    Ok(ProductCard {
        product_id: column(row, 0)?,
        sku: column(row, 1)?,
        name: column(row, 2)?,
        category: column(row, 3)?,
        product_type: column(row, 4)?,
        description: column(row, 5)?,
        price: Cents(column(row, 6)?),
        cost,
        gross_margin_basis_points,
        stock: StockOnHand { units: column(row, 7)?, stores: stores.unsigned_abs() },
    })
}

/// A value of a row of ours.
pub(crate) fn column<'a, T: FromSql<'a>>(row: &'a Row, index: usize) -> Result<T, Error> {
    row.try_get(index).map_err(|error| Error::internal(error.to_string()))
}
