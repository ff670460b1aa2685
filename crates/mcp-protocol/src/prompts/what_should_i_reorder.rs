//! What to order.

use serde_json::json;

use super::Prompt;
use super::argument::{Argument, Kind};
use super::given::Given;
use super::script::{Script, Step};

pub(super) const PROMPT: Prompt = Prompt {
    name: "what_should_i_reorder",
    title: "What should I reorder?",
    description: "A list to order from: products that run out before a delivery can come, how many pieces, \
                  and what is expected to sell.",
    arguments: &[
        Argument::CATEGORY,
        Argument::PRODUCT_TYPE,
        Argument {
            name: "lead_days",
            title: "Days until delivery",
            description: "Days from an order to its delivery, 1 to 90. Default: 7.",
            kind: Kind::Number { min: 1, max: 90 },
            is_required: false,
            default: Some("7"),
        },
        Argument {
            name: "cover_days",
            title: "Days to cover",
            description: "Days that an order is to last, 1 to 180. Default: 28.",
            kind: Kind::Number { min: 1, max: 180 },
            is_required: false,
            default: Some("28"),
        },
        Argument::STORE,
    ],
    needs: &["inventory_status"],
    script,
};

fn script(given: &Given) -> Script {
    let (store, category) = (given.value("store"), given.value("category"));
    let product_type = given.value("product_type");
    let view = |view: &str, why| {
        let arguments = json!({
            "view": view, "lead_days": given.value("lead_days"), "cover_days": given.value("cover_days"),
            "store": store, "category": category, "product_type": product_type,
        });
        Step::call("inventory_status", arguments, why)
    };
    let steps = vec![
        view("reorder", "what to order, and how many pieces."),
        view("stock_outs", "what is sold out already, and what that costs in sales."),
        Step::call(
            "forecast_sales",
            json!({
                "metric": "units", "grain": "week", "horizon": 8, "store": store,
                "category": category, "product_type": product_type,
            }),
            "whether demand rises or falls: the order follows the pace of the days before.",
        ),
        view("slow_movers", "what not to order, though there is little of it."),
    ];
    Script {
        task: "Make a list to order from, the most urgent first.",
        steps,
        mind: &[
            "Give the list as a table: product, SKU, pieces in stock, days that they last, pieces to order.",
            "What is on order already is not in the data: ask for it before anything is ordered. Order nothing yourself.",
        ],
    }
}
