"""Each figure from the raw rows, by the definition in words. Exact: fractions, rounded once, half away from zero."""

from collections.abc import Callable
from datetime import date
from fractions import Fraction

from periods import DAY, Period
from rows import Rows, within

Figure = Fraction | int | None

# Digits behind the decimal point, by the unit that an answer names for a column.
DECIMALS = {
    "usd": 2,
    "usd_per_order": 2,
    "usd_per_unit": 2,
    "units_per_order": 2,
    "percent": 2,
    "number": 2,
    "days": 1,
    "units": 0,
    "orders": 0,
    "customers": 0,
    "products": 0,
}


def rounded(value: Figure, decimals: int) -> Fraction | None:
    """Half away from zero."""
    if value is None:
        return None
    scaled = abs(Fraction(value)) * 10**decimals
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Fraction(whole if value >= 0 else -whole, 10**decimals)


def written(value: Figure, unit: str) -> str | int | None:
    """As it stands in an answer: counts are numbers, all else is text with its decimals."""
    decimals = DECIMALS[unit]
    value = rounded(value, decimals)
    if value is None:
        return None
    if decimals == 0:
        return int(value)
    digits = f"{int(abs(value) * 10**decimals):0{decimals + 1}}"
    return f"{'-' if value < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"


def change(now: Figure, before: Figure, unit: str) -> tuple[Figure, Figure]:
    """The change and the change in percent, of the figures as they are shown: so that anybody can check it."""
    if now is None or before is None:
        return None, None
    now, before = rounded(now, DECIMALS[unit]), rounded(before, DECIMALS[unit])
    return now - before, ratio(now - before, abs(before), 100)


def ratio(a: Figure, b: Figure, times: int = 1) -> Figure:
    return Fraction(a) * times / Fraction(b) if b else None


def day(number: int) -> date:
    return date.fromordinal(int(number))


def dollars(cents: int) -> Fraction:
    return Fraction(int(cents), 100)


# Sales.


def net_sales(rows: Rows, period: Period) -> Figure:
    return dollars(rows.sold(period)["net"].sum())


def gross_sales(rows: Rows, period: Period) -> Figure:
    return dollars(rows.sold(period)["gross"].sum())


def discounts(rows: Rows, period: Period) -> Figure:
    return dollars(rows.sold(period)["discount"].sum())


def units(rows: Rows, period: Period) -> Figure:
    return int(rows.sold(period)["quantity"].sum())


def orders(rows: Rows, period: Period) -> Figure:
    return len(rows.ordered(period))


def cost(rows: Rows, period: Period) -> Figure:
    return dollars(rows.sold(period)["cost_of_line"].sum())


def products_sold(rows: Rows, period: Period) -> Figure:
    return rows.sold(period)["product_id"].nunique()


def basket_value(rows: Rows, period: Period) -> Figure:
    return ratio(net_sales(rows, period), orders(rows, period))


def basket_size(rows: Rows, period: Period) -> Figure:
    return ratio(units(rows, period), orders(rows, period))


def average_price(rows: Rows, period: Period) -> Figure:
    return ratio(net_sales(rows, period), units(rows, period))


def discount_rate(rows: Rows, period: Period) -> Figure:
    return ratio(discounts(rows, period), gross_sales(rows, period), 100)


def gross_margin(rows: Rows, period: Period) -> Figure:
    return net_sales(rows, period) - cost(rows, period)


def gross_margin_rate(rows: Rows, period: Period) -> Figure:
    return ratio(gross_margin(rows, period), net_sales(rows, period), 100)


# Customers.


def customers(rows: Rows, period: Period) -> set[int]:
    return set(rows.ordered(period)["customer_id"])


def known_before(rows: Rows, day: date) -> set[int]:
    """Who had ordered before a day."""
    return set(rows.orders[rows.orders["day"] < day.toordinal()]["customer_id"])


def active_customers(rows: Rows, period: Period) -> Figure:
    return len(customers(rows, period))


def new_customers(rows: Rows, period: Period) -> Figure:
    return len(customers(rows, period) - known_before(rows, period.first))


def returning_customers(rows: Rows, period: Period) -> Figure:
    return len(customers(rows, period) & known_before(rows, period.first))


def repeat_rate(rows: Rows, period: Period) -> Figure:
    """Customers with two orders or more, in percent of all."""
    counts = rows.ordered(period)["customer_id"].value_counts()
    return ratio(int((counts >= 2).sum()), len(counts), 100)


# Stock, which is of now.


def stock_on_hand(rows: Rows, period: Period) -> Figure:
    return int(rows.stock["stock_level"].clip(lower=0).sum())


def sell_through(rows: Rows, period: Period) -> Figure:
    sold = units(rows, period)
    return ratio(sold, sold + stock_on_hand(rows, period), 100)


def last_days(period: Period, count: int) -> Period:
    return Period(period.last - (count - 1) * DAY, period.last)


def days_of_cover(rows: Rows, period: Period) -> Figure:
    """At the pace of the period's last 28 days."""
    return ratio(stock_on_hand(rows, period), units(rows, last_days(period, 28)), 28)


def stock_out_rate(rows: Rows, period: Period) -> Figure:
    return ratio(int((rows.stock["stock_level"] <= 0).sum()), len(rows.stock), 100)


def lost_sales(rows: Rows, store_id: int, product_id: int) -> Fraction:
    """What a product without stock would have sold since it ran out: its pace of the 90 days to its last sale, from when
    the pause is longer than the usual one between days of sale, for 28 days at most."""
    of = rows.lines[(rows.lines["product_id"] == product_id) & (rows.lines["store_id"] == store_id)]
    if of.empty:
        return Fraction(0)
    last = int(of["day"].max())
    recent = of[of["day"] > last - 90]
    usual = Fraction(90, recent["day"].nunique())
    days = min(28, max(0, rows.newest - last - usual))
    return dollars(recent["net"].sum()) / 90 * days


def lost_sales_estimate(rows: Rows, period: Period) -> Figure:
    out = rows.stock[rows.stock["stock_level"] <= 0]
    lost = (lost_sales(rows, shelf.store_id, shelf.product_id) for shelf in out.itertuples())
    return sum(lost, Fraction(0))


# Stores against themselves.


def is_comparable(rows: Rows, store: str, periods: list[Period]) -> bool:
    """Whether the store sold in the first and in the last 28 days of each period."""
    of = rows.where(store=store).orders

    def sold(period: Period) -> bool:
        first = Period(period.first, min(period.last, period.first + 27 * DAY))
        last = Period(max(period.first, period.last - 27 * DAY), period.last)
        return not within(of, first).empty and not within(of, last).empty

    return all(sold(period) for period in periods)


def like_for_like_growth(rows: Rows, period: Period, before: Period | None = None) -> Figure:
    """Net sales against the same weeks of the year before, of stores that traded in both."""
    before = period.moved(-364) if before is None else before
    stores = [store for store in rows.orders["store"].unique() if is_comparable(rows, store, [period, before])]
    now = sum(net_sales(rows.where(store=store), period) for store in stores)
    then = sum(net_sales(rows.where(store=store), before) for store in stores)
    return ratio(now - then, then, 100)


# Each metric with its unit.
METRICS: dict[Callable[..., Figure], str] = {
    net_sales: "usd",
    gross_sales: "usd",
    discounts: "usd",
    units: "units",
    orders: "orders",
    basket_value: "usd_per_order",
    basket_size: "units_per_order",
    average_price: "usd_per_unit",
    discount_rate: "percent",
    gross_margin: "usd",
    gross_margin_rate: "percent",
    active_customers: "customers",
    new_customers: "customers",
    returning_customers: "customers",
    repeat_rate: "percent",
    sell_through: "percent",
    stock_on_hand: "units",
    days_of_cover: "days",
    stock_out_rate: "percent",
    lost_sales_estimate: "usd",
    like_for_like_growth: "percent",
}
BY_NAME = {metric.__name__: metric for metric in METRICS}
OF_STOCK = {"sell_through", "stock_on_hand", "days_of_cover", "stock_out_rate", "lost_sales_estimate"}
# Parts of these add up to the whole, whatever they are split by.
ADDITIVE = {"net_sales", "gross_sales", "discounts", "units", "gross_margin", "stock_on_hand", "lost_sales_estimate"}
