//! The operator's side of `retail_mcp.identity`: list, add, remove.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use retail_domain::ports::ClaimValue;
use retail_domain::{Scope, StoreId};
use serde::Serialize;
use sqlx::Row;

use crate::admin::failed;
use crate::{Admin, StorageError};

/// A grant that is to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIdentityGrant {
    /// Who vouches for the claim: `iss` of the token.
    pub issuer: String,
    /// The claim.
    pub claim: ClaimValue,
    /// The store that it opens; none for all stores.
    pub store: Option<StoreId>,
    /// The most that it allows.
    pub scopes: BTreeSet<Scope>,
    /// Why, for people.
    pub note: Option<String>,
}

/// A grant that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct IdentityGrantRecord {
    /// Key of the grant.
    pub identity_id: i64,
    /// Who vouches for the claim.
    pub issuer: String,
    /// Name of the claim.
    pub claim: String,
    /// Its value.
    pub value: String,
    /// Key of the store that it opens; none for all stores.
    pub store_id: Option<i32>,
    /// Name of that store; none where there is no such store, and then it opens nothing.
    pub store_name: Option<String>,
    /// Whether it opens all stores.
    pub all_stores: bool,
    /// The most that it allows, by name.
    pub scopes: Vec<String>,
    /// Why.
    pub note: Option<String>,
    /// When it was granted.
    pub granted_at: DateTime<Utc>,
    /// The login that granted it.
    pub granted_by: String,
}

impl Admin {
    /// All grants, by key.
    ///
    /// # Errors
    /// [`StorageError::Statement`], for example before the first migration.
    pub async fn identity_grants(&mut self) -> Result<Vec<IdentityGrantRecord>, StorageError> {
        self.become_owner().await?;
        let rows = sqlx::query(
            "SELECT i.identity_id, i.issuer, i.claim, i.value, i.store_id, s.store_name,
                    i.all_stores, i.scopes, i.note,
                    (extract(epoch FROM i.granted_at) * 1000000)::bigint, i.granted_by
             FROM retail_mcp.identity i LEFT JOIN retail.stores s USING (store_id)
             ORDER BY i.identity_id",
        )
        .fetch_all(&mut self.connection)
        .await
        .map_err(failed("read the grants"))?;
        rows.iter()
            .map(|row| {
                Ok(IdentityGrantRecord {
                    identity_id: row.try_get(0)?,
                    issuer: row.try_get(1)?,
                    claim: row.try_get(2)?,
                    value: row.try_get(3)?,
                    store_id: row.try_get(4)?,
                    store_name: row.try_get(5)?,
                    all_stores: row.try_get(6)?,
                    scopes: row.try_get(7)?,
                    note: row.try_get(8)?,
                    granted_at: DateTime::from_timestamp_micros(row.try_get(9)?)
                        .unwrap_or_default(),
                    granted_by: row.try_get(10)?,
                })
            })
            .collect::<Result<_, sqlx::Error>>()
            .map_err(failed("read the grants"))
    }

    /// Adds a grant and gives its key.
    ///
    /// # Errors
    /// [`StorageError::GrantExists`] when the claim opens that store already,
    /// [`StorageError::Statement`] for an empty text.
    pub async fn add_identity_grant(
        &mut self,
        grant: &NewIdentityGrant,
    ) -> Result<i64, StorageError> {
        self.become_owner().await?;
        let scopes: Vec<&str> = grant.scopes.iter().map(|scope| scope.as_str()).collect();
        let store_id = grant.store.map(|store| store.0);
        let added: Option<i64> = sqlx::query_scalar(
            "INSERT INTO retail_mcp.identity (issuer, claim, value, store_id, all_stores, scopes, note)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT ON CONSTRAINT identity_once DO NOTHING RETURNING identity_id",
        )
        .bind(&grant.issuer)
        .bind(&grant.claim.claim)
        .bind(&grant.claim.value)
        .bind(store_id)
        .bind(store_id.is_none())
        .bind(&scopes)
        .bind(&grant.note)
        .fetch_optional(&mut self.connection)
        .await
        .map_err(failed("add a grant"))?;
        if let Some(identity_id) = added {
            return Ok(identity_id);
        }
        let identity_id = sqlx::query_scalar(
            "SELECT identity_id FROM retail_mcp.identity
             WHERE (issuer, claim, value) = ($1, $2, $3) AND store_id IS NOT DISTINCT FROM $4",
        )
        .bind(&grant.issuer)
        .bind(&grant.claim.claim)
        .bind(&grant.claim.value)
        .bind(store_id)
        .fetch_one(&mut self.connection)
        .await
        .map_err(failed("find the grant that is there"))?;
        Err(StorageError::GrantExists { identity_id })
    }

    /// Removes a grant; false when there is none of this key.
    ///
    /// # Errors
    /// [`StorageError::Statement`], for example before the first migration.
    pub async fn remove_identity_grant(&mut self, identity_id: i64) -> Result<bool, StorageError> {
        self.become_owner().await?;
        let done = sqlx::query("DELETE FROM retail_mcp.identity WHERE identity_id = $1")
            .bind(identity_id)
            .execute(&mut self.connection)
            .await
            .map_err(failed("remove a grant"))?;
        Ok(done.rows_affected() > 0)
    }
}
