//! `explain_change`: why a metric moved between two periods, in contributions that add up exactly.

mod effects;
mod factors;

use retail_domain::{Error, ErrorCode, Principal};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::Analyst;
use crate::analysis::{Analysis, Provenance, Table, TableColumn};
use crate::calendar::Period;
use crate::figure;
use crate::metric::{Dimension, Measure, Metric, Unit};
use crate::sales::SalesQuestion;
use crate::statement::Filter;

/// The metrics whose changes can be explained.
pub const EXPLAINED: [&str; 4] = ["net_sales", "units", "orders", "basket_value"];

/// Why did a metric move?
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChangeQuestion {
    /// One of [`EXPLAINED`].
    pub metric: &'static Metric,
    /// The later period.
    pub period: Period,
    /// The earlier period.
    pub before: Period,
    /// What parts of the change are shown by. None for the metric's own.
    pub by: Option<Dimension>,
    /// Names that the rows are confined to.
    pub filter: Filter,
    /// At most as many parts; the others are one row.
    pub limit: u32,
}

impl ChangeQuestion {
    /// A question about all that the caller may see.
    pub fn new(metric: &'static Metric, period: Period, before: Period) -> Self {
        Self { metric, period, before, by: None, filter: Filter::default(), limit: 10 }
    }

    fn by(&self) -> Result<Option<Dimension>, Error> {
        let allowed: &[Dimension] = match self.metric.name {
            "net_sales" | "units" => {
                &[Dimension::Category, Dimension::ProductType, Dimension::Product, Dimension::Store]
            }
            "orders" => &[Dimension::Store, Dimension::Weekday],
            _ => &[],
        };
        match self.by {
            // The whole has parts of its own alone: those of baskets overlap.
            None => Ok(allowed.first().copied()),
            Some(by) if allowed.contains(&by) => Ok(Some(by)),
            Some(by) => {
                let names: Vec<&str> = allowed.iter().map(|by| by.as_str()).collect();
                let message = format!("a change of '{}' has no parts by {by}", self.metric.name);
                Err(Error::new(ErrorCode::InvalidArgument, message).with_hint(
                    if names.is_empty() {
                        "leave 'by' out".to_owned()
                    } else {
                        format!("it has parts by {}", names.join(", "))
                    },
                ))
            }
        }
    }
}

impl Analyst {
    /// Explains a change.
    ///
    /// The main table has the contributions of the drivers. Its figures sum to the change, to the cent.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] for a metric that is not one of [`EXPLAINED`], or when nothing was sold in one of
    /// the periods, and those of [`Self::analyze_sales`].
    pub async fn explain_change(
        &self,
        principal: &Principal,
        question: &ChangeQuestion,
    ) -> Result<Analysis, Error> {
        if !EXPLAINED.contains(&question.metric.name) {
            let message = format!("changes of '{}' are not explained", question.metric.name);
            return Err(Error::new(ErrorCode::InvalidArgument, message)
                .with_hint(format!("'metric' may be {}", EXPLAINED.join(", "))));
        }
        let by = question.by()?;
        let of_products =
            question.filter.category.is_some() || question.filter.product_type.is_some();
        if question.metric.name == "orders" && of_products {
            let message =
                "a change of 'orders' cannot be confined to a 'category' or 'product_type'";
            return Err(Error::new(ErrorCode::InvalidArgument, message)
                .with_hint("leave it out, or explain 'net_sales' or 'units'"));
        }
        let mut provenance = Provenance::default();
        let filter = self.filter(principal, &question.filter, &mut provenance).await?;
        let factors = self.factors(principal, question, &filter, &mut provenance).await?;
        let mut analysis = match question.metric.name {
            "net_sales" => self.effects(principal, question, by, &filter, &mut provenance).await?,
            _ => Analysis::new("", factors.clone()),
        };
        if question.metric.name == "net_sales" {
            analysis.more.insert(0, factors);
        } else if let Some(by) = by {
            let parts = self.parts(principal, question, by, &filter, &mut provenance).await?;
            analysis.more.push(parts);
        }
        analysis.title = format!(
            "Why {} moved, {} against {}{}",
            question.metric.title.to_lowercase(),
            question.period.label,
            question.before.label,
            filter.suffix()
        );
        findings(question, &mut analysis);
        analysis.provenance = provenance;
        analysis.uses(question.metric);
        for note in [&question.period.note, &question.before.note].into_iter().flatten() {
            analysis.note(note.clone());
        }
        if question.period.range.days() != question.before.range.days() {
            analysis.note(format!(
                "The periods are not of the same length: {} days against {}.",
                question.period.range.days(),
                question.before.range.days()
            ));
        }
        analysis.period = Some(question.period.clone());
        analysis.compared_with = Some(question.before.clone());
        Ok(analysis)
    }

    /// What each part of the business adds to the change.
    async fn parts(
        &self,
        principal: &Principal,
        question: &ChangeQuestion,
        by: Dimension,
        filter: &Filter,
        provenance: &mut Provenance,
    ) -> Result<Table, Error> {
        let mut asked = SalesQuestion::new(question.metric, question.period.clone());
        asked.by = Some(by);
        asked.compared_with = Some(question.before.clone());
        asked.filter = filter.clone();
        asked.limit = 900;
        let answer = self.analyze_sales(principal, &asked).await?;
        provenance.statements.extend(answer.provenance.statements);
        let unit = question.metric.unit;
        let names = answer.table.columns.iter().take_while(|column| column.unit.is_none()).count();
        let (Some(now), Some(change)) = (
            answer.table.column(question.metric.name),
            answer.table.column(&format!("{}_change", question.metric.name)),
        ) else {
            return Err(Error::internal("a comparison has no change"));
        };
        let mut parts = Vec::new();
        for row in answer.table.rows {
            let figure = |at: usize| row.get(at).map_or(Ok(None), figure::decimal);
            let (change, now) =
                (figure(change)?.unwrap_or_default(), figure(now)?.unwrap_or_default());
            parts.push(Part {
                key: row.into_iter().take(names).collect(),
                figures: vec![now - change, now, change],
            });
        }
        let columns = answer.table.columns.into_iter().take(names).collect();
        let figures = vec![
            TableColumn::figure("before", unit),
            TableColumn::figure("now", unit),
            TableColumn::figure("change", unit),
        ];
        Ok(part_table(by, columns, figures, parts, question.limit))
    }
}

/// A part of a change: its name, and figures of which the last is the change.
struct Part {
    key: Vec<Value>,
    figures: Vec<Decimal>,
}

/// The parts that moved most, all others in one row, and the total.
fn part_table(
    by: Dimension,
    names: Vec<TableColumn>,
    figures: Vec<TableColumn>,
    mut parts: Vec<Part>,
    limit: u32,
) -> Table {
    let change = |part: &Part| part.figures.last().copied().unwrap_or_default().abs();
    parts.sort_by_key(|part| std::cmp::Reverse(change(part)));
    let units: Vec<Unit> = figures.iter().filter_map(|column| column.unit).collect();
    let width = names.len();
    let sum = |parts: &[Part]| -> Vec<Decimal> {
        (0..units.len())
            .map(|at| parts.iter().filter_map(|part| part.figures.get(at)).sum())
            .collect()
    };
    let row = |mut key: Vec<Value>, figures: &[Decimal]| -> Vec<Value> {
        key.resize(width, Value::Null);
        let figures = figures.iter().zip(&units);
        key.extend(figures.map(|(figure, unit)| figure::json(Some(*figure), *unit)));
        key
    };
    let limit = (limit as usize).min(parts.len());
    let (shown, others) = parts.split_at(limit);
    let mut rows: Vec<Vec<Value>> =
        shown.iter().map(|part| row(part.key.clone(), &part.figures)).collect();
    if !others.is_empty() {
        let name = format!("{} others", others.len());
        rows.push(row(vec![json!(name)], &sum(others)));
    }
    let total = row(vec![json!("total")], &sum(&parts));
    let name = match by {
        Dimension::Store => "by_store",
        Dimension::Category => "by_category",
        Dimension::ProductType => "by_product_type",
        Dimension::Product => "by_product",
        _ => "by_weekday",
    };
    let mut table = Table::new(name, [names, figures].concat(), rows);
    table.total = Some(total);
    table
}

/// Rounds parts so that they sum to the rounded whole: what rounding leaves goes to the greatest part.
pub(crate) fn exact(parts: &[Decimal], whole: Decimal, unit: Unit) -> Vec<Decimal> {
    let mut rounded: Vec<Decimal> = parts.iter().map(|part| figure::rounded(*part, unit)).collect();
    let left = figure::rounded(whole, unit) - rounded.iter().copied().sum::<Decimal>();
    let greatest = rounded.iter_mut().max_by_key(|part| part.abs());
    if let Some(greatest) = greatest {
        *greatest += left;
    }
    rounded
}

/// The change, and the drivers that move it most.
fn findings(question: &ChangeQuestion, analysis: &mut Analysis) {
    let table = &analysis.table;
    let unit = question.metric.unit;
    let (Some(name), Some(at)) = (table.column("driver"), table.column("contribution")) else {
        return;
    };
    let mut drivers: Vec<(String, Decimal)> = Vec::new();
    for row in &table.rows {
        let text = row.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
        let value = row.get(at).and_then(|value| figure::decimal(value).ok().flatten());
        drivers.push((text, value.unwrap_or_default()));
    }
    let change: Decimal = drivers.iter().map(|(_, value)| *value).sum();
    let mut sentences =
        vec![format!("{} moved by {}.", question.metric.title, figure::signed(change, unit))];
    drivers.sort_by_key(|(_, value)| std::cmp::Reverse(value.abs()));
    for (driver, value) in drivers.into_iter().take(2).filter(|(_, value)| !value.is_zero()) {
        sentences.push(format!("{driver}: {}.", figure::signed(value, unit)));
    }
    if let Some(parts) = analysis.more.iter().find(|table| table.name.starts_with("by_"))
        && let Some(row) = parts.rows.first()
        && let (Some(part), Some(change)) = (row.first().and_then(Value::as_str), row.last())
        && let Ok(Some(change)) = figure::decimal(change)
    {
        let change = figure::signed(change, unit);
        sentences.push(format!("The part that moved most is {part}: {change}."));
    }
    analysis.findings = sentences;
}

/// The sums of a period that must not be empty.
pub(crate) fn needed(
    sums: &figure::Sums,
    measure: Measure,
    period: &Period,
) -> Result<Decimal, Error> {
    if let Some(value) = sums.get(&measure).copied().filter(|value| !value.is_zero()) {
        return Ok(value);
    }
    let message = format!("nothing was sold in {}", period.label);
    Err(Error::new(ErrorCode::InvalidArgument, message)
        .with_hint("compare two periods that both have sales, in what the caller may see"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rounded_parts_sum_to_the_whole(parts in proptest::collection::vec(-1e9f64..1e9, 1..8)) {
            let parts: Vec<Decimal> =
                parts.iter().map(|part| Decimal::try_from(*part).unwrap()).collect();
            let whole: Decimal = parts.iter().sum();
            let rounded = exact(&parts, whole, Unit::Usd);
            prop_assert_eq!(rounded.iter().sum::<Decimal>(), figure::rounded(whole, Unit::Usd));
            for (part, rounded) in parts.iter().zip(&rounded) {
                prop_assert!((part - rounded).abs() < Decimal::new(5, 2));
            }
        }
    }
}
