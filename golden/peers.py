"""compare_with_peers: the place of a store among all, and the mean of the others with two digits."""

from fractions import Fraction
from math import floor, log10

import expected
from expected import BY_NAME, METRICS, rounded
from periods import DAY, Period, month, months_earlier
from rows import Rows
from table import MODEL, Ask, Figure, HeldBack, Table

# With fewer, a place would tell too much.
FEWEST_STORES = 6


def parts(name: str, rows: Rows, period: Period) -> tuple[Fraction, Fraction]:
    """What a mean of several stores is made of: they are added up before they are divided."""
    net, pieces, count = (Fraction(of(rows, period)) for of in (expected.net_sales, expected.units, expected.orders))
    return {
        "net_sales": (net, Fraction(1)),
        "units": (pieces, Fraction(1)),
        "orders": (count, Fraction(1)),
        "basket_value": (net, count),
        "basket_size": (pieces, count),
        "discount_rate": (100 * expected.discounts(rows, period), expected.gross_sales(rows, period)),
    }[name]


def two_digits(figure: Fraction) -> Fraction:
    digits = 1 - floor(log10(figure)) if figure > 0 else 0
    return rounded(figure * Fraction(10) ** digits, 0) / Fraction(10) ** digits


def places(ask: Ask, everyone: Rows, of: Period) -> list[dict]:
    """All stores that sold in a month, the highest first."""
    name = ask.arguments.get("metric", "net_sales")
    unit = METRICS[BY_NAME[name]]
    stores = {}
    for store in sorted(everyone.orders["store"].unique()):
        rows = everyone.where(store=store)
        if expected.units(rows, of) > 0:
            stores[store] = (rounded(BY_NAME[name](rows, of), 2), *parts(name, rows, of))
    found = []
    for store, (value, part, whole) in stores.items():
        place = 1 + sum(other > value for other, *_ in stores.values())
        is_few = len(stores) < FEWEST_STORES
        others_part = sum(other for _, other, _ in stores.values()) - part
        others_whole = sum(other for *_, other in stores.values()) - whole
        percentile = Fraction(100 * (len(stores) - place), max(len(stores) - 1, 1))
        found.append({
            "store": store,
            "month": of.first.isoformat(),
            name: value,
            "rank": Figure(None if is_few else place, "units"),
            "stores": Figure(None if is_few else len(stores), "units"),
            "percentile": Figure(None if is_few else percentile, "units"),
            "peer_mean": HeldBack(two_digits(others_part / others_whole) if others_whole else None, unit),
            "why_no_mean": MODEL,
        })
    return sorted(found, key=lambda row: (-row[name], row["store"]))


def compare_with_peers(ask: Ask) -> dict[str, Table]:
    """A month is published when it is over."""
    everyone = ask.everyone
    if category := ask.arguments.get("category"):
        everyone = everyone.where(category=category.upper())
    newest = expected.day(ask.everyone.newest)
    last = months_earlier((newest + DAY).replace(day=1), 1)
    store = f"Zava Retail {ask.arguments['store'].title()}" if "store" in ask.arguments else None
    if ask.is_head_office and store is None:
        rows = places(ask, everyone, month(last.year, last.month))
        hidden = ("month", "peer_mean", "why_no_mean")
    else:
        store = store or ask.rows.orders["store"].iloc[0]
        rows = []
        for ago in reversed(range(ask.arguments.get("months", 12))):
            first = months_earlier(last, ago)
            rows += [row for row in places(ask, everyone, month(first.year, first.month)) if row["store"] == store]
        hidden = ("store",)
    return {"peers": Table([{name: value for name, value in row.items() if name not in hidden} for row in rows])}
