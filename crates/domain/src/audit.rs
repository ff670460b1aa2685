//! What the audit log says of a call.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ErrorCode, Principal, Visibility};

/// What a statement was, without anything that a caller wrote as a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementSummary {
    /// The same for statements that differ in literals alone: `pg_query`'s fingerprint, or the name of a
    /// statement of ours.
    pub fingerprint: String,
    /// Full names of the tables that it reads, in order.
    pub tables: Vec<String>,
}

/// One call of a tool. It has neither arguments nor answers: both may be personal data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditEntry {
    /// Key of the entry, so that writing it again does not repeat it.
    pub id: Uuid,
    /// When the call came.
    pub at: DateTime<Utc>,
    /// The request's id, as in the log and in the answer's `x-request-id`.
    pub request_id: String,
    /// Whose rights were used.
    pub subject: String,
    /// Who vouches for the subject.
    pub issuer: Option<String>,
    /// The agent that acted for the subject.
    pub actor: Option<String>,
    /// Key of the acting store; none for all stores.
    pub store_id: Option<i32>,
    /// Why a caller who may see all stores looked at this one.
    pub view_as_reason: Option<String>,
    /// Name of the tool. One that there is not is `unknown`: the caller's own text is not kept.
    pub tool: String,
    /// The statement, where there was one that could be read.
    pub statement: Option<StatementSummary>,
    /// Rows in the answer.
    pub rows: Option<u64>,
    /// Bytes of the answer's text.
    pub bytes: Option<u64>,
    /// None for a good answer.
    pub error: Option<ErrorCode>,
    /// From the call to its answer.
    pub duration: Duration,
}

impl AuditEntry {
    /// An entry about a call that has just come and whose outcome is not known: it counts as given up.
    pub fn begin(
        at: DateTime<Utc>,
        request_id: impl Into<String>,
        principal: &Principal,
        tool: impl Into<String>,
    ) -> Self {
        let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
        Self {
            // In the order of time, so that the index of the log grows at its end.
            id: Uuid::now_v7(),
            at,
            request_id: request_id.into(),
            subject: principal.subject().to_owned(),
            issuer: owned(principal.issuer()),
            actor: owned(principal.actor()),
            store_id: match principal.visibility() {
                Visibility::Store(store) => Some(store.id.0),
                Visibility::AllStores => None,
            },
            view_as_reason: owned(principal.view_as_reason()),
            tool: tool.into(),
            statement: None,
            rows: None,
            bytes: None,
            error: Some(ErrorCode::Cancelled),
            duration: Duration::ZERO,
        }
    }
}
