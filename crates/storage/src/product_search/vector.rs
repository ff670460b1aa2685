//! The list by meaning.
//!
//! The query is written so that PostgreSQL walks the model's HNSW index in order of distance and looks
//! the filters up for each vector on the way. The walk is iterative: where filters throw vectors away, it
//! goes on until the list is full. It is relaxed in its order, because the strict one drops what it meets
//! too late; the list is sorted afterwards.
//!
//! A filter that leaves few products would make that walk long and its end uncertain. So the products
//! that pass are counted first, up to a bound; when there are no more than that, all of them are compared.

use retail_domain::{Embedding, Error};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::cards::column;
use super::filters::Filters;
use super::settings::SearchSettings;
use super::sql::Statement;

/// A product and how near it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Near {
    pub(super) product_id: i32,
    /// Cosine similarity, -1 to 1.
    pub(super) similarity: f64,
}

/// Settings of the index for a transaction.
pub(crate) fn index_settings(settings: &SearchSettings, length: u32) -> String {
    let ef_search = settings.ef_search.max(length).clamp(1, 1000);
    let max_scan_tuples = settings.max_scan_tuples.clamp(1, i32::MAX.unsigned_abs());
    format!(
        "; SET LOCAL hnsw.ef_search = {ef_search}; \
         SET LOCAL hnsw.iterative_scan = relaxed_order; \
         SET LOCAL hnsw.max_scan_tuples = {max_scan_tuples}"
    )
}

/// The distance of a kept vector to the one that is bound here. Made with the model; PostgreSQL puts its
/// body in place of the call.
pub(super) fn distance(statement: &mut Statement, model_id: i16, embedding: &Embedding) {
    statement
        .push(&format!("retail_mcp.distance_{model_id}(e.embedding, "))
        .bind(embedding.values().to_vec(), Type::FLOAT4_ARRAY)
        .push(")");
}

/// The nearest products that pass, by the index.
pub(super) fn nearest(
    model_id: i16,
    embedding: &Embedding,
    filters: &Filters,
    length: u32,
) -> Statement {
    let mut statement = Statement::default();
    statement.push("WITH nearest AS MATERIALIZED (SELECT e.product_id, ");
    distance(&mut statement, model_id, embedding);
    statement.push(" AS distance FROM retail_mcp.product_embeddings e");
    filters.join(&mut statement, "e");
    // A constant, so that the planner sees that the model's index has all of these.
    statement.push(&format!(" WHERE e.model_id = {model_id}"));
    filters.conditions(&mut statement, "e");
    statement
        .push(" ORDER BY distance LIMIT ")
        .bind(i64::from(length), Type::INT8)
        .push(") SELECT product_id, 1 - distance FROM nearest ORDER BY distance, product_id");
    statement
}

/// The nearest products that pass, all of them compared.
pub(super) fn nearest_of_few(
    model_id: i16,
    embedding: &Embedding,
    filters: &Filters,
    length: u32,
) -> Statement {
    let mut statement = Statement::default();
    statement.push("WITH passing AS MATERIALIZED (SELECT p.product_id FROM retail.products p");
    filters.join(&mut statement, "p");
    statement.push(" WHERE true");
    filters.conditions(&mut statement, "p");
    statement.push("), compared AS MATERIALIZED (SELECT e.product_id, ");
    distance(&mut statement, model_id, embedding);
    statement
        .push(&format!(
            " AS distance FROM passing
              JOIN retail_mcp.product_embeddings e
                ON e.model_id = {model_id} AND e.product_id = passing.product_id)
             SELECT product_id, 1 - distance FROM compared ORDER BY distance, product_id LIMIT "
        ))
        .bind(i64::from(length), Type::INT8);
    statement
}

/// How many products pass, up to one more than the bound.
pub(super) fn count_passing(filters: &Filters, settings: &SearchSettings) -> Statement {
    let mut statement = Statement::default();
    statement.push("SELECT count(*) FROM (SELECT FROM retail.products p");
    filters.join(&mut statement, "p");
    statement.push(" WHERE true");
    filters.conditions(&mut statement, "p");
    statement
        .push(" LIMIT ")
        .bind(i64::from(settings.exact_up_to) + 1, Type::INT8)
        .push(") AS passing");
    statement
}

/// Whether the answer to [`count_passing`] leaves few.
pub(super) fn are_few(rows: &[Row], settings: &SearchSettings) -> Result<bool, Error> {
    match rows.first() {
        Some(row) => Ok(column::<i64>(row, 0)? <= i64::from(settings.exact_up_to)),
        None => Ok(false),
    }
}

/// Reads a list.
pub(super) fn read(rows: &[Row]) -> Result<Vec<Near>, Error> {
    rows.iter()
        .map(|row| Ok(Near { product_id: column(row, 0)?, similarity: column(row, 1)? }))
        .collect()
}
