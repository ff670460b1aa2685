//! What holds for each phrase and each day.

use chrono::NaiveDate;
use proptest::prelude::*;

use super::any_day;
use crate::calendar::us_days::UsDay;
use crate::calendar::{
    CompanyCalendar, FIRST_DAY, LAST_DAY, Period, PeriodError, TimeGrain, docs_comparisons,
    docs_phrases,
};

/// Words that the calendar knows, so that random sentences reach what random letters do not.
const WORDS: &[&str] = &[
    "the",
    "of",
    "in",
    "last",
    "this",
    "next",
    "past",
    "previous",
    "today",
    "yesterday",
    "tomorrow",
    "day",
    "days",
    "week",
    "weeks",
    "weekend",
    "month",
    "months",
    "quarter",
    "q3",
    "q0",
    "year",
    "years",
    "season",
    "half",
    "h1",
    "to date",
    "ago",
    "so far",
    "to",
    "..",
    "-",
    "/",
    "and",
    "from",
    "since",
    "between",
    "until",
    "through",
    "July",
    "feb",
    "march",
    "december",
    "may",
    "monday",
    "fri",
    "spring",
    "fall",
    "summer",
    "winter",
    "holiday",
    "black friday",
    "easter",
    "christmas",
    "new years eve",
    "retail",
    "fiscal",
    "fy",
    "fy26",
    "iso",
    "calendar",
    "4-5-4",
    "0",
    "1",
    "2",
    "3rd",
    "first",
    "29",
    "30",
    "35",
    "53",
    "99",
    "366",
    "1000",
    "9999",
    "1969",
    "1970",
    "2026",
    "0000",
    "'26",
    "2026-07",
    "2026-07-04",
    "2026-02-29",
    "2024-02-29",
    "7/4/2026",
    "20/7/2026",
    "1/1/1970",
    "12/31/9999",
    "2026-w35",
    "9999-w52",
    "w53",
    "ytd",
    "mtd",
    "wtd",
    "ttm",
    "4294967295",
    "99999999999",
    "٣",
    "é",
];

fn any_date() -> impl Strategy<Value = NaiveDate> {
    let any = any::<i32>()
        .prop_map(|days| NaiveDate::from_num_days_from_ce_opt(days / 12).unwrap_or(NaiveDate::MAX));
    prop_oneof![4 => any_day(), 1 => any, 1 => Just(NaiveDate::MIN), 1 => Just(NaiveDate::MAX)]
}

fn any_sentence() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(WORDS), 1..7).prop_flat_map(|words| {
        prop::sample::select(vec![" ", " ", " ", "-", ""]).prop_map(move |gap| words.join(gap))
    })
}

/// That a period is one that may be given out.
fn assert_sound(period: &Period, today: NaiveDate) {
    assert!(FIRST_DAY <= period.range.first() && period.range.last() <= LAST_DAY, "{period:?}");
    assert!(period.range.first() <= today, "{period:?}");
    assert!(!period.label.is_empty());
    assert!(period.is_over(today) || period.note.is_some(), "{period:?}");
}

fn check(phrase: &str, today: NaiveDate) {
    let calendar = CompanyCalendar::default();
    match calendar.resolve(phrase, today) {
        Ok(period) => {
            assert_sound(&period, today);
            // The label means the same days.
            match calendar.resolve(&period.label, today) {
                Ok(again) => assert_eq!(again.range, period.range, "{phrase:?} {:?}", period.label),
                Err(error) => panic!("{phrase:?}: {error}"),
            }
            for (comparison, _) in docs_comparisons() {
                if let Ok(other) = calendar.compare(&period, comparison, today) {
                    assert!(other.range.last() < period.range.last(), "{period:?} {other:?}");
                    assert!(FIRST_DAY <= other.range.first());
                }
            }
            let _ = calendar.compare(&period, phrase, today);
        }
        Err(PeriodError::Ambiguous { choices, .. }) => assert!(choices.len() > 1, "{phrase:?}"),
        Err(error) => assert!(error.to_string().starts_with("period \""), "{error}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_an_answer(phrase in ".{0,80}", today in any_date()) {
        check(&phrase, today);
    }

    #[test]
    fn any_sentence_has_an_answer(phrase in any_sentence(), today in any_date()) {
        check(&phrase, today);
    }
}

proptest! {
    #[test]
    fn any_comparison_has_an_answer(
        label in any_sentence(),
        phrase in any_sentence(),
        day in any_day(),
        today in any_date(),
    ) {
        let calendar = CompanyCalendar::default();
        for grain in TimeGrain::ALL {
            let period = Period::new(label.as_str(), grain.unit_of(day));
            let _ = calendar.compare(&period, &phrase, today);
            for (comparison, _) in docs_comparisons() {
                let _ = calendar.compare(&period, comparison, today);
            }
        }
    }

    #[test]
    fn documented_phrases_keep_their_promises(place in 0..docs_phrases().len(), today in any_day()) {
        check(docs_phrases()[place].0, today);
    }

    #[test]
    fn days_of_the_year_are_read_by_name(place in 0..UsDay::ALL.len(), year in 1970..=9999) {
        let day = UsDay::ALL[place];
        let expected = day.in_year(year).unwrap();
        let read = CompanyCalendar::default().resolve(&format!("{day} {year}"), LAST_DAY).unwrap();
        prop_assert_eq!(read.range.first(), expected);
        prop_assert_eq!(read.range.last(), expected);
    }
}
