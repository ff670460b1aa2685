//! The administrator's side: puts the functions in place, and asks them.

use sqlx::{Row as _, postgres::PgRow};

use super::{ASK, Finding, Posture, Row};
use crate::admin::failed;
use crate::{Admin, StorageError};

/// In the order in which they name each other.
const FUNCTIONS: [&str; 11] = [
    include_str!("../../sql/posture/locked.sql"),
    include_str!("../../sql/posture/expected.sql"),
    include_str!("../../sql/posture/describe.sql"),
    include_str!("../../sql/posture/rights.sql"),
    include_str!("../../sql/posture/roles.sql"),
    include_str!("../../sql/posture/relations.sql"),
    include_str!("../../sql/posture/policies.sql"),
    include_str!("../../sql/posture/functions.sql"),
    include_str!("../../sql/posture/rollups.sql"),
    include_str!("../../sql/posture/benchmarks.sql"),
    include_str!("../../sql/posture/posture.sql"),
];

/// The check of the database's key, as `sql/posture/posture.sql` names it.
const IDENTITY_KEY: &str = "identity key";

impl Admin {
    /// Puts this version's functions in place and asks them. Without `with_key` the database may be
    /// without a key.
    ///
    /// # Errors
    /// [`StorageError::Unfit`] for a posture that no server would serve with.
    pub(crate) async fn put_posture(&mut self, with_key: bool) -> Result<Posture, StorageError> {
        self.execute_as("retail_sec", &FUNCTIONS, "put the posture functions in place").await?;
        let mut posture = self.posture().await?;
        if !with_key {
            posture.findings.retain(|finding| finding.check != IDENTITY_KEY);
        }
        if posture.must_refuse() { Err(StorageError::Unfit { posture }) } else { Ok(posture) }
    }

    /// What `retail_sec.posture()` finds. The query roles' own side, which
    /// [`QueryDatabase::posture`](crate::QueryDatabase::posture) also tries, is not in it.
    ///
    /// # Errors
    /// [`StorageError::Statement`], for example before the first migration.
    pub async fn posture(&mut self) -> Result<Posture, StorageError> {
        let rows = sqlx::query(ASK)
            .fetch_all(&mut self.connection)
            .await
            .map_err(failed("look at the database's posture"))?;
        let findings = rows
            .iter()
            .map(finding)
            .collect::<Result<_, _>>()
            .map_err(failed("read the database's posture"))?;
        Ok(Posture { findings })
    }

    /// Runs texts of ours under another role of ours.
    pub(crate) async fn execute_as(
        &mut self,
        role: &'static str,
        texts: &[&str],
        action: &'static str,
    ) -> Result<(), StorageError> {
        self.execute(&format!("SET ROLE {role}"), action).await?;
        let mut done = Ok(());
        for text in texts {
            done = self.execute(text, action).await;
            if done.is_err() {
                break;
            }
        }
        let reset = self.execute("RESET ROLE", "take the login's own role").await;
        done.and(reset)
    }
}

fn finding(row: &PgRow) -> Result<Finding, sqlx::Error> {
    Ok(Finding::from(Row {
        check: row.try_get(0)?,
        subject: row.try_get(1)?,
        state: row.try_get(2)?,
        detail: row.try_get(3)?,
        fix_sql: row.try_get(4)?,
        mandatory: row.try_get(5)?,
    }))
}
