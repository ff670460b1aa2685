//! `compare_with_peers`: how a store stands among the others.

use async_trait::async_trait;
use retail_analytics::{PeerMetric, PeerQuestion};
use retail_domain::{Error, Principal, Scope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::analysis::{self, AnalysisAnswer, Desk, SealedQuestion};
use super::{Answered, RetailTool};

pub(crate) struct CompareWithPeers {
    desk: Desk,
}

impl CompareWithPeers {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Compared {
    #[default]
    NetSales,
    Units,
    Orders,
    BasketValue,
    BasketSize,
    DiscountRate,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    #[serde(default)]
    metric: Compared,
    /// For `net_sales` and `units`
    category: Option<String>,
    /// Head office only; without it, all stores of the newest month
    store: Option<String>,
    /// Months looked back
    #[serde(default = "default_months")]
    #[schemars(range(min = 1, max = 36))]
    months: u32,
    /// Also give the SQL
    #[serde(default)]
    show_sql: bool,
}

fn default_months() -> u32 {
    12
}

#[async_trait]
impl RetailTool for CompareWithPeers {
    const NAME: &'static str = "compare_with_peers";
    const TITLE: &'static str = "Compare with peers";
    const SCOPE: Scope = Scope::Sql;
    type Arguments = Arguments;
    type Answer = AnalysisAnswer;

    fn description(&self) -> String {
        "A store's monthly rank and percentile among all stores, and the others' mean where it tells of no \
         single store. No other store's figures can be had; head office sees names."
            .to_owned()
    }

    async fn call(
        &self,
        principal: &Principal,
        arguments: Arguments,
    ) -> Result<Answered<AnalysisAnswer>, Error> {
        let sealed = SealedQuestion::new(Self::NAME, &arguments, None);
        let mut question = PeerQuestion::new(match arguments.metric {
            Compared::NetSales => PeerMetric::NetSales,
            Compared::Units => PeerMetric::Units,
            Compared::Orders => PeerMetric::Orders,
            Compared::BasketValue => PeerMetric::BasketValue,
            Compared::BasketSize => PeerMetric::BasketSize,
            Compared::DiscountRate => PeerMetric::DiscountRate,
        });
        question.category = arguments.category;
        question.store = arguments.store;
        question.months = arguments.months;
        let found = self.desk.analyst.compare_with_peers(principal, &question).await?;
        analysis::answered(&self.desk, principal, found, &sealed, arguments.show_sql)
    }
}
