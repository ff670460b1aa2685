//! Asks a question again, to see whether its answer has changed.

use std::future::pending;
use std::sync::Arc;

use retail_domain::ports::ReceiptSeal;
use retail_domain::{Error, ErrorCode, Principal, Scope, Visibility};
use serde_json::Value;

use crate::RetailMcp;
use crate::call::{Call, Failed};
use crate::tools::{AnswerReceipt, Drift};

/// The answer to a question that was asked before.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Replayed {
    /// How it differs from the former one.
    pub drift: Drift,
    /// The answer for models, as the tool gives it.
    pub text: String,
    /// The answer for programs.
    pub structured: Value,
}

impl RetailMcp {
    /// Opens the receipt of an answer.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] when it is not one of this deployment, and [`ErrorCode::Unavailable`] when this server
    /// was built without a [`ReceiptSeal`].
    pub fn open_receipt(&self, receipt: &str) -> Result<AnswerReceipt, Error> {
        AnswerReceipt::open(receipt, self.receipt_seal()?.as_ref())
    }

    /// Asks the question of a receipt again. `principal` must see what its caller saw, no more and no less. The call is
    /// recorded as any other.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] for another principal, and those of the tool.
    pub async fn replay(
        &self,
        principal: &Principal,
        receipt: &AnswerReceipt,
    ) -> Result<Replayed, Error> {
        let store = match principal.visibility() {
            Visibility::Store(store) => Some(store.id),
            Visibility::AllStores => None,
        };
        if store != receipt.store() || principal.has_scope(Scope::Costs) != receipt.with_costs() {
            let message = "the receipt is of an answer to somebody who sees other rows";
            return Err(Error::new(ErrorCode::Forbidden, message)
                .with_hint("ask as the store, or as head office, that the receipt names"));
        }
        let seal = self.receipt_seal()?;
        let shared = self.shared();
        let call = Call { principal, tool: receipt.tool(), request_id: None, trace: None };
        let outcome = call.make(&shared, receipt.arguments().clone(), pending()).await;
        let outcome = outcome.map_err(|failed| match failed {
            Failed::Error(error) => error,
            Failed::UnknownTool => {
                Error::new(ErrorCode::NotFound, "this server has no such tool any more")
            }
        })?;
        let structured: Value =
            serde_json::from_str(outcome.structured.get()).map_err(Error::internal)?;
        let drift = receipt.drift(&structured, seal.as_ref());
        Ok(Replayed { drift, text: outcome.text, structured })
    }

    fn receipt_seal(&self) -> Result<Arc<dyn ReceiptSeal>, Error> {
        self.shared().receipt_seal.clone().ok_or_else(|| {
            Error::new(ErrorCode::Unavailable, "this server seals no receipts")
                .with_hint("build it with a receipt_seal")
        })
    }
}
