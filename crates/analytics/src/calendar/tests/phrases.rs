//! What phrases mean.

use chrono::DateTime;
use rstest::rstest;

use super::date;
use crate::calendar::{CompanyCalendar, Period, PeriodError, docs_phrases};

/// A Sunday of the 43rd retail week and the 47th ISO week.
const TODAY: &str = "2026-11-22";

fn resolve(phrase: &str) -> Result<Period, PeriodError> {
    CompanyCalendar::default().resolve(phrase, date(TODAY))
}

#[rstest]
#[case("2026-11-30T05:00:00Z", "2026-11-29")]
#[case("2026-11-30T07:59:59Z", "2026-11-29")]
#[case("2026-11-30T08:00:00Z", "2026-11-30")]
// Summer time is an hour nearer.
#[case("2026-07-01T07:00:00Z", "2026-07-01")]
fn a_day_begins_at_midnight_of_the_company(#[case] now: &str, #[case] today: &str) {
    assert_eq!(CompanyCalendar::default().today(now.parse().unwrap()), date(today));
}

#[test]
fn each_moment_has_a_day() {
    let calendar = CompanyCalendar::new(chrono_tz::Tz::Pacific__Kiritimati);
    calendar.today(DateTime::<chrono::Utc>::MIN_UTC);
    calendar.today(DateTime::<chrono::Utc>::MAX_UTC);
}

#[rstest]
#[case("today", "2026-11-22", "2026-11-22..2026-11-22")]
#[case("Yesterday", "2026-11-21", "2026-11-21..2026-11-21")]
#[case("this week", "2026-W47", "2026-11-16..2026-11-22")]
#[case("last week", "2026-W46", "2026-11-09..2026-11-15")]
#[case("previous-week", "2026-W46", "2026-11-09..2026-11-15")]
#[case("this month", "November 2026", "2026-11-01..2026-11-30")]
#[case("for the last month", "October 2026", "2026-10-01..2026-10-31")]
#[case("this quarter", "Q4 2026", "2026-10-01..2026-12-31")]
#[case("Last Quarter", "Q3 2026", "2026-07-01..2026-09-30")]
#[case("this year", "2026", "2026-01-01..2026-12-31")]
#[case("last year", "2025", "2025-01-01..2025-12-31")]
#[case("last calendar year", "2025", "2025-01-01..2025-12-31")]
#[case("week to date", "2026-W47", "2026-11-16..2026-11-22")]
#[case("MTD", "November 2026 to date", "2026-11-01..2026-11-22")]
#[case("this month so far", "November 2026 to date", "2026-11-01..2026-11-22")]
#[case("quarter-to-date", "Q4 2026 to date", "2026-10-01..2026-11-22")]
#[case("YTD", "2026 to date", "2026-01-01..2026-11-22")]
#[case("year to date", "2026 to date", "2026-01-01..2026-11-22")]
#[case("fiscal year to date", "FY2026 to date", "2026-02-01..2026-11-22")]
#[case("FYTD", "FY2026 to date", "2026-02-01..2026-11-22")]
#[case("FY2026 to date", "FY2026 to date", "2026-02-01..2026-11-22")]
#[case("last month to date", "last month to date", "2026-10-01..2026-10-22")]
#[case("last quarter to date", "last quarter to date", "2026-07-01..2026-08-22")]
#[case("last year to date", "last year to date", "2025-01-01..2025-11-22")]
#[case("last week to date", "last week to date", "2026-11-09..2026-11-15")]
#[case("last retail week to date", "last retail week to date", "2026-11-15..2026-11-15")]
#[case("last 30 days", "last 30 days", "2026-10-24..2026-11-22")]
#[case("the past 30d", "last 30 days", "2026-10-24..2026-11-22")]
#[case("last-7-days", "last 7 days", "2026-11-16..2026-11-22")]
#[case("last 1 day", "last 1 day", "2026-11-22..2026-11-22")]
#[case("last 1000 days", "last 1000 days", "2024-02-27..2026-11-22")]
#[case("last 4 weeks", "last 4 weeks", "2026-10-19..2026-11-15")]
#[case("last two months", "last 2 months", "2026-09-01..2026-10-31")]
#[case("last 12 full months", "last 12 months", "2025-11-01..2026-10-31")]
#[case("trailing twelve months", "last 12 months", "2025-11-01..2026-10-31")]
#[case("TTM", "last 12 months", "2025-11-01..2026-10-31")]
#[case("the last rolling 12 months", "last 12 months", "2025-11-01..2026-10-31")]
#[case("last 2 quarters", "last 2 quarters", "2026-04-01..2026-09-30")]
#[case("last 3 years", "last 3 years", "2023-01-01..2025-12-31")]
#[case("last 4 retail weeks", "last 4 retail weeks", "2026-10-25..2026-11-21")]
#[case("last 2 seasons", "last 2 seasons", "2025-08-03..2026-08-01")]
#[case("last 2 halves", "last 2 halves", "2025-07-01..2026-06-30")]
#[case("3 weeks ago", "2026-W44", "2026-10-26..2026-11-01")]
#[case("a month ago", "October 2026", "2026-10-01..2026-10-31")]
#[case("10 days ago", "2026-11-12", "2026-11-12..2026-11-12")]
#[case("last Friday", "2026-11-20", "2026-11-20..2026-11-20")]
#[case("last Sunday", "2026-11-15", "2026-11-15..2026-11-15")]
#[case("Sunday", "2026-11-22", "2026-11-22..2026-11-22")]
#[case("last weekend", "2026-11-14..2026-11-15", "2026-11-14..2026-11-15")]
#[case("this half", "H2 2026", "2026-07-01..2026-12-31")]
#[case("last half", "H1 2026", "2026-01-01..2026-06-30")]
fn relative_phrases(#[case] phrase: &str, #[case] label: &str, #[case] days: &str) {
    let period = resolve(phrase).unwrap();
    assert_eq!(period.range.to_string(), days);
    assert_eq!(period.label, label);
}

#[rstest]
#[case("July 2026", "July 2026", "2026-07-01..2026-07-31")]
#[case("the month of July 2026", "July 2026", "2026-07-01..2026-07-31")]
#[case("July, 2026", "July 2026", "2026-07-01..2026-07-31")]
#[case("2026 july", "July 2026", "2026-07-01..2026-07-31")]
#[case("Jul '26", "July 2026", "2026-07-01..2026-07-31")]
#[case("2026-07", "July 2026", "2026-07-01..2026-07-31")]
#[case("2026/7", "July 2026", "2026-07-01..2026-07-31")]
#[case("07/2026", "July 2026", "2026-07-01..2026-07-31")]
#[case("month 7 2026", "July 2026", "2026-07-01..2026-07-31")]
#[case("Jul", "July 2026", "2026-07-01..2026-07-31")]
#[case("Dec", "December 2025", "2025-12-01..2025-12-31")]
#[case("this July", "July 2026", "2026-07-01..2026-07-31")]
#[case("last December", "December 2025", "2025-12-01..2025-12-31")]
#[case("July last year", "July 2025", "2025-07-01..2025-07-31")]
#[case("last year's July", "July 2025", "2025-07-01..2025-07-31")]
#[case("July of this year", "July 2026", "2026-07-01..2026-07-31")]
#[case("Q3 2026", "Q3 2026", "2026-07-01..2026-09-30")]
#[case("2026 Q3", "Q3 2026", "2026-07-01..2026-09-30")]
#[case("2026Q3", "Q3 2026", "2026-07-01..2026-09-30")]
#[case("Q3'26", "Q3 2026", "2026-07-01..2026-09-30")]
#[case("third quarter of 2026", "Q3 2026", "2026-07-01..2026-09-30")]
#[case("3rd quarter 2026", "Q3 2026", "2026-07-01..2026-09-30")]
#[case("quarter 3", "Q3 2026", "2026-07-01..2026-09-30")]
#[case("Q3", "Q3 2026", "2026-07-01..2026-09-30")]
#[case("Q3 last year", "Q3 2025", "2025-07-01..2025-09-30")]
#[case("first half of 2026", "H1 2026", "2026-01-01..2026-06-30")]
#[case("H2 2025", "H2 2025", "2025-07-01..2025-12-31")]
#[case("in 2025", "2025", "2025-01-01..2025-12-31")]
#[case("the year 2025", "2025", "2025-01-01..2025-12-31")]
#[case("calendar year 2025", "2025", "2025-01-01..2025-12-31")]
#[case("2026-W35", "2026-W35", "2026-08-24..2026-08-30")]
#[case("ISO week 35", "2026-W35", "2026-08-24..2026-08-30")]
#[case("iso week 35 of 2025", "2025-W35", "2025-08-25..2025-08-31")]
#[case("2020-w53", "2020-W53", "2020-12-28..2021-01-03")]
#[case("2026-07-04", "2026-07-04", "2026-07-04..2026-07-04")]
#[case("2026/7/4", "2026-07-04", "2026-07-04..2026-07-04")]
#[case("20260704", "2026-07-04", "2026-07-04..2026-07-04")]
#[case("July 4, 2026", "2026-07-04", "2026-07-04..2026-07-04")]
#[case("4 July 2026", "2026-07-04", "2026-07-04..2026-07-04")]
#[case("4-Jul-2026", "2026-07-04", "2026-07-04..2026-07-04")]
#[case("on the 4th of July", "2026-07-04", "2026-07-04..2026-07-04")]
#[case("Dec 24", "2025-12-24", "2025-12-24..2025-12-24")]
#[case("Feb 29", "2024-02-29", "2024-02-29..2024-02-29")]
#[case("7/20/2026", "2026-07-20", "2026-07-20..2026-07-20")]
#[case("20.7.2026", "2026-07-20", "2026-07-20..2026-07-20")]
#[case("7/7/26", "2026-07-07", "2026-07-07..2026-07-07")]
fn named_phrases(#[case] phrase: &str, #[case] label: &str, #[case] days: &str) {
    let period = resolve(phrase).unwrap();
    assert_eq!(period.range.to_string(), days);
    assert_eq!(period.label, label);
}

#[rstest]
#[case("FY2026", "FY2026", "2026-02-01..2027-01-30")]
#[case("FY25", "FY2025", "2025-02-02..2026-01-31")]
#[case("fiscal 2025", "FY2025", "2025-02-02..2026-01-31")]
#[case("fiscal year 2025", "FY2025", "2025-02-02..2026-01-31")]
#[case("2025 fiscal year", "FY2025", "2025-02-02..2026-01-31")]
#[case("retail year 2025", "FY2025", "2025-02-02..2026-01-31")]
#[case("fiscal 2026 Q2", "FY2026 Q2", "2026-05-03..2026-08-01")]
#[case("Q2 FY26", "FY2026 Q2", "2026-05-03..2026-08-01")]
#[case("fiscal Q2", "FY2026 Q2", "2026-05-03..2026-08-01")]
#[case("retail March 2026", "FY2026 March", "2026-03-01..2026-04-04")]
#[case("4-5-4 March 2026", "FY2026 March", "2026-03-01..2026-04-04")]
#[case("fiscal month 3 2026", "FY2026 April", "2026-04-05..2026-05-02")]
#[case("retail December", "FY2025 December", "2025-11-30..2026-01-03")]
#[case("FY2025 January", "FY2025 January", "2026-01-04..2026-01-31")]
#[case("fiscal year 2025 January", "FY2025 January", "2026-01-04..2026-01-31")]
#[case("retail January", "FY2025 January", "2026-01-04..2026-01-31")]
#[case("retail week 35", "FY2026 week 35", "2026-09-27..2026-10-03")]
#[case("fiscal week 35 (2026)", "FY2026 week 35", "2026-09-27..2026-10-03")]
#[case("FY2026-W35", "FY2026 week 35", "2026-09-27..2026-10-03")]
#[case("retail week 53", "FY2023 week 53", "2024-01-28..2024-02-03")]
#[case("this retail week", "FY2026 week 43", "2026-11-22..2026-11-28")]
#[case("last retail week", "FY2026 week 42", "2026-11-15..2026-11-21")]
#[case("last retail month", "FY2026 October", "2026-10-04..2026-10-31")]
#[case("this fiscal quarter", "FY2026 Q4", "2026-11-01..2027-01-30")]
#[case("last fiscal year", "FY2025", "2025-02-02..2026-01-31")]
#[case("retail March last year", "FY2025 March", "2025-03-02..2025-04-05")]
#[case("this season", "Fall 2026", "2026-08-02..2027-01-30")]
#[case("last season", "Spring 2026", "2026-02-01..2026-08-01")]
#[case("season to date", "Fall 2026 to date", "2026-08-02..2026-11-22")]
#[case("fall 2026 to date", "Fall 2026 to date", "2026-08-02..2026-11-22")]
#[case("spring 2026", "Spring 2026", "2026-02-01..2026-08-01")]
#[case("the spring season", "Spring 2026", "2026-02-01..2026-08-01")]
#[case("last fall", "Fall 2025", "2025-08-03..2026-01-31")]
#[case("autumn 2023", "Fall 2023", "2023-07-30..2024-02-03")]
#[case("fiscal H1 2026", "Spring 2026", "2026-02-01..2026-08-01")]
#[case("holiday 2025", "Holiday 2025", "2025-11-01..2025-12-31")]
#[case("last holiday season", "Holiday 2025", "2025-11-01..2025-12-31")]
#[case("the holidays", "Holiday 2026", "2026-11-01..2026-12-31")]
#[case("summer", "Summer 2026", "2026-06-01..2026-08-31")]
#[case("winter", "December 2025 to February 2026", "2025-12-01..2026-02-28")]
#[case("Black Friday 2025", "Black Friday 2025", "2025-11-28..2025-11-28")]
#[case("black friday", "Black Friday 2025", "2025-11-28..2025-11-28")]
#[case("Black Friday last year", "Black Friday 2025", "2025-11-28..2025-11-28")]
#[case("last Father's Day", "Fathers Day 2026", "2026-06-21..2026-06-21")]
#[case("New Year's Eve 2025", "New Years Eve 2025", "2025-12-31..2025-12-31")]
#[case("New Year's Day 2026", "New Years Day 2026", "2026-01-01..2026-01-01")]
#[case("Thanksgiving Day 2025", "Thanksgiving 2025", "2025-11-27..2025-11-27")]
#[case("Christmas week 2025", "Christmas week 2025", "2025-12-22..2025-12-28")]
fn retail_phrases(#[case] phrase: &str, #[case] label: &str, #[case] days: &str) {
    let period = resolve(phrase).unwrap();
    assert_eq!(period.range.to_string(), days);
    assert_eq!(period.label, label);
}

#[rstest]
#[case("2026-07-01..2026-09-30", "2026-07-01..2026-09-30", "2026-07-01..2026-09-30")]
#[case("2026-07-01 to 2026-09-30", "2026-07-01..2026-09-30", "2026-07-01..2026-09-30")]
#[case("2026-07-01/2026-09-30", "2026-07-01..2026-09-30", "2026-07-01..2026-09-30")]
#[case("between 2026-07-01 and 2026-09-30", "2026-07-01..2026-09-30", "2026-07-01..2026-09-30")]
#[case("from July to September 2026", "July 2026 to September 2026", "2026-07-01..2026-09-30")]
#[case("July 2026 to September", "July 2026 to September 2026", "2026-07-01..2026-09-30")]
#[case("Jul–Sep 2026", "July 2026 to September 2026", "2026-07-01..2026-09-30")]
#[case("jul-sep", "July 2026 to September 2026", "2026-07-01..2026-09-30")]
#[case("Nov to Feb 2026", "November 2025 to February 2026", "2025-11-01..2026-02-28")]
#[case("October to December", "October 2026 to December 2026", "2026-10-01..2026-12-31")]
#[case("December to February", "December 2025 to February 2026", "2025-12-01..2026-02-28")]
#[case("Q1-Q3 2026", "Q1 2026 to Q3 2026", "2026-01-01..2026-09-30")]
#[case("Q4 2025 through Q2", "Q4 2025 to Q2 2026", "2025-10-01..2026-06-30")]
#[case("2024-2025", "2024 to 2025", "2024-01-01..2025-12-31")]
#[case("Jul 4 to Jul 10, 2026", "2026-07-04..2026-07-10", "2026-07-04..2026-07-10")]
#[case("7/4/2026 - 7/20/2026", "2026-07-04..2026-07-20", "2026-07-04..2026-07-20")]
#[case("2026-11-01 until yesterday", "2026-11-01..2026-11-21", "2026-11-01..2026-11-21")]
#[case("since 2026-03-01", "2026-03-01..2026-11-22", "2026-03-01..2026-11-22")]
#[case("since July", "July 2026 to 2026-11-22", "2026-07-01..2026-11-22")]
#[case("from July", "July 2026 to 2026-11-22", "2026-07-01..2026-11-22")]
#[case("March to today", "March 2026 to 2026-11-22", "2026-03-01..2026-11-22")]
#[case("July to", "July 2026 to 2026-11-22", "2026-07-01..2026-11-22")]
#[case("2026-03-01..", "2026-03-01..2026-11-22", "2026-03-01..2026-11-22")]
#[case("retail March to retail May 2026", "FY2026 March to FY2026 May", "2026-03-01..2026-05-30")]
#[case(
    "retail week 1 to retail week 4 2026",
    "FY2026 week 1 to FY2026 week 4",
    "2026-02-01..2026-02-28"
)]
fn ranges(#[case] phrase: &str, #[case] label: &str, #[case] days: &str) {
    let period = resolve(phrase).unwrap();
    assert_eq!(period.range.to_string(), days);
    assert_eq!(period.label, label);
}

#[rstest]
#[case("Jul", Some("no year was given: the latest one that has begun"))]
#[case("July 2026", None)]
#[case("yesterday", None)]
#[case("today", Some("runs until today"))]
#[case("this month", Some("not over yet: its last day is 2026-11-30, today is 2026-11-22"))]
#[case("month to date", Some("runs until today"))]
#[case("last 30 days", Some("today is the last of these days; runs until today"))]
#[case("last 3 months", Some("the 3 whole months before the current one"))]
#[case("spring 2026", Some("the retail season, fiscal February to July"))]
#[case(
    "Nov",
    Some(
        "no year was given: the latest one that has begun; not over yet: its last day is 2026-11-30, today is \
         2026-11-22"
    )
)]
fn notes_say_how_a_phrase_was_read(#[case] phrase: &str, #[case] note: Option<&str>) {
    assert_eq!(resolve(phrase).unwrap().note.as_deref(), note);
}

#[rstest]
#[case("winter to date", "2027-01-15", "2026-12-01..2027-01-15", "2026-12-01..2027-01-15")]
#[case("winter so far", "9999-12-31", "9999-12-01..9999-12-31", "9999-12-01..9999-12-31")]
#[case("winter to date", "2027-02-28", "2026-12-01..2027-02-28", "December 2026 to February 2027")]
#[case("MTD", "2026-07-31", "2026-07-01..2026-07-31", "July 2026")]
fn what_runs_until_another_today(
    #[case] phrase: &str,
    #[case] today: &str,
    #[case] days: &str,
    #[case] label: &str,
) {
    let calendar = CompanyCalendar::default();
    let period = calendar.resolve(phrase, date(today)).unwrap();
    assert_eq!(period.range.to_string(), days);
    assert_eq!(period.label, label);
    assert_eq!(calendar.resolve(label, date(today)).unwrap().range, period.range);
}

#[rstest]
#[case("week 35", &["2026-W35", "FY2026 week 35"])]
#[case("week 35 2026", &["2026-W35", "FY2026 week 35"])]
#[case("W35 (2025)", &["2025-W35", "FY2025 week 35"])]
#[case("7/4/2026", &["2026-07-04", "2026-04-07"])]
#[case("7/4/2026 to 7/10/2026", &["2026-07-04..2026-07-10", "2026-04-07..2026-10-07"])]
#[case("last July", &["July 2025", "July 2026"])]
#[case("retail January 2026", &["FY2025 January", "FY2026 January"])]
#[case("winter 2025", &["December 2024 to February 2025", "December 2025 to February 2026"])]
fn two_meanings_are_both_told(#[case] phrase: &str, #[case] expected: &[&str]) {
    let error = resolve(phrase).unwrap_err();
    let text = error.to_string();
    let PeriodError::Ambiguous { choices, .. } = error else { panic!("{text}") };
    let labels: Vec<_> = choices.iter().map(|choice| choice.label.as_str()).collect();
    assert_eq!(labels, expected);
    for choice in choices {
        assert!(text.contains(&format!("{:?}", choice.label)), "{text}");
        // What the text offers is taken.
        match resolve(&choice.label) {
            Ok(read) => assert_eq!(read.range, choice.range),
            Err(PeriodError::Future { range, .. }) => assert_eq!(range, choice.range),
            Err(other) => panic!("{other}"),
        }
    }
}

#[rstest]
#[case("tomorrow", "2026-11-23..2026-11-23")]
#[case("next month", "2026-12-01..2026-12-31")]
#[case("next 3 weeks", "2026-11-23..2026-11-29")]
#[case("next July", "2027-07-01..2027-07-31")]
#[case("December 2026", "2026-12-01..2026-12-31")]
#[case("this December", "2026-12-01..2026-12-31")]
#[case("Black Friday 2026", "2026-11-27..2026-11-27")]
#[case("since 2027-01-01", "2027-01-01..2027-01-01")]
#[case("December 2026 to date", "2026-12-01..2026-12-31")]
#[case("FY2027", "2027-01-31..2028-01-29")]
fn the_future_is_refused(#[case] phrase: &str, #[case] days: &str) {
    let error = resolve(phrase).unwrap_err();
    assert!(error.to_string().contains("today is 2026-11-22"), "{error}");
    let PeriodError::Future { range, .. } = error else { panic!("{error}") };
    assert_eq!(range.to_string(), days);
}

#[rstest]
#[case("2026-02-30", "there is no such day")]
#[case("13/13/2026", "there is no such day")]
#[case("Feb 30", "there is no such day")]
#[case("February 29 2026", "there is no such day in 2026")]
#[case("Q5 2026", "there is no such quarter in 2026; quarters are 1 to 4")]
#[case("2026-13", "there is no such month in 2026")]
#[case("2026-W54", "there is no such week in 2026")]
#[case("FY2026 week 53", "there is no such week in FY2026")]
#[case("fiscal month 13", "there is no such month")]
#[case("H3 2026", "there is no such half")]
#[case("last 0 days", "at least 1")]
#[case("1969", "before 1970")]
#[case("1500", "before 1970")]
#[case("FY1969", "before 1970")]
#[case("last 100 years", "before 1970")]
#[case("last 9999 months", "before 1970")]
#[case("0001-01-01", "before 1970")]
#[case("2026-09-30..2026-07-01", "write the earlier day first")]
#[case("July 2026 to May 2026", "write the earlier day first")]
#[case("July to date", "July 2026 is over")]
fn days_that_there_are_not_are_refused(#[case] phrase: &str, #[case] reason: &str) {
    let error = resolve(phrase).unwrap_err();
    assert!(matches!(error, PeriodError::Invalid { .. }), "{error}");
    assert!(error.to_string().contains(reason), "{error}");
}

#[rstest]
#[case("")]
#[case("   ")]
#[case("best sellers")]
#[case("last")]
#[case("the")]
#[case("to date")]
#[case("7")]
#[case("3 months")]
#[case("last 3")]
#[case("July July")]
#[case("2026 2025")]
#[case("iso fiscal week 3 2026")]
#[case("from")]
#[case("until July")]
#[case("last 99999999999 days")]
#[case("12345")]
#[case("retail 2026-07-04")]
#[case("last 24 hours")]
#[case("'; drop table sales; --")]
fn other_phrases_are_refused(#[case] phrase: &str) {
    let error = resolve(phrase).unwrap_err();
    assert!(matches!(error, PeriodError::Unknown { .. }), "{error}");
    assert!(error.to_string().starts_with("period \""), "{error}");
}

#[test]
fn documented_phrases_are_read_without_complaint() {
    for (phrase, meaning) in docs_phrases() {
        let period = resolve(phrase).unwrap_or_else(|error| panic!("{error}"));
        assert!(!meaning.is_empty() && period.range.first() <= date(TODAY));
    }
}
