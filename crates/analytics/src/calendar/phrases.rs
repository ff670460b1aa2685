//! What may be asked for, as documentation and descriptions of tools list it.

/// Phrases of [`CompanyCalendar::resolve`](super::CompanyCalendar::resolve) and what they mean, one of each kind.
pub fn docs_phrases() -> &'static [(&'static str, &'static str)] {
    &[
        ("today", "the day in the company's time zone, so far"),
        ("yesterday", "the day before"),
        ("last Friday", "the latest Friday before today"),
        ("this week", "the ISO week, Monday to Sunday; whole, with a note while it is not over"),
        ("last month", "the whole calendar month before the current one; also week, quarter, year"),
        ("month to date", "from the first of the month until today; also WTD, QTD, YTD"),
        ("last month to date", "last month until the day that today corresponds to"),
        ("last 30 days", "the 30 days that end today, today included"),
        ("last 4 weeks", "the 4 whole ISO weeks before the current one"),
        ("last 12 months", "the 12 whole calendar months before the current one"),
        ("3 weeks ago", "the whole ISO week that is 3 before the current one"),
        ("July 2026", "the calendar month; also 2026-07"),
        ("Jul", "the latest July that has begun"),
        ("July last year", "July of the calendar year before"),
        ("Q3 2026", "the calendar quarter; also 2026 Q3, 2026-Q3, third quarter of 2026"),
        ("Q3", "the latest third calendar quarter that has begun"),
        ("H1 2026", "January to June"),
        ("2026", "the calendar year"),
        ("2026-W35", "ISO week 35; also ISO week 35 2026"),
        ("2026-07-04", "one day; also July 4, 2026"),
        ("2026-07-01..2026-09-30", "both days included; also with to in between"),
        ("from May to July 2026", "the first day of May to the last of July"),
        ("since 2026-03-01", "from that day until today"),
        (
            "FY2026",
            "the retail year: 52 or 53 weeks from the beginning of February, 4-5-4 calendar",
        ),
        ("fiscal 2026 Q2", "a quarter of the retail year: fiscal May to July"),
        (
            "retail March 2026",
            "a month of the retail year, of 4 or 5 weeks; also fiscal month 2 2026",
        ),
        (
            "retail week 35 2026",
            "a week of the retail year, Sunday to Saturday; also FY2026 week 35",
        ),
        ("last retail month", "the whole one before the current one; also week, quarter, year"),
        ("last 4 retail weeks", "the 4 whole weeks of Sunday to Saturday before the current one"),
        ("spring 2026", "the retail season, fiscal February to July; fall is August to January"),
        ("last season", "the retail season before the current one"),
        ("season to date", "from the beginning of the retail season until today"),
        ("holiday 2025", "November and December"),
        ("summer 2026", "June to August"),
        ("Black Friday 2025", "the day; also Cyber Monday, Thanksgiving, Easter, Labor Day…"),
        ("Thanksgiving week 2025", "the ISO week that has the day in it"),
    ]
}

/// Phrases of [`CompanyCalendar::compare`](super::CompanyCalendar::compare) and what they mean.
pub fn docs_comparisons() -> &'static [(&'static str, &'static str)] {
    &[
        (
            "previous period",
            "the whole month, quarter, week, year or season right before, or the same number of days right before",
        ),
        (
            "same period last year",
            "the same month, quarter, fiscal month or feast, or the same dates, a year before",
        ),
        ("same weeks last year", "364 days earlier, so that weekdays meet weekdays"),
    ]
}
