//! Why sales changed.

use serde_json::json;

use super::Prompt;
use super::argument::Argument;
use super::given::Given;
use super::script::{Script, Step};

pub(super) const PROMPT: Prompt = Prompt {
    name: "why_are_sales_down",
    title: "Why are sales down?",
    description: "Looks for what a fall in sales is made of: customers, baskets, prices, products, empty \
                  shelves, or a season. Says so if sales are not down.",
    arguments: &[
        Argument::period(
            "last 30 days",
            "The days with the fall, as a phrase: last month, season to date. Default: last 30 days.",
        ),
        Argument::comparison(
            "same period last year",
            "What it is down against: same period last year, previous period. Default: same period last year.",
        ),
        Argument::CATEGORY,
        Argument::PRODUCT_TYPE,
        Argument::STORE,
    ],
    needs: &["analyze_sales", "explain_change"],
    script,
};

fn script(given: &Given) -> Script {
    let (period, compare_to) = (given.value("period"), given.value("compare_to"));
    let (store, category) = (given.value("store"), given.value("category"));
    let product_type = given.value("product_type");
    let narrow = !category.is_null() || !product_type.is_null();
    let explain = |metric: &str, by: Option<&str>, why| {
        let mut arguments = json!({
            "metric": metric, "period": period, "compare_to": compare_to, "by": by, "store": store,
        });
        // An order is of no category.
        if metric != "orders"
            && let Some(arguments) = arguments.as_object_mut()
        {
            arguments.insert("category".to_owned(), category.clone());
            arguments.insert("product_type".to_owned(), product_type.clone());
        }
        Step::call("explain_change", arguments, why)
    };
    let metrics = given.metrics(&["net_sales", "units", "average_price", "discount_rate"]);
    let mut steps = vec![
        explain(
            "net_sales",
            Some(if narrow { "product_type" } else { "category" }),
            "whether sales are down, and where. If they are not, say so and stop here.",
        ),
        explain("orders", Some("weekday"), "whether fewer people bought."),
        explain("basket_value", None, "whether they bought less at a time."),
    ];
    if given.sees_all && store.is_null() {
        steps.push(explain("net_sales", Some("store"), "whether it is all stores or a few."));
    }
    steps.extend([
        Step::call(
            "analyze_sales",
            json!({
                "metrics": metrics, "by": "week", "period": period, "compare_to": compare_to,
                "store": store, "category": category, "product_type": product_type,
            }),
            "when it began, and whether prices or discounts moved with it.",
        ),
        Step::call(
            "inventory_status",
            json!({
                "view": "stock_outs", "store": store, "category": category,
                "product_type": product_type,
            }),
            "whether the shelf was empty.",
        ),
        Step::call(
            "generate_business_insights",
            json!({ "analysis_type": "seasonal_trends", "store": store }),
            "whether the season explains it.",
        ),
        Step::call(
            "compare_with_peers",
            json!({ "metric": "net_sales", "category": category, "store": store, "months": 12 }),
            "whether other stores have it, too.",
        ),
    ]);
    Script {
        task: "Find out whether sales are down, and what the fall is made of.",
        steps,
        mind: &[
            "Name causes that the figures show, and those that they rule out. What is only likely, call likely.",
            "Parts of a change must add up to it: name the rest.",
        ],
    }
}
