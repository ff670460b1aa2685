"""forecast_sales: the history that it starts from, and the error of the naive forecast that it is measured against.

What a model says of the future has no right figure, and is not compared.
"""

from datetime import date
from fractions import Fraction

import expected
from periods import DAY, Period, month, months_earlier, week_of
from table import MODEL, Ask, Figure, Table

SHOWN = 13
YEARS = 7
MOST_FOLDS = 8


def step_of(day: date, grain: str) -> Period:
    return week_of(day) if grain == "week" else month(day.year, day.month)


def origins(length: int, season: int, horizon: int) -> list[int]:
    """How many steps were known when each forecast of the past was made: evenly over the last season, with two seasons before
    the first and the horizon after the last."""
    span = min(length - 2 * season - horizon, season - 1)
    folds = min(MOST_FOLDS, span + 1)
    gaps = max(folds - 1, 1)
    return [length - horizon - (span * fold + gaps // 2) // gaps for fold in range(folds)]


def naive_error(values: list[Fraction], season: int, horizon: int) -> tuple[Fraction, int]:
    """The error of the value of one season ago, in percent of what was sold, and the number of forecasts."""
    missed = sold = Fraction(0)
    found = origins(len(values), season, horizon)
    for origin in found:
        for at in range(origin, origin + horizon):
            missed += abs(values[at] - values[at - season])
            sold += values[at]
    return missed / sold * 100, len(found)


def forecast_sales(ask: Ask) -> dict[str, Table]:
    grain, horizon = ask.arguments.get("grain", "month"), ask.arguments.get("horizon", 3)
    metric = expected.BY_NAME[ask.arguments.get("metric", "net_sales")]
    # The step with the newest order goes on: it is forecast.
    now = step_of(expected.day(ask.rows.newest), grain).first
    oldest = max(expected.day(ask.rows.lines["day"].min()), step_of(months_earlier(now, 12 * YEARS), grain).first)
    # The first step with sales may be a part of one.
    at = step_of(oldest, grain).last + DAY
    history = []
    while at < now:
        step = step_of(at, grain)
        history.append((step.first.isoformat(), Fraction(metric(ask.rows, step))))
        at = step.last + DAY
    name = f"{grain}_from"
    ahead, day = [], now
    for _ in range(horizon):
        ahead.append({name: day.isoformat(), "forecast": MODEL, "lower": MODEL, "upper": MODEL})
        day = step_of(day, grain).last + DAY
    error, folds = naive_error([value for _, value in history], 52 if grain == "week" else 12, horizon)
    facts = {
        "model": MODEL,
        "error_percent": MODEL,
        "error_percent_of_seasonal_naive": Figure(error, "percent"),
        "backtests": folds,
        "steps_of_history": len(history),
    }
    return {
        "forecast": Table(ahead),
        "history": Table([{name: first, metric.__name__: value} for first, value in history[-SHOWN:]]),
        "backtest": Table([{"fact": fact, "value": value} for fact, value in facts.items()]),
    }
