"""What a phrase such as "last quarter" means: days, ISO weeks and the 4-5-4 calendar, written for the golden set alone.

It shares no code with the server, and knows the phrases of questions.json alone.
"""

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta

DAY = timedelta(days=1)
MONTHS = [name.lower() for name in calendar.month_name]
WEEKS_OF_RETAIL_MONTHS = [4, 5, 4] * 4


@dataclass(frozen=True)
class Period:
    """Days from the first to the last, both included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def moved(self, days: int) -> "Period":
        return Period(self.first + days * DAY, self.last + days * DAY)


def month(year: int, number: int) -> Period:
    return Period(date(year, number, 1), date(year, number, calendar.monthrange(year, number)[1]))


def months(year: int, first: int, last: int) -> Period:
    return Period(month(year, first).first, month(year, last).last)


def quarter_of(day: date) -> Period:
    last = (day.month + 2) // 3 * 3
    return months(day.year, last - 2, last)


def week_of(day: date) -> Period:
    monday = day - day.weekday() * DAY
    return Period(monday, monday + 6 * DAY)


def months_earlier(day: date, count: int) -> date:
    """The same day of the month, or the month's last."""
    number = day.year * 12 + day.month - 1 - count
    year, at = divmod(number, 12)
    return date(year, at + 1, min(day.day, calendar.monthrange(year, at + 1)[1]))


def fiscal_year(number: int) -> Period:
    """The National Retail Federation's: it ends on the Saturday closest to 31 January of the next calendar year."""

    def end(year: int) -> date:
        january = date(year + 1, 1, 31)
        saturdays = [january + days * DAY for days in range(-3, 4) if (january + days * DAY).weekday() == 5]
        return saturdays[0]

    return Period(end(number - 1) + DAY, end(number))


def fiscal_year_of(day: date) -> int:
    return next(year for year in (day.year, day.year - 1) if fiscal_year(year).first <= day)


def fiscal_weeks(number: int) -> list[Period]:
    year = fiscal_year(number)
    return [Period(year.first + at * DAY, year.first + (at + 6) * DAY) for at in range(0, year.days, 7)]


def fiscal_months(number: int) -> list[Period]:
    """February first. A 53rd week is January's."""
    weeks, found = fiscal_weeks(number), []
    for at, length in enumerate(WEEKS_OF_RETAIL_MONTHS):
        count = len(weeks) if at == 11 else length
        found.append(Period(weeks[0].first, weeks[: count][-1].last))
        weeks = weeks[length:]
    return found


def fiscal_quarters(number: int) -> list[Period]:
    of = fiscal_months(number)
    return [Period(of[at].first, of[at + 2].last) for at in (0, 3, 6, 9)]


def fiscal_seasons(number: int) -> list[Period]:
    """Spring and fall: two quarters each."""
    of = fiscal_quarters(number)
    return [Period(of[0].first, of[1].last), Period(of[2].first, of[3].last)]


def holding(parts: list[Period], day: date) -> tuple[int, Period]:
    """The part that a day is in, and its number from 1."""
    return next((at, part) for at, part in enumerate(parts, 1) if part.first <= day <= part.last)


def label(grain: str, day: date) -> str:
    """The short name of the week, month… that a day is in."""
    fiscal = fiscal_year_of(day)
    match grain:
        case "day":
            return day.isoformat()
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02}"
        case "month":
            return f"{day:%Y-%m}"
        case "quarter":
            return f"{day.year}-Q{(day.month + 2) // 3}"
        case "year":
            return str(day.year)
        case "retail_week":
            return f"FY{fiscal}-W{holding(fiscal_weeks(fiscal), day)[0]:02}"
        case "retail_month":
            return f"FY{fiscal}-M{holding(fiscal_months(fiscal), day)[0]:02}"
        case "retail_quarter":
            return f"FY{fiscal}-Q{holding(fiscal_quarters(fiscal), day)[0]}"
    raise ValueError(f"there is no grain {grain!r}")


def buckets(period: Period, grain: str) -> list[tuple[str, Period]]:
    """The period cut into its weeks, months…: the first and the last may be parts of one."""
    found: list[tuple[str, Period]] = []
    for at in range(period.days):
        day = period.first + at * DAY
        name = label(grain, day)
        if found and found[-1][0] == name:
            found[-1] = (name, Period(found[-1][1].first, day))
        else:
            found.append((name, Period(day, day)))
    return found


def whole_units(of: date) -> dict[str, tuple[Period, Period]]:
    """Each unit that a day is in, with the one a year before that has the same name."""
    year, week, _ = of.isocalendar()
    quarter = quarter_of(of)
    fiscal = fiscal_year_of(of)
    found = {
        "year": (months(of.year, 1, 12), months(of.year - 1, 1, 12)),
        "quarter": (quarter, Period(months_earlier(quarter.first, 12), month_end(months_earlier(quarter.last, 12)))),
        "month": (month(of.year, of.month), month(of.year - 1, of.month)),
        "fiscal_year": (fiscal_year(fiscal), fiscal_year(fiscal - 1)),
    }
    if week < 53:
        found["week"] = (week_of(of), week_of(date.fromisocalendar(year - 1, week, 1)))
    for name, parts in (("season", fiscal_seasons), ("fiscal_quarter", fiscal_quarters), ("fiscal_month", fiscal_months)):
        at, part = holding(parts(fiscal), of)
        found[name] = (part, parts(fiscal - 1)[at - 1])
    return found


def month_end(day: date) -> date:
    return month(day.year, day.month).last


def is_of_months(period: Period) -> bool:
    return period.first.day == 1 and period.last == month_end(period.last)


def resolve(phrase: str, today: date) -> Period:
    """The days of a phrase. A period that has begun is whole, whether it is over or not."""
    phrase = phrase.lower().strip()
    units = {name: unit for name, (unit, _) in whole_units(today).items()} | {"week": week_of(today)}
    if match := re.fullmatch(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)", phrase):
        return Period(date.fromisoformat(match[1]), date.fromisoformat(match[2]))
    if match := re.fullmatch(r"(\d{4})-q([1-4])", phrase):
        return months(int(match[1]), 3 * int(match[2]) - 2, 3 * int(match[2]))
    if match := re.fullmatch(r"(\d{4})-w(\d\d)", phrase):
        return week_of(date.fromisocalendar(int(match[1]), int(match[2]), 1))
    if match := re.fullmatch(r"(\d{4})", phrase):
        return months(int(match[1]), 1, 12)
    if match := re.fullmatch(r"fy(\d{4})(?:[- ]([qmw])(\d+))?", phrase):
        parts = {"q": fiscal_quarters, "m": fiscal_months, "w": fiscal_weeks}
        return parts[match[2]](int(match[1]))[int(match[3]) - 1] if match[2] else fiscal_year(int(match[1]))
    if match := re.fullmatch(r"(spring|fall) (\d{4})", phrase):
        return fiscal_seasons(int(match[2]))[match[1] == "fall"]
    if match := re.fullmatch(r"([a-z]+) (\d{4})", phrase):
        return month(int(match[2]), MONTHS.index(match[1]))
    if match := re.fullmatch(r"black friday (\d{4})", phrase):
        thursdays = [date(int(match[1]), 11, day) for day in range(22, 29)]
        friday = next(day for day in thursdays if day.weekday() == 3) + DAY
        return Period(friday, friday)
    if match := re.fullmatch(r"last (\d+) days", phrase):
        return Period(today - (int(match[1]) - 1) * DAY, today)
    if match := re.fullmatch(r"last (\d+) weeks", phrase):
        return Period(units["week"].first - 7 * int(match[1]) * DAY, units["week"].first - DAY)
    if match := re.fullmatch(r"last (\d+) months", phrase):
        first = units["month"].first
        return Period(months_earlier(first, int(match[1])), first - DAY)
    if match := re.fullmatch(r"(week|month|quarter|year|season) to date", phrase):
        return Period(units[match[1]].first, today)
    if match := re.fullmatch(r"fiscal (year|quarter|month) to date", phrase):
        return Period(units[f"fiscal_{match[1]}"].first, today)
    if match := re.fullmatch(r"this (week|month|quarter|year)", phrase):
        return units[match[1]]
    if phrase == "last week":
        return units["week"].moved(-7)
    if match := re.fullmatch(r"last (month|quarter|year)", phrase):
        return whole_units(units[match[1]].first - DAY)[match[1]][0]
    if match := re.fullmatch(r"last (?:retail|fiscal) (month|quarter|year)", phrase):
        return whole_units(units[f"fiscal_{match[1]}"].first - DAY)[f"fiscal_{match[1]}"][0]
    if phrase in ("today", "yesterday"):
        day = today - (phrase == "yesterday") * DAY
        return Period(day, day)
    raise ValueError(f"the golden set has no reading of {phrase!r}")


def compare(period: Period, words: str, phrase: str, today: date) -> Period:
    """The other period of a comparison: `words` is what the period was called, `phrase` what it is compared with."""
    if phrase == "same weeks last year":
        return period.moved(-364)
    if phrase not in ("previous period", "same period last year"):
        return resolve(phrase, today)
    # Days are days, also where they happen to be those of a month.
    is_named = not words.endswith("days") and ".." not in words
    is_fiscal = bool(re.search(r"fy|retail|fiscal|season|spring|fall", words.lower()))
    calendar_units = ("year", "quarter", "month", "week")
    fiscal_units = ("fiscal_year", "season", "fiscal_quarter", "fiscal_month")
    units = whole_units(period.first)
    names = [name for name in (fiscal_units if is_fiscal else calendar_units) if name in units]
    unit = next((name for name in names if is_named and units[name][0] == period), None)
    if phrase == "previous period":
        if unit:
            return whole_units(period.first - DAY)[unit][0] if unit != "week" else period.moved(-7)
        if is_of_months(period) and not words.endswith("days"):
            count = (period.last.year - period.first.year) * 12 + period.last.month - period.first.month + 1
            return Period(months_earlier(period.first, count), period.first - DAY)
        return period.moved(-period.days)
    if unit:
        return units[unit][1]
    if match := re.fullmatch(r"black friday (\d{4})", words.lower()):
        return resolve(f"black friday {int(match[1]) - 1}", today)
    last = months_earlier(period.last, 12)
    return Period(months_earlier(period.first, 12), month_end(last) if is_of_months(period) else last)
