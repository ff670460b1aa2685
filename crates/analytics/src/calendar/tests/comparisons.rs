//! What periods are compared with.

use rstest::rstest;

use super::date;
use crate::calendar::{CompanyCalendar, Period, PeriodError, docs_comparisons};

const TODAY: &str = "2026-11-22";

fn compare(period: &str, phrase: &str) -> Result<Period, PeriodError> {
    let calendar = CompanyCalendar::default();
    let period = calendar.resolve(period, date(TODAY)).unwrap();
    calendar.compare(&period, phrase, date(TODAY))
}

#[rstest]
#[case("July 2026", "June 2026", "2026-06-01..2026-06-30")]
#[case("March 2024", "February 2024", "2024-02-01..2024-02-29")]
#[case("Q1 2026", "Q4 2025", "2025-10-01..2025-12-31")]
#[case("2025", "2024", "2024-01-01..2024-12-31")]
#[case("H1 2026", "2025-07-01..2025-12-31", "2025-07-01..2025-12-31")]
#[case("2026-07-01..2026-09-30", "Q2 2026", "2026-04-01..2026-06-30")]
#[case("2026-06-01..2026-07-31", "2026-04-01..2026-05-31", "2026-04-01..2026-05-31")]
#[case("last 3 months", "2026-05-01..2026-07-31", "2026-05-01..2026-07-31")]
#[case("last week", "2026-W45", "2026-11-02..2026-11-08")]
#[case("2026-W01", "2025-W52", "2025-12-22..2025-12-28")]
#[case("yesterday", "2026-11-20", "2026-11-20..2026-11-20")]
#[case("last 30 days", "2026-09-24..2026-10-23", "2026-09-24..2026-10-23")]
#[case("2026-07-04..2026-07-10", "2026-06-27..2026-07-03", "2026-06-27..2026-07-03")]
#[case("month to date", "2026-10-10..2026-10-31", "2026-10-10..2026-10-31")]
// Fiscal February 2026 has the dates of February 2026, and another month before it.
#[case("February 2026", "January 2026", "2026-01-01..2026-01-31")]
#[case("retail February 2026", "FY2025 January", "2026-01-04..2026-01-31")]
#[case("retail March 2026", "FY2026 February", "2026-02-01..2026-02-28")]
#[case("fiscal 2026 Q1", "FY2025 Q4", "2025-11-02..2026-01-31")]
#[case("FY2024", "FY2023", "2023-01-29..2024-02-03")]
#[case("FY2024 week 1", "FY2023 week 53", "2024-01-28..2024-02-03")]
#[case("spring 2026", "Fall 2025", "2025-08-03..2026-01-31")]
#[case("last 2 retail months", "2026-07-05..2026-08-29", "2026-07-05..2026-08-29")]
fn the_previous_period(#[case] period: &str, #[case] label: &str, #[case] days: &str) {
    for phrase in ["previous period", "The prior period", "last-period"] {
        let found = compare(period, phrase).unwrap();
        assert_eq!(found.range.to_string(), days);
        assert_eq!(found.label, label);
    }
}

#[rstest]
#[case("July 2026", "July 2025", "2025-07-01..2025-07-31")]
#[case("February 2025", "February 2024", "2024-02-01..2024-02-29")]
#[case("2025-02-01..2025-02-28", "February 2024", "2024-02-01..2024-02-29")]
#[case("2024-02-10..2024-02-29", "2023-02-10..2023-02-28", "2023-02-10..2023-02-28")]
#[case("2024-02-29", "2023-02-28", "2023-02-28..2023-02-28")]
#[case("2026-07-04..2026-07-10", "2025-07-04..2025-07-10", "2025-07-04..2025-07-10")]
#[case("month to date", "2025-11-01..2025-11-22", "2025-11-01..2025-11-22")]
#[case("last 12 months", "2024-11-01..2025-10-31", "2024-11-01..2025-10-31")]
#[case("2026-W35", "2025-W35", "2025-08-25..2025-08-31")]
#[case("retail March 2026", "FY2025 March", "2025-03-02..2025-04-05")]
#[case("FY2025", "FY2024", "2024-02-04..2025-02-01")]
#[case("spring 2026", "Spring 2025", "2025-02-02..2025-08-02")]
#[case("Black Friday 2025", "Black Friday 2024", "2024-11-29..2024-11-29")]
#[case("holiday 2025", "Holiday 2024", "2024-11-01..2024-12-31")]
fn the_same_period_last_year(#[case] period: &str, #[case] label: &str, #[case] days: &str) {
    for phrase in ["same period last year", "year over year", "YoY", "the same dates last year"] {
        let found = compare(period, phrase).unwrap();
        assert_eq!(found.range.to_string(), days);
        assert_eq!(found.label, label);
    }
}

#[rstest]
#[case("2026-11-22", "2025-11-23", "2025-11-23..2025-11-23", false)]
#[case("2026-W35", "2025-W35", "2025-08-25..2025-08-31", false)]
#[case("July 2026", "2025-07-02..2025-08-01", "2025-07-02..2025-08-01", false)]
#[case("FY2026 week 5", "FY2025 week 5", "2025-03-02..2025-03-08", false)]
#[case("FY2025", "FY2024", "2024-02-04..2025-02-01", false)]
#[case("FY2023 week 53", "FY2023 week 1", "2023-01-29..2023-02-04", true)]
#[case("FY2024 week 1", "FY2023 week 2", "2023-02-05..2023-02-11", true)]
#[case("FY2024", "2023-02-05..2024-02-03", "2023-02-05..2024-02-03", true)]
#[case("FY2024 March", "2023-03-05..2023-04-08", "2023-03-05..2023-04-08", true)]
fn the_same_weeks_last_year(
    #[case] period: &str,
    #[case] label: &str,
    #[case] days: &str,
    #[case] is_restated: bool,
) {
    let found = compare(period, "same weeks last year").unwrap();
    assert_eq!(found.range.to_string(), days);
    assert_eq!(found.label, label);
    let note = found.note.unwrap();
    assert!(note.starts_with("364 days earlier"), "{note}");
    assert_eq!(note.contains("restated"), is_restated, "{note}");
}

#[test]
fn a_53rd_week_is_told() {
    let note = |period| compare(period, "same period last year").unwrap().note.unwrap();
    assert!(note("FY2024").contains("52 weeks against 53"));
    assert!(note("FY2023").contains("53 weeks against 52"));
    assert!(note("FY2024 March").contains("371 days earlier"));
    let same_weeks = compare("FY2023", "same weeks last year").unwrap().note.unwrap();
    assert!(same_weeks.contains("shares 7 days"), "{same_weeks}");
}

#[test]
fn any_phrase_may_be_compared_with() {
    assert_eq!(compare("Q3 2026", "Q1 2026").unwrap().label, "Q1 2026");
    let overlapping = compare("Q3 2026", "September 2026").unwrap();
    assert!(overlapping.note.unwrap().contains("shares 30 days"));
    assert!(matches!(compare("Q3 2026", "nonsense"), Err(PeriodError::Unknown { .. })));
}

#[test]
fn last_year_is_two_things_unless_a_year_is_asked_about() {
    assert_eq!(compare("2026", "last year").unwrap().label, "2025");
    assert!(matches!(compare("July 2026", "a year earlier"), Err(PeriodError::Ambiguous { .. })));
    assert!(matches!(compare("July 2026", "1 year ago"), Err(PeriodError::Ambiguous { .. })));
    let error = compare("July 2026", "last year").unwrap_err();
    let PeriodError::Ambiguous { choices, .. } = &error else { panic!("{error}") };
    let labels: Vec<_> = choices.iter().map(|choice| choice.label.as_str()).collect();
    assert_eq!(labels, ["July 2025", "2025"]);
}

#[test]
fn a_period_that_is_not_over_is_told() {
    let note = compare("this month", "previous period").unwrap().note.unwrap();
    assert!(note.contains("November 2026 is not over"), "{note}");
    assert_eq!(compare("last month", "previous period").unwrap().note, None);
}

#[test]
fn nothing_before_1970_is_compared_with() {
    let error = compare("1970", "previous period").unwrap_err();
    assert!(error.to_string().contains("before 1970"), "{error}");
}

#[test]
fn documented_comparisons_are_read() {
    for (phrase, meaning) in docs_comparisons() {
        let found = compare("last month", phrase).unwrap();
        assert!(!meaning.is_empty() && found.range.last() < date("2026-10-01"), "{phrase}");
    }
}

#[test]
fn days_stay_days_where_they_happen_to_be_a_month() {
    let calendar = CompanyCalendar::default();
    let today = date("2026-09-30");
    let days = calendar.resolve("last 30 days", today).unwrap();
    assert_eq!(days.range, calendar.resolve("September 2026", today).unwrap().range);
    let before = calendar.compare(&days, "previous period", today).unwrap();
    assert_eq!(before.range.to_string(), "2026-08-02..2026-08-31");
}
