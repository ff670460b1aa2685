//! How each calendar month differs from the mean of its year.

use chrono::{Datelike, Months, NaiveDate};
use retail_domain::{Error, ErrorCode, Principal, SqlText};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::Analyst;
use crate::analysis::{Analysis, Provenance, Table, TableColumn};
use crate::figure;
use crate::literal;
use crate::metric::Unit;
use crate::statement::Filter;

/// Months of sales that the index needs: two years, of which the middle one has a mean around each month.
const MIN_MONTHS: usize = 24;
/// Years that are looked at.
const MAX_YEARS: u32 = 6;

const NAMES: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

impl Analyst {
    pub(super) async fn seasons(
        &self,
        principal: &Principal,
        filter: &Filter,
        provenance: &mut Provenance,
    ) -> Result<Analysis, Error> {
        let today = self.today();
        let this_month = today.with_day(1).unwrap_or(today);
        let sql = SqlText::new(&statement(this_month, filter))?;
        let rows = self.rows(principal, "months", &sql, provenance).await?;
        let series = complete(&months(&rows, provenance)?, this_month);
        if series.len() < MIN_MONTHS {
            let message = format!(
                "seasons need {MIN_MONTHS} complete months of sales, and there are {}",
                series.len()
            );
            return Err(Error::new(ErrorCode::InvalidArgument, message)
                .with_hint("ask for a wider category, or for analyze_sales by month"));
        }
        let indices = seasonal_index(&series);
        let mut analysis =
            Analysis::new(format!("Seasonal trends{}", filter.suffix()), table(&series, &indices));
        let next = this_month.checked_add_months(Months::new(1)).map(|month| month.month0());
        analysis.findings = findings(&indices, next);
        analysis.note("100 is the mean of the twelve months around: 120 means 20 % above it. Growth from year to year is taken out.");
        analysis.note(format!("From {} complete months.", series.len()));
        Ok(analysis)
    }
}

/// The months as they were read.
fn months(
    rows: &[Vec<Value>],
    provenance: &mut Provenance,
) -> Result<Vec<(NaiveDate, Decimal)>, Error> {
    let mut series = Vec::new();
    for row in rows {
        let [month, net, lines] = row.as_slice() else {
            return Err(Error::internal("a month has not three columns"));
        };
        let month: NaiveDate = month
            .as_str()
            .and_then(|month| month.parse().ok())
            .ok_or_else(|| Error::internal("no month"))?;
        let lines = figure::decimal(lines)?.and_then(|lines| u64::try_from(lines).ok());
        provenance.rows_behind += lines.unwrap_or(0);
        series.push((month, figure::decimal(net)?.unwrap_or_default()));
    }
    Ok(series)
}

fn table(series: &[(NaiveDate, Decimal)], indices: &[Option<Decimal>; 12]) -> Table {
    let rows: Vec<Vec<Value>> = NAMES
        .iter()
        .zip(1u32..)
        .zip(indices)
        .map(|((name, month), index)| {
            let of_month: Vec<Decimal> = series
                .iter()
                .filter(|(day, _)| day.month() == month)
                .map(|(_, net)| *net)
                .collect();
            let mean = of_month.iter().sum::<Decimal>().checked_div(Decimal::from(of_month.len()));
            vec![
                json!(name),
                figure::json(*index, Unit::Number),
                figure::json(mean, Unit::Usd),
                json!(of_month.len()),
            ]
        })
        .collect();
    let columns = vec![
        TableColumn::name("month"),
        TableColumn::figure("seasonal_index", Unit::Number),
        TableColumn::figure("mean_net_sales", Unit::Usd),
        TableColumn::figure("years", Unit::Number),
    ];
    let mut table = Table::new("seasons", columns, rows);
    table.is_series = true;
    table
}

/// The peak, the low, and the month to come, counted from 0.
fn findings(indices: &[Option<Decimal>; 12], coming: Option<u32>) -> Vec<String> {
    let shown = |index| figure::shown(Some(index), Unit::Number);
    let known = || NAMES.iter().zip(indices).filter_map(|(name, index)| Some((name, (*index)?)));
    let mut findings = Vec::new();
    if let (Some((peak, high)), Some((low, least))) =
        (known().max_by_key(|(_, index)| *index), known().min_by_key(|(_, index)| *index))
    {
        findings.push(format!(
            "The peak is {peak} with an index of {}, the low is {low} with {}.",
            shown(high),
            shown(least)
        ));
    }
    let coming = coming.and_then(|at| usize::try_from(at).ok());
    let of = |at: usize| Some((NAMES.get(at)?, (*indices.get(at)?)?));
    if let Some((name, index)) = coming.and_then(of) {
        findings.push(format!("Next month is {name}, with an index of {}.", shown(index)));
    }
    findings
}

fn statement(this_month: NaiveDate, filter: &Filter) -> String {
    let first = this_month.checked_sub_months(Months::new(12 * MAX_YEARS)).unwrap_or(this_month);
    let mut from = if filter.has_product() {
        "retail.sales_by_product_day d JOIN retail.products p ON p.product_id = d.product_id \
         JOIN retail.categories c ON c.category_id = p.category_id \
         JOIN retail.product_types t ON t.type_id = p.type_id"
            .to_owned()
    } else {
        "retail.sales_by_day d".to_owned()
    };
    if filter.store.is_some() {
        from.push_str(" JOIN retail.stores s ON s.store_id = d.store_id");
    }
    let when = format!(
        "d.order_date >= {} AND d.order_date < {}",
        literal::date(first),
        literal::date(this_month)
    );
    let conditions = [vec![when], filter.conditions()].concat().join(" AND ");
    format!(
        "SELECT date_trunc('month', d.order_date::timestamp)::date AS month, sum(d.net_sales) AS net, \
         sum(d.line_count) AS lines FROM {from} WHERE {conditions} GROUP BY 1 ORDER BY 1"
    )
}

/// All months from the first complete one with sales to the last complete one. One without sales has zero.
fn complete(series: &[(NaiveDate, Decimal)], this_month: NaiveDate) -> Vec<(NaiveDate, Decimal)> {
    let Some((first, _)) = series.first() else { return Vec::new() };
    let Some((last, _)) = series.last() else { return Vec::new() };
    // The first month with sales may have begun before the data did.
    let mut month = first.checked_add_months(Months::new(1)).unwrap_or(*first);
    let mut whole = Vec::new();
    while month <= *last && month < this_month {
        let net = series.iter().find(|(day, _)| *day == month).map(|(_, net)| *net);
        whole.push((month, net.unwrap_or_default()));
        let Some(later) = month.checked_add_months(Months::new(1)) else { break };
        month = later;
    }
    whole
}

/// The index of each calendar month, 100 for a mean one: the ratio to the centred mean of twelve months, averaged over the
/// years and made to average 100 (classical decomposition, as in Hyndman and Athanasopoulos, "Forecasting", 3.4).
fn seasonal_index(series: &[(NaiveDate, Decimal)]) -> [Option<Decimal>; 12] {
    let mut ratios: [Vec<Decimal>; 12] = Default::default();
    for (at, window) in series.windows(13).enumerate() {
        let (Some((_, first)), Some((_, last))) = (window.first(), window.last()) else { continue };
        let all: Decimal = window.iter().map(|(_, net)| net).sum();
        // The ends count half, so that each calendar month counts once.
        let mean = (all - (first + last) / Decimal::TWO) / Decimal::from(12);
        let Some((month, net)) = series.get(at + 6) else { continue };
        let Some(ratio) = net.checked_div(mean) else { continue };
        if let Ok(place) = usize::try_from(month.month0())
            && let Some(of_month) = ratios.get_mut(place)
        {
            of_month.push(ratio);
        }
    }
    let means = ratios
        .map(|ratios| ratios.iter().sum::<Decimal>().checked_div(Decimal::from(ratios.len())));
    let known: Vec<Decimal> = means.iter().flatten().copied().collect();
    let mean = known.iter().sum::<Decimal>().checked_div(Decimal::from(known.len()));
    means.map(|of_month| {
        (of_month? * Decimal::ONE_HUNDRED).checked_div(mean.filter(|mean| !mean.is_zero())?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_taken_out_and_the_season_stays() {
        let first = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
        let season = [80, 80, 100, 100, 120, 120, 120, 120, 100, 100, 80, 80];
        let series: Vec<(NaiveDate, Decimal)> = (0u32..60)
            .map(|at| {
                let month = first.checked_add_months(Months::new(at)).unwrap();
                let level = Decimal::from(1000 + 10 * at);
                (month, level * Decimal::from(season[month.month0() as usize]) / Decimal::from(100))
            })
            .collect();
        let indices = seasonal_index(&series);
        for (index, season) in indices.iter().zip(season) {
            let off = index.unwrap() - Decimal::from(season);
            assert!(off.abs() < Decimal::ONE, "{index:?} is not {season}");
        }
        let mean: Decimal = indices.iter().flatten().sum::<Decimal>() / Decimal::from(12);
        assert_eq!(mean.round_dp(6), Decimal::from(100));
    }

    #[test]
    fn a_month_without_sales_is_there_and_the_running_one_is_not() {
        let day = |month| NaiveDate::from_ymd_opt(2026, month, 1).unwrap();
        let series = [
            (day(1), Decimal::ONE),
            (day(2), Decimal::ONE),
            (day(4), Decimal::ONE),
            (day(5), Decimal::ONE),
        ];
        let whole = complete(&series, day(5));
        assert_eq!(
            whole,
            [(day(2), Decimal::ONE), (day(3), Decimal::ZERO), (day(4), Decimal::ONE)]
        );
    }
}
