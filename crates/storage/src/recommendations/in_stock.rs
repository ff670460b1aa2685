//! Only what is on hand, among the nearest.
//!
//! Where much is in stock, the walk of the index meets enough of it on the way. Where little is, the walk
//! would go through the whole catalogue, or end before it has met any; then all that is in stock is
//! compared, without the index.

use retail_domain::Error;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::{Wanted, rows};
use crate::product_search::cards::column;

/// Whether a product is on hand in a store that the caller sees. `of` names the product's row.
pub(super) fn in_stock(of: &str) -> String {
    format!(
        "EXISTS (SELECT FROM retail.inventory s
                 WHERE s.product_id = {of}.product_id AND s.stock_level > 0)"
    )
}

/// Whether it has to be in stock, and so few products are that all of them are to be compared.
pub(super) async fn compares_all(client: &Client, wanted: Wanted) -> Result<bool, Error> {
    if !wanted.in_stock {
        return Ok(false);
    }
    let sql = format!(
        "SELECT count(*) FROM (SELECT FROM retail.products p WHERE {} LIMIT $1 + 1) AS few",
        in_stock("p")
    );
    let counted = rows(client, &sql, &[(&wanted.exact_up_to, Type::INT8)]).await?;
    let few: i64 = counted.first().map_or(Ok(0), |row| column(row, 0))?;
    Ok(few <= wanted.exact_up_to)
}
