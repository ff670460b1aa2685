//! Which rights a claim of a token gives: the table `retail_mcp.identity`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use retail_domain::ports::{ClaimValue, IdentityGrant, IdentityGrants};
use retail_domain::{Error, Scope, Visibility};
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use tracing::warn;

use crate::ServiceDatabase;
use crate::store_directory::store;

/// Longest time for one lookup.
const LONGEST: Duration = Duration::from_secs(2);

/// A grant to a store that is not there gives nothing.
const GRANTS: &str = "
    SELECT s.store_id, s.store_name, s.rls_user_id::text, i.all_stores, i.claim, i.value, i.scopes
    FROM retail_mcp.identity i
    LEFT JOIN retail.stores s ON s.store_id = i.store_id
    WHERE i.issuer = $1
      AND (i.claim, i.value) IN (SELECT c.claim, c.value
                                 FROM unnest($2::text[], $3::text[]) AS c (claim, value))
      AND (i.all_stores OR s.store_id IS NOT NULL)
    ORDER BY i.claim, i.value, s.store_id";

/// Reads the grants by the server's own login.
#[derive(Debug, Clone)]
pub struct PgIdentityGrants {
    service: Arc<ServiceDatabase>,
}

impl PgIdentityGrants {
    /// The grants in the database of `service`.
    pub fn new(service: Arc<ServiceDatabase>) -> Self {
        Self { service }
    }
}

#[async_trait]
impl IdentityGrants for PgIdentityGrants {
    async fn grants(
        &self,
        issuer: &str,
        claims: &[ClaimValue],
    ) -> Result<Vec<IdentityGrant>, Error> {
        // PostgreSQL takes no text with a NUL, and no grant has one.
        let storable = |text: &str| !text.contains('\0');
        let (names, values): (Vec<&str>, Vec<&str>) = claims
            .iter()
            .filter(|claim| storable(&claim.claim) && storable(&claim.value))
            .map(|claim| (claim.claim.as_str(), claim.value.as_str()))
            .unzip();
        if names.is_empty() || !storable(issuer) {
            return Ok(Vec::new());
        }
        let parameters: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 3] =
            [(&issuer, Type::TEXT), (&names, Type::TEXT_ARRAY), (&values, Type::TEXT_ARRAY)];
        let rows = self.service.rows(GRANTS, &parameters, LONGEST).await?;
        rows.iter().map(grant).collect()
    }
}

fn grant(row: &Row) -> Result<IdentityGrant, Error> {
    let unreadable = |error: tokio_postgres::Error| Error::internal(error.to_string());
    let all_stores: bool = row.try_get(3).map_err(unreadable)?;
    let names: Vec<String> = row.try_get(6).map_err(unreadable)?;
    let mut scopes = BTreeSet::new();
    for name in names {
        if let Some(scope) = Scope::from_name(&name) {
            scopes.insert(scope);
        } else {
            warn!(scope = name, "a grant names a scope that there is not");
        }
    }
    Ok(IdentityGrant {
        claim: ClaimValue {
            claim: row.try_get(4).map_err(unreadable)?,
            value: row.try_get(5).map_err(unreadable)?,
        },
        visibility: if all_stores {
            Visibility::AllStores
        } else {
            Visibility::Store(store(row, 0)?)
        },
        scopes,
    })
}
