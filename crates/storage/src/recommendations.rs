//! What goes with a product, a customer or the season.
//!
//! Fixed statements with bound values, in one transaction under the caller's identity and turn. So all
//! that is counted, baskets, customers and stock, is what row security lets the caller see; no statement
//! here names a store. Each file says by what statistic it ranks.

mod cross_sell;
mod customer;
mod in_stock;
mod period;
mod similar;
mod trending;

use std::time::{Duration, Instant};

use chrono::NaiveDate;
use retail_domain::{
    Error, ErrorCode, Evidence, Freshness, Principal, ProductRef, Recommendation,
    RecommendationKind, RecommendationRequest, Recommendations,
};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use crate::identity::Who;
use crate::product_search::cards::{cards, column};
use crate::product_search::failure::{search_failed, took_too_long};
use crate::product_search::vector::index_settings;
use crate::tenant::{TenantTransaction, deadline};
use crate::{QueryDatabase, SearchSettings};

/// What one kind of recommendation found, best first.
#[derive(Debug, Default)]
struct Found {
    products: Vec<(i32, Evidence)>,
    about_product: Option<String>,
    period: Option<(NaiveDate, NaiveDate)>,
}

/// Answers a request, under the caller's identity.
///
/// # Errors
/// Those of [`ProductSearch::recommend`](retail_domain::ports::ProductSearch::recommend).
pub(crate) async fn recommend(
    database: &QueryDatabase,
    principal: &Principal,
    request: &RecommendationRequest,
    settings: &SearchSettings,
) -> Result<Recommendations, Error> {
    let started = Instant::now();
    let who = Who::from(principal.visibility());
    // These waits have limits of their own.
    let turn = database.callers.turn(principal).await?;
    let connection = database.connection(who).await?;
    let mut transaction = database.transaction(connection, who, Some(turn));
    let deadline = deadline(settings.statement_timeout);
    transaction.deadline = Some(deadline);
    // Past the deadline the future is dropped, which cancels and closes.
    let answer = answer(transaction, principal, request, settings);
    let answer =
        tokio::time::timeout(deadline, answer).await.unwrap_or_else(|_| Err(took_too_long()))?;
    Ok(Recommendations { elapsed: started.elapsed(), ..answer })
}

async fn answer(
    mut transaction: TenantTransaction,
    principal: &Principal,
    request: &RecommendationRequest,
    settings: &SearchSettings,
) -> Result<Recommendations, Error> {
    let opening = transaction.opening(settings.statement_timeout)
        + &index_settings(settings, request.max_results);
    let begun = transaction.client().simple_query(&opening).await;
    transaction.opened(begun, Instant::now())?;
    transaction.sign_again_if_late().await?;
    match with_cards(&transaction, principal, request, settings).await {
        Ok(answer) => {
            transaction.finish().await?;
            Ok(answer)
        }
        Err(error) => {
            transaction.abandon(error.code()).await;
            Err(error)
        }
    }
}

async fn with_cards(
    transaction: &TenantTransaction,
    principal: &Principal,
    request: &RecommendationRequest,
    settings: &SearchSettings,
) -> Result<Recommendations, Error> {
    let client = transaction.client();
    let wanted = Wanted {
        most: i64::from(request.max_results),
        in_stock: request.in_stock,
        exact_up_to: i64::from(settings.exact_up_to),
    };
    let found = match &request.kind {
        RecommendationKind::SimilarProducts { product, min_similarity } => {
            similar::find(client, product, *min_similarity, wanted).await?
        }
        RecommendationKind::CustomerBased { customer_id, days_back } => {
            customer::find(client, *customer_id, *days_back, wanted).await?
        }
        RecommendationKind::Trending { days_back } => {
            trending::find(client, *days_back, wanted).await?
        }
        RecommendationKind::CrossSell { product, days_back } => {
            cross_sell::find(client, product, *days_back, wanted).await?
        }
    };
    let ids: Vec<i32> = found.products.iter().map(|(id, _)| *id).collect();
    let mut cards = cards(transaction, principal, &ids).await?;
    let items = found
        .products
        .into_iter()
        .filter_map(|(id, evidence)| {
            cards.remove(&id).map(|product| Recommendation { product, evidence })
        })
        .collect();
    Ok(Recommendations {
        items,
        about_product: found.about_product,
        period: found.period,
        as_of: transaction.started(),
        elapsed: Duration::ZERO,
        freshness: Freshness::default(),
    })
}

/// What every kind of recommendation is asked for.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    /// Most products.
    most: i64,
    /// Only what is on hand in the stores that the caller sees.
    in_stock: bool,
    /// Up to this many products in stock, all are compared.
    exact_up_to: i64,
}

/// Key and name of a product.
///
/// # Errors
/// [`ErrorCode::NotFound`] when it is not there.
async fn named(client: &Client, product: &ProductRef) -> Result<(i32, String), Error> {
    let (by, value): (_, (&(dyn ToSql + Sync), Type)) = match product {
        ProductRef::Id(product_id) => ("product_id", (product_id, Type::INT4)),
        ProductRef::Sku(sku) => ("sku", (sku, Type::TEXT)),
    };
    let sql = format!("SELECT product_id, product_name FROM retail.products WHERE {by} = $1");
    let rows = rows(client, &sql, &[value]).await?;
    let Some(row) = rows.first() else {
        return Err(Error::new(ErrorCode::NotFound, format!("there is no {product}"))
            .with_hint("search for the product first, and give its product_id or sku from there"));
    };
    Ok((column(row, 0)?, column(row, 1)?))
}

/// Runs a statement of ours.
async fn rows(
    client: &Client,
    sql: &str,
    values: &[(&(dyn ToSql + Sync), Type)],
) -> Result<Vec<Row>, Error> {
    client.query_typed(sql, values).await.map_err(|error| search_failed(&error))
}
