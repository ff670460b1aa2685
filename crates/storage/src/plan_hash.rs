//! Which plan PostgreSQL has for a statement, as a short name that changes when the plan does.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// What of a node of a plan makes it another plan: what it does, to what, and how. Costs, rows and conditions change with
/// each value and are left out.
const TELLING: [&str; 7] = [
    "Node Type",
    "Strategy",
    "Join Type",
    "Scan Direction",
    "Relation Name",
    "Index Name",
    "Parent Relationship",
];

/// The first 16 hexadecimal digits of a SHA-256 over the nodes of a plan, which is as EXPLAIN (FORMAT JSON) gives it.
pub(crate) fn plan_hash(explained: &Value) -> Option<Box<str>> {
    let plan = explained.pointer("/0/Plan")?;
    let mut hash = Sha256::new();
    add(&mut hash, plan);
    let mut digits = hex::encode(hash.finalize());
    digits.truncate(16);
    Some(digits.into())
}

/// The depth is bounded by that of the statement, which the guard bounds.
fn add(hash: &mut Sha256, node: &Value) {
    for name in TELLING {
        hash.update(node.get(name).and_then(Value::as_str).unwrap_or_default());
        hash.update([0]);
    }
    for child in node.get("Plans").and_then(Value::as_array).into_iter().flatten() {
        hash.update([1]);
        add(hash, child);
        hash.update([2]);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scan(node: &str, index: &str, rows: u32) -> Value {
        json!([{"Plan": {"Node Type": "Limit", "Plan Rows": rows, "Plans": [
            {"Node Type": node, "Relation Name": "orders", "Index Name": index, "Total Cost": rows}
        ]}}])
    }

    #[test]
    fn nodes_and_indexes_tell_plans_apart_and_sizes_do_not() {
        let hash = |plan| plan_hash(&plan).unwrap();
        let by_day = hash(scan("Index Scan", "by_day", 1));
        assert_eq!(by_day, hash(scan("Index Scan", "by_day", 100_000)));
        assert_ne!(by_day, hash(scan("Index Scan", "by_store", 1)));
        assert_ne!(by_day, hash(scan("Seq Scan", "by_day", 1)));
        assert_eq!(by_day.len(), 16);
        let beside = json!([{"Plan": {"Node Type": "A", "Plans": [{"Node Type": "B"}, {"Node Type": "C"}]}}]);
        let below = json!([{"Plan": {"Node Type": "A", "Plans": [{"Node Type": "B", "Plans": [{"Node Type": "C"}]}]}}]);
        assert_ne!(hash(beside), hash(below));
        assert_eq!(plan_hash(&json!([])), None);
    }
}
