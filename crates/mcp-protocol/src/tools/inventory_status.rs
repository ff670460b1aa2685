//! `inventory_status`: what is out, what lasts how long, what does not move, what to order.

use async_trait::async_trait;
use retail_analytics::{InventoryQuestion, InventoryView};
use retail_domain::{Error, Principal, Scope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::analysis::{self, AnalysisAnswer, Desk, SealedQuestion};
use super::{Answered, RetailTool};

pub(crate) struct InventoryStatus {
    desk: Desk,
}

impl InventoryStatus {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum View {
    #[default]
    Summary,
    StockOuts,
    Cover,
    SlowMovers,
    Reorder,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    #[serde(default)]
    view: View,
    /// Head office only
    store: Option<String>,
    category: Option<String>,
    product_type: Option<String>,
    /// Days until an order arrives
    #[serde(default = "default_lead")]
    #[schemars(range(min = 1, max = 180))]
    lead_days: u32,
    /// Days that it is to last
    #[serde(default = "default_cover")]
    #[schemars(range(min = 1, max = 365))]
    cover_days: u32,
    /// Most rows
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 500))]
    limit: u32,
    /// Also give the SQL
    #[serde(default)]
    show_sql: bool,
}

fn default_lead() -> u32 {
    7
}

fn default_cover() -> u32 {
    28
}

fn default_limit() -> u32 {
    15
}

#[async_trait]
impl RetailTool for InventoryStatus {
    const NAME: &'static str = "inventory_status";
    const TITLE: &'static str = "Inventory status";
    const SCOPE: Scope = Scope::Sql;
    type Arguments = Arguments;
    type Answer = AnalysisAnswer;

    fn description(&self) -> String {
        "Stock: summary, stock_outs, cover (days), slow_movers, reorder (how much to order, with inputs \
         and confidence)."
            .to_owned()
    }

    async fn call(
        &self,
        principal: &Principal,
        arguments: Arguments,
    ) -> Result<Answered<AnalysisAnswer>, Error> {
        let sealed = SealedQuestion::new(Self::NAME, &arguments, None);
        let view = match arguments.view {
            View::Summary => InventoryView::Summary,
            View::StockOuts => InventoryView::StockOuts,
            View::Cover => InventoryView::Cover,
            View::SlowMovers => InventoryView::SlowMovers,
            View::Reorder => InventoryView::Reorder,
        };
        let mut question = InventoryQuestion::new(view);
        question.lead_days = arguments.lead_days;
        question.cover_days = arguments.cover_days;
        question.limit = arguments.limit;
        question.filter =
            analysis::filter(arguments.store, arguments.category, arguments.product_type, None);
        let found = self.desk.analyst.inventory_status(principal, &question).await?;
        analysis::answered(&self.desk, principal, found, &sealed, arguments.show_sql)
    }
}
