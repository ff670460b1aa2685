//! Whether a database is fit to be served from.
//!
//! Row level security is worth what the roles, grants and policies around it are worth. Each start
//! looks at all of them, by a function in the database (`retail_sec.posture()`, `sql/posture/`) and by
//! trying what must be refused. Whatever must hold and does not, stops the server.

mod gate;
mod look;
mod probes;
mod put;

use std::fmt;

use serde::Serialize;

pub(crate) use gate::PostureGate;
pub(crate) use look::{SERVICE_IS_FIT, look_as_service};

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The check, for example `grants`.
    pub check: String,
    /// The role or object it is about; empty when the check found nothing.
    pub subject: String,
    /// How it is.
    pub state: FindingState,
    /// What is wrong, for the operator; empty when nothing is.
    pub detail: String,
    /// SQL that mends it, to be run by a superuser, or an SQL comment that says what to do.
    pub fix_sql: Option<String>,
    /// Whether a server must not serve while it is not good. Otherwise it is a layer that only a
    /// superuser can put in place and none ever did, or advice.
    pub mandatory: bool,
}

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingState {
    /// As it must be.
    Good,
    /// It must be there and is not.
    Missing,
    /// It is there and must not be, or is other than it must be.
    Unfit,
}

impl Finding {
    /// A thing that is good, or has this problem, for which there is no SQL.
    pub fn new(
        check: impl Into<String>,
        subject: impl Into<String>,
        problem: Option<String>,
        mandatory: bool,
    ) -> Self {
        Self {
            check: check.into(),
            subject: subject.into(),
            state: if problem.is_none() { FindingState::Good } else { FindingState::Unfit },
            detail: problem.unwrap_or_default(),
            fix_sql: None,
            mandatory,
        }
    }

    /// Whether this alone stops a server.
    pub fn must_refuse(&self) -> bool {
        self.mandatory && self.state != FindingState::Good
    }

    /// One word or two for a table: `good`, `missing`, `unfit`, `missing layer` or `advice`.
    pub fn verdict(&self) -> &'static str {
        match (self.state, self.mandatory) {
            (FindingState::Good, _) => "good",
            (FindingState::Missing, true) => "missing",
            (FindingState::Missing, false) => "missing layer",
            (FindingState::Unfit, true) => "unfit",
            (FindingState::Unfit, false) => "advice",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.check, self.verdict())?;
        for part in [&self.subject, &self.detail] {
            if !part.is_empty() {
                write!(f, ": {part}")?;
            }
        }
        if let Some(sql) = &self.fix_sql {
            write!(f, "\n    {sql}")?;
        }
        Ok(())
    }
}

/// All that was found about a database. `Display` lists what is not good.
///
/// ```
/// use retail_storage::{Finding, Posture};
///
/// let problem = Some("it does not bind the owner".to_owned());
/// let mut forced = Finding::new("row security", "retail.orders", problem, true);
/// forced.fix_sql = Some("ALTER TABLE retail.orders FORCE ROW LEVEL SECURITY".to_owned());
/// assert!(Posture::new(vec![forced]).must_refuse());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Posture {
    /// At least one a check.
    pub findings: Vec<Finding>,
}

impl Posture {
    /// What these findings come to.
    pub fn new(findings: Vec<Finding>) -> Self {
        Self { findings }
    }

    /// Whether a server must not serve.
    pub fn must_refuse(&self) -> bool {
        self.findings.iter().any(Finding::must_refuse)
    }

    /// What stops a server.
    pub fn faults(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.must_refuse())
    }

    /// What does not stop it and an operator should know: missing layers, and advice.
    pub fn remarks(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| !finding.mandatory && finding.state != FindingState::Good)
    }
}

impl fmt::Display for Posture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, finding) in self.faults().chain(self.remarks()).enumerate() {
            let line_end = if number == 0 { "" } else { "\n" };
            write!(f, "{line_end}  {finding}")?;
        }
        Ok(())
    }
}

/// What both drivers ask. A constant: it names no caller's text.
const ASK: &str =
    "SELECT check_name, subject, state, detail, fix_sql, mandatory FROM retail_sec.posture()";

/// A row of [`ASK`].
struct Row {
    check: String,
    subject: String,
    state: String,
    detail: String,
    fix_sql: Option<String>,
    mandatory: bool,
}

impl From<Row> for Finding {
    fn from(row: Row) -> Self {
        Self {
            check: row.check,
            subject: row.subject,
            // A word that is not known is not good.
            state: match row.state.as_str() {
                "good" => FindingState::Good,
                "missing" => FindingState::Missing,
                _ => FindingState::Unfit,
            },
            detail: row.detail,
            fix_sql: row.fix_sql,
            mandatory: row.mandatory,
        }
    }
}
