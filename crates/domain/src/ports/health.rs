//! Whether a part of the server can do its work now.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// The state of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartHealth {
    /// Name of the part, for example `database`.
    pub part: String,
    /// Whether it works.
    pub ok: bool,
    /// What is wrong, in words that name no host, user or secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl PartHealth {
    /// A part that works, or has this problem.
    pub fn new(part: impl Into<String>, problem: Option<String>) -> Self {
        Self { part: part.into(), ok: problem.is_none(), problem }
    }
}

/// The state of all parts that an answer needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthReport {
    /// One entry a part.
    pub parts: Vec<PartHealth>,
}

impl HealthReport {
    /// A report of these parts.
    pub fn new(parts: Vec<PartHealth>) -> Self {
        Self { parts }
    }

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
