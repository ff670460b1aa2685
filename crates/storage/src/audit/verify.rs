//! Goes along the chain and finds the first entry that is not as it was written.

use std::fmt;

use futures_util::TryStreamExt;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};

use super::AuditAnchor;
use super::chain::{FIELDS, Hash, TEXT, hash, hash_text};
use crate::admin::failed;
use crate::{Admin, StorageError};

/// What was found along the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditReport {
    /// Entries that are good, from the beginning on.
    pub entries: u64,
    /// Where the chain begins: number 0, or the last entry that was archived.
    pub start: AuditAnchor,
    /// The last good entry.
    pub end: AuditAnchor,
    /// The first that is not good.
    pub first_break: Option<AuditBreak>,
}

/// An entry that is not as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditBreak {
    /// Its number.
    pub seq: i64,
    /// What is wrong.
    pub fault: AuditFault,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditFault {
    /// It, or its place in the chain, is not what its hash says.
    Altered,
    /// It is not there.
    Missing,
    /// It is behind the end of the chain, or a second one of its number.
    Added,
    /// The record of the chain's end has another hash.
    OtherEnd,
    /// The record of both ends is not one row with two hashes.
    BadEnds,
    /// It is another than the anchor knew: the chain was made anew up to here.
    NotTheAnchor,
    /// The anchor is older than what is kept, so it proves nothing.
    AnchorArchived,
}

impl fmt::Display for AuditBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seq = self.seq;
        match self.fault {
            AuditFault::Altered => write!(f, "entry {seq} was altered or moved"),
            AuditFault::Missing => write!(f, "entry {seq} was removed"),
            AuditFault::Added => write!(f, "entry {seq} was added past the chain"),
            AuditFault::OtherEnd => write!(f, "the record of the end does not fit entry {seq}"),
            AuditFault::BadEnds => {
                f.write_str("the record of the chain's ends is not one good row")
            }
            AuditFault::NotTheAnchor => {
                write!(f, "entry {seq} is not the anchor's: it, or one before it, was written anew")
            }
            AuditFault::AnchorArchived => {
                write!(f, "the anchor's entry {seq} was archived; take a later anchor")
            }
        }
    }
}

impl Admin {
    /// Verifies the whole chain, entry by entry, and against an anchor if one is given. Takes little memory,
    /// however long the log is, and hinders no writer.
    ///
    /// # Errors
    /// [`StorageError::Statement`], for example before the first migration.
    pub async fn verify_audit(
        &mut self,
        anchor: Option<AuditAnchor>,
    ) -> Result<AuditReport, StorageError> {
        self.become_owner().await?;
        // The log and its end as they were at one time.
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        self.execute(begin, "begin to verify the audit log").await?;
        let verified = self.verify_in_transaction(anchor).await;
        let ended = self.execute("ROLLBACK", "end verifying the audit log").await;
        let report = verified.map_err(failed("verify the audit log"))?;
        ended?;
        Ok(report)
    }

    async fn verify_in_transaction(
        &mut self,
        anchor: Option<AuditAnchor>,
    ) -> Result<AuditReport, sqlx::Error> {
        let ends = sqlx::query(
            "SELECT pruned_seq, pruned_hash, last_seq, last_hash FROM retail_mcp.audit_head",
        )
        .fetch_all(&mut self.connection)
        .await?;
        let (Some(start), Some(last)) = (read_end(&ends, 0)?, read_end(&ends, 2)?) else {
            let nothing = AuditAnchor { seq: 0, hash: [0; 32] };
            let first_break = Some(AuditBreak { seq: 0, fault: AuditFault::BadEnds });
            return Ok(AuditReport { entries: 0, start: nothing, end: nothing, first_break });
        };
        let mut chain = Chain { entries: 0, end: start, anchor };
        let mut first_break = chain.against_anchor();
        if first_break.is_none() {
            let sql = format!(
                "SELECT a.seq, a.prev_hash, a.hash, {TEXT}, {FIELDS} FROM retail_mcp.audit_log a ORDER BY a.seq"
            );
            let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(&mut self.connection);
            while first_break.is_none()
                && let Some(row) = rows.try_next().await?
            {
                let (seq, previous, own) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
                let content = match (row.try_get(3)?, row.try_get(4)?) {
                    (Some(text), _) => Content::Text(text),
                    (None, Some(fields)) => Content::Fields(fields),
                    (None, None) => Content::Unknown,
                };
                first_break = chain.step(seq, previous, own, &content);
            }
            first_break = first_break.or_else(|| chain.against_end(last));
        }
        Ok(AuditReport { entries: chain.entries, start, end: chain.end, first_break })
    }
}

/// An end of the chain from two columns of the only row; none when it is not the only one, or has no hash.
fn read_end(rows: &[PgRow], column: usize) -> Result<Option<AuditAnchor>, sqlx::Error> {
    let [row] = rows else { return Ok(None) };
    let hash: &[u8] = row.try_get(column + 1)?;
    let seq = row.try_get(column)?;
    Ok(hash.try_into().ok().map(|hash| AuditAnchor { seq, hash }))
}

/// What an entry's hash is computed from.
enum Content {
    Text(String),
    Fields(Vec<Option<String>>),
    /// A version that is not known, which only a forger writes.
    Unknown,
}

impl Content {
    fn hash(&self, previous: &[u8]) -> Option<Hash> {
        match self {
            Self::Text(text) => Some(hash_text(previous, text)),
            Self::Fields(fields) => Some(hash(previous, fields)),
            Self::Unknown => None,
        }
    }
}

/// How far the chain is good.
struct Chain {
    entries: u64,
    end: AuditAnchor,
    anchor: Option<AuditAnchor>,
}

impl Chain {
    /// Goes on by a row, or says what is wrong with it.
    fn step(
        &mut self,
        seq: i64,
        previous: Option<&[u8]>,
        own: Option<&[u8]>,
        content: &Content,
    ) -> Option<AuditBreak> {
        let expected = self.end.seq.saturating_add(1);
        if seq > expected {
            return Some(AuditBreak { seq: expected, fault: AuditFault::Missing });
        }
        if seq < expected {
            return Some(AuditBreak { seq, fault: AuditFault::Added });
        }
        let hash = content.hash(&self.end.hash).filter(|hash| own == Some(hash));
        let Some(hash) = hash.filter(|_| previous == Some(&self.end.hash)) else {
            return Some(AuditBreak { seq, fault: AuditFault::Altered });
        };
        self.entries += 1;
        self.end = AuditAnchor { seq, hash };
        self.against_anchor()
    }

    /// Compares the place that is reached with the anchor, if it is the anchor's.
    fn against_anchor(&self) -> Option<AuditBreak> {
        let anchor = self.anchor?;
        let broken = |fault| Some(AuditBreak { seq: anchor.seq, fault });
        if self.entries == 0 && anchor.seq < self.end.seq {
            broken(AuditFault::AnchorArchived)
        } else if anchor.seq == self.end.seq && anchor.hash != self.end.hash {
            broken(AuditFault::NotTheAnchor)
        } else {
            None
        }
    }

    /// Compares where the rows end with where they must.
    fn against_end(&self, last: AuditAnchor) -> Option<AuditBreak> {
        let next = self.end.seq.saturating_add(1);
        if self.end.seq < last.seq {
            Some(AuditBreak { seq: next, fault: AuditFault::Missing })
        } else if self.end.seq > last.seq {
            Some(AuditBreak { seq: last.seq.saturating_add(1), fault: AuditFault::Added })
        } else if self.end.hash != last.hash {
            Some(AuditBreak { seq: last.seq, fault: AuditFault::OtherEnd })
        } else if self.anchor.is_some_and(|anchor| anchor.seq > self.end.seq) {
            Some(AuditBreak { seq: next, fault: AuditFault::Missing })
        } else {
            None
        }
    }
}
