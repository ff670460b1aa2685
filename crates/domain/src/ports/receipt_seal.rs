//! Seals on receipts of answers.

use std::fmt;

/// Seals what a server says of its answers, so that it knows its own words again.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
pub trait ReceiptSeal: fmt::Debug + Send + Sync {
    /// The seal over `message`: text without dots, the same for the same key and message.
    fn seal(&self, message: &[u8]) -> String;

    /// Whether a server of this deployment made `seal` over `message`, in constant time.
    fn is_sealed(&self, message: &[u8], seal: &str) -> bool;
}
