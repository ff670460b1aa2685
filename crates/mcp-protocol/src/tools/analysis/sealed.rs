//! A receipt that says which question gave an answer, so that it can be asked again.
//!
//! `payload.seal`, both in base64url. The payload is JSON: the tool, its arguments with periods as dates, whose rows were
//! visible, when, a digest of the tables and their first total. Nobody but a server with the deployment's key makes one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use retail_analytics::Analysis;
use retail_domain::ports::ReceiptSeal;
use retail_domain::{Error, ErrorCode, Principal, Scope, StoreId, Visibility};
use rmcp::model::JsonObject;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Asked;

/// Of the payload. Another one is refused.
const VERSION: u8 = 1;

/// A question as it is sealed.
#[derive(Debug)]
pub(crate) struct SealedQuestion<'a> {
    tool: &'a str,
    arguments: Value,
}

/// What a receipt says.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Payload {
    v: u8,
    /// Tool.
    t: String,
    /// Arguments.
    a: JsonObject,
    /// Store; none for all of them.
    s: Option<i32>,
    /// Whether costs were visible.
    c: bool,
    /// As of, RFC 3339.
    at: Option<String>,
    /// Digest of the tables.
    d: String,
    /// The totals, or the first row, of the main table.
    h: Vec<Value>,
}

impl<'a> SealedQuestion<'a> {
    /// The question of a tool: its arguments as they were given, with periods as dates.
    pub(crate) fn new(tool: &'a str, arguments: &impl Serialize, asked: Option<&Asked>) -> Self {
        let mut arguments = json!(arguments);
        if let Value::Object(arguments) = &mut arguments {
            arguments.retain(|_, value| !value.is_null());
            if let Some(Asked { period, compared_with }) = asked {
                for replaced in ["start_date", "end_date", "days"] {
                    arguments.remove(replaced);
                }
                arguments.insert("period".to_owned(), json!(period.range.to_string()));
                if let Some(before) = compared_with {
                    arguments.insert("compare_to".to_owned(), json!(before.range.to_string()));
                }
            }
        }
        Self { tool, arguments }
    }

    pub(super) fn seal(
        &self,
        seal: &dyn ReceiptSeal,
        principal: &Principal,
        analysis: &Analysis,
    ) -> Result<String, Error> {
        let payload = Payload {
            v: VERSION,
            t: self.tool.to_owned(),
            a: self.arguments.as_object().cloned().unwrap_or_default(),
            s: match principal.visibility() {
                Visibility::Store(store) => Some(store.id.0),
                Visibility::AllStores => None,
            },
            c: principal.has_scope(Scope::Costs),
            at: analysis.provenance.as_of.map(|as_of| as_of.to_rfc3339()),
            d: digest(seal, &json!([analysis.table, analysis.more])),
            h: headline(&json!(analysis.table)),
        };
        let payload = serde_json::to_vec(&payload).map_err(Error::internal)?;
        let seal = seal.seal(&payload);
        Ok(format!("{}.{seal}", URL_SAFE_NO_PAD.encode(payload)))
    }
}

/// Sixteen hex digits of a keyed digest: enough to see a change, and it tells nothing of the figures.
fn digest(seal: &dyn ReceiptSeal, tables: &Value) -> String {
    seal.seal(format!("digest|{tables}").as_bytes()).chars().take(16).collect()
}

fn headline(table: &Value) -> Vec<Value> {
    let row = table.get("total").or_else(|| table.pointer("/rows/0"));
    row.and_then(Value::as_array).cloned().unwrap_or_default()
}

/// A receipt that this deployment gave.
#[derive(Debug, Clone)]
pub struct AnswerReceipt(Payload);

impl AnswerReceipt {
    /// Opens a receipt.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] when it was not made with a key of this deployment, or by another version.
    pub fn open(text: &str, seal: &dyn ReceiptSeal) -> Result<Self, Error> {
        let refuse = |message: &str| {
            Error::new(ErrorCode::InvalidArgument, message.to_owned()).with_hint(
                "give the whole text of provenance.receipt in an answer of this deployment",
            )
        };
        let (payload, mac) =
            text.trim().split_once('.').ok_or_else(|| refuse("'receipt' is not one"))?;
        let payload =
            URL_SAFE_NO_PAD.decode(payload).map_err(|_| refuse("'receipt' is not one"))?;
        if !seal.is_sealed(&payload, mac) {
            return Err(refuse("'receipt' has not the seal of this deployment's keys"));
        }
        let payload: Payload = serde_json::from_slice(&payload)
            .map_err(|_| refuse("'receipt' is of another version"))?;
        if payload.v != VERSION {
            return Err(refuse("'receipt' is of another version"));
        }
        Ok(Self(payload))
    }

    /// The tool that was called.
    pub fn tool(&self) -> &str {
        &self.0.t
    }

    /// Its arguments, with periods as dates.
    pub fn arguments(&self) -> &JsonObject {
        &self.0.a
    }

    /// Whose rows were visible: a store's, or all.
    pub fn store(&self) -> Option<StoreId> {
        self.0.s.map(StoreId)
    }

    /// Whether costs were visible.
    pub fn with_costs(&self) -> bool {
        self.0.c
    }

    /// As of when the answer was, RFC 3339.
    pub fn as_of(&self) -> Option<&str> {
        self.0.at.as_deref()
    }

    /// How an answer to the same question differs: `structured` is its structured content.
    pub fn drift(&self, structured: &Value, seal: &dyn ReceiptSeal) -> Drift {
        let table = structured.get("table").unwrap_or(&Value::Null);
        let more = structured.get("more").cloned().unwrap_or_else(|| json!([]));
        let tables = json!([table, more]);
        let columns = table.get("columns").and_then(Value::as_array);
        let now = headline(table);
        let changed = self
            .0
            .h
            .iter()
            .zip(&now)
            .enumerate()
            .filter(|(_, (then, now))| then != now)
            .map(|(at, (then, now))| {
                let name = columns.and_then(|columns| columns.get(at)?.get("name")?.as_str());
                (name.unwrap_or("?").to_owned(), then.clone(), now.clone())
            })
            .collect();
        Drift { is_same: digest(seal, &tables) == self.0.d, changed }
    }
}

/// How an answer differs from the one that a receipt is of.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Drift {
    /// Whether all tables are the same.
    pub is_same: bool,
    /// Figures of the total, or the first row, that are not: column, then, now.
    pub changed: Vec<(String, Value, Value)>,
}
