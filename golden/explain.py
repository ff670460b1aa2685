"""explain_change: what moved a metric, in contributions that add up to the change to the cent.

For net sales, cell by cell (a product in a store), with q units, g gross and n net sales, 0 before and 1 now, Q of all cells and
Qs of the store: volume n0 (Q1/Q0 - 1), stores n0 (Qs1/Qs0 - Q1/Q0), mix n0 (q1/q0 - Qs1/Qs0), price (g1 - q1 g0/q0) n0/g0,
discount n1 - g1 n0/g0. A cell without a past has its list price for one, with the discount of all cells.
"""

from collections import defaultdict
from fractions import Fraction

import expected
from expected import METRICS, rounded
from periods import DAY
from sales import KEYS, WEEKDAYS
from table import Ask, Figure, Table

EFFECTS = ("volume", "stores", "mix", "stock_out", "price", "discount")
# Stock is of today, and says nothing about a period that is long over.
STOCK_SAYS_DAYS = 28


def exact(parts: list[Fraction], whole: Fraction, decimals: int) -> list[Fraction]:
    """Rounded so that they sum to the rounded whole: what rounding leaves goes to the greatest, the last of equal ones."""
    found = [rounded(part, decimals) for part in parts]
    left = rounded(whole, decimals) - sum(found)
    greatest = max(range(len(found)), key=lambda at: (abs(found[at]), at))
    found[greatest] += left
    return found


# Factors: each moves from its former to its new value, after those before it.


def factors(ask: Ask) -> Table:
    name = ask.arguments.get("metric", "net_sales")
    chains = {
        "net_sales": ("orders", "basket_size", "average_price"),
        "units": ("orders", "basket_size"),
        "basket_value": ("basket_size", "average_price"),
        "orders": ("active_customers", "orders_per_customer"),
    }
    metrics = {**expected.BY_NAME, "orders_per_customer": orders_per_customer}
    units = {**{metric.__name__: unit for metric, unit in METRICS.items()}, "orders_per_customer": "number"}
    chain = chains[name]
    then = [Fraction(metrics[factor](ask.rows, ask.before)) for factor in chain]
    now = [Fraction(metrics[factor](ask.rows, ask.period)) for factor in chain]
    parts = []
    for at in range(len(chain)):
        part = now[at] - then[at]
        for other in range(len(chain)):
            part *= 1 if other == at else now[other] if other < at else then[other]
        parts.append(part)
    unit = units[name]
    decimals = expected.DECIMALS[unit]
    whole_now, whole_then = expected.BY_NAME[name](ask.rows, ask.period), expected.BY_NAME[name](ask.rows, ask.before)
    moved = rounded(whole_now, decimals) - rounded(whole_then, decimals)
    rows = [
        {
            "driver": factor,
            "before": Figure(then[at], units[factor]),
            "now": Figure(now[at], units[factor]),
            "contribution": part,
        }
        for at, (factor, part) in enumerate(zip(chain, exact(parts, moved, decimals), strict=True))
    ]
    total = {"before": Figure(whole_then, unit), "now": Figure(whole_now, unit), "contribution": moved}
    return Table(rows, total, words=("driver",))


def orders_per_customer(rows, period) -> expected.Figure:
    return expected.ratio(expected.orders(rows, period), expected.active_customers(rows, period))


# Effects on net sales.


def effects(ask: Ask) -> tuple[dict[tuple, dict], bool]:
    """The effects of each cell, and whether stock-outs are among them."""
    cells: dict[tuple, dict] = defaultdict(lambda: dict.fromkeys(("q1", "q0", "g1", "g0", "n1", "n0"), 0))
    info = {}
    for at, period in (("1", ask.period), ("0", ask.before)):
        sold = ask.rows.sold(period)
        for one in sold.drop_duplicates(["store_id", "product_id"]).itertuples():
            info[one.store_id, one.product_id] = one
        sums = sold.groupby(["store_id", "product_id"])[["quantity", "gross", "net"]].sum()
        for key, pieces, gross, net in sums.itertuples(name=None):
            cells[key][f"q{at}"], cells[key][f"g{at}"], cells[key][f"n{at}"] = int(pieces), int(gross), int(net)
    levels = {(one.store_id, one.product_id): one.stock_level for one in ask.rows.stock.itertuples()}
    whole = {name: sum(cell[name] for cell in cells.values()) for name in ("q1", "q0", "g0", "n0")}
    stores = {
        store: {name: sum(cell[name] for key, cell in cells.items() if key[0] == store) for name in ("q1", "q0")}
        for store in {key[0] for key in cells}
    }
    is_recent = ask.period.last >= ask.today - STOCK_SAYS_DAYS * DAY
    growth, net_of_gross = Fraction(whole["q1"], whole["q0"]), Fraction(whole["n0"], whole["g0"])
    found = {}
    for key, cell in cells.items():
        of_store = stores[key[0]]
        q1, q0, g1, g0, n1, n0 = (cell[name] for name in ("q1", "q0", "g1", "g0", "n1", "n0"))
        listed = q1 * int(info[key].base_price) * net_of_gross
        new_store, new_cell = of_store["q0"] == 0, q0 == 0
        of_store_growth = None if new_store else Fraction(of_store["q1"], of_store["q0"])
        mix = Fraction(0) if new_store else listed if new_cell else n0 * (Fraction(q1, q0) - of_store_growth)
        is_out = is_recent and levels.get(key, 1) <= 0 and mix < 0
        part = {
            "volume": n0 * (growth - 1),
            "stores": listed if new_store else n0 * (of_store_growth - growth),
            "mix": Fraction(0) if is_out else mix,
            "stock_out": mix if is_out else Fraction(0),
            "price": (g1 - q1 * Fraction(g0, q0)) * Fraction(n0, g0) if g0 else g1 * net_of_gross - listed,
            "discount": n1 - g1 * (Fraction(n0, g0) if g0 else net_of_gross),
        }
        assert sum(part.values()) == n1 - n0, "the effects of a cell do not sum to its change"
        found[key] = {"info": info[key], "now": n1, "before": n0, "effects": part}
    return found, is_recent


def net_sales(ask: Ask) -> dict[str, Table]:
    cells, is_recent = effects(ask)
    by = ask.arguments.get("by", "category")
    sees_stores = ask.is_head_office and "store" not in ask.arguments
    shown = [name for name in EFFECTS if (sees_stores or name != "stores") and (is_recent or name != "stock_out")]

    def sums(of: list[dict], names) -> tuple[Fraction, Fraction, list[Fraction]]:
        now, then = (sum((cell[when] for cell in of), 0) for when in ("now", "before"))
        parts = [sum((cell["effects"][name] for cell in of), Fraction(0)) / 100 for name in names]
        return expected.dollars(now), expected.dollars(then), parts

    keys = KEYS.get(by, [by])
    groups: dict[tuple, list] = defaultdict(list)
    for cell in cells.values():
        groups[tuple(getattr(cell["info"], key) for key in keys)].append(cell)
    rows = []
    for key, of in sorted(groups.items()):
        now, then, parts = sums(of, EFFECTS)
        parts = dict(zip(EFFECTS, exact(parts, now - then, 2), strict=True))
        figures = {"before": then, "now": now} | {name: parts[name] for name in shown} | {"change": now - then}
        rows.append((key, figures))
    # Of the parts as they are shown, so that columns add up as rows do.
    moved = sum((figures["change"] for _, figures in rows), Fraction(0))
    contributions = exact([sum((figures[name] for _, figures in rows), Fraction(0)) for name in shown], moved, 2)
    drivers = Table(
        [
            {"driver": name, "contribution": part, "percent_of_change": expected.ratio(part, moved, 100)}
            for name, part in zip(shown, contributions, strict=True)
        ],
        {"contribution": moved, "percent_of_change": expected.ratio(moved, moved, 100)},
        words=("what_it_is", "driver"),
    )
    return {"drivers": drivers, "factors": factors(ask), f"by_{by}": parts_table(ask, keys, rows)}


def parts_table(ask: Ask, keys: list[str], rows: list[tuple[tuple, dict]]) -> Table:
    """The parts that moved most, all others in one row, and the total."""
    rows = sorted(rows, key=lambda row: -abs(row[1]["change"]))

    def together(of: list[tuple[tuple, dict]]) -> dict:
        return {name: sum((figures[name] for _, figures in of), Fraction(0)) for name in rows[0][1]}

    shown, others = rows[: ask.limit], rows[ask.limit :]
    found = [dict(zip(keys, key, strict=True)) | figures for key, figures in shown]
    if others:
        found.append({keys[0]: f"{len(others)} others"} | together(others))
    return Table(found, together(rows), words=tuple(keys))


# Parts of metrics that have no effects.


def parts(ask: Ask) -> dict[str, Table]:
    name = ask.arguments["metric"]
    default = {"units": "category", "orders": "store"}.get(name)
    by = ask.arguments.get("by", default)
    found = {"factors": factors(ask)}
    if by is None:
        return found
    metric, keys, rows = expected.BY_NAME[name], KEYS.get(by, [by]), []
    sold = [ask.rows.sold(period)[keys] for period in (ask.period, ask.before)]
    for key in sorted({key for frame in sold for key in frame.itertuples(index=False, name=None)}):
        of = ask.rows.where(**({"sku": key[1]} if by == "product" else dict(zip(keys, key, strict=True))))
        now, then = Fraction(metric(of, ask.period)), Fraction(metric(of, ask.before))
        rows.append((key, {"before": then, "now": now, "change": now - then}))
    # Of parts that moved alike, the larger is first; of weekdays, the earlier.
    rows.sort(key=lambda row: WEEKDAYS.index(row[0][0]) if by == "weekday" else -row[1]["now"])
    return found | {f"by_{by}": parts_table(ask, keys, rows)}


def explain_change(ask: Ask) -> dict[str, Table]:
    return net_sales(ask) if ask.arguments.get("metric", "net_sales") == "net_sales" else parts(ask)
