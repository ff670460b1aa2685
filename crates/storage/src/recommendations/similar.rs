//! Products whose description means nearly the same: cosine similarity of the active model's vectors.

use retail_domain::{Error, ErrorCode, Evidence, ProductRef};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::in_stock::{compares_all, in_stock};
use super::{Found, Wanted, named, rows};
use crate::embeddings::active_model;
use crate::product_search::cards::column;

pub(super) async fn find(
    client: &Client,
    product: &ProductRef,
    min_similarity: f64,
    wanted: Wanted,
) -> Result<Found, Error> {
    let (product_id, name) = named(client, product).await?;
    let (model_id, model) = active_model(client).await?;
    // A constant of the statement, so that the planner sees that the model's index has all of these.
    let has_vector = format!(
        "SELECT FROM retail_mcp.product_embeddings WHERE model_id = {model_id} AND product_id = $1"
    );
    if rows(client, &has_vector, &[(&product_id, Type::INT4)]).await?.is_empty() {
        let message = format!("the {product} has no vector of {model} yet");
        return Err(Error::new(ErrorCode::EmbeddingsNotReady, message)
            .with_hint("an operator has to run `retail-mcp embed`"));
    }
    let distance = format!(
        "retail_mcp.distance_between_{model_id}(e.embedding, (
             SELECT o.embedding FROM retail_mcp.product_embeddings o
             WHERE o.model_id = {model_id} AND o.product_id = $1))"
    );
    let nearest = if compares_all(client, wanted).await? {
        format!(
            "passing AS MATERIALIZED (
                 SELECT p.product_id FROM retail.products p
                 WHERE p.product_id <> $1 AND {}),
             nearest AS MATERIALIZED (
                 SELECT e.product_id, {distance} AS distance
                 FROM passing JOIN retail_mcp.product_embeddings e
                   ON e.model_id = {model_id} AND e.product_id = passing.product_id)",
            in_stock("p")
        )
    } else {
        let stock = if wanted.in_stock { in_stock("e") } else { "true".to_owned() };
        format!(
            "nearest AS MATERIALIZED (
                 SELECT e.product_id, {distance} AS distance
                 FROM retail_mcp.product_embeddings e
                 WHERE e.model_id = {model_id} AND e.product_id <> $1 AND {stock}
                 ORDER BY distance LIMIT $2)"
        )
    };
    let sql = format!(
        "WITH {nearest}
         SELECT product_id, 1 - distance FROM nearest
         WHERE 1 - distance >= $3 ORDER BY distance, product_id LIMIT $2"
    );
    let found = rows(
        client,
        &sql,
        &[(&product_id, Type::INT4), (&wanted.most, Type::INT8), (&min_similarity, Type::FLOAT8)],
    )
    .await?;
    let products = found
        .iter()
        .map(|row| Ok((column(row, 0)?, Evidence::Similar { similarity: column(row, 1)? })))
        .collect::<Result<_, Error>>()?;
    Ok(Found { products, about_product: Some(name), period: None })
}
