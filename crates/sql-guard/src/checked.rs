//! A statement that may run.

use std::sync::OnceLock;

use crate::walk::Found;
use crate::{generic, parser};

/// A statement that the guard accepted. Only [`Guard::check`](crate::Guard::check) makes one.
#[derive(Clone)]
pub struct CheckedQuery {
    sql: String,
    found: Found,
    is_ordered: bool,
    fingerprint: OnceLock<String>,
    without_filter_values: OnceLock<Option<String>>,
}

impl CheckedQuery {
    pub(crate) fn new(sql: &str, found: Found, is_ordered: bool) -> Self {
        Self {
            sql: sql.to_owned(),
            found,
            is_ordered,
            fingerprint: OnceLock::new(),
            without_filter_values: OnceLock::new(),
        }
    }

    /// The text of the one statement, without a closing semicolon, and without comments before or
    /// after it. It is whole in itself: in `SELECT … FROM (\n{sql}\n) AS q` it stays a subquery.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The relations that it reads, as `schema.name`, sorted.
    pub fn relations(&self) -> &[String] {
        &self.found.relations
    }

    /// The columns that it names, as relation (`schema.name`) and column, sorted. Columns behind
    /// `*`, or whose relation only PostgreSQL can tell, are not in here.
    pub fn columns(&self) -> &[(String, String)] {
        &self.found.columns
    }

    /// The functions that it calls, sorted.
    pub fn functions(&self) -> &[String] {
        &self.found.functions
    }

    /// The same for statements that differ only in constants, for logs and metrics.
    pub fn fingerprint(&self) -> &str {
        self.fingerprint.get_or_init(|| parser::fingerprint(&self.sql).unwrap_or_default())
    }

    /// Whether the rows have an order: ORDER BY at the top level.
    pub fn is_ordered(&self) -> bool {
        self.is_ordered
    }

    /// The same statement with parameters (`$1`, `$2`, …) in place of its constants, for
    /// `EXPLAIN (GENERIC_PLAN)`. `None` where it cannot be written with certainty: it has no plan
    /// then that may be looked at.
    ///
    /// The cost of a plan for particular values would tell how many rows of any store have them.
    /// NULL, TRUE, FALSE, LIMIT and OFFSET stay.
    pub fn without_filter_values(&self) -> Option<&str> {
        self.without_filter_values.get_or_init(|| generic::without_values(&self.sql)).as_deref()
    }

    /// A statement that was not checked, so that tests can try the layers below alone.
    #[cfg(feature = "test-support")]
    pub fn unchecked(sql: &str) -> Self {
        Self::new(sql, Found::default(), false)
    }
}

impl PartialEq for CheckedQuery {
    fn eq(&self, other: &Self) -> bool {
        self.sql == other.sql
    }
}

impl Eq for CheckedQuery {}

impl std::fmt::Debug for CheckedQuery {
    /// Not the text: it may hold personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CheckedQuery({} bytes)", self.sql.len())
    }
}
