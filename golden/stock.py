"""inventory_status: what is out, what lasts how long, what does not move, what to order."""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, isqrt

import expected
from expected import ratio
from periods import DAY, Period
from rows import within
from table import Ask, Figure, Table

# Standard deviations of safety stock: one in twenty lead times ends after the stock does.
SAFETY = Fraction("1.645")
SLOW_DAYS = 180


@dataclass(frozen=True)
class Shelf:
    """A product in a store. Sales are of the 28 and 90 days to the newest day with an order."""

    product: str
    sku: str
    store: str
    level: int
    list_price: Fraction
    units_28: int
    units_90: int
    net_90: Fraction
    days_90: int
    last_sale: str | None
    # The variance of pieces a day, over 90 days.
    spread: Fraction

    @property
    def stock(self) -> int:
        return max(self.level, 0)

    @property
    def pace(self) -> Fraction:
        """Pieces a day: of 28 days if at least 5 were sold in them, else of 90."""
        return Fraction(self.units_28, 28) if self.units_28 >= 5 else Fraction(self.units_90, 90)

    @property
    def value(self) -> Fraction:
        return self.stock * self.list_price


def shelves(ask: Ask) -> list[Shelf]:
    newest = expected.day(ask.rows.newest)
    sold = within(ask.rows.lines, Period(newest - 89 * DAY, newest))
    by_shelf = {key: lines for key, lines in sold.groupby(["store_id", "product_id"])}
    found = []
    for one in ask.rows.stock.itertuples():
        lines = by_shelf.get((one.store_id, one.product_id), sold.iloc[:0])
        by_day = [int(pieces) for pieces in lines.groupby("day")["quantity"].sum()]
        pieces = sum(by_day)
        found.append(Shelf(
            product=one.product,
            sku=one.sku,
            store=one.store,
            level=int(one.stock_level),
            list_price=expected.dollars(one.base_price),
            units_28=int(lines[lines["day"] > ask.rows.newest - 28]["quantity"].sum()),
            units_90=pieces,
            net_90=expected.dollars(lines["net"].sum()),
            days_90=len(by_day),
            last_sale=expected.day(lines["day"].max()).isoformat() if by_day else None,
            spread=(sum(many * many for many in by_day) - Fraction(pieces * pieces, 90)) / 89,
        ))
    return found


def names(ask: Ask, shelf: Shelf) -> dict:
    found = {"product": shelf.product, "sku": shelf.sku}
    shows_store = ask.is_head_office and "store" not in ask.arguments
    return found | ({"store": shelf.store} if shows_store else {})


def row(ask: Ask, shelf: Shelf) -> dict:
    return names(ask, shelf) | {
        "stock_on_hand": shelf.level,
        "units_28_days": shelf.units_28,
        "units_per_day": shelf.pace,
        "days_of_cover": ratio(shelf.stock, shelf.pace),
        "net_sales_90_days": shelf.net_90,
        "stock_at_list_price": shelf.level * shelf.list_price,
        "last_sale_in_90_days": shelf.last_sale,
    }


def summary(ask: Ask) -> Table:
    of = shelves(ask)
    stock, sold = sum(one.stock for one in of), sum(one.units_28 for one in of)
    outs = [one for one in of if one.level <= 0]
    short = [one for one in of if one.level > 0 and one.level < 7 * one.pace]
    slow = [one for one in of if one.level > 0 and one.level > SLOW_DAYS * one.pace]
    figures = {
        "stock_on_hand": (stock, "units"),
        "products_carried": (len(of), "products"),
        "stock_outs": (len(outs), "products"),
        "stock_out_rate": (ratio(len(outs), len(of), 100), "percent"),
        "units_sold_28_days": (sold, "units"),
        "days_of_cover": (ratio(stock * 28, sold), "days"),
        "cover_below_7_days": (len(short), "products"),
        "slow_movers": (len(slow), "products"),
        "stock_at_list_price": (sum(one.value for one in of), "usd"),
        "slow_stock_at_list_price": (sum(one.value for one in slow), "usd"),
    }
    rows = [{"figure": name, "value": Figure(*value)} for name, value in figures.items()]
    return Table(rows, words=("unit",))


def stock_outs(ask: Ask) -> Table:
    found = [one for one in shelves(ask) if one.level <= 0]
    found.sort(key=lambda one: (-one.net_90, one.sku, one.store))
    return Table([row(ask, one) for one in found], limit=ask.limit)


def cover(ask: Ask) -> Table:
    found = [one for one in shelves(ask) if one.level > 0 and one.pace > 0]
    found.sort(key=lambda one: (one.level / one.pace, one.sku, one.store))
    return Table([row(ask, one) for one in found], limit=ask.limit)


def slow_movers(ask: Ask) -> Table:
    found = [one for one in shelves(ask) if one.level > 0 and one.level > SLOW_DAYS * one.pace]
    found.sort(key=lambda one: (-one.value, one.sku, one.store))
    return Table([row(ask, one) for one in found], limit=ask.limit)


def ceil_of_root(square: Fraction) -> int:
    """The least whole number whose square is at least this: no floating point decides about a piece."""
    root = isqrt(ceil(square))
    return root if root * root >= square else root + 1


def reorder(ask: Ask) -> Table:
    lead, days = ask.arguments.get("lead_days", 7), ask.arguments.get("cover_days", 28)
    found = []
    for one in shelves(ask):
        safety = ceil_of_root(SAFETY**2 * lead * max(Fraction(0), one.spread))
        point = ceil(one.pace * lead + safety)
        suggested = ceil(one.pace * (lead + days) + safety - one.stock)
        if one.pace > 0 and suggested > 0 and one.stock <= point:
            confidence = "high" if one.days_90 >= 20 else "medium" if one.days_90 >= 8 else "low"
            found.append((one.stock / one.pace, -one.net_90, one.sku, one.store, names(ask, one) | {
                "stock_on_hand": one.level,
                "units_per_day": one.pace,
                "safety_stock": safety,
                "reorder_point": point,
                "suggested_units": suggested,
                "confidence": confidence,
                "days_with_sales": Figure(one.days_90, "units"),
            }))
    found.sort(key=lambda one: one[:4])
    return Table([row for *_, row in found], limit=ask.limit)


VIEWS = {
    "summary": ("stock", summary),
    "stock_outs": ("stock_outs", stock_outs),
    "cover": ("cover", cover),
    "slow_movers": ("slow_movers", slow_movers),
    "reorder": ("reorder", reorder),
}


def inventory_status(ask: Ask) -> dict[str, Table]:
    name, view = VIEWS[ask.arguments.get("view", "summary")]
    return {name: view(ask)}
