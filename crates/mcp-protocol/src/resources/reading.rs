//! One request that reads, however it ends: recorded, observed, and given up with its caller.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use retail_domain::{Error, ErrorCode, Principal, StatementSummary};
use serde_json::value::RawValue;
use tracing::Instrument as _;

use crate::error;
use crate::server::Shared;
use crate::tools::CallOutcome;

/// What was read.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) text: String,
    /// Rows in it, where it has rows.
    pub(crate) rows: Option<usize>,
    /// The statement that gave it, as the database knows it.
    pub(crate) statement: Option<StatementSummary>,
}

impl Found {
    /// A text that no statement gave.
    pub(crate) fn text(text: String) -> Self {
        Self { text, rows: None, statement: None }
    }
}

/// Who reads what.
pub(crate) struct Reading<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) principal: &'a Principal,
    /// The method: the name in the audit log, too. Of a small set, since it becomes the label of a metric.
    pub(crate) method: &'static str,
    /// The id that a layer in front gave the request.
    pub(crate) request_id: Option<&'a str>,
    /// The statement that the work runs, if it is one of ours.
    pub(crate) statement: Option<StatementSummary>,
}

/// Tells the observer of the request when it is dropped, whichever way it ends.
struct Watched<'a> {
    shared: &'a Shared,
    method: &'static str,
    error: Option<ErrorCode>,
    started: Instant,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.shared.observed(self.method, None, self.error, self.started);
    }
}

impl Reading<'_> {
    /// Does the work, unless `given_up` ends before. When the returned future is dropped, the request is given up
    /// as well. `found` says what of the answer is recorded.
    ///
    /// A panic becomes an internal error: rmcp would leave the client waiting for an answer.
    ///
    /// # Errors
    /// Those of the work, and those of the audit log: what cannot be recorded is not done.
    pub(crate) async fn make<T>(
        self,
        work: impl Future<Output = Result<T, Error>>,
        given_up: impl Future<Output = ()>,
        found: impl FnOnce(&T) -> &Found,
    ) -> Result<T, Error> {
        let Self { shared, principal, method, request_id, statement } = self;
        let mut watched =
            Watched { shared, method, error: Some(ErrorCode::Cancelled), started: Instant::now() };
        let span = tracing::info_span!("read", method, error.type = tracing::field::Empty);
        let recorded = async {
            let mut audit = shared.begin_audit(principal, method, request_id).await?;
            audit.runs(statement);
            let mut work = pin!(work);
            let outcome = poll_fn(|task| {
                catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(task)))
                    .unwrap_or_else(|_| Poll::Ready(Err(Error::internal("the reading panicked"))))
            })
            .await;
            match &outcome {
                Ok(answer) => audit.answered(&recordable(found(answer))),
                Err(failure) => audit.failed(failure),
            }
            outcome
        };
        let outcome = tokio::select! {
            biased;
            // Leaving drops the other branch, and with it the port's future.
            () = given_up => Err(Error::new(ErrorCode::Cancelled, "the caller gave up")),
            outcome = recorded.instrument(span.clone()) => outcome,
        };
        watched.error = outcome.as_ref().err().map(Error::code);
        if let Err(failure) = &outcome {
            span.record("error.type", failure.code().as_str());
            span.in_scope(|| error::log_failure(method, failure, request_id));
        }
        outcome
    }
}

/// The audit log knows answers of calls: this is one with nothing but text.
fn recordable(found: &Found) -> CallOutcome {
    CallOutcome {
        text: found.text.clone(),
        structured: RawValue::NULL.to_owned(),
        rows: found.rows,
        statement: found.statement.clone(),
        picture: None,
    }
}
