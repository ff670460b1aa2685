//! `generate_business_insights`: what the figures of a period say.

mod products;
mod seasons;
mod segments;
mod summary;

use retail_domain::{Error, Principal};
use serde::{Deserialize, Serialize};

use crate::Analyst;
use crate::analysis::{Analysis, Provenance};
use crate::calendar::Period;
use crate::metric::Metric;
use crate::statement::Filter;

/// What is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Insight {
    /// The period at a glance, against the one before.
    #[default]
    Summary,
    /// Customers by recency, frequency and monetary value.
    CustomerSegmentation,
    /// Products by ABC class, and those that moved most.
    ProductPerformance,
    /// How each calendar month differs from the mean of its year.
    SeasonalTrends,
}

/// A question about insights.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InsightQuestion {
    /// What is looked at.
    pub insight: Insight,
    /// The period. Seasons are of whole years, whatever it is.
    pub period: Period,
    /// Names that the rows are confined to.
    pub filter: Filter,
    /// At most as many rows.
    pub limit: u32,
}

impl InsightQuestion {
    /// A question about all that the caller may see.
    pub fn new(insight: Insight, period: Period) -> Self {
        Self { insight, period, filter: Filter::default(), limit: 10 }
    }
}

impl Analyst {
    /// Says what the figures of a period say.
    ///
    /// # Errors
    /// Those of [`Self::analyze_sales`].
    pub async fn insights(
        &self,
        principal: &Principal,
        question: &InsightQuestion,
    ) -> Result<Analysis, Error> {
        let mut provenance = Provenance::default();
        let filter = self.filter(principal, &question.filter, &mut provenance).await?;
        let (mut analysis, metrics): (Analysis, &[&str]) = match question.insight {
            Insight::Summary => (
                self.summary(principal, question, &filter, &mut provenance).await?,
                &["net_sales", "orders", "units", "basket_value", "active_customers"],
            ),
            Insight::CustomerSegmentation => (
                self.segments(principal, question, &filter, &mut provenance).await?,
                &["net_sales", "orders"],
            ),
            Insight::ProductPerformance => (
                self.product_performance(principal, question, &filter, &mut provenance).await?,
                &["net_sales"],
            ),
            Insight::SeasonalTrends => {
                (self.seasons(principal, &filter, &mut provenance).await?, &["net_sales"])
            }
        };
        analysis.provenance = provenance;
        if question.insight != Insight::SeasonalTrends {
            analysis.title.push_str(&filter.suffix());
        }
        for name in metrics {
            let metric = Metric::find(name)?;
            analysis.provenance.metrics.insert(format!("{}@{}", metric.name, metric.version));
        }
        if question.insight != Insight::SeasonalTrends {
            if let Some(note) = &question.period.note {
                analysis.note(note.clone());
            }
            analysis.period = Some(question.period.clone());
        }
        Ok(analysis)
    }
}
