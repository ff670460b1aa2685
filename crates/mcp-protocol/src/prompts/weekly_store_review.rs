//! How a week was.

use serde_json::json;

use super::Prompt;
use super::argument::Argument;
use super::given::Given;
use super::script::{Script, Step};

pub(super) const PROMPT: Prompt = Prompt {
    name: "weekly_store_review",
    title: "Weekly store review",
    description: "How the week was against the same week of last year: what moved, which shelves are \
                  empty, what is to come. Three findings with actions.",
    arguments: &[
        Argument::period(
            "last week",
            "The week, as a phrase: last week, 2026-W46. Default: last week.",
        ),
        Argument::comparison(
            "same weeks last year",
            "What to compare with: same weeks last year, previous period. Default: same weeks last year.",
        ),
        Argument::CATEGORY,
        Argument::STORE,
    ],
    needs: &["analyze_sales", "explain_change"],
    script,
};

fn script(given: &Given) -> Script {
    let (period, compare_to) = (given.value("period"), given.value("compare_to"));
    let (store, category) = (given.value("store"), given.value("category"));
    let metrics = given.metrics(&["net_sales", "orders", "basket_value", "units", "discount_rate"]);
    let by_day = json!({
        "metrics": ["net_sales"], "by": "day",
        "period": period, "store": store, "category": category,
    });
    let steps = vec![
        Step::call(
            "analyze_sales",
            json!({
                "metrics": metrics, "period": period, "compare_to": compare_to,
                "store": store, "category": category,
            }),
            "the week in figures, against the other one.",
        ),
        Step::call(
            "explain_change",
            json!({
                "metric": "net_sales", "period": period, "compare_to": compare_to,
                "store": store, "category": category,
                "by": if category.is_null() { "category" } else { "product_type" },
            }),
            "what the change is made of.",
        ),
        Step::call(
            "inventory_status",
            json!({ "view": "stock_outs", "store": store, "category": category }),
            "what is sold out and was sold before.",
        ),
        Step::call(
            "forecast_sales",
            json!({
                "metric": "net_sales", "grain": "week", "horizon": 4, "store": store,
                "category": category,
            }),
            "the four weeks to come, with the range that they are expected in.",
        ),
        Step::call(
            "compare_with_peers",
            json!({ "metric": "net_sales", "category": category, "store": store, "months": 3 }),
            "how the store stands among others. Leave it out if it answers that it cannot compare.",
        ),
        Step::call(
            "chart",
            json!({ "tool": "analyze_sales", "arguments": by_day, "kind": "bar" }),
            "the week day by day, if your user can see pictures.",
        ),
    ];
    Script {
        task: "Review the week: what went well, what did not, and what to do in the week to come.",
        steps,
        mind: &["Stock is that of now, not of the end of the week: say so."],
    }
}
