//! What stands in a development token.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who issues the tokens.
pub(super) const ISSUER: &str = "retail-mcp-dev";

/// For whom they are. A token for another service is refused.
pub(super) const AUDIENCE: &str = "retail-mcp";

/// The payload that is signed. Times are seconds since 1970.
#[derive(Serialize)]
pub(super) struct MintedPayload<'a> {
    pub(super) iss: &'a str,
    pub(super) aud: &'a str,
    pub(super) sub: &'a str,
    pub(super) iat: i64,
    pub(super) exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) store: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) all_stores: Option<bool>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) costs: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) operator: bool,
}

/// The payload as it comes in. Issuer and audience are checked by the decoder.
#[derive(Deserialize)]
pub(super) struct ReceivedPayload {
    pub(super) sub: String,
    pub(super) exp: i64,
    pub(super) nbf: Option<i64>,
    pub(super) store: Option<Uuid>,
    pub(super) all_stores: Option<bool>,
    #[serde(default)]
    pub(super) costs: bool,
    #[serde(default)]
    pub(super) operator: bool,
}
