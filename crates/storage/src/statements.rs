//! What was learned of statements, so that it need not be asked again when the same text returns.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use retail_domain::{Column, QueryLimits};
use retail_sql_guard::CheckedQuery;

use crate::capped::Cap;
use crate::prepared::StatementId;

/// After this time a text is looked at as if it were new: its columns may have other types by now, and its tables
/// other sizes.
const LEARN_AGAIN_AFTER: Duration = Duration::from_mins(10);

/// Bytes of each of the two caches.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// What an entry takes besides texts.
const ENTRY_BYTES: usize = 512;

/// A statement that was parsed, estimated and run.
#[derive(Debug)]
pub(crate) struct Learned {
    pub(crate) id: StatementId,
    pub(crate) columns: Arc<[Column]>,
    /// The query around it.
    pub(crate) capped: String,
    pub(crate) cap: Cap,
    /// Hash of the plan that it had then.
    pub(crate) plan: Option<Arc<str>>,
    limits: QueryLimits,
}

/// Texts that came before.
pub(crate) struct Statements {
    /// Those that the guard accepted.
    accepted: Cache<Arc<str>, Arc<CheckedQuery>>,
    /// Those that PostgreSQL ran.
    learned: Cache<Arc<str>, Arc<Learned>>,
}

impl Learned {
    /// What is to be known of a statement that was run within these limits.
    pub(crate) fn new(
        columns: Arc<[Column]>,
        capped: String,
        cap: Cap,
        plan: Option<Arc<str>>,
        limits: &QueryLimits,
    ) -> Self {
        Self { id: StatementId::new(), columns, capped, cap, plan, limits: *limits }
    }
}

impl Statements {
    pub(crate) fn new() -> Self {
        Self {
            accepted: Cache::builder()
                .max_capacity(MAX_BYTES)
                .weigher(|text: &Arc<str>, _| weight(2 * text.len()))
                .build(),
            learned: Cache::builder()
                .max_capacity(MAX_BYTES)
                .weigher(|text: &Arc<str>, learned: &Arc<Learned>| {
                    weight(text.len() + learned.capped.len())
                })
                .time_to_live(LEARN_AGAIN_AFTER)
                .build(),
        }
    }

    /// The verdict on a text, if it was accepted before.
    pub(crate) fn accepted(&self, text: &str) -> Option<Arc<CheckedQuery>> {
        self.accepted.get(text)
    }

    /// Remembers the verdict on a text.
    pub(crate) fn accept(&self, text: &str, query: CheckedQuery) -> Arc<CheckedQuery> {
        let query = Arc::new(query);
        self.accepted.insert(text.into(), Arc::clone(&query));
        query
    }

    /// What is known of a statement under these limits.
    pub(crate) fn learned(
        &self,
        query: &CheckedQuery,
        limits: &QueryLimits,
    ) -> Option<Arc<Learned>> {
        self.learned.get(query.sql()).filter(|learned| learned.limits == *limits)
    }

    /// Remembers a statement that was run.
    pub(crate) fn learn(&self, query: &CheckedQuery, learned: Learned) {
        self.learned.insert(query.sql().into(), Arc::new(learned));
    }

    /// The next time it is as if it were new.
    pub(crate) fn forget(&self, query: &CheckedQuery) {
        self.learned.invalidate(query.sql());
    }
}

fn weight(bytes: usize) -> u32 {
    u32::try_from(bytes + ENTRY_BYTES).unwrap_or(u32::MAX)
}
