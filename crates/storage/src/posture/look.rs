//! The login roles' side: asks the function, and tries.

use futures_util::FutureExt as _;
use futures_util::future::{Either, ready};
use retail_domain::RlsUserId;
use tokio::sync::oneshot;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Row as PgRow};
use uuid::Uuid;

use super::probes::{try_all, try_key, try_service};
use super::{ASK, Finding, FindingState, Posture, Row};
use crate::connection::QueryManager;
use crate::identity::Who;
use crate::key_ring::KeyRing;
use crate::{IdentityKey, QueryDatabase, SCHEMA_VERSION, StorageError};

/// The row that says which version's functions these are, as `sql/posture/posture.sql` names it.
const SCHEMA_VERSION_CHECK: &str = "schema version";

/// The layer whose probes depend on it, as `sql/posture/functions.sql` names it.
const LOCKDOWN: &str = "catalogue lockdown";

const LOGIN_IS_FIT: &str = "SELECT retail_sec.login_is_fit()";

/// Asked on each connection of the service login.
pub(crate) const SERVICE_IS_FIT: &str = "SELECT retail_sec.service_login_is_fit()";

impl QueryDatabase {
    /// Looks at the database as each of its query roles, and lets calls through if it is good.
    ///
    /// # Errors
    /// [`StorageError::QueryRole`] when a role cannot log in. That is not a bad posture: nothing is known.
    pub async fn posture(&self) -> Result<Posture, StorageError> {
        self.primary.gate.look().await
    }

    /// Looks again at a database that calls go to, and stops them where it is not good any more: somebody may have changed
    /// it. They go on by themselves once it is mended.
    pub async fn look_again(&self) {
        self.primary.gate.look_again().await;
    }
}

/// Looks over two connections of its own, which are closed at the end.
pub(super) async fn look(
    stores: &QueryManager,
    head_office: &QueryManager,
    keys: &KeyRing,
) -> Result<Posture, StorageError> {
    // A correctly signed identity of no store: believed, and sees nothing.
    let key = &*keys.current();
    let nobody = Who::Store(RlsUserId(Uuid::nil()));
    // The function takes longest, and says the same to both: the other role tries meanwhile.
    let (tell, told) = oneshot::channel();
    let (mut findings, more) = tokio::try_join!(
        Box::pin(look_as(stores, "retail_query", nobody, key, Lockdown::Ask(tell))),
        Box::pin(look_as(
            head_office,
            "retail_query_hq",
            Who::AllStores,
            key,
            Lockdown::Told(told)
        ))
    )?;
    findings.extend(more);
    Ok(Posture { findings })
}

/// How a role comes to know whether a superuser has locked the catalogue.
enum Lockdown {
    /// It asks the function, and tells the other role.
    Ask(oneshot::Sender<bool>),
    /// It is told.
    Told(oneshot::Receiver<bool>),
}

async fn look_as(
    manager: &QueryManager,
    expected_user: &str,
    who: Who,
    key: &IdentityKey,
    lockdown: Lockdown,
) -> Result<Vec<Finding>, StorageError> {
    let user = manager.user();
    let lost = |source| StorageError::QueryRole { user: user.to_owned(), source };
    let client = manager.connect().await.map_err(lost)?;
    let mut findings = Vec::new();
    let locked = match lockdown {
        Lockdown::Ask(tell) => {
            findings = ask(&client, user).await.map_err(lost)?;
            let locked =
                findings.iter().any(|finding| finding.check == LOCKDOWN && finding.mandatory);
            // The other role may have failed already.
            let _ = tell.send(locked);
            Either::Left(ready(locked))
        }
        // Nobody tells when the one who asks has failed, and then so has the look.
        Lockdown::Told(told) => Either::Right(told.map(|told| told.unwrap_or(true))),
    };
    let fit = is_fit(&client, LOGIN_IS_FIT).await.map_err(lost)? && user == expected_user;
    findings.push(login(user, expected_user, fit));
    if !fit {
        // Such a role is allowed what the probes try.
        return Ok(findings);
    }
    findings.push(try_key(&client, user, who, key).await.map_err(lost)?);
    findings.extend(try_all(&client, user, locked).await.map_err(lost)?);
    Ok(findings)
}

/// What the function says.
async fn ask(client: &Client, user: &str) -> Result<Vec<Finding>, tokio_postgres::Error> {
    match client.query_typed(ASK, &[]).await {
        Ok(rows) => {
            let mut findings = rows.iter().map(finding).collect::<Result<Vec<_>, _>>()?;
            findings.extend(too_old(&findings));
            Ok(findings)
        }
        Err(error) if cannot_be_asked(&error) => Ok(vec![unasked(user)]),
        Err(error) => Err(error),
    }
}

/// A database that an earlier version migrated last. One of a later version is good: servers are replaced after it.
fn too_old(findings: &[Finding]) -> Option<Finding> {
    let version = findings.iter().find(|finding| finding.check == SCHEMA_VERSION_CHECK);
    let version = version.and_then(|finding| finding.subject.parse::<i64>().ok());
    if version.is_some_and(|version| version >= SCHEMA_VERSION) {
        return None;
    }
    let found = version.map_or_else(|| "an earlier one".to_owned(), |version| version.to_string());
    Some(Finding {
        check: SCHEMA_VERSION_CHECK.to_owned(),
        subject: SCHEMA_VERSION.to_string(),
        state: FindingState::Missing,
        detail: format!("this program needs it, and the database has {found}"),
        fix_sql: Some("-- run this version's `retail-mcp migrate`".to_owned()),
        mandatory: true,
    })
}

/// Looks at the service login over a connection of its own.
pub(crate) async fn look_as_service(manager: &QueryManager) -> Result<Vec<Finding>, StorageError> {
    let user = manager.user();
    let lost = |source| StorageError::QueryRole { user: user.to_owned(), source };
    let client = manager.connect().await.map_err(lost)?;
    let fit = is_fit(&client, SERVICE_IS_FIT).await.map_err(lost)?;
    let mut findings = vec![login(user, "retail_service", fit)];
    if fit {
        findings.extend(try_service(&client, user).await.map_err(lost)?);
    }
    Ok(findings)
}

/// What the database says of the role that logged in.
async fn is_fit(client: &Client, sql: &str) -> Result<bool, tokio_postgres::Error> {
    match client.query_typed(sql, &[]).await {
        Ok(rows) => Ok(rows.first().is_some_and(|row| row.try_get(0).is_ok_and(|fit: bool| fit))),
        Err(error) if error.as_db_error().is_some() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the function is not there, or not for this role.
fn cannot_be_asked(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|state| {
        [
            SqlState::UNDEFINED_FUNCTION,
            SqlState::INVALID_SCHEMA_NAME,
            SqlState::UNDEFINED_COLUMN,
            SqlState::INSUFFICIENT_PRIVILEGE,
        ]
        .contains(state)
    })
}

fn unasked(user: &str) -> Finding {
    Finding {
        check: "posture function".to_owned(),
        subject: user.to_owned(),
        state: FindingState::Missing,
        detail: "this version of it is not there, or the role may not call it".to_owned(),
        fix_sql: Some("-- run this version's `retail-mcp migrate`".to_owned()),
        mandatory: true,
    }
}

fn login(user: &str, expected_user: &str, fit: bool) -> Finding {
    Finding {
        check: "login role".to_owned(),
        subject: user.to_owned(),
        state: if fit { FindingState::Good } else { FindingState::Unfit },
        detail: if fit {
            String::new()
        } else {
            format!("it is not {expected_user}, or is more than that role may be")
        },
        fix_sql: (!fit).then(|| {
            format!("-- let the server log in as {expected_user}, and see the role's attributes")
        }),
        mandatory: true,
    }
}

fn finding(row: &PgRow) -> Result<Finding, tokio_postgres::Error> {
    Ok(Finding::from(Row {
        check: row.try_get(0)?,
        subject: row.try_get(1)?,
        state: row.try_get(2)?,
        detail: row.try_get(3)?,
        fix_sql: row.try_get(4)?,
        mandatory: row.try_get(5)?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(subject: &str) -> Finding {
        Finding {
            check: SCHEMA_VERSION_CHECK.to_owned(),
            subject: subject.to_owned(),
            state: FindingState::Good,
            detail: String::new(),
            fix_sql: None,
            mandatory: true,
        }
    }

    #[test]
    fn the_functions_tell_this_version() {
        let posture = include_str!("../../sql/posture/posture.sql");
        let told = format!("WHEN '{SCHEMA_VERSION_CHECK}' THEN '{SCHEMA_VERSION}'");
        assert!(posture.contains(&told));
        let version_of = |number: i64| too_old(&[version(&number.to_string())]);
        assert_eq!(version_of(SCHEMA_VERSION), None);
        assert_eq!(version_of(SCHEMA_VERSION + 1), None, "servers are replaced after it");
        let old = version_of(SCHEMA_VERSION - 1).unwrap();
        assert!(old.must_refuse() && old.detail.contains("the database has"), "{old}");
        assert!(too_old(&[]).is_some() && too_old(&[version("")]).is_some());
    }
}
