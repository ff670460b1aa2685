//! One entry in the audit log for each call, whichever way the call ends.

use std::fmt;
use std::time::Instant;

use retail_domain::ports::{AuditLog, AuditPlace};
use retail_domain::{AuditEntry, Error, ErrorCode, StatementSummary};

use crate::tools::CallOutcome;

/// The name in the log of a tool that there is not. The caller's own text is not kept.
pub(crate) const UNKNOWN_TOOL: &str = "unknown";

/// A call that is being made. Dropping this records it: as given up by its caller, unless it ended before.
pub(crate) struct CallAudit {
    recording: Option<Recording>,
    started: Instant,
}

struct Recording {
    place: Box<dyn AuditPlace>,
    entry: AuditEntry,
}

impl fmt::Debug for CallAudit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallAudit").finish_non_exhaustive()
    }
}

impl CallAudit {
    /// Takes a place for the call, which began at `started`. Without a log nothing is recorded.
    ///
    /// # Errors
    /// Those of [`AuditLog::reserve`]: the call must not be made.
    pub(crate) async fn begin(
        log: Option<&dyn AuditLog>,
        started: Instant,
        entry: AuditEntry,
    ) -> Result<Self, Error> {
        let recording = match log {
            Some(log) => Some(Recording { place: log.reserve().await?, entry }),
            None => None,
        };
        Ok(Self { recording, started })
    }

    /// What the call is about to run.
    pub(crate) fn runs(&mut self, statement: Option<StatementSummary>) {
        if let Some(recording) = &mut self.recording {
            recording.entry.statement = statement;
        }
    }

    /// The call was answered.
    pub(crate) fn answered(mut self, outcome: &CallOutcome) {
        if let Some(Recording { entry, .. }) = &mut self.recording {
            entry.error = None;
            entry.rows = outcome.rows.map(|rows| rows as u64);
            entry.bytes = Some(outcome.text.len() as u64);
            if let Some(statement) = &outcome.statement {
                entry.statement = Some(statement.clone());
            }
        }
    }

    /// The call failed.
    pub(crate) fn failed(mut self, error: &Error) {
        if let Some(Recording { entry, .. }) = &mut self.recording {
            entry.error = Some(error.code());
            match error.statement() {
                Some(statement) => entry.statement = Some(statement.clone()),
                // It was refused before its statement ran.
                None if error.code() == ErrorCode::InvalidArgument => entry.statement = None,
                None => {}
            }
        }
    }
}

impl Drop for CallAudit {
    fn drop(&mut self) {
        if let Some(Recording { place, mut entry }) = self.recording.take() {
            entry.duration = self.started.elapsed();
            place.record(entry);
        }
    }
}
