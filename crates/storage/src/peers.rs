//! How stores stand among each other, from the operator's side. Migration 0017 has the rules.

use chrono::NaiveDate;
use sqlx::Row as _;

use crate::admin::failed;
use crate::{Admin, StorageError};

/// What becomes of benchmarks that were published before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Restate {
    /// They stay as they are, whatever changed in the sales since.
    #[default]
    Nothing,
    /// They are computed anew. A store that kept the former figures can subtract them from the new ones, so this is for
    /// corrections that are worth it.
    Everything,
}

/// What a publication did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishedBenchmarks {
    /// Months that were not there before.
    pub published: u64,
    /// Months that were there, and have other figures now.
    pub restated: u64,
}

impl Admin {
    /// Publishes `retail.store_benchmark` of each month that ended on `until` or before and is not there yet. To call it
    /// again changes nothing.
    ///
    /// A month should be over for some days: sales that are entered later are not in it, unless it is restated.
    ///
    /// # Errors
    /// [`StorageError::Statement`], for example before the migration that makes the table; nothing is published then.
    pub async fn publish_store_benchmarks(
        &mut self,
        until: NaiveDate,
        restate: Restate,
    ) -> Result<PublishedBenchmarks, StorageError> {
        self.become_owner().await?;
        self.publish_benchmarks_until(until, restate).await
    }

    /// The same, for who is the owner already.
    pub(crate) async fn publish_benchmarks_until(
        &mut self,
        until: NaiveDate,
        restate: Restate,
    ) -> Result<PublishedBenchmarks, StorageError> {
        const ACTION: &str = "publish the store benchmarks";
        let sql =
            "SELECT published, restated FROM retail_mcp.publish_store_benchmarks($1::date, $2)";
        let row = sqlx::query(sql)
            .bind(until.to_string())
            .bind(restate == Restate::Everything)
            .fetch_one(&mut self.connection)
            .await
            .map_err(failed(ACTION))?;
        let count = |column: usize| row.try_get(column).map(i64::unsigned_abs);
        let read = || Ok(PublishedBenchmarks { published: count(0)?, restated: count(1)? });
        read().map_err(failed(ACTION))
    }
}
