//! What to promote.

use serde_json::json;

use super::Prompt;
use super::argument::{Argument, Kind};
use super::given::Given;
use super::script::{Script, Step};

pub(super) const PROMPT: Prompt = Prompt {
    name: "prepare_a_promotion",
    title: "Prepare a promotion",
    description: "What to promote in a category: what sells at which discount, what there is enough of, what \
                  goes with it, and what to expect.",
    arguments: &[
        Argument {
            name: "category",
            title: "Category",
            description: "The category to promote, such as GARDEN & OUTDOOR.",
            kind: Kind::Category,
            is_required: true,
            default: None,
        },
        Argument::PRODUCT_TYPE,
        Argument {
            name: "goal",
            title: "Goal",
            description: "What it is for: sell_more, clear_stock or win_customers. Default: sell_more.",
            kind: Kind::OneOf(&["sell_more", "clear_stock", "win_customers"]),
            is_required: false,
            default: Some("sell_more"),
        },
        Argument {
            name: "when",
            title: "When",
            description: "When it is to run, in words: the first week of May.",
            kind: Kind::Text,
            is_required: false,
            default: None,
        },
        Argument::STORE,
    ],
    needs: &["analyze_sales", "inventory_status"],
    script,
};

fn script(given: &Given) -> Script {
    let (store, category) = (given.value("store"), given.value("category"));
    let product_type = given.value("product_type");
    let sales = |query: serde_json::Value, why| {
        let mut arguments = json!({
            "period": "last 12 months",
            "store": store, "category": category, "product_type": product_type,
        });
        if let (Some(arguments), serde_json::Value::Object(query)) =
            (arguments.as_object_mut(), query)
        {
            arguments.extend(query);
        }
        Step::call("analyze_sales", arguments, why)
    };
    let stock = |view: &str, why| {
        let arguments = json!({
            "view": view, "store": store, "category": category, "product_type": product_type,
        });
        Step::call("inventory_status", arguments, why)
    };
    let metrics = given.metrics(&["net_sales", "units", "discount_rate", "average_price"]);
    let mut steps = vec![
        sales(
            json!({ "metrics": metrics, "by": "month" }),
            "how it sold over the year, and what discounts did.",
        ),
        sales(json!({ "query_type": "top_products", "limit": 10 }), "what sells by itself."),
    ];
    if given.is("goal", "clear_stock") {
        steps.push(stock("slow_movers", "what there is too much of."));
    }
    if given.is("goal", "win_customers") {
        steps.push(Step::call(
            "generate_business_insights",
            json!({ "analysis_type": "customer_segmentation", "period": "last 12 months", "store": store }),
            "which customers there are to win back.",
        ));
    }
    steps.extend([
        stock(
            "cover",
            "whether there is enough for a promotion: what runs out is not to be promoted.",
        ),
        Step::call(
            "hybrid_product_search",
            json!({ "query": category }),
            "how the products are described, for the words of the promotion.",
        ),
        Step::call(
            "forecast_sales",
            json!({
                "metric": "units", "grain": "week", "horizon": 8, "store": store,
                "category": category, "product_type": product_type,
            }),
            "what would be sold without a promotion: what it has to beat.",
        ),
    ]);
    Script {
        task: "Propose one promotion: which products, which discount, how long, and how to tell whether it worked.",
        steps,
        mind: &[
            "Propose three to five products, each with its price, stock and the reason.",
            "Say what the promotion must sell to pay for its discount, and which metric will show it.",
            "The data do not say what a discount caused: call its effect an expectation.",
        ],
    }
}
