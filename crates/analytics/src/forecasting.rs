//! `forecast_sales`: how sales may go on.

use chrono::{Days, Months, NaiveDate};
use retail_domain::{Error, ErrorCode, Principal, SqlText};
use retail_forecast::{Forecast, ForecastError, History, Level, Request};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Analyst;
use crate::analysis::{Analysis, Provenance, Table, TableColumn};
use crate::calendar::{DateRange, Period};
use crate::figure;
use crate::literal;
use crate::metric::{Metric, Unit};
use crate::statement::Filter;

/// The length of a step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Step {
    /// ISO weeks.
    Week,
    /// Calendar months.
    #[default]
    Month,
}

/// A question about the future.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ForecastQuestion {
    /// `net_sales`, `units` or `orders`.
    pub metric: &'static Metric,
    /// The length of a step.
    pub step: Step,
    /// How many steps.
    pub horizon: u32,
    /// How sure the interval is to hold the figure, in percent: 80 or 95.
    pub level_percent: u32,
    /// Names that the rows are confined to.
    pub filter: Filter,
}

impl ForecastQuestion {
    /// Three months, with intervals of 80 %.
    pub fn new(metric: &'static Metric) -> Self {
        Self {
            metric,
            step: Step::default(),
            horizon: 3,
            level_percent: 80,
            filter: Filter::default(),
        }
    }
}

/// History that is read, at most.
const MAX_YEARS: u32 = 7;
/// Steps of the past that are shown beside the forecast.
const SHOWN: usize = 13;

impl Analyst {
    /// Says how sales may go on. The running week or month is forecast, not read.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidArgument`] when the history is too short or says too little, and those of
    /// [`Self::analyze_sales`].
    pub async fn forecast_sales(
        &self,
        principal: &Principal,
        question: &ForecastQuestion,
    ) -> Result<Analysis, Error> {
        let mut provenance = Provenance::default();
        let filter = self.filter(principal, &question.filter, &mut provenance).await?;
        // The last day with sales may be a part of a day, or of a week that goes on.
        let newest = self.newest_day_into(principal, &mut provenance).await?;
        let now = start(question.step, newest);
        let sql = SqlText::new(&statement(question, &filter, now)?)?;
        let rows = self.rows(principal, "history", &sql, &mut provenance).await?;
        let history = steps(question.step, &rows, now, &mut provenance)?;
        let values = history.iter().map(|(_, value)| value.to_f64().unwrap_or_default()).collect();
        let season = match question.step {
            Step::Week => 52,
            Step::Month => 12,
        };
        let request = Request::new(
            usize::try_from(question.horizon).unwrap_or(usize::MAX),
            level(question.level_percent)?,
        );
        let forecast = retail_forecast::forecast(&History::new(values, season), &request)
            .map_err(|error| unusable(&error))?;
        let mut analysis = table(question, &history, now, &forecast);
        let metric = question.metric.title.to_lowercase();
        analysis.title = format!("Forecast of {metric}{}", filter.suffix());
        analysis.provenance = provenance;
        analysis.uses(question.metric);
        Ok(analysis)
    }
}

fn level(percent: u32) -> Result<Level, Error> {
    match percent {
        80 => Ok(Level::P80),
        95 => Ok(Level::P95),
        _ => Err(Error::new(ErrorCode::InvalidArgument, "'level' must be 80 or 95")
            .with_hint("leave it out for 80")),
    }
}

fn unusable(error: &ForecastError) -> Error {
    Error::new(ErrorCode::InvalidArgument, error.to_string())
        .with_hint("ask for a wider category, months instead of weeks, or fewer steps")
}

/// The first day of the step that `day` is in.
fn start(step: Step, day: NaiveDate) -> NaiveDate {
    use chrono::Datelike as _;
    match step {
        Step::Week => {
            let back = u64::from(day.weekday().num_days_from_monday());
            day.checked_sub_days(Days::new(back)).unwrap_or(day)
        }
        Step::Month => day.with_day(1).unwrap_or(day),
    }
}

fn after(step: Step, day: NaiveDate, steps: u32) -> NaiveDate {
    let later = match step {
        Step::Week => day.checked_add_days(Days::new(7 * u64::from(steps))),
        Step::Month => day.checked_add_months(Months::new(steps)),
    };
    later.unwrap_or(day)
}

fn statement(
    question: &ForecastQuestion,
    filter: &Filter,
    now: NaiveDate,
) -> Result<String, Error> {
    let (of_days, of_lines) = match question.metric.name {
        "net_sales" => ("sum(d.net_sales)", "sum(d.net_sales)"),
        "units" => ("sum(d.units_sold)", "sum(d.units_sold)"),
        "orders" => ("sum(d.order_count)", "count(DISTINCT d.order_id)"),
        _ => {
            let message = format!("'{}' is not forecast", question.metric.name);
            return Err(Error::new(ErrorCode::InvalidArgument, message)
                .with_hint("'metric' may be net_sales, units or orders"));
        }
    };
    let first = now.checked_sub_months(Months::new(12 * MAX_YEARS)).unwrap_or(now);
    let when = format!(
        "d.order_date >= {} AND d.order_date < {}",
        literal::date(start(question.step, first)),
        literal::date(now)
    );
    let conditions = [vec![when], filter.conditions()].concat().join(" AND ");
    let unit = match question.step {
        Step::Week => "week",
        Step::Month => "month",
    };
    let product = "JOIN retail.products p ON p.product_id = {of}.product_id \
                   JOIN retail.categories c ON c.category_id = p.category_id \
                   JOIN retail.product_types t ON t.type_id = p.type_id";
    let (mut from, sum, lines) = if !filter.has_product() {
        ("retail.sales_by_day d".to_owned(), of_days, "sum(d.line_count)")
    } else if question.metric.name == "orders" {
        let lines = "retail.orders d JOIN retail.order_items i ON i.order_id = d.order_id \
                     AND i.store_id = d.store_id";
        (format!("{lines} {}", product.replace("{of}", "i")), of_lines, "count(*)")
    } else {
        let days = "retail.sales_by_product_day d";
        (format!("{days} {}", product.replace("{of}", "d")), of_days, "sum(d.line_count)")
    };
    if filter.store.is_some() {
        from.push_str(" JOIN retail.stores s ON s.store_id = d.store_id");
    }
    Ok(format!(
        "SELECT date_trunc('{unit}', d.order_date::timestamp)::date AS step, {sum} AS value, {lines} AS lines \
         FROM {from} WHERE {conditions} GROUP BY 1 ORDER BY 1"
    ))
}

/// All steps from the first whole one to the one before `now`. One without sales has zero.
fn steps(
    step: Step,
    rows: &[Vec<Value>],
    now: NaiveDate,
    provenance: &mut Provenance,
) -> Result<Vec<(NaiveDate, Decimal)>, Error> {
    let mut found = std::collections::BTreeMap::new();
    for row in rows {
        let [at, value, lines] = row.as_slice() else {
            return Err(Error::internal("a step has not three columns"));
        };
        let at: NaiveDate = at
            .as_str()
            .and_then(|day| day.parse().ok())
            .ok_or_else(|| Error::internal("a step has no day"))?;
        let lines = figure::decimal(lines)?.and_then(|lines| u64::try_from(lines).ok());
        provenance.rows_behind += lines.unwrap_or(0);
        found.insert(at, figure::decimal(value)?.unwrap_or_default());
    }
    let Some(first) = found.keys().next().copied() else { return Ok(Vec::new()) };
    // The first step with sales may be a part of one.
    let mut at = after(step, first, 1);
    let mut steps = Vec::new();
    while at < now {
        steps.push((at, found.get(&at).copied().unwrap_or_default()));
        let next = after(step, at, 1);
        if next <= at {
            break;
        }
        at = next;
    }
    Ok(steps)
}

fn table(
    question: &ForecastQuestion,
    history: &[(NaiveDate, Decimal)],
    now: NaiveDate,
    forecast: &Forecast,
) -> Analysis {
    let unit = question.metric.unit;
    let exact = |value: f64| Decimal::try_from(value).ok();
    let label = match question.step {
        Step::Week => "week_from",
        Step::Month => "month_from",
    };
    let mut rows = Vec::new();
    let mut sum = Decimal::ZERO;
    for (at, point) in (0u32..).zip(&forecast.points) {
        let day = after(question.step, now, at);
        sum += exact(point.value).unwrap_or_default();
        rows.push(vec![
            json!(day.to_string()),
            figure::json(exact(point.value), unit),
            figure::json(exact(point.lower), unit),
            figure::json(exact(point.upper), unit),
        ]);
    }
    let columns = vec![
        TableColumn::name(label),
        TableColumn::figure("forecast", unit),
        TableColumn::figure("lower", unit),
        TableColumn::figure("upper", unit),
    ];
    let mut main = Table::new("forecast", columns, rows);
    main.is_series = true;
    let mut analysis = Analysis::new("", main);
    let past = history.iter().skip(history.len().saturating_sub(SHOWN));
    let rows = past
        .map(|(day, value)| vec![json!(day.to_string()), figure::json(Some(*value), unit)])
        .collect();
    let columns = vec![TableColumn::name(label), TableColumn::figure(question.metric.name, unit)];
    let mut shown = Table::new("history", columns, rows);
    shown.is_series = true;
    analysis.more.push(shown);
    let backtest = &forecast.backtest;
    let percent = |part: f64| figure::json(exact(part * 100.0), Unit::Percent);
    let rows = vec![
        vec![json!("model"), json!(forecast.model.to_string())],
        vec![json!("error_percent"), percent(backtest.model_wape)],
        vec![json!("error_percent_of_seasonal_naive"), percent(backtest.seasonal_naive_wape)],
        vec![json!("backtests"), json!(backtest.folds)],
        vec![json!("steps_of_history"), json!(history.len())],
    ];
    let columns = vec![TableColumn::name("fact"), TableColumn::name("value")];
    analysis.more.push(Table::new("backtest", columns, rows));
    let end = after(question.step, now, question.horizon).pred_opt().unwrap_or(now);
    if let Ok(range) = DateRange::new(now, end) {
        analysis.period = Some(Period::new(format!("{now} to {end}"), range));
    }
    analysis.findings.push(format!(
        "{} in {} {}s from {now}.",
        figure::shown(Some(sum), unit),
        question.horizon,
        match question.step {
            Step::Week => "week",
            Step::Month => "month",
        }
    ));
    let error = exact(backtest.model_wape * 100.0);
    analysis.findings.push(format!(
        "In backtests such a forecast was off by {} of what was sold.",
        figure::shown(error, Unit::Percent)
    ));
    analysis.note(format!(
        "lower and upper: about {} of 100 such figures lie between them, by the errors of backtests.",
        question.level_percent
    ));
    analysis.note("The week or month with the newest sale is forecast as a whole. Promotions, prices and openings to come are not in it.");
    analysis
}
