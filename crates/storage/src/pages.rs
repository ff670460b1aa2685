//! Cursors: where the next page of a long answer begins.
//!
//! A cursor is `offset.end.mac`: how many rows come before the page, until when it counts (seconds
//! since 1970), and an HMAC over both, the caller and the statement. So it needs no memory here, and
//! is worth nothing to another caller or for another statement.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use retail_domain::{Error, ErrorCode, Principal};

use crate::IdentityKey;
use crate::identity::Who;

/// How long a cursor counts. What it pages through may change meanwhile, so not for long.
const LIFETIME: Duration = Duration::from_mins(15);

/// No page begins later: to skip rows PostgreSQL has to make them.
const MAX_OFFSET: u64 = 1_000_000;

/// What a cursor is bound to.
#[derive(Debug)]
pub(crate) struct Pages<'a> {
    principal: &'a Principal,
    sql: &'a str,
    now: DateTime<Utc>,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(principal: &'a Principal, sql: &'a str, now: DateTime<Utc>) -> Self {
        Self { principal, sql, now }
    }

    /// The cursor of the page that begins after `offset` rows, if there may be one.
    pub(crate) fn cursor(&self, key: &IdentityKey, offset: u64) -> Option<String> {
        let end = (self.now + LIFETIME).timestamp();
        (offset <= MAX_OFFSET)
            .then(|| format!("{offset}.{end}.{}", key.mac(&self.message(offset, end))))
    }

    /// How many rows come before the page. Any of `keys` may have made the cursor.
    pub(crate) fn offset(&self, keys: &[Arc<IdentityKey>], cursor: &str) -> Result<u64, Error> {
        let mut parts = cursor.splitn(3, '.');
        let offset = parts.next().and_then(|text| text.parse::<u64>().ok());
        let end = parts.next().and_then(|text| text.parse::<i64>().ok());
        if let (Some(offset), Some(end), Some(mac)) = (offset, end, parts.next())
            && end >= self.now.timestamp()
            && offset <= MAX_OFFSET
            && keys.iter().any(|key| key.is_mac(&self.message(offset, end), mac))
        {
            return Ok(offset);
        }
        Err(Error::new(
            ErrorCode::InvalidArgument,
            "cursor is not one of this caller and statement, or older than 15 minutes",
        )
        .with_hint("send the very statement that gave the cursor, or begin again without cursor"))
    }

    fn message(&self, offset: u64, end: i64) -> String {
        let who = Who::from(self.principal.visibility());
        let subject = self.principal.subject();
        // The lengths make the parts unmistakable. Identities are signed under "v2|", not "page|".
        format!(
            "page|{who}|{}|{subject}|{}|{}|{offset}|{end}",
            subject.len(),
            self.sql.len(),
            self.sql
        )
    }
}
