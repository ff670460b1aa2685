//! What there is to ask.

use serde_json::json;

use super::Prompt;
use super::argument::{Argument, Kind};
use super::given::Given;
use super::script::{Script, Step};

pub(super) const PROMPT: Prompt = Prompt {
    name: "onboarding",
    title: "What can I ask?",
    description: "Shows a new user what they see, how the business is doing, and five questions to begin with.",
    arguments: &[
        Argument {
            name: "topic",
            title: "Topic",
            description: "What the user cares about most: sales, stock, customers or products. Default: sales.",
            kind: Kind::OneOf(&["sales", "stock", "customers", "products"]),
            is_required: false,
            default: Some("sales"),
        },
        Argument::STORE,
    ],
    needs: &["generate_business_insights"],
    script,
};

fn script(given: &Given) -> Script {
    let store = given.value("store");
    let insights = |analysis: &str, why| {
        let arguments =
            json!({ "analysis_type": analysis, "period": "last 30 days", "store": store });
        Step::call("generate_business_insights", arguments, why)
    };
    let on_topic = "what the user cares about most.";
    let topic = if given.is("topic", "stock") {
        Step::call("inventory_status", json!({ "view": "summary", "store": store }), on_topic)
    } else if given.is("topic", "customers") {
        insights("customer_segmentation", on_topic)
    } else if given.is("topic", "products") {
        insights("product_performance", on_topic)
    } else {
        Step::call(
            "analyze_sales",
            json!({
                "metrics": given.metrics(&["net_sales", "orders"]), "by": "week",
                "period": "last 12 weeks", "store": store,
            }),
            on_topic,
        )
    };
    Script {
        task: "Welcome a new user: say what they can see and ask here, with their own figures as the example.",
        steps: vec![
            Step::Read {
                uri: "retail://store",
                why: "which store, which rights, how new the data are.",
            },
            Step::Read { uri: "retail://metrics", why: "what is counted, and how it is called." },
            insights("summary", "how the business is doing."),
            topic,
        ],
        mind: &[
            "Say in one sentence what the user sees and what not.",
            "Close with five questions that the user can ask next, each in one line, about what these figures show.",
        ],
    }
}
