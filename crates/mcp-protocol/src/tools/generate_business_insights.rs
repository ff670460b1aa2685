//! `generate_business_insights`: what the figures of a period say.

use async_trait::async_trait;
use retail_analytics::{Insight, InsightQuestion};
use retail_domain::{Error, Principal, Scope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::analysis::{self, AnalysisAnswer, Desk, PeriodArguments, SealedQuestion};
use super::{Answered, RetailTool};

pub(crate) struct GenerateBusinessInsights {
    desk: Desk,
}

impl GenerateBusinessInsights {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum AnalysisType {
    #[default]
    Summary,
    CustomerSegmentation,
    ProductPerformance,
    SeasonalTrends,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    #[serde(default)]
    analysis_type: AnalysisType,
    /// The last days; default 30, for segments 365
    #[schemars(range(min = 1, max = 365))]
    days: Option<u32>,
    /// Instead of days
    period: Option<String>,
    /// Head office only
    store: Option<String>,
    category: Option<String>,
    product_type: Option<String>,
    /// Most rows
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
impl RetailTool for GenerateBusinessInsights {
    const NAME: &'static str = "generate_business_insights";
    const TITLE: &'static str = "Business insights";
    const SCOPE: Scope = Scope::Sql;
    type Arguments = Arguments;
    type Answer = AnalysisAnswer;

    fn description(&self) -> String {
        "A period at a glance: summary (against the period and the year before), customer_segmentation \
         (recency, frequency, monetary value), product_performance (ABC classes, best, risers, \
         fallers), seasonal_trends (index of each month)."
            .to_owned()
    }

    async fn call(
        &self,
        principal: &Principal,
        arguments: Arguments,
    ) -> Result<Answered<AnalysisAnswer>, Error> {
        let insight = match arguments.analysis_type {
            AnalysisType::Summary => Insight::Summary,
            AnalysisType::CustomerSegmentation => Insight::CustomerSegmentation,
            AnalysisType::ProductPerformance => Insight::ProductPerformance,
            AnalysisType::SeasonalTrends => Insight::SeasonalTrends,
        };
        let default = match insight {
            Insight::CustomerSegmentation => "last 365 days",
            _ => "last 30 days",
        };
        let has_period = insight != Insight::SeasonalTrends;
        let is_ignored = !has_period && (arguments.period.is_some() || arguments.days.is_some());
        let times = PeriodArguments {
            period: arguments.period.clone().filter(|_| has_period),
            days: arguments.days.filter(|_| has_period),
            ..PeriodArguments::default()
        };
        let asked = times.resolve(&self.desk.analyst, default)?;
        let sealed = SealedQuestion::new(Self::NAME, &arguments, Some(&asked));
        let mut question = InsightQuestion::new(insight, asked.period);
        question.limit = arguments.limit;
        question.filter =
            analysis::filter(arguments.store, arguments.category, arguments.product_type, None);
        let mut found = self.desk.analyst.insights(principal, &question).await?;
        if is_ignored {
            let note = "Seasons are of all complete months: 'period' and 'days' do not apply.";
            found.notes.push(note.to_owned());
        }
        analysis::answered(&self.desk, principal, found, &sealed, arguments.show_sql)
    }
}
