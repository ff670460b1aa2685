//! Who counts and times what happens.

use std::time::Duration;

use crate::ErrorCode;

/// An MCP request that has been dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedOperation {
    /// The method, for example `tools/call`.
    pub method: &'static str,
    /// The tool of a call: one that there is, or `unknown`.
    pub tool: Option<&'static str>,
    /// Why there was no answer, if there was none.
    pub error: Option<ErrorCode>,
    /// From the request to the answer.
    pub duration: Duration,
}

impl ObservedOperation {
    /// A request that was answered.
    pub const fn new(method: &'static str, duration: Duration) -> Self {
        Self { method, tool: None, error: None, duration }
    }
}

/// A transaction of a caller that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObservedTransaction<'a> {
    /// Which connections it ran on: `stores` or `head_office`, or `standby` for those of all standbys.
    pub pool: &'static str,
    /// The shape of its statement, as in the audit log. None where the statement is one of ours.
    pub fingerprint: Option<&'a str>,
    /// Hash of the plan that PostgreSQL had for a statement of this shape. None where it was not asked.
    pub plan: Option<&'a str>,
    /// Why it gave nothing, if it did not.
    pub error: Option<ErrorCode>,
    /// From its begin to its end, without the wait for a connection.
    pub duration: Duration,
}

impl ObservedTransaction<'_> {
    /// A transaction of a statement of ours that gave what it was asked for.
    pub const fn new(pool: &'static str, duration: Duration) -> Self {
        Self { pool, fingerprint: None, plan: None, error: None, duration }
    }
}

/// Hears of each MCP request.
///
/// It hears of no identity, argument or statement: what it is told may become the label of a metric. It is called on
/// the way of the answer, so it must be quick and must not wait.
pub trait OperationObserver: Send + Sync {
    /// A request has been dealt with, or its caller has given up.
    fn operation_ended(&self, operation: &ObservedOperation);
}

/// Hears of each transaction of a caller. The same holds for it.
pub trait TransactionObserver: Send + Sync {
    /// There is a connection for a transaction, after this wait.
    fn connection_given(&self, pool: &'static str, waited: Duration);

    /// A transaction has ended.
    fn transaction_ended(&self, transaction: &ObservedTransaction<'_>);
}
