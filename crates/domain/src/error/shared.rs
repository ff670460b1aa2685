//! One failure that several callers are told of.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use super::Error;

/// A failure that can be given to all who waited for the same thing.
///
/// ```
/// use retail_domain::{Error, ErrorCode, SharedError};
///
/// let shared = SharedError::from(Error::new(ErrorCode::Overloaded, "too much at once"));
/// let (first, second) = (Error::from(shared.clone()), Error::from(shared));
/// assert_eq!(first.code(), second.code());
/// assert_eq!(first.public_message(), "too much at once");
/// ```
#[derive(Debug, Clone)]
pub struct SharedError(Arc<Error>);

impl From<Error> for SharedError {
    fn from(error: Error) -> Self {
        Self(Arc::new(error))
    }
}

impl From<SharedError> for Error {
    /// The same code, texts and statement; the cause is the shared one's.
    fn from(shared: SharedError) -> Self {
        let original = &*shared.0;
        Self {
            code: original.code,
            message: original.message.clone(),
            hint: original.hint.clone(),
            statement: original.statement.clone(),
            choices: original.choices.clone(),
            cause: original.cause.is_some().then(|| Box::new(Cause(shared.clone())) as _),
        }
    }
}

/// The cause of a shared failure, as the cause of its copies.
#[derive(Debug)]
struct Cause(SharedError);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.0.source() {
            Some(cause) => write!(f, "{cause}"),
            None => Ok(()),
        }
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.0.source()?.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorCode, StatementSummary};

    #[test]
    fn a_copy_says_what_the_original_said() {
        let statement = StatementSummary { fingerprint: "f".to_owned(), tables: Vec::new() };
        let original = Error::new(ErrorCode::QueryFailed, "message")
            .with_hint("hint")
            .with_statement(statement.clone())
            .with_choices("store", vec!["a".to_owned(), "b".to_owned()])
            .with_cause("password=hunter2");
        let copy = Error::from(SharedError::from(original));
        assert_eq!((copy.code(), copy.public_message()), (ErrorCode::QueryFailed, "message"));
        assert_eq!((copy.hint(), copy.statement()), (Some("hint"), Some(&statement)));
        assert_eq!(copy.choices().unwrap().values, ["a", "b"]);
        assert_eq!(copy.source().unwrap().to_string(), "password=hunter2");
        assert!(copy.source().unwrap().source().is_none());
        assert!(!copy.to_string().contains("hunter2"));

        let without_cause = Error::new(ErrorCode::NotFound, "message");
        assert!(Error::from(SharedError::from(without_cause)).source().is_none());
    }
}
