//! The plans of a search, for tests.

use retail_domain::{Error, HybridQuery, Principal};

use super::PgProductSearch;
use super::failure::search_failed;
use super::hybrid::{Lists, prepare};
use super::sql::Statement;
use crate::tenant::TenantTransaction;

/// PostgreSQL's plans of the very statements of a hybrid search.
#[derive(Debug)]
#[non_exhaustive]
pub struct SearchPlans {
    /// Of the list by words.
    pub words: String,
    /// Of the list by meaning where many products pass. That of a search by meaning alone is the same
    /// statement, without filters.
    pub meaning: String,
    /// Of the list by meaning where few pass.
    pub meaning_of_few: String,
}

impl PgProductSearch {
    /// The plans of a query that has a vector of a model that is ready, and words that are known.
    ///
    /// # Errors
    /// As of the search itself; `Internal` where there is nothing to explain.
    pub async fn plans(
        &self,
        principal: &Principal,
        query: &HybridQuery,
    ) -> Result<SearchPlans, Error> {
        let (mut transaction, _) = self.transaction(principal).await?;
        let length = self.settings.candidates.max(query.max_results);
        let prepared = prepare(&mut transaction, query, length, &self.settings).await?;
        let embedding = query.embedding.as_ref();
        let lists = Lists::new(&prepared, embedding, query.weights, length, &self.settings);
        let (Some(words), Some(meaning)) = (lists.words, lists.meaning) else {
            return Err(Error::internal("a list is missing"));
        };
        let plans = SearchPlans {
            words: explain(&transaction, words).await?,
            meaning: explain(&transaction, meaning.by_index).await?,
            meaning_of_few: explain(&transaction, meaning.of_few).await?,
        };
        transaction.finish().await?;
        Ok(plans)
    }
}

async fn explain(
    transaction: &TenantTransaction,
    mut statement: Statement,
) -> Result<String, Error> {
    statement.sql.insert_str(0, "EXPLAIN (COSTS OFF) ");
    let rows = statement.run(transaction.client()).await.map_err(|error| search_failed(&error))?;
    let lines: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
    Ok(lines.map_err(|error| Error::internal(error.to_string()))?.join("\n"))
}
