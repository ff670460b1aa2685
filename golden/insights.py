"""generate_business_insights: the period at a glance, customers, products, seasons."""

from collections import defaultdict
from fractions import Fraction

import expected
from expected import ratio
from periods import DAY, MONTHS, Period, month, months_earlier
from rows import Rows, within
from table import Ask, Figure, Table

# A change of less is called steady.
STEADY_PERCENT = 3


def summary(ask: Ask) -> dict[str, Table]:
    before = ask.compared("previous period")
    year = ask.compared("same period last year")

    def active_days(rows: Rows, period: Period) -> int:
        return rows.ordered(period)["day"].nunique()

    def per_customer(rows: Rows, period: Period) -> expected.Figure:
        return ratio(expected.net_sales(rows, period), expected.active_customers(rows, period))

    def per_day(rows: Rows, period: Period) -> expected.Figure:
        return ratio(expected.net_sales(rows, period), active_days(rows, period))

    figures = {
        "total_revenue": (expected.net_sales, "usd"),
        "total_transactions": (expected.orders, "orders"),
        "unique_customers": (expected.active_customers, "customers"),
        "total_items_sold": (expected.units, "units"),
        "avg_transaction_value": (expected.basket_value, "usd_per_order"),
        "items_per_transaction": (expected.basket_size, "units_per_order"),
        "revenue_per_customer": (per_customer, "usd"),
        "active_days": (active_days, "days"),
        "avg_daily_revenue": (per_day, "usd"),
    }
    rows = []
    for name, (figure, unit) in figures.items():
        now, then, ago = (figure(ask.rows, period) for period in (ask.period, before, year))
        rows.append({
            "figure": name,
            "now": Figure(now, unit),
            "period_before": Figure(then, unit),
            "change_percent": expected.change(now, then, unit)[1],
            "year_before": Figure(ago, unit),
            "year_change_percent": expected.change(now, ago, unit)[1],
        })
    return {"summary": Table(rows, words=("unit",)), "facts": Table(facts(ask, before, year))}


def facts(ask: Ask, before: Period, year: Period) -> list[dict]:
    def trend(then: Period) -> str:
        now, other = expected.net_sales(ask.rows, ask.period), expected.net_sales(ask.rows, then)
        growth = ratio(now - other, other, 100)
        if growth is None:
            return "unknown"
        return "rising" if growth > STEADY_PERCENT else "falling" if growth < -STEADY_PERCENT else "steady"

    sold = ask.rows.sold(ask.period).groupby("category")["net"].sum()
    top = min(sold.items(), key=lambda one: (-one[1], one[0]))
    then = expected.customers(ask.rows, before)
    kept = len(then & expected.customers(ask.rows, ask.period))
    return [
        {"fact": "top_category", "value": top[0]},
        {"fact": "top_category_revenue", "value": Figure(expected.dollars(top[1]), "usd")},
        {"fact": "products_sold", "value": Figure(expected.products_sold(ask.rows, ask.period), "products")},
        {"fact": "revenue_trend", "value": trend(before)},
        {"fact": "revenue_trend_year_on_year", "value": trend(year)},
        {"fact": "customer_retention_percent", "value": Figure(ratio(kept, len(then), 100), "percent")},
    ]


def segment(recency: int, count: int) -> str:
    """The first that fits."""
    if recency >= 4 and count >= 4:
        return "champions"
    if recency >= 3 and count >= 3:
        return "loyal"
    if recency >= 3 and count == 2:
        return "promising"
    if recency >= 4:
        return "recent_single"
    if recency == 3:
        return "cooling"
    return "at_risk" if count >= 2 else "lapsed"


SEGMENTS = ("champions", "loyal", "promising", "recent_single", "cooling", "at_risk", "lapsed")


def customer_segmentation(ask: Ask) -> dict[str, Table]:
    """Recency is the fifth of the period in which the last order was, 5 the newest; high value is the fifth who spent most."""
    orders = ask.rows.ordered(ask.period).groupby("customer_id")
    spent = ask.rows.sold(ask.period).groupby("customer_id")["net"].sum().to_dict()
    found: dict[str, list] = defaultdict(list)
    high = set(sorted(orders.groups, key=lambda who: (spent.get(who, 0), who))[-(len(orders) // 5) or len(orders) :])
    for who, of in orders:
        into = int(of["day"].max()) - ask.period.first.toordinal()
        recency = min(5, 1 + into * 5 // ask.period.days)
        found[segment(recency, len(of))].append((len(of), spent.get(who, 0), who in high))
    everyone = [one for part in found.values() for one in part]
    all_net = sum(net for _, net, _ in everyone)

    def row(of: list) -> dict:
        net = sum(net for _, net, _ in of)
        return {
            "customers": len(of),
            "share_of_customers": ratio(len(of), len(everyone), 100),
            "net_sales": expected.dollars(net),
            "share_of_net_sales": ratio(net, all_net, 100),
            "net_sales_per_customer": ratio(expected.dollars(net), len(of)),
            "orders_per_customer": ratio(sum(count for count, _, _ in of), len(of)),
            "high_value_customers": sum(is_high for _, _, is_high in of),
        }

    rows = [{"segment": name} | row(found[name]) for name in SEGMENTS]
    return {"segments": Table(rows, row(everyone), words=("who",))}


def product_performance(ask: Ask) -> dict[str, Table]:
    """Class A: the products that bring the first 80 % of net sales; B: up to 95 %; C: the rest that sold."""
    before = ask.compared("same period last year")
    now, then = ask.rows.sold(ask.period), ask.rows.sold(before)
    names = {}
    for frame in (now, then):
        names |= {one.product_id: (one.product, one.sku) for one in frame.drop_duplicates("product_id").itertuples()}
    net_now, net_then = (frame.groupby("product_id")["net"].sum().to_dict() for frame in (now, then))
    pieces = now.groupby("product_id")["quantity"].sum().to_dict()
    products = sorted(names, key=lambda product: (-net_now.get(product, 0), product))
    whole, above, classes = sum(net_now.values()), 0, {}
    for product in products:
        net = net_now.get(product, 0)
        if net > 0:
            classes[product] = "A" if 100 * above < 80 * whole else "B" if 100 * above < 95 * whole else "C"
        above += net

    def of_class(of: list[int]) -> dict:
        net = sum(net_now[product] for product in of)
        return {
            "products": len(of),
            "share_of_products": ratio(len(of), len(classes), 100),
            "net_sales": expected.dollars(net),
            "share_of_net_sales": ratio(net, whole, 100),
            "units": int(sum(pieces[product] for product in of)),
        }

    def row(product: int) -> dict:
        n1, n0 = net_now.get(product, 0), net_then.get(product, 0)
        return {
            "product": names[product][0],
            "sku": names[product][1],
            "class": classes.get(product),
            "net_sales": expected.dollars(n1),
            "net_sales_before": expected.dollars(n0),
            "change": expected.dollars(n1 - n0),
        }

    def moved(product: int) -> int:
        return net_now.get(product, 0) - net_then.get(product, 0)

    up = sorted((one for one in names if moved(one) > 0), key=lambda one: (-moved(one), one))
    down = sorted((one for one in names if moved(one) < 0), key=lambda one: (moved(one), one))
    found = {name: [one for one in classes if classes[one] == name] for name in ("A", "B", "C")}
    table = [{"class": name} | of_class(of) for name, of in found.items() if of]
    return {
        "classes": Table(table, of_class(list(classes))),
        "best": Table([row(one) for one in products if net_now.get(one)], limit=ask.limit),
        "risers": Table([row(one) for one in up], limit=ask.limit),
        "fallers": Table([row(one) for one in down], limit=ask.limit),
    }


def seasonal_trends(ask: Ask) -> dict[str, Table]:
    """Classical decomposition: the mean ratio of each calendar month to the centred mean of twelve months around it, made to
    average 100. Of the complete months in six years, without the first, which may have begun before the data did."""
    this_month = ask.today.replace(day=1)
    first = max(months_earlier(this_month, 72), expected.day(ask.rows.lines["day"].min()).replace(day=1))
    sold = within(ask.rows.lines, Period(first, this_month - DAY))
    last = expected.day(sold["day"].max())
    net = []
    at = months_earlier(expected.day(sold["day"].min()).replace(day=1), -1)
    while at <= last:
        net.append((at.month, expected.net_sales(ask.rows, month(at.year, at.month))))
        at = months_earlier(at, -1)
    ratios = defaultdict(list)
    for place in range(6, len(net) - 6):
        around = [value for _, value in net[place - 6 : place + 7]]
        mean = (sum(around) - (around[0] + around[-1]) / 2) / 12
        if mean:
            ratios[net[place][0]].append(net[place][1] / mean)
    means = {number: sum(of) / len(of) for number, of in ratios.items()}
    level = sum(means.values()) / len(means)
    rows = []
    for number in range(1, 13):
        of = [value for month_number, value in net if month_number == number]
        rows.append({
            "month": MONTHS[number].title(),
            "seasonal_index": means[number] / level * 100 if number in means else None,
            "mean_net_sales": sum(of, Fraction(0)) / len(of) if of else None,
            "years": Figure(len(of), "units"),
        })
    return {"seasons": Table(rows)}


ANALYSES = {
    "summary": summary,
    "customer_segmentation": customer_segmentation,
    "product_performance": product_performance,
    "seasonal_trends": seasonal_trends,
}


def generate_business_insights(ask: Ask) -> dict[str, Table]:
    return ANALYSES[ask.arguments.get("analysis_type", "summary")](ask)
