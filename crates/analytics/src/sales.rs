//! `analyze_sales`: metrics by dimension, and the named questions of the reference system.

mod named;
mod table;

use std::fmt::Write as _;

use retail_domain::{Error, ErrorCode, Principal};

use crate::Analyst;
use crate::analysis::Analysis;
use crate::analyst::{check_scope, sees_all};
use crate::calendar::Period;
use crate::metric::{Dimension, Formula, Measure, Metric, Source};
use crate::statement::{Ask, Filter};

pub use named::SalesTemplate;

/// The most metrics of one question.
pub const MAX_METRICS: usize = 5;

/// Days before the period that `like_for_like_growth` compares with: 52 whole weeks.
const COMPARABLE_DAYS: u64 = 364;

/// A question about metrics.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SalesQuestion {
    /// The metrics, the first of which decides the order.
    pub metrics: Vec<&'static Metric>,
    /// What they are split by.
    pub by: Option<Dimension>,
    /// The period.
    pub period: Period,
    /// The period to compare with.
    pub compared_with: Option<Period>,
    /// Names that the rows are confined to.
    pub filter: Filter,
    /// At most as many rows.
    pub limit: u32,
    /// The tables to read: `None` for those that read the fewest rows. For tests, which compare them.
    pub source: Option<Source>,
}

impl SalesQuestion {
    /// A question about one metric of all that the caller may see.
    pub fn new(metric: &'static Metric, period: Period) -> Self {
        Self {
            metrics: vec![metric],
            by: None,
            period,
            compared_with: None,
            filter: Filter::default(),
            limit: 20,
            source: None,
        }
    }

    /// Refuses what has no meaning.
    fn check(&self, principal: &Principal) -> Result<(), Error> {
        let refuse = |message: String, hint: &str| {
            Err(Error::new(ErrorCode::InvalidArgument, message).with_hint(hint))
        };
        if self.metrics.is_empty() || self.metrics.len() > MAX_METRICS {
            return refuse(
                format!("'metrics' must have 1 to {MAX_METRICS} names"),
                "ask for the others in another call",
            );
        }
        for (position, metric) in self.metrics.iter().enumerate() {
            check_scope(metric, principal)?;
            if self.metrics.iter().take(position).any(|before| before.name == metric.name) {
                return refuse(
                    format!("'metrics' has '{}' twice", metric.name),
                    "name each metric once",
                );
            }
            if let Some(by) = self.by
                && !metric.allows(by)
            {
                let names: Vec<&str> =
                    metric.dimensions.iter().map(|dimension| dimension.as_str()).collect();
                return refuse(
                    format!("'{}' cannot be split by {by}", metric.name),
                    &format!("it can be split by {}", names.join(", ")),
                );
            }
            let is_stock = metric.formula.measures().iter().any(|measure| is_of_stock(*measure));
            if is_stock && self.compared_with.is_some() {
                return refuse(
                    format!(
                        "'{}' cannot be compared: the data have no stock of the past",
                        metric.name
                    ),
                    "leave 'compare_to' out",
                );
            }
        }
        Ok(())
    }
}

fn is_of_stock(measure: Measure) -> bool {
    matches!(
        measure,
        Measure::Stock
            | Measure::Ranged
            | Measure::OutOfStock
            | Measure::RecentUnits
            | Measure::LostSales
    )
}

impl Analyst {
    /// Answers a question about metrics.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] for metrics that cannot be split so, [`ErrorCode::NotFound`] for names that
    /// the caller cannot see, [`ErrorCode::Forbidden`] for costs without the right, and those of
    /// [`QueryRunner::run`](retail_domain::ports::QueryRunner::run).
    pub async fn analyze_sales(
        &self,
        principal: &Principal,
        question: &SalesQuestion,
    ) -> Result<Analysis, Error> {
        question.check(principal)?;
        let metric = question.metrics.first().ok_or_else(|| Error::internal("no metric"))?;
        let mut provenance = crate::Provenance::default();
        let filter = self.filter(principal, &question.filter, &mut provenance).await?;
        let comparable = matches!(metric.formula, Formula::Growth(..));
        let mut analysis = if comparable {
            self.like_for_like(principal, question, &filter, &mut provenance).await?
        } else {
            let groups = self.measured(principal, question, &filter, &mut provenance).await?;
            table::build(question, &groups, self.calendar(), self.today())
        };
        analysis.title = title(question, &filter);
        analysis.period = Some(question.period.clone());
        analysis.compared_with = analysis.compared_with.or_else(|| question.compared_with.clone());
        let metrics_and_findings = std::mem::take(&mut analysis.provenance);
        analysis.provenance = provenance;
        analysis.provenance.metrics = metrics_and_findings.metrics;
        for metric in &question.metrics {
            analysis.is_about(metric);
            if matches!(metric.formula, Formula::Of(_))
                && !metric.is_additive
                && question.by.is_some()
            {
                analysis.note(format!(
                    "Parts of {} may be more than the total: what is in several parts counts in each.",
                    metric.name
                ));
            }
        }
        for period in [Some(&question.period), question.compared_with.as_ref()] {
            if let Some(note) = period.and_then(|period| period.note.clone()) {
                analysis.note(note);
            }
        }
        Ok(analysis)
    }

    /// Reads all measures of a question, from as many statements as it has kinds of them.
    async fn measured(
        &self,
        principal: &Principal,
        question: &SalesQuestion,
        filter: &Filter,
        provenance: &mut crate::Provenance,
    ) -> Result<table::Measured, Error> {
        let mut measures: Vec<Measure> =
            question.metrics.iter().flat_map(|metric| metric.formula.measures()).collect();
        measures.sort_unstable();
        measures.dedup();
        // In the order of time nothing is the most of anything; there are as many points as there are.
        let is_time = question.by.is_some_and(Dimension::is_time);
        let first = question.metrics.first().map(|metric| metric.formula);
        let ask = Ask {
            measures,
            by: question.by,
            range: question.period.range,
            before: None,
            filter,
            of_company: sees_all(principal),
            most: first.filter(|_| !is_time && question.by != Some(Dimension::Weekday)),
            limit: if is_time { MAX_POINTS } else { question.limit },
            source: question.source,
        };
        let source = ask.source()?;
        let before = question.compared_with.as_ref().map(|period| period.range);
        // In one statement, unless the groups of both periods are not the same, or each needs a total of its own.
        let in_one = before.is_some() && !is_time && !source.is_of_customers();
        let ask = Ask { before: before.filter(|_| in_one), ..ask };
        // Stores are few, and are sorted here: who is in them is counted behind a second grouping.
        let sorts = source.is_of_customers() && question.by == Some(Dimension::Store);
        let ask = if sorts { Ask { limit: MAX_POINTS, ..ask } } else { ask };
        let mut groups = self.groups(principal, "the period", &ask, provenance).await?;
        if let (true, Some(first)) = (sorts, first) {
            groups.sort_by_most(first, question.limit);
        }
        if source.is_of_customers() && groups.total.is_none() {
            let whole = Ask { by: None, ..ask.clone() };
            groups.total = self.groups(principal, "all groups", &whole, provenance).await?.total;
        }
        let mut earlier = None;
        if let Some(range) = before.filter(|_| !in_one) {
            let ask = Ask { range, ..ask.clone() };
            let mut found = self.groups(principal, "the period before", &ask, provenance).await?;
            if source.is_of_customers() && found.total.is_none() {
                let whole = Ask { by: None, ..ask };
                let total = self.groups(principal, "all groups before", &whole, provenance).await?;
                found.total = total.total;
            }
            earlier = Some(found);
        }
        Ok(table::Measured { groups, earlier, is_in_one: in_one })
    }

    /// `like_for_like_growth`, for which stores are compared one by one.
    async fn like_for_like(
        &self,
        principal: &Principal,
        question: &SalesQuestion,
        filter: &Filter,
        provenance: &mut crate::Provenance,
    ) -> Result<Analysis, Error> {
        if question.metrics.len() > 1 || filter.has_product() {
            let message = "'like_for_like_growth' is about whole stores, and comes alone";
            return Err(Error::new(ErrorCode::InvalidArgument, message)
                .with_hint("ask for it without other metrics, categories or products"));
        }
        let before = match &question.compared_with {
            Some(period) => period.clone(),
            None => self.compared(&question.period, "same weeks last year")?,
        };
        let rows =
            table::comparable(self, principal, question, &before, filter, provenance).await?;
        let mut analysis = rows;
        analysis.compared_with = Some(before);
        analysis.note(format!(
            "Like for like compares with {COMPARABLE_DAYS} days earlier unless 'compare_to' says otherwise."
        ));
        Ok(analysis)
    }
}

/// The most points of a series.
pub(crate) const MAX_POINTS: u32 = 400;

fn title(question: &SalesQuestion, filter: &Filter) -> String {
    let names: Vec<&str> = question.metrics.iter().map(|metric| metric.title).collect();
    let mut title = names.join(", ");
    if let Some(by) = question.by {
        let _ = write!(title, " by {}", by.as_str().replace('_', " "));
    }
    let within = [&filter.store, &filter.category, &filter.product_type, &filter.sku];
    for name in within.into_iter().flatten() {
        let _ = write!(title, ", {name}");
    }
    let _ = write!(title, ", {}", question.period.label);
    if let Some(before) = &question.compared_with {
        let _ = write!(title, " against {}", before.label);
    }
    title
}
