//! Why a statement may not run.

/// The kind of refusal. The set may grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RejectionCode {
    /// There is no statement in the text.
    Empty,
    /// The text is longer than the policy allows.
    TooLong,
    /// The text contains a NUL character.
    InvalidText,
    /// PostgreSQL's grammar does not know this text.
    SyntaxError,
    /// Nested too deeply, or too much of one thing.
    TooComplex,
    /// More than one statement.
    MultipleStatements,
    /// A statement that is no SELECT, at the top or in a WITH query.
    NotASelect,
    /// A form of SELECT that is not available, such as FOR UPDATE or TABLESAMPLE.
    UnsupportedSyntax,
    /// A parameter such as `$1`.
    Parameter,
    /// A table, view or WITH query that is not there or not available.
    UnknownRelation,
    /// A column that is not there.
    UnknownColumn,
    /// A column that is there and not available.
    HiddenColumn,
    /// A function that is not available.
    FunctionNotAllowed,
    /// An operator that is not available.
    OperatorNotAllowed,
    /// A type that is not available.
    TypeNotAllowed,
    /// A collation that is not available.
    CollationNotAllowed,
    /// It could take too much time or memory.
    TooExpensive,
    /// The statement could not be examined.
    Internal,
}

impl RejectionCode {
    /// A stable name for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::InvalidText => "invalid_text",
            Self::SyntaxError => "syntax_error",
            Self::TooComplex => "too_complex",
            Self::MultipleStatements => "multiple_statements",
            Self::NotASelect => "not_a_select",
            Self::UnsupportedSyntax => "unsupported_syntax",
            Self::Parameter => "parameter",
            Self::UnknownRelation => "unknown_relation",
            Self::UnknownColumn => "unknown_column",
            Self::HiddenColumn => "hidden_column",
            Self::FunctionNotAllowed => "function_not_allowed",
            Self::OperatorNotAllowed => "operator_not_allowed",
            Self::TypeNotAllowed => "type_not_allowed",
            Self::CollationNotAllowed => "collation_not_allowed",
            Self::TooExpensive => "too_expensive",
            Self::Internal => "internal",
        }
    }
}

/// A refusal, in words that let the author of the statement correct it in one try.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    code: RejectionCode,
    message: String,
    position: Option<usize>,
    hint: Option<String>,
}

impl Rejection {
    pub(crate) fn new(code: RejectionCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), position: None, hint: None }
    }

    /// Points at a byte of the statement.
    pub(crate) fn at(mut self, sql: &str, byte: usize) -> Self {
        self.position = sql.get(..byte).map(|before| before.chars().count() + 1);
        self
    }

    /// Says what to write instead.
    pub(crate) fn advise(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The kind of refusal.
    pub fn code(&self) -> RejectionCode {
        self.code
    }

    /// What is wrong, for the author of the statement.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Where in the text that was given, in characters from 1, as PostgreSQL counts.
    pub fn position(&self) -> Option<usize> {
        self.position
    }

    /// What to write instead.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// At most 60 characters of a name or value of the statement, for a message.
pub(crate) fn clip(text: &str) -> String {
    const MOST: usize = 60;
    let mut clipped: String =
        text.chars().take(MOST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MOST).is_some() {
        clipped.push('…');
    }
    clipped
}
