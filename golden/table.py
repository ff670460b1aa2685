"""A question as it is put, the tables that answer it, and how they are compared with the server's."""

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from expected import written
from periods import Period
from periods import compare as compare_periods
from rows import Rows

# Stands for what a model says, or words: there is no right figure for it.
MODEL = object()
# What a cell may hold: a figure, or a name.
Value = Fraction | int | str | bool | None | object


@dataclass(frozen=True)
class Ask:
    """A call of a tool: who asks for what, on which day."""

    arguments: dict[str, Any]
    rows: Rows
    words: str
    period: Period
    before: Period | None
    today: date
    is_head_office: bool
    default_limit: int
    # All rows of the chain, for what compares with the others.
    everyone: Rows

    @property
    def limit(self) -> int:
        return self.arguments.get("limit", self.default_limit)

    def compared(self, phrase: str) -> Period:
        """The period to compare with."""
        return compare_periods(self.period, self.words, phrase, self.today)


@dataclass(frozen=True)
class Figure:
    """A figure in another unit than its column's, where each row has its own."""

    value: Fraction | int | None
    unit: str


@dataclass(frozen=True)
class HeldBack:
    """A figure that is either right or not shown, for the sake of others."""

    value: Fraction | int | None
    unit: str


@dataclass
class Table:
    """Rows in their order, each by the names of its columns. `limit` keeps the first of them, `newest` the last."""

    rows: list[dict[str, Value | Figure]]
    total: dict[str, Value | Figure] | None = None
    limit: int | None = None
    newest: int | None = None
    # Columns of words, which no figure depends on.
    words: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.limit is not None:
            self.rows = self.rows[: self.limit]
        if self.newest is not None:
            self.rows = self.rows[-self.newest :]


@dataclass(frozen=True)
class Cell:
    """A figure of an answer beside the one that it should be."""

    table: str
    row: str
    column: str
    expected: Any
    answered: Any

    @property
    def agrees(self) -> bool:
        return type(self.expected) is type(self.answered) and self.expected == self.answered


def as_written(value: Value | Figure, unit: str | None) -> Any:
    if isinstance(value, (Figure, HeldBack)):
        return written(value.value, value.unit)
    if isinstance(value, (str, bool)) or unit is None:
        return value
    return written(value, unit)


def compare(name: str, table: Table, answer: dict[str, Any]) -> list[Cell]:
    """Every cell of a table of the answer. Rows that are missing, or too many, are cells that disagree."""
    columns = {column["name"]: (at, column.get("unit")) for at, column in enumerate(answer["columns"])}
    found = [Cell(name, "rows", "count", len(table.rows), len(answer["rows"]))]
    rows = list(zip(table.rows, answer["rows"]))
    if table.total is not None:
        rows.append((table.total, answer.get("total") or []))
    known = set(table.words)
    for at, (wanted, got) in enumerate(rows):
        is_total = at == len(table.rows) or wanted is table.total
        names = [value for value in wanted.values() if isinstance(value, str)]
        label = "total" if is_total else (names[0] if names else str(at + 1))
        for column, value in wanted.items():
            known.add(column)
            place, unit = columns.get(column, (None, None))
            answered = "no such column" if place is None or place >= len(got) else got[place]
            if value is MODEL or isinstance(value, HeldBack) and answered is None:
                continue
            found.append(Cell(name, label, column, as_written(value, unit), answered))
    # A column that nothing is known about would be a figure that nobody checked. Names have none where there are no rows.
    found.extend(
        Cell(name, "columns", column, "none", "not computed")
        for column, (_, unit) in columns.items()
        if column not in known and (table.rows or table.total and unit)
    )
    return found
