//! `forecast_sales`: how sales may go on.

use async_trait::async_trait;
use retail_analytics::metric::Metric;
use retail_analytics::{ForecastQuestion, Step};
use retail_domain::{Error, Principal, Scope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::analysis::{self, AnalysisAnswer, Desk, SealedQuestion};
use super::{Answered, RetailTool};

pub(crate) struct ForecastSales {
    desk: Desk,
}

impl ForecastSales {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Forecast {
    #[default]
    NetSales,
    Units,
    Orders,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Grain {
    Week,
    #[default]
    Month,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    #[serde(default)]
    metric: Forecast,
    #[serde(default)]
    grain: Grain,
    /// Weeks or months ahead; at most 12 months or 26 weeks
    #[serde(default = "default_horizon")]
    #[schemars(range(min = 1, max = 26))]
    horizon: u32,
    /// Of the interval: 80 or 95 percent
    #[serde(default = "default_level")]
    #[schemars(range(min = 80, max = 95))]
    level: u32,
    /// Head office only
    store: Option<String>,
    category: Option<String>,
    product_type: Option<String>,
    /// Also give the SQL
    #[serde(default)]
    show_sql: bool,
}

fn default_horizon() -> u32 {
    3
}

fn default_level() -> u32 {
    80
}

#[async_trait]
impl RetailTool for ForecastSales {
    const NAME: &'static str = "forecast_sales";
    const TITLE: &'static str = "Forecast sales";
    const SCOPE: Scope = Scope::Sql;
    type Arguments = Arguments;
    type Answer = AnalysisAnswer;

    fn description(&self) -> String {
        "Sales of the coming weeks or months, with intervals and the error of backtests: say both. \
         Refused where the history is too short."
            .to_owned()
    }

    async fn call(
        &self,
        principal: &Principal,
        arguments: Arguments,
    ) -> Result<Answered<AnalysisAnswer>, Error> {
        let sealed = SealedQuestion::new(Self::NAME, &arguments, None);
        let metric = match arguments.metric {
            Forecast::NetSales => "net_sales",
            Forecast::Units => "units",
            Forecast::Orders => "orders",
        };
        let mut question = ForecastQuestion::new(Metric::find(metric)?);
        question.step = match arguments.grain {
            Grain::Week => Step::Week,
            Grain::Month => Step::Month,
        };
        question.horizon = arguments.horizon;
        question.level_percent = arguments.level;
        question.filter =
            analysis::filter(arguments.store, arguments.category, arguments.product_type, None);
        let found = self.desk.analyst.forecast_sales(principal, &question).await?;
        analysis::answered(&self.desk, principal, found, &sealed, arguments.show_sql)
    }
}
