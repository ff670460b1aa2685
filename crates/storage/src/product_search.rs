//! Finding products by words and by meaning.

pub(crate) mod cards;
#[cfg(feature = "test-support")]
mod explain;
pub(crate) mod failure;
mod filters;
mod fusion;
mod hybrid;
mod keyword;
mod lookup;
mod registry;
mod semantic;
mod settings;
mod spelling;
mod sql;
mod terms;
pub(crate) mod vector;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use retail_domain::ports::ProductSearch;
use retail_domain::{
    Error, HybridQuery, Principal, ProductMatches, RecommendationRequest, Recommendations,
    SemanticQuery,
};
use tokio_postgres::SimpleQueryMessage;

#[cfg(feature = "test-support")]
pub use self::explain::SearchPlans;
use self::failure::took_too_long;
pub use self::settings::SearchSettings;
use crate::QueryDatabase;
use crate::identity::Who;
use crate::recommendations::recommend;
use crate::tenant::{TenantTransaction, deadline};

/// Finds products under the caller's identity, by fixed statements with bound values.
#[derive(Debug, Clone)]
pub struct PgProductSearch {
    database: Arc<QueryDatabase>,
    settings: SearchSettings,
}

impl PgProductSearch {
    /// A search of `database` with the usual settings.
    pub fn new(database: Arc<QueryDatabase>) -> Self {
        Self::with_settings(database, SearchSettings::default())
    }

    /// A search of `database` with other settings.
    pub fn with_settings(database: Arc<QueryDatabase>, settings: SearchSettings) -> Self {
        Self { database, settings }
    }

    /// What searches weigh, and where they stop.
    pub fn settings(&self) -> &SearchSettings {
        &self.settings
    }

    /// A transaction of the caller's that has not begun, and the time by which it must have ended.
    async fn transaction(
        &self,
        principal: &Principal,
    ) -> Result<(TenantTransaction, Duration), Error> {
        let who = Who::from(principal.visibility());
        // The waits for a turn and a connection have limits of their own.
        let turn = self.database.callers.turn(principal).await?;
        let connection = self.database.connection(who).await?;
        let deadline = deadline(self.settings.statement_timeout);
        let mut transaction = self.database.transaction(connection, who, Some(turn));
        transaction.deadline = Some(deadline);
        Ok((transaction, deadline))
    }
}

#[async_trait]
impl ProductSearch for PgProductSearch {
    async fn semantic(
        &self,
        principal: &Principal,
        query: &SemanticQuery,
    ) -> Result<ProductMatches, Error> {
        let started = Instant::now();
        let (mut transaction, deadline) = self.transaction(principal).await?;
        let search = async {
            let found = semantic::search(&mut transaction, principal, query, &self.settings).await;
            end(transaction, found, started).await
        };
        // Past the deadline the future is dropped, which cancels and closes.
        tokio::time::timeout(deadline, search).await.unwrap_or_else(|_| Err(took_too_long()))
    }

    async fn hybrid(
        &self,
        principal: &Principal,
        query: &HybridQuery,
    ) -> Result<ProductMatches, Error> {
        let started = Instant::now();
        let (mut transaction, deadline) = self.transaction(principal).await?;
        let search = async {
            let found = hybrid::search(&mut transaction, principal, query, &self.settings).await;
            end(transaction, found, started).await
        };
        tokio::time::timeout(deadline, search).await.unwrap_or_else(|_| Err(took_too_long()))
    }

    async fn recommend(
        &self,
        principal: &Principal,
        request: &RecommendationRequest,
    ) -> Result<Recommendations, Error> {
        recommend(&self.database, principal, request, &self.settings).await
    }
}

/// Ends the transaction. What was found counts only if it was the caller's to the end.
async fn end(
    transaction: TenantTransaction,
    found: Result<ProductMatches, Error>,
    started: Instant,
) -> Result<ProductMatches, Error> {
    match found {
        Ok(mut found) => {
            found.as_of = transaction.started();
            transaction.finish().await?;
            found.elapsed = started.elapsed();
            Ok(found)
        }
        Err(error) => {
            transaction.abandon(error.code()).await;
            Err(error)
        }
    }
}

/// Makes the identity known after the answer to the opening statements.
async fn opened(
    transaction: &mut TenantTransaction,
    begun: (Result<Vec<SimpleQueryMessage>, tokio_postgres::Error>, Instant),
) -> Result<(), Error> {
    transaction.opened(begun.0, begun.1)?;
    transaction.sign_again_if_late().await
}
