//! `explain_change`: why a metric moved.

use async_trait::async_trait;
use retail_analytics::ChangeQuestion;
use retail_analytics::metric::{Dimension, Metric};
use retail_domain::{Error, Principal, Scope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::analysis::{self, AnalysisAnswer, Desk, PeriodArguments, SealedQuestion};
use super::{Answered, RetailTool};

pub(crate) struct ExplainChange {
    desk: Desk,
}

impl ExplainChange {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Explained {
    #[default]
    NetSales,
    Units,
    Orders,
    BasketValue,
}

impl Explained {
    fn name(self) -> &'static str {
        match self {
            Self::NetSales => "net_sales",
            Self::Units => "units",
            Self::Orders => "orders",
            Self::BasketValue => "basket_value",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    #[serde(default)]
    metric: Explained,
    /// Default `last month`
    period: Option<String>,
    /// Default `same period last year`
    compare_to: Option<String>,
    /// Parts: `category, product_type, product, store`
    by: Option<String>,
    /// Head office only
    store: Option<String>,
    category: Option<String>,
    product_type: Option<String>,
    /// Most parts
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 100))]
    limit: u32,
    /// Also give the SQL
    #[serde(default)]
    show_sql: bool,
}

fn default_limit() -> u32 {
    5
}

#[async_trait]
impl RetailTool for ExplainChange {
    const NAME: &'static str = "explain_change";
    const TITLE: &'static str = "Explain a change";
    const SCOPE: Scope = Scope::Sql;
    type Arguments = Arguments;
    type Answer = AnalysisAnswer;

    fn description(&self) -> String {
        "Why a metric moved between two periods: volume, stores, mix, stock-outs, prices, discounts, and \
         what each part adds. Contributions sum to the change exactly."
            .to_owned()
    }

    async fn call(
        &self,
        principal: &Principal,
        arguments: Arguments,
    ) -> Result<Answered<AnalysisAnswer>, Error> {
        let analyst = &self.desk.analyst;
        let compare_to = arguments.compare_to.clone().filter(|phrase| !phrase.trim().is_empty());
        let times = PeriodArguments {
            period: arguments.period.clone(),
            compare_to: Some(compare_to.unwrap_or_else(|| "same period last year".to_owned())),
            ..PeriodArguments::default()
        };
        let asked = times.resolve(analyst, "last month")?;
        let sealed = SealedQuestion::new(Self::NAME, &arguments, Some(&asked));
        let before =
            asked.compared_with.ok_or_else(|| Error::internal("a comparison was asked for"))?;
        let metric = Metric::find(arguments.metric.name())?;
        let mut question = ChangeQuestion::new(metric, asked.period, before);
        question.by = arguments.by.as_deref().map(str::parse::<Dimension>).transpose()?;
        question.limit = arguments.limit;
        question.filter =
            analysis::filter(arguments.store, arguments.category, arguments.product_type, None);
        let found = analyst.explain_change(principal, &question).await?;
        analysis::answered(&self.desk, principal, found, &sealed, arguments.show_sql)
    }
}
