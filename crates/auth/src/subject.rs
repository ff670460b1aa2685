//! What may name a caller.

/// The longest subject in bytes. It may stand in logs.
const MAX_SUBJECT_BYTES: usize = 200;

/// Whether `text` can name a caller in a log.
pub(crate) fn is_subject(text: &str) -> bool {
    (1..=MAX_SUBJECT_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
}
