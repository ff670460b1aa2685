//! The check.

use pg_query::NodeEnum;
use pg_query::protobuf::{RawStmt, SelectStmt};

use crate::parser;
use crate::prescan::{self, instead_of};
use crate::rejection::{Rejection, RejectionCode};
use crate::walk::Walker;
use crate::{CheckedQuery, GuardPolicy};

/// Decides whether a statement may run. To use it in several places, share it in an `Arc`.
#[derive(Debug)]
pub struct Guard {
    policy: GuardPolicy,
}

impl Guard {
    /// A guard that follows `policy`.
    pub fn new(policy: GuardPolicy) -> Self {
        Self { policy }
    }

    /// What this guard follows.
    pub fn policy(&self) -> &GuardPolicy {
        &self.policy
    }

    /// Checks one statement. Takes about 0.1 ms for a usual one, and neither blocks nor recurses
    /// deeply, whatever the text.
    ///
    /// # Errors
    /// A [`Rejection`] that says what is wrong, where, and what to write instead.
    pub fn check(&self, sql: &str) -> Result<CheckedQuery, Rejection> {
        let statement = prescan::statement(sql, self.policy.limits())?;
        let tree = parser::parse(sql, &statement.tokens)?;
        let select = only_select(&tree.stmts)?;
        let mut walker = Walker::new(&self.policy, sql);
        walker.statement(select)?;
        let found = walker.into_found();
        Ok(CheckedQuery::new(statement.sql, found, !select.sort_clause.is_empty()))
    }
}

/// The SELECT that a text consists of.
pub(crate) fn only_select(statements: &[RawStmt]) -> Result<&SelectStmt, Rejection> {
    let [RawStmt { stmt: Some(statement), stmt_location: _, stmt_len: _ }] = statements else {
        return Err(Rejection::new(RejectionCode::MultipleStatements, "not exactly one statement")
            .advise("Write one SELECT statement."));
    };
    match &statement.node {
        Some(NodeEnum::SelectStmt(select)) => Ok(select),
        other => {
            let word = statement_word(other.as_ref());
            let message = format!("{} is not available", word.to_uppercase());
            Err(Rejection::new(RejectionCode::NotASelect, message).advise(instead_of(word)))
        }
    }
}

/// The word that a statement begins with, for those that may follow a WITH clause.
pub(crate) fn statement_word(node: Option<&NodeEnum>) -> &'static str {
    match node {
        Some(NodeEnum::InsertStmt(_)) => "insert",
        Some(NodeEnum::UpdateStmt(_)) => "update",
        Some(NodeEnum::DeleteStmt(_)) => "delete",
        Some(NodeEnum::MergeStmt(_)) => "merge",
        _ => "this statement",
    }
}
