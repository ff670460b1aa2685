//! When there is no forecast, and what is said then.

use retail_forecast::{ForecastError, History, Level, Request, forecast};
use rstest::rstest;

/// Months with sales that are never quite the same.
fn months(count: usize) -> Vec<f64> {
    (0..count).map(|month| 100.0 + (month % 12) as f64 + (month % 5) as f64).collect()
}

fn refusal(values: Vec<f64>, horizon: usize) -> ForecastError {
    forecast(&History::monthly(values), &Request::new(horizon, Level::P80)).unwrap_err()
}

#[rstest]
#[case(1)]
#[case(3)]
#[case(12)]
fn two_seasons_and_the_horizon_are_needed(#[case] horizon: usize) {
    let needed = 24 + horizon;
    let enough = History::monthly(months(needed));
    let made = forecast(&enough, &Request::new(horizon, Level::P80)).unwrap();
    assert_eq!((made.backtest.folds, made.backtest.horizon), (1, horizon));
    let error = refusal(months(needed - 1), horizon);
    assert_eq!(error, ForecastError::HistoryTooShort { needed, found: needed - 1 });
    let text = error.to_string();
    assert!(text.contains(&format!("has {} periods", needed - 1)), "{text}");
    assert!(text.contains(&format!("needs {needed}")), "{text}");
}

#[test]
fn weeks_need_two_years_too() {
    let weeks = History::weekly(months(111));
    let error = forecast(&weeks, &Request::new(8, Level::P95)).unwrap_err();
    assert_eq!(error, ForecastError::HistoryTooShort { needed: 112, found: 111 });
}

#[test]
fn time_before_the_first_sale_is_no_history() {
    let mut values = vec![0.0; 40];
    values.extend(months(20));
    assert_eq!(refusal(values, 3), ForecastError::HistoryTooShort { needed: 27, found: 20 });
    assert_eq!(refusal(vec![0.0; 60], 3), ForecastError::HistoryTooShort { needed: 27, found: 0 });
    assert_eq!(refusal(Vec::new(), 3), ForecastError::HistoryTooShort { needed: 27, found: 0 });
}

#[test]
fn mostly_zeros_are_refused() {
    // A sale every third month.
    let rare = (0..60).map(|month| f64::from(month % 3 == 0)).collect();
    assert_eq!(refusal(rare, 3), ForecastError::TooSparse { with_sales: 4, periods: 12 });
    // No longer sold.
    let mut over = months(60);
    over[53..].fill(0.0);
    assert_eq!(refusal(over, 3), ForecastError::TooSparse { with_sales: 5, periods: 12 });
    // Sold again after a year without.
    let mut back = months(60);
    back[36..49].fill(0.0);
    assert_eq!(refusal(back, 3), ForecastError::TooSparse { with_sales: 11, periods: 24 },);
    // Half is enough.
    let half = (0..60).map(|month| f64::from(month % 2 == 0)).collect();
    assert!(forecast(&History::monthly(half), &Request::new(3, Level::P80)).is_ok());
}

#[test]
fn a_backtest_without_any_sale_is_refused() {
    // One fold, of the one month at the end, which has none.
    let mut values = months(25);
    values[24] = 0.0;
    assert_eq!(refusal(values, 1), ForecastError::TooSparse { with_sales: 0, periods: 1 });
}

#[rstest]
#[case::negative(-0.01)]
#[case::infinite(f64::INFINITY)]
#[case::not_a_number(f64::NAN)]
#[case::too_large(1.1e15)]
fn values_that_are_no_sales_are_named(#[case] value: f64) {
    let mut values = months(60);
    values[17] = value;
    let error = refusal(values, 3);
    assert!(matches!(error, ForecastError::InvalidValue { index: 17, .. }), "{error}");
    assert_eq!(error.to_string(), format!("values[17] is {value}; give numbers from 0 to 1e15"));
}

#[rstest]
#[case(0)]
#[case(13)]
fn the_horizon_is_one_to_a_season(#[case] horizon: usize) {
    let error = refusal(months(60), horizon);
    assert_eq!(error, ForecastError::Horizon { found: horizon, most: 12 });
    assert_eq!(error.to_string(), format!("horizon is {horizon}; ask for 1 to 12 periods"));
}

#[rstest]
#[case(0)]
#[case(3)]
#[case(54)]
fn seasons_are_of_quarters_to_weeks(#[case] season_length: usize) {
    let history = History::new(months(200), season_length);
    let error = forecast(&history, &Request::new(1, Level::P80)).unwrap_err();
    assert_eq!(error, ForecastError::SeasonLength { found: season_length });
    assert!(error.to_string().contains("give 4 to 53, such as 12"), "{error}");
}
