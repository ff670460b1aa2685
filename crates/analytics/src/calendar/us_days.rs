//! Days that American retailers name.

use std::fmt;

use chrono::{Datelike, NaiveDate, Weekday};

use super::days::{after, before};

/// A day that has a name and comes each year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UsDay {
    NewYearsDay,
    PresidentsDay,
    Easter,
    MothersDay,
    MemorialDay,
    FathersDay,
    IndependenceDay,
    LaborDay,
    Halloween,
    Thanksgiving,
    BlackFriday,
    CyberMonday,
    ChristmasEve,
    Christmas,
    NewYearsEve,
}

impl UsDay {
    /// All of them.
    #[cfg(test)]
    pub(super) const ALL: [Self; 15] = [
        Self::NewYearsDay,
        Self::PresidentsDay,
        Self::Easter,
        Self::MothersDay,
        Self::MemorialDay,
        Self::FathersDay,
        Self::IndependenceDay,
        Self::LaborDay,
        Self::Halloween,
        Self::Thanksgiving,
        Self::BlackFriday,
        Self::CyberMonday,
        Self::ChristmasEve,
        Self::Christmas,
        Self::NewYearsEve,
    ];

    /// Its name.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NewYearsDay => "New Years Day",
            Self::PresidentsDay => "Presidents Day",
            Self::Easter => "Easter",
            Self::MothersDay => "Mothers Day",
            Self::MemorialDay => "Memorial Day",
            Self::FathersDay => "Fathers Day",
            Self::IndependenceDay => "Independence Day",
            Self::LaborDay => "Labor Day",
            Self::Halloween => "Halloween",
            Self::Thanksgiving => "Thanksgiving",
            Self::BlackFriday => "Black Friday",
            Self::CyberMonday => "Cyber Monday",
            Self::ChristmasEve => "Christmas Eve",
            Self::Christmas => "Christmas",
            Self::NewYearsEve => "New Years Eve",
        }
    }

    /// The day in a year.
    pub(super) fn in_year(self, year: i32) -> Option<NaiveDate> {
        let on = |month, day| NaiveDate::from_ymd_opt(year, month, day);
        let nth = |month, weekday, n| NaiveDate::from_weekday_of_month_opt(year, month, weekday, n);
        match self {
            Self::NewYearsDay => on(1, 1),
            Self::PresidentsDay => nth(2, Weekday::Mon, 3),
            Self::Easter => easter(year),
            Self::MothersDay => nth(5, Weekday::Sun, 2),
            Self::MemorialDay => {
                let end_of_may = on(5, 31)?;
                Some(before(end_of_may, u64::from(end_of_may.weekday().num_days_from_monday())))
            }
            Self::FathersDay => nth(6, Weekday::Sun, 3),
            Self::IndependenceDay => on(7, 4),
            Self::LaborDay => nth(9, Weekday::Mon, 1),
            Self::Halloween => on(10, 31),
            Self::Thanksgiving => nth(11, Weekday::Thu, 4),
            Self::BlackFriday => Some(after(nth(11, Weekday::Thu, 4)?, 1)),
            Self::CyberMonday => Some(after(nth(11, Weekday::Thu, 4)?, 4)),
            Self::ChristmasEve => on(12, 24),
            Self::Christmas => on(12, 25),
            Self::NewYearsEve => on(12, 31),
        }
    }
}

impl fmt::Display for UsDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Easter Sunday of the Gregorian calendar: the Sunday after the first full moon from 21 March on, where the moon is
/// that of the church's tables.
fn easter(year: i32) -> Option<NaiveDate> {
    let century = year.div_euclid(100);
    // What leap years that are left out, and the moon's drift, have moved the tables by.
    let sun = century - century.div_euclid(4);
    let moon = (8 * century + 13).div_euclid(25);
    let mut epact = (sun - moon + 19 * year.rem_euclid(19) + 15).rem_euclid(30);
    // Two full moons of a cycle of 19 years would fall on the same day, or too late.
    if epact == 29 || (epact == 28 && year.rem_euclid(19) > 10) {
        epact -= 1;
    }
    let full_moon = after(NaiveDate::from_ymd_opt(year, 3, 21)?, u64::try_from(epact).ok()?);
    Some(after(full_moon, 7 - u64::from(full_moon.weekday().num_days_from_sunday())))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(UsDay::PresidentsDay, 2026, "2026-02-16")]
    #[case(UsDay::MothersDay, 2026, "2026-05-10")]
    #[case(UsDay::MemorialDay, 2026, "2026-05-25")]
    #[case(UsDay::MemorialDay, 2027, "2027-05-31")]
    #[case(UsDay::FathersDay, 2026, "2026-06-21")]
    #[case(UsDay::LaborDay, 2026, "2026-09-07")]
    #[case(UsDay::Thanksgiving, 2025, "2025-11-27")]
    #[case(UsDay::BlackFriday, 2024, "2024-11-29")]
    #[case(UsDay::CyberMonday, 2025, "2025-12-01")]
    #[case(UsDay::Christmas, 2025, "2025-12-25")]
    // The earliest and the latest of the period, both exceptions, and some in between.
    #[case(UsDay::Easter, 1981, "1981-04-19")]
    #[case(UsDay::Easter, 2000, "2000-04-23")]
    #[case(UsDay::Easter, 2008, "2008-03-23")]
    #[case(UsDay::Easter, 2011, "2011-04-24")]
    #[case(UsDay::Easter, 2024, "2024-03-31")]
    #[case(UsDay::Easter, 2025, "2025-04-20")]
    #[case(UsDay::Easter, 2026, "2026-04-05")]
    #[case(UsDay::Easter, 2038, "2038-04-25")]
    #[case(UsDay::Easter, 2049, "2049-04-18")]
    #[case(UsDay::Easter, 2076, "2076-04-19")]
    fn is_on(#[case] day: UsDay, #[case] year: i32, #[case] expected: &str) {
        assert_eq!(day.in_year(year).unwrap().to_string(), expected);
    }
}
