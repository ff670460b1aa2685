//! One call of a tool, however it came.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use retail_domain::ports::CallerTrace;
use retail_domain::{Error, ErrorCode, Principal};
use rmcp::model::JsonObject;
use tracing::{Instrument as _, Span};

use crate::audit::{CallAudit, UNKNOWN_TOOL};
use crate::error;
use crate::server::Shared;
use crate::tools::{CallOutcome, ToolEntry};

/// Who calls what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) principal: &'a Principal,
    /// The name as the caller sent it.
    pub(crate) tool: &'a str,
    /// The id that a layer in front gave the request.
    pub(crate) request_id: Option<&'a str>,
    /// The trace that the call's `_meta` names.
    pub(crate) trace: Option<CallerTrace<'a>>,
}

/// Why there is no answer. It is in the log by then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("there is no such tool")]
    UnknownTool,
    #[error(transparent)]
    Error(#[from] Error),
}

impl Failed {
    fn code(&self) -> ErrorCode {
        match self {
            Self::UnknownTool => ErrorCode::NotFound,
            Self::Error(error) => error.code(),
        }
    }
}

/// Tells the observer of the call when it is dropped, whichever way the call ends.
struct Watched<'a> {
    shared: &'a Shared,
    tool: &'static str,
    error: Option<ErrorCode>,
    started: Instant,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.shared.observed("tools/call", Some(self.tool), self.error, self.started);
    }
}

impl Call<'_> {
    /// Makes the call, unless `given_up` ends before. When the returned future is dropped, the call is given up as
    /// well.
    pub(crate) async fn make(
        self,
        shared: &Shared,
        arguments: JsonObject,
        given_up: impl Future<Output = ()>,
    ) -> Result<CallOutcome, Failed> {
        let tool = shared.tools.find(self.tool);
        let name = tool.map_or(UNKNOWN_TOOL, ToolEntry::name);
        let mut watched = Watched {
            shared,
            tool: name,
            error: Some(ErrorCode::Cancelled),
            started: Instant::now(),
        };
        let span = tracing::info_span!(
            "tools/call",
            gen_ai.tool.name = name,
            trace_id = self.trace.and_then(|trace| trace.trace_id()),
            error.type = tracing::field::Empty,
        );
        let traced = match &shared.tracer {
            Some(tracer) => tracer.call(name, self.trace),
            None => Span::none(),
        };
        let call = async {
            let audit = shared.begin_audit(self.principal, name, self.request_id).await?;
            let Some(tool) = tool else {
                audit.failed(&Error::new(ErrorCode::NotFound, "there is no such tool"));
                return Err(Failed::UnknownTool);
            };
            Ok(call_entry(tool, self.principal, arguments, audit).await?)
        };
        let outcome = tokio::select! {
            biased;
            // Leaving drops the other branch, and with it the port's future.
            () = given_up => {
                Err(Error::new(ErrorCode::Cancelled, "the caller gave up").into())
            }
            outcome = call.instrument(span.clone()).instrument(traced.clone()) => outcome,
        };
        watched.error = outcome.as_ref().err().map(Failed::code);
        if let Some(code) = watched.error {
            traced.record("error.type", code.as_str());
            traced.record("otel.status_code", "ERROR");
        }
        if let Err(Failed::Error(failure)) = &outcome {
            span.record("error.type", failure.code().as_str());
            span.in_scope(|| error::log_failure(name, failure, self.request_id));
        }
        outcome
    }
}

/// Calls a tool, if the principal may call it, and records what came of it. When the future is dropped, the call
/// is recorded as given up.
///
/// A panic becomes an internal error: rmcp would leave the client waiting for an answer.
async fn call_entry(
    entry: &ToolEntry,
    principal: &Principal,
    arguments: JsonObject,
    mut audit: CallAudit,
) -> Result<CallOutcome, Error> {
    if !principal.has_scope(entry.scope()) {
        let refusal = error::missing_scope(entry.name(), entry.scope());
        audit.failed(&refusal);
        return Err(refusal);
    }
    audit.runs(entry.own_statement());
    let mut call = pin!(entry.call(principal, arguments));
    let outcome = poll_fn(|task| {
        catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(task)))
            .unwrap_or_else(|_| Poll::Ready(Err(Error::internal("the tool panicked"))))
    })
    .await;
    match outcome {
        Ok(outcome) => {
            audit.answered(&outcome);
            Ok(outcome)
        }
        Err(failure) => {
            audit.failed(&failure);
            Err(failure)
        }
    }
}
