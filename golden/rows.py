"""The raw rows, as exported: orders with their lines, products, customers and stock. Money is in whole cents throughout.

No rollup is read, and nothing that the server computed.
"""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd

from periods import Period

STORES = {"seattle": "Zava Retail Seattle", "spokane": "Zava Retail Spokane", "online": "Zava Retail Online"}


def cents(text: str) -> int:
    amount = Decimal(text or "0") * 100
    if amount != int(amount):
        raise ValueError(f"{text} has parts of cents")
    return int(amount)


@dataclass(frozen=True)
class Rows:
    """What somebody may see, or the part of it that a question is about.

    `orders` and `lines` reach over all time. `by_product` says that rows of some products alone are left: an order then
    counts if it has a line with one. `newest` is the newest day with an order, of all that the asker may see.
    """

    orders: pd.DataFrame
    lines: pd.DataFrame
    stock: pd.DataFrame
    newest: int = 0
    by_product: bool = False

    def seen_by(self, store: str | None) -> "Rows":
        """What the manager of a store may see; head office, without one, sees all."""
        found = self.where(store=store) if store else self
        return replace(found, newest=int(found.orders["day"].max()))

    def where(self, **values: str) -> "Rows":
        """Those of a store, category, product_type, sku or weekday."""
        found = self
        for column, value in values.items():
            def pick(frame: pd.DataFrame, column: str = column, value: str = value) -> pd.DataFrame:
                return frame[frame[column] == value] if column in frame else frame

            of_product = column in ("category", "product_type", "product", "sku")
            found = replace(
                found,
                orders=found.orders if of_product else pick(found.orders),
                lines=pick(found.lines),
                stock=pick(found.stock),
                by_product=found.by_product or of_product,
            )
        return found

    def where_any(self, column: str, values: list[str]) -> "Rows":
        """Those with one of several values of a column that all rows have."""
        return replace(
            self,
            orders=self.orders[self.orders[column].isin(values)],
            lines=self.lines[self.lines[column].isin(values)],
            stock=self.stock[self.stock[column].isin(values)],
        )

    def sold(self, period: Period) -> pd.DataFrame:
        """The lines of a period."""
        return within(self.lines, period)

    def ordered(self, period: Period) -> pd.DataFrame:
        """One row for each order of a period."""
        if self.by_product:
            return within(self.lines, period).drop_duplicates("order_id")
        return within(self.orders, period)


def within(frame: pd.DataFrame, period: Period) -> pd.DataFrame:
    return frame[(frame["day"] >= period.first.toordinal()) & (frame["day"] <= period.last.toordinal())]


def load(folder: Path) -> Rows:
    """All rows of the chain."""

    def table(name: str) -> pd.DataFrame:
        frame = pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)
        for column in frame:
            if column.endswith("_id") or column in ("quantity", "stock_level"):
                frame[column] = frame[column].replace("", "0").astype("int64")
        return frame

    stores = table("stores").rename(columns={"store_name": "store"})[["store_id", "store"]]
    products = table("products").rename(columns={"product_name": "product"})
    products["cost"] = products["cost"].map(cents)
    products["base_price"] = products["base_price"].map(cents)
    categories = table("categories").rename(columns={"category_name": "category"})
    types = table("product_types").rename(columns={"type_name": "product_type"})
    products = products.merge(categories, on="category_id").merge(types[["type_id", "product_type"]], on="type_id")

    orders = table("orders").merge(stores, on="store_id")
    days = {text: date.fromisoformat(text) for text in orders["order_date"].unique()}
    orders["day"] = orders["order_date"].map({text: day.toordinal() for text, day in days.items()})
    orders["weekday"] = orders["order_date"].map({text: f"{day:%A}" for text, day in days.items()})
    people = table("customers")
    people["customer"] = people["first_name"] + " " + people["last_name"]
    orders = orders.merge(people[["customer_id", "customer"]], on="customer_id")

    items = table("order_items")
    items["net"] = items["total_amount"].map(cents)
    items["discount"] = items["discount_amount"].map(cents)
    items["gross"] = items["unit_price"].map(cents) * items["quantity"]
    items = items[["order_item_id", "order_id", "store_id", "product_id", "quantity", "net", "discount", "gross"]]
    # A line whose store is not that of its order belongs to neither.
    lines = items.merge(orders, on=["order_id", "store_id"]).merge(products, on="product_id")
    lines["cost_of_line"] = lines["cost"] * lines["quantity"]
    stock = table("inventory").merge(stores, on="store_id").merge(products, on="product_id")
    return Rows(orders=orders, lines=lines, stock=stock)
