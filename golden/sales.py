"""analyze_sales: metrics by dimension, and the questions with a name."""

from collections.abc import Iterable
from datetime import date
from fractions import Fraction

import expected
from expected import ADDITIVE, BY_NAME, METRICS, OF_STOCK, Figure
from periods import Period, buckets
from rows import Rows, within
from table import Ask, Table

TIME = ("day", "week", "month", "quarter", "year", "retail_week", "retail_month", "retail_quarter")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
KEYS = {"product": ["product", "sku"], "product_type": ["product_type", "category"]}


def metrics(ask: Ask) -> dict[str, Table]:
    names = ask.arguments.get("metrics", ["net_sales"])
    by = ask.arguments.get("by")
    if names == ["like_for_like_growth"]:
        return {"figures": like_for_like(ask, by)}
    share = names[0] if by and by not in TIME and names[0] in ADDITIVE else None
    whole = BY_NAME[names[0]](ask.rows, ask.period)

    def figures(rows: Rows, period: Period, before: Period | None) -> dict[str, Figure]:
        found = {}
        for name in names:
            metric = BY_NAME[name]
            found[name] = metric(rows, period)
            if before:
                found[f"{name}_before"] = then = metric(rows, before)
                changes = expected.change(found[name], then, METRICS[metric])
                found[f"{name}_change"], found[f"{name}_change_percent"] = changes
            if name == share:
                found["share"] = expected.ratio(found[name], whole, 100)
        return found

    total = figures(ask.rows, ask.period, ask.before)
    if by is None:
        return {"figures": Table([total])}
    if by in TIME:
        return {"figures": Table(list(series(ask, by, figures)), total)}
    parts = groups(ask, by, of_stock=names[0] in OF_STOCK)
    found = [(key, figures(rows, ask.period, ask.before)) for key, rows in parts]
    if by != "weekday":
        found.sort(key=lambda part: most_first(part[1][names[0]]))
    return {"figures": Table([{**key, **values} for key, values in found], total, limit=ask.limit)}


def most_first(value: Figure) -> tuple[bool, Fraction]:
    return value is None, -Fraction(value or 0)


def series(ask: Ask, by: str, figures) -> Iterable[dict]:
    """All weeks, months… of a period, in order; the first is compared with the first of the other period."""
    before = [part for _, part in buckets(ask.before, by)] if ask.before else []
    for at, (label, part) in enumerate(buckets(ask.period, by)):
        key = {by: label} if by == "day" else {by: label, "from": part.first.isoformat()}
        yield key | figures(ask.rows, part, before[at] if at < len(before) else (NEVER if before else None))


# Days without any order.
NEVER = Period(date.min, date.min)


def groups(ask: Ask, by: str, of_stock: bool) -> list[tuple[dict, Rows]]:
    """The parts that sold something in one of the periods, or that are in the range of products."""
    if by == "weekday":
        sold = set(within(ask.rows.orders, ask.period)["weekday"])
        return [({by: day}, ask.rows.where(weekday=day)) for day in WEEKDAYS if day in sold]
    keys = KEYS.get(by, [by])
    periods = [ask.period] + ([ask.before] if ask.before else [])
    frames = [ask.rows.stock] if of_stock else [ask.rows.sold(period) for period in periods]
    names = sorted({name for frame in frames for name in frame[keys].itertuples(index=False, name=None)})
    found = []
    for name in names:
        key = dict(zip(keys, name, strict=True))
        found.append((key, ask.rows.where(**{"sku": key["sku"]} if "sku" in key else key)))
    return found


def like_for_like(ask: Ask, by: str | None) -> Table:
    before = ask.before or ask.period.moved(-364)

    def figures(rows: Rows) -> dict[str, Figure]:
        return {
            "like_for_like_growth": expected.like_for_like_growth(rows, ask.period, before),
            "net_sales": expected.net_sales(rows, ask.period),
            "net_sales_before": expected.net_sales(rows, before),
        }

    stores = sorted(ask.rows.orders["store"].unique())
    kept = [store for store in stores if expected.is_comparable(ask.rows, store, [ask.period, before])]
    rows = ask.rows.where_any("store", kept)
    if by is None:
        return Table([figures(rows)])
    parts = [{"store": store} | figures(rows.where(store=store)) for store in kept]
    parts.sort(key=lambda part: most_first(part["like_for_like_growth"]))
    return Table(parts, figures(rows), limit=ask.limit)


# The questions with a name, and the columns that they had in the system before.


def daily_sales(ask: Ask) -> dict[str, Table]:
    """The newest days with orders, in the order of time."""
    rows = []
    for label, day in buckets(ask.period, "day"):
        if ask.rows.sold(day).empty:
            continue
        rows.append({
            "sales_date": label,
            "transaction_count": expected.orders(ask.rows, day),
            "total_revenue": expected.net_sales(ask.rows, day),
            "avg_transaction_value": expected.basket_value(ask.rows, day),
            "unique_customers": expected.active_customers(ask.rows, day),
        })
    return {"figures": Table(rows, newest=ask.limit)}


def top_products(ask: Ask) -> dict[str, Table]:
    rows = []
    for key, of in groups(ask, "product", of_stock=False):
        rows.append({
            "product_name": key["product"],
            "sku": key["sku"],
            "total_quantity_sold": expected.units(of, ask.period),
            "total_revenue": expected.net_sales(of, ask.period),
            "transaction_count": expected.orders(of, ask.period),
            "avg_price": expected.average_price(of, ask.period),
        })
    rows.sort(key=lambda row: (-row["total_revenue"], row["sku"]))
    return {"figures": Table(rows, limit=ask.limit)}


def customer_analysis(ask: Ask) -> dict[str, Table]:
    """Those who spent most. Recency is counted from the last day of the period."""
    found = []
    for number, lines in ask.rows.sold(ask.period).groupby("customer_id"):
        spent, count = expected.dollars(lines["net"].sum()), lines["order_id"].nunique()
        last = int(lines["day"].max())
        row = {
            "customer": lines["customer"].iloc[0],
            "transaction_count": count,
            "total_spent": spent,
            "avg_transaction_value": spent / count,
            "last_purchase_date": expected.day(last).isoformat(),
            "days_since_last_purchase": ask.period.last.toordinal() - last,
        }
        found.append((-spent, number, row))
    return {"figures": Table([row for *_, row in sorted(found, key=lambda one: one[:2])], limit=ask.limit)}


def category_performance(ask: Ask) -> dict[str, Table]:
    rows = []
    for key, of in groups(ask, "category", of_stock=False):
        rows.append({
            "category_name": key["category"],
            "unique_products": expected.products_sold(of, ask.period),
            "total_quantity_sold": expected.units(of, ask.period),
            "total_revenue": expected.net_sales(of, ask.period),
            "avg_price": expected.average_price(of, ask.period),
            "transaction_count": expected.orders(of, ask.period),
        })
    rows.sort(key=lambda row: (-row["total_revenue"], row["category_name"]))
    return {"figures": Table(rows, limit=ask.limit)}


def sales_trends(ask: Ask) -> dict[str, Table]:
    """Day by day until today, also days without sales, with a mean of seven days and the change against a day and a week ago."""
    rows = []
    for label, day in buckets(Period(ask.period.first, min(ask.period.last, ask.today)), "day"):
        net = [expected.net_sales(ask.rows, day.moved(-ago)) for ago in range(8)]
        rows.append({
            "sales_date": label,
            "daily_revenue": net[0],
            "daily_transactions": expected.orders(ask.rows, day),
            "rolling_7day_avg": sum(net[:7]) / 7,
            "day_over_day_percent": expected.ratio(net[0] - net[1], net[1], 100),
            "week_over_week_percent": expected.ratio(net[0] - net[7], net[7], 100),
        })
    return {"figures": Table(rows, newest=ask.limit)}


NAMED = {
    "daily_sales": daily_sales,
    "top_products": top_products,
    "customer_analysis": customer_analysis,
    "category_performance": category_performance,
    "sales_trends": sales_trends,
}


def analyze_sales(ask: Ask) -> dict[str, Table]:
    return NAMED.get(ask.arguments.get("query_type", "metric"), metrics)(ask)
