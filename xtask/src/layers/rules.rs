//! The rules, as tables. They concern what a crate ships: dev-dependencies are free.

/// What one crate may know.
#[derive(Debug)]
pub(super) struct Layer {
    /// The package.
    pub(super) name: &'static str,
    /// Workspace crates that it may depend on. `None`: any, because its job is to join layers.
    may_use: Option<&'static [&'static str]>,
    /// External crates that it must not depend on. A trailing `*` stands for any ending.
    pub(super) must_not_use: &'static [&'static str],
    /// Whether it may ship [`TEST_ONLY`], and turn on [`TEST_ONLY_FEATURE`].
    pub(super) is_test_code: bool,
}

impl Layer {
    const fn new(name: &'static str, may_use: &'static [&'static str]) -> Self {
        Self { name, may_use: Some(may_use), must_not_use: &[], is_test_code: false }
    }

    const fn joining(name: &'static str) -> Self {
        Self { name, may_use: None, must_not_use: &[], is_test_code: false }
    }

    const fn without(mut self, must_not_use: &'static [&'static str]) -> Self {
        self.must_not_use = must_not_use;
        self
    }

    const fn test_code(mut self) -> Self {
        self.is_test_code = true;
        self
    }

    /// Why this layer may not depend on a crate of the workspace, if it may not.
    pub(super) fn refuses(&self, member: &str) -> Option<String> {
        match self.may_use? {
            [] => Some("this layer knows no other crate of the workspace".to_owned()),
            known if known.contains(&member) => None,
            known => Some(format!("of the workspace, this layer knows only {}", known.join(", "))),
        }
    }
}

/// Every crate of the workspace.
pub(super) const LAYERS: &[Layer] = &[
    Layer::new("retail-domain", &[]).without(&[
        "sqlx*",
        "tokio*",
        "rmcp*",
        "axum*",
        "tower*",
        "hyper*",
        "reqwest",
        "redis",
        "deadpool*",
    ]),
    Layer::new("retail-sql-guard", &["retail-domain"]).without(&["sqlx*", "tokio*", "reqwest"]),
    Layer::new("retail-auth", &["retail-domain"]),
    Layer::new("retail-storage", &["retail-domain", "retail-sql-guard"]),
    Layer::new("retail-analytics", &["retail-domain", "retail-forecast"]).without(&[
        "sqlx*",
        "tokio*",
        "rmcp*",
        "reqwest",
        "redis",
        "deadpool*",
    ]),
    Layer::new("retail-charts", &[]).without(&["tokio*", "rmcp*", "reqwest"]),
    Layer::new("retail-forecast", &[]).without(&["tokio*", "rmcp*", "reqwest"]),
    Layer::new(
        "retail-mcp-protocol",
        &["retail-domain", "retail-sql-guard", "retail-analytics", "retail-charts"],
    )
    .without(&["reqwest", "redis", "hyper"]),
    Layer::new("retail-cache", &["retail-domain"]),
    Layer::new("retail-embeddings", &["retail-domain", "retail-wheels"]),
    Layer::new("retail-telemetry", &["retail-domain"]),
    Layer::new("retail-embedded-postgres", &["retail-wheels"]),
    Layer::new("retail-wheels", &[]),
    Layer::new("retail-sample-data", &[]),
    Layer::joining("retail-server"),
    Layer::joining("retail-testkit").test_code(),
    Layer::joining("retail-benches").test_code(),
    Layer::joining("retail-search-eval").test_code(),
    Layer::joining("retail-example-embed").test_code(),
    Layer::new("xtask", &["retail-wheels"]).without(&["sqlx*", "tokio*", "reqwest"]),
];

/// The crate that only tests may depend on.
pub(super) const TEST_ONLY: &str = "retail-testkit";

/// The feature that opens what only tests may see: unchecked statements, a skipped posture gate.
pub(super) const TEST_ONLY_FEATURE: &str = "test-support";

/// An external crate that belongs to one layer.
#[derive(Debug)]
pub(super) struct Owned {
    pattern: &'static str,
    /// The packages that may ship it.
    pub(super) by: &'static [&'static str],
    /// What else would happen.
    pub(super) why: &'static str,
}

impl Owned {
    pub(super) fn matches(&self, name: &str) -> bool {
        matches(self.pattern, name)
    }
}

const DATABASE: &[&str] = &["retail-storage", "retail-testkit", "retail-benches"];
const MODELS: &[&str] = &["retail-embeddings"];
const ONE_DOOR: &str = "one door to the database: every query carries a principal";

/// External crates with an owner.
pub(super) const OWNED: &[Owned] = &[
    Owned { pattern: "sqlx*", by: DATABASE, why: ONE_DOOR },
    Owned { pattern: "tokio-postgres*", by: DATABASE, why: ONE_DOOR },
    Owned { pattern: "deadpool-redis", by: &["retail-cache"], why: "one cache" },
    Owned { pattern: "redis", by: &["retail-cache"], why: "one cache" },
    Owned { pattern: "deadpool*", by: DATABASE, why: ONE_DOOR },
    Owned { pattern: "candle*", by: MODELS, why: "one place for models" },
    Owned { pattern: "tokenizers", by: MODELS, why: "one place for models" },
    Owned {
        pattern: "rmcp*",
        by: &["retail-mcp-protocol", "retail-testkit", "retail-benches", "retail-example-embed"],
        why: "the protocol's types stay in one layer",
    },
    Owned {
        pattern: "axum*",
        by: &["retail-server", "retail-testkit", "retail-benches", "retail-example-embed"],
        why: "the layers below work in any server",
    },
];

/// Whether a crate name fits a pattern: the name itself, or its start before a final `*`.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names_and_starts() {
        assert!(matches("sqlx*", "sqlx") && matches("sqlx*", "sqlx-core"));
        assert!(matches("redis", "redis") && !matches("redis", "redis-test"));
    }

    #[test]
    fn every_owner_is_a_known_crate() {
        for owner in OWNED.iter().flat_map(|owned| owned.by) {
            assert!(LAYERS.iter().any(|layer| layer.name == *owner), "{owner}");
        }
    }
}
