//! Whether a part of the server can do its work now.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// The state of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartHealth {
    /// Name of the part, for example `database`.
    pub part: String,
    /// Whether it works.
    pub ok: bool,
    /// What is wrong, in words that name no host, user or secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// The state of all parts that an answer needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReport {
    /// One entry a part.
    pub parts: Vec<PartHealth>,
}

impl HealthReport {
    /// Whether every part works.
    pub fn is_ready(&self) -> bool {
        self.parts.iter().all(|part| part.ok)
    }
}

/// Answers whether a tool call would work now.
#[cfg_attr(any(test, feature = "test-support"), mockall::automock)]
#[async_trait]
pub trait HealthProbe: Send + Sync {
    /// Looks at each part anew. Takes at most a few seconds.
    async fn check(&self) -> HealthReport;
}
