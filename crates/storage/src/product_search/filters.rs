//! What every product of an answer must be.

use retail_domain::{Cents, Error, ErrorCode, HybridQuery};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::cards::column;
use super::sql::Statement;

/// The categories, for a filter by name.
pub(super) const CATEGORIES: &str =
    "SELECT category_id, category_name FROM retail.categories ORDER BY category_name";

/// Words that a product must not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unwanted {
    /// What a document must not match, as PostgreSQL wrote a `tsquery`.
    pub(super) query: String,
    /// A regular expression of texts that name the thing only to say that it is not there: "no cord",
    /// "lead-free". Empty for none.
    pub(super) spared: String,
}

/// The conditions of a hybrid search, those of its words and those of its filters together.
#[derive(Debug, Clone, Default)]
pub(super) struct Filters {
    category_id: Option<i32>,
    min_price: Option<Cents>,
    max_price: Option<Cents>,
    in_stock: bool,
    unwanted: Vec<Unwanted>,
}

impl Filters {
    pub(super) fn new(
        query: &HybridQuery,
        category_id: Option<i32>,
        unwanted: Vec<Unwanted>,
    ) -> Self {
        let HybridQuery { wish, filters, .. } = query;
        Self {
            category_id,
            min_price: wish.min_price().max(filters.min_price),
            max_price: match (wish.max_price(), filters.max_price) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            },
            in_stock: filters.in_stock,
            unwanted,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.category_id.is_none()
            && self.min_price.is_none()
            && self.max_price.is_none()
            && !self.in_stock
            && self.unwanted.is_empty()
    }

    /// Joins what the conditions need to `base`, a table with a `product_id`: products as `p`, texts
    /// as `t`, unless that is the base itself.
    pub(super) fn join(&self, statement: &mut Statement, base: &str) {
        let needs_products =
            self.category_id.is_some() || self.min_price.is_some() || self.max_price.is_some();
        if needs_products && base != "p" {
            statement
                .push(" JOIN retail.products p ON p.product_id = ")
                .push(base)
                .push(".product_id");
        }
        if !self.unwanted.is_empty() && base != "t" {
            statement
                .push(" JOIN retail_mcp.product_texts t ON t.product_id = ")
                .push(base)
                .push(".product_id");
        }
    }

    /// Adds the conditions, each with `AND` before it.
    pub(super) fn conditions(&self, statement: &mut Statement, base: &str) {
        if let Some(category_id) = self.category_id {
            statement.push(" AND p.category_id = ").bind(category_id, Type::INT4);
        }
        if let Some(Cents(cents)) = self.min_price {
            statement.push(" AND p.base_price >= ").bind(cents, Type::INT8).push("::numeric / 100");
        }
        if let Some(Cents(cents)) = self.max_price {
            statement.push(" AND p.base_price <= ").bind(cents, Type::INT8).push("::numeric / 100");
        }
        if self.in_stock {
            // Row security leaves the stores that the caller sees.
            statement
                .push(" AND EXISTS (SELECT FROM retail.inventory i WHERE i.product_id = ")
                .push(base)
                .push(".product_id AND i.stock_level > 0)");
        }
        if !self.unwanted.is_empty() {
            let queries: Vec<String> = self.unwanted.iter().map(|u| u.query.clone()).collect();
            let spared: Vec<String> = self.unwanted.iter().map(|u| u.spared.clone()).collect();
            // The name, type and category say what a product is; a description may also say what it
            // is not.
            statement
                .push(" AND NOT (t.document @@ ")
                .bind(any_of(&queries), Type::TEXT)
                .push("::tsquery AND EXISTS (SELECT FROM unnest(")
                .bind(queries, Type::TEXT_ARRAY)
                .push("::text[], ")
                .bind(spared, Type::TEXT_ARRAY)
                .push(
                    "::text[]) AS u (query, spared)
                    WHERE t.document @@ u.query::tsquery
                      AND (ts_filter(t.document, '{a,b}') @@ u.query::tsquery
                           OR u.spared = '' OR t.text !~* u.spared)))",
                );
        }
    }
}

/// A `tsquery` that any of `queries` matches.
pub(super) fn any_of(queries: &[String]) -> String {
    queries.iter().map(|query| format!("({query})")).collect::<Vec<_>>().join(" | ")
}

/// The key of a category by its name in any case, out of the answer to [`CATEGORIES`].
///
/// # Errors
/// [`ErrorCode::InvalidArgument`] with the names that there are.
pub(super) fn category_id(rows: &[Row], name: &str) -> Result<i32, Error> {
    let wanted = name.trim().to_lowercase();
    let mut names: Vec<String> = Vec::new();
    for row in rows {
        let known: String = column(row, 1)?;
        if known.to_lowercase() == wanted {
            return column(row, 0);
        }
        names.push(known);
    }
    Err(Error::new(ErrorCode::InvalidArgument, "category is not one of the catalogue's")
        .with_hint(format!("the categories are: {}", names.join(", "))))
}
