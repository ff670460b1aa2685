//! `analyze_sales`: governed metrics by dimension.

use async_trait::async_trait;
use retail_analytics::metric::{Dimension, METRICS, Metric};
use retail_analytics::{SalesQuestion, SalesTemplate};
use retail_domain::{Error, ErrorCode, Principal, Scope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::analysis::{self, AnalysisAnswer, Desk, PeriodArguments, SealedQuestion};
use super::{Answered, RetailTool};

pub(crate) struct AnalyzeSales {
    desk: Desk,
}

impl AnalyzeSales {
    pub(crate) fn new(desk: Desk) -> Self {
        Self { desk }
    }
}

/// What is asked: a named question, or metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum QueryType {
    #[default]
    Metric,
    DailySales,
    TopProducts,
    CustomerAnalysis,
    CategoryPerformance,
    SalesTrends,
}

impl QueryType {
    fn template(self) -> Option<SalesTemplate> {
        Some(match self {
            Self::Metric => return None,
            Self::DailySales => SalesTemplate::DailySales,
            Self::TopProducts => SalesTemplate::TopProducts,
            Self::CustomerAnalysis => SalesTemplate::CustomerAnalysis,
            Self::CategoryPerformance => SalesTemplate::CategoryPerformance,
            Self::SalesTrends => SalesTemplate::SalesTrends,
        })
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// `metric`, or a fixed report
    #[serde(default)]
    query_type: QueryType,
    /// 1 to 5 metric names; default `net_sales`
    metrics: Option<Vec<String>>,
    /// Dimension: `day, week, month, quarter, year, retail_week, retail_month, retail_quarter, weekday, store,
    /// category, product_type, product`
    by: Option<String>,
    /// Default `last 30 days`
    period: Option<String>,
    /// YYYY-MM-DD, instead of period
    start_date: Option<String>,
    /// YYYY-MM-DD
    end_date: Option<String>,
    /// `previous period`, `same period last year`, `same weeks last year`, or a period
    compare_to: Option<String>,
    /// Head office only
    store: Option<String>,
    category: Option<String>,
    product_type: Option<String>,
    sku: Option<String>,
    /// Most rows; `by` time gives all, up to 400
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 500))]
    limit: u32,
    /// Also give the SQL
    #[serde(default)]
    show_sql: bool,
}

fn default_limit() -> u32 {
    20
}

#[async_trait]
impl RetailTool for AnalyzeSales {
    const NAME: &'static str = "analyze_sales";
    const TITLE: &'static str = "Analyze sales";
    const SCOPE: Scope = Scope::Sql;
    type Arguments = Arguments;
    type Answer = AnalysisAnswer;

    fn description(&self) -> String {
        let names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
        format!(
            "The company's own figures, each defined once: prefer this to SQL for numbers. Metrics: {}. \
             Definitions: resource retail://metrics/{{name}}.\n\
             Periods, here and in the other tools, are phrases that the server resolves: 'last month', \
             'Q3 2026', 'July 2026', 'last 30 days', 'season to date', 'FY2025', '2026-07-01..2026-09-30'. \
             Repeat the dates of the answer to the user.",
            names.join(", ")
        )
    }

    async fn call(
        &self,
        principal: &Principal,
        arguments: Arguments,
    ) -> Result<Answered<AnalysisAnswer>, Error> {
        let analyst = &self.desk.analyst;
        let times = PeriodArguments {
            period: arguments.period.clone(),
            start_date: arguments.start_date.clone(),
            end_date: arguments.end_date.clone(),
            days: None,
            compare_to: arguments.compare_to.clone(),
        };
        let asked = times.resolve(analyst, "last 30 days")?;
        let sealed = SealedQuestion::new(Self::NAME, &arguments, Some(&asked));
        let Arguments { query_type, metrics, by, limit, show_sql, .. } = arguments;
        let filter = analysis::filter(
            arguments.store,
            arguments.category,
            arguments.product_type,
            arguments.sku,
        );
        let found = if let Some(template) = query_type.template() {
            if metrics.is_some() || by.is_some() || asked.compared_with.is_some() {
                let message = "a fixed report has its own metrics, 'by' and comparison";
                return Err(Error::new(ErrorCode::InvalidArgument, message)
                    .with_hint("leave 'metrics', 'by' and 'compare_to' out, or 'query_type'"));
            }
            analyst.sales_template(principal, template, asked.period, &filter, limit).await?
        } else {
            let names = metrics.unwrap_or_else(|| vec!["net_sales".to_owned()]);
            let metrics =
                names.iter().map(|name| Metric::find(name)).collect::<Result<Vec<_>, Error>>()?;
            let first = *metrics.first().ok_or_else(|| {
                Error::new(ErrorCode::InvalidArgument, "'metrics' is empty")
                    .with_hint("leave it out for net_sales")
            })?;
            let mut question = SalesQuestion::new(first, asked.period);
            question.metrics = metrics;
            question.by = by.as_deref().map(str::parse::<Dimension>).transpose()?;
            question.compared_with = asked.compared_with;
            question.filter = filter;
            question.limit = limit;
            analyst.analyze_sales(principal, &question).await?
        };
        analysis::answered(&self.desk, principal, found, &sealed, show_sql)
    }
}
