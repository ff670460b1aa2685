"""Asks the server what managers ask, and compares each figure of each answer with the one from the raw rows.

cargo xtask golden runs it: python ask.py SETTINGS [PART OF AN ID ...]
"""

import copy
import json
import re
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from explain import explain_change
from forecast import forecast_sales
from insights import generate_business_insights
from peers import compare_with_peers
from periods import compare as compare_periods
from periods import resolve
from rows import STORES, Rows, load
from sales import analyze_sales
from stock import inventory_status
from table import MODEL, Ask, Cell, Table, compare

FOLDER = Path(__file__).parent
PROTOCOL = "2026-07-28"
# The company's days begin at midnight there.
TIME_ZONE = ZoneInfo("America/Los_Angeles")
TOOLS = {
    "analyze_sales": analyze_sales,
    "explain_change": explain_change,
    "generate_business_insights": generate_business_insights,
    "inventory_status": inventory_status,
    "forecast_sales": forecast_sales,
    "compare_with_peers": compare_with_peers,
}


@dataclass(frozen=True)
class Defaults:
    """What a tool takes for arguments that are left out."""

    period: str = "last 30 days"
    against: str | None = None
    limit: int = 20


DEFAULTS = {
    "analyze_sales": Defaults(),
    "explain_change": Defaults("last month", "same period last year", 5),
    "generate_business_insights": Defaults(limit=5),
    "inventory_status": Defaults(limit=15),
    "forecast_sales": Defaults(),
    "compare_with_peers": Defaults(),
}
# The acceptance: this many questions in all, and of each who asks.
AT_LEAST, AT_LEAST_OF_EACH = 90, 15
WIDTHS = {"id": 30, "as": 11, "figure": 46, "expected": 16, "answered": 16, "cells": 5}
LIMIT_SECONDS = 60


def call(settings: dict[str, Any], who: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The result of a tool, as MCP gives it."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": PROTOCOL,
        "io.modelcontextprotocol/clientInfo": {"name": "golden", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": tool, "arguments": arguments, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {
        "Authorization": f"Bearer {settings['tokens'][who]}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Mcp-Protocol-Version": PROTOCOL,
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }
    request = urllib.request.Request(settings["url"], json.dumps(body).encode(), headers)
    for _ in range(LIMIT_SECONDS):
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_SECONDS) as response:
                answer = json.loads(response.read())
            break
        except urllib.error.HTTPError as error:
            if error.code != 429:
                raise RuntimeError(f"{error}: {error.read().decode()}") from error
            time.sleep(1)
    else:
        raise RuntimeError("the server had no time for a whole minute")
    if "result" not in answer:
        raise RuntimeError(json.dumps(answer.get("error")))
    return answer["result"]


def ask_of(question: dict[str, Any], rows: dict[str, Rows], today) -> Ask:
    """The question over the raw rows, confined as its arguments say."""
    arguments, who = question["arguments"], question["as"]
    of = rows[who]
    if store := arguments.get("store"):
        of = of.where(store=f"Zava Retail {store.title()}")
    names = {name: arguments[name] for name in ("category", "product_type") if name in arguments}
    of = of.where(**{name: value.upper() for name, value in names.items()})
    if sku := arguments.get("sku"):
        of = of.where(sku=sku)
    words = words_of(question)
    period = resolve(words, today)
    against = arguments.get("compare_to", DEFAULTS[question["tool"]].against)
    before = compare_periods(period, words, against, today) if against else None
    return Ask(
        arguments=arguments,
        rows=of,
        words=words,
        period=period,
        before=before,
        today=today,
        is_head_office=who == "head-office",
        default_limit=DEFAULTS[question["tool"]].limit,
        everyone=rows["head-office"],
    )


def words_of(question: dict[str, Any]) -> str:
    """The phrase for the period, or what stands for it."""
    arguments = question["arguments"]
    if "days" in arguments:
        return f"last {arguments['days']} days"
    if "start_date" in arguments:
        return f"{arguments['start_date']}..{arguments['end_date']}"
    default = DEFAULTS[question["tool"]].period
    if arguments.get("analysis_type") == "customer_segmentation":
        default = "last 365 days"
    return arguments.get("period", default)


def cells_of(question: dict[str, Any], ask: Ask, wanted: dict[str, Table], answer: dict[str, Any]) -> list[Cell]:
    """All figures of an answer, beside those that they should be."""
    found = []
    if question["tool"] in ("analyze_sales", "explain_change") and answer.get("period"):
        found.append(Cell("period", "from", "", ask.period.first.isoformat(), answer["period"]["from"]))
        found.append(Cell("period", "to", "", ask.period.last.isoformat(), answer["period"]["to"]))
    if ask.before:
        other = answer.get("compared_with") or {}
        found.append(Cell("compared_with", "from", "", ask.before.first.isoformat(), other.get("from")))
        found.append(Cell("compared_with", "to", "", ask.before.last.isoformat(), other.get("to")))
    answered = {table["name"]: table for table in tables_of(answer)}
    for name in sorted(wanted.keys() | answered.keys()):
        if name in wanted and name in answered:
            found.extend(compare(name, wanted[name], answered[name]))
        else:
            found.append(Cell(name, "table", "", name in wanted, name in answered))
    return found


def tables_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [answer["table"], *answer.get("more", [])]


def headline(question: dict[str, Any], cells: list[Cell]) -> Cell:
    """The figure that was asked for, among all that were answered."""
    figure = question["figure"]
    fits = [
        cell
        for cell in cells
        if cell.column == figure["column"]
        and figure.get("table", cell.table) == cell.table
        and figure.get("row", cell.row) in (cell.row, "last")
    ]
    counts = [cell for cell in cells if cell.row == "rows"]
    if not fits and counts and counts[0].expected == 0:
        # On the first day of a year nothing may have been sold in it.
        return counts[0]
    if not fits:
        raise RuntimeError(f"the figure {figure} is not in the answer")
    return fits[-1 if figure.get("row") == "last" else 0]


def unnoticed(question: dict[str, Any], ask: Ask, wanted: dict[str, Table], answer: dict[str, Any]) -> Iterator[str]:
    """Figures of the answer that could be wrong without anybody noticing: each is made wrong, by a cent or one."""
    for table in tables_of(answer):
        of = wanted[table["name"]]
        for line, row in enumerate([*table["rows"], *([table["total"]] if table.get("total") else [])]):
            for place, value in enumerate(row):
                column = table["columns"][place]["name"]
                rows = [*of.rows, of.total or {}]
                if column in of.words or rows[line].get(column) is MODEL or not is_figure(value):
                    continue
                one = copy.deepcopy(table)
                (one["rows"][line] if line < len(one["rows"]) else one["total"])[place] = off(value)
                if all(cell.agrees for cell in compare(table["name"], of, one)):
                    yield f"{table['name']}, row {line + 1}, {column}"


def is_figure(value: Any) -> bool:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return is_number or isinstance(value, str) and re.fullmatch(r"-?\d+\.\d+", value) is not None


def off(value: Any) -> Any:
    """Wrong by one in the last digit."""
    if isinstance(value, int):
        return value + 1
    return value[:-1] + str((int(value[-1]) + 1) % 10)


def line(values: dict[str, Any], asked: str) -> str:
    cut = {name: str(values[name])[: width - 1] for name, width in WIDTHS.items()}
    return " ".join(f"{cut[name]:<{width}}" for name, width in WIDTHS.items()) + f" {values['ok']:<5} {asked}"


def check_refusal(question: dict[str, Any], result: dict[str, Any]) -> list[Cell]:
    """That what a caller may not see is refused, and no figure given."""
    code = json.loads(result["content"][0]["text"])["code"] if result.get("isError") else "answered"
    return [Cell("refusal", "code", "code", question["refused"], code)]


def check(question: dict[str, Any], settings: dict[str, Any], rows: dict[str, Rows], today) -> tuple[Cell, list[Cell]]:
    result = call(settings, question["as"], question["tool"], question["arguments"])
    if "refused" in question:
        cells = check_refusal(question, result)
        return cells[0], cells
    if result.get("isError"):
        raise RuntimeError("refused: " + " ".join(block.get("text", "") for block in result["content"]))
    answer = result["structuredContent"]
    if question["tool"] == "chart":
        # A picture of what another tool answers: its figures are that tool's.
        kinds = [block["type"] for block in result["content"]]
        if "image" not in kinds:
            raise RuntimeError(f"there is no picture among {kinds}")
        inner = question["arguments"]
        question = question | {"tool": inner["tool"], "arguments": inner.get("arguments", {})}
    ask = ask_of(question, rows, today)
    wanted = TOOLS[question["tool"]](ask)
    cells = cells_of(question, ask, wanted, answer)
    if all(cell.agrees for cell in cells):
        cells += [Cell("proof", place, "", "noticed", "not noticed") for place in unnoticed(question, ask, wanted, answer)]
    return headline(question, cells), cells


def check_set(questions: list[dict[str, Any]]) -> None:
    """That the set is as large as it was promised, and every question has a name of its own."""
    ids = [question["id"] for question in questions]
    if len(ids) < AT_LEAST or len(set(ids)) != len(ids):
        raise SystemExit(f"questions.json must have {AT_LEAST} questions or more, each with its own id")
    for who in (*STORES, "head-office"):
        if sum(question["as"] == who for question in questions) < AT_LEAST_OF_EACH:
            raise SystemExit(f"{who} must ask {AT_LEAST_OF_EACH} questions or more")


def main(settings_path: str, only: list[str]) -> int:
    settings = json.loads(Path(settings_path).read_text())
    questions = json.loads((FOLDER / "questions.json").read_text())
    check_set(questions)
    if only:
        questions = [question for question in questions if any(part in question["id"] for part in only)]
    whole = load(Path(settings["rows"]))
    rows = {who: whole.seen_by(store) for who, store in STORES.items()} | {"head-office": whole.seen_by(None)}
    today = datetime.now(TIME_ZONE).date()
    print(f"{len(whole.orders)} orders, {len(whole.lines)} lines; today is {today}\n")
    print(line({name: name for name in WIDTHS} | {"ok": "ok"}, "asked"))
    problems, figures = [], 0
    for question in questions:
        try:
            figure, cells = check(question, settings, rows, today)
        except Exception as error:  # one question must not hide the others
            figure = Cell("", "", "", "", "")
            cells = [Cell("answer", "", "", "an answer", f"{type(error).__name__}: {error}")]
        wrong = [cell for cell in cells if not cell.agrees]
        figures += len(cells)
        name = " ".join(part for part in (figure.row if figure.row != "1" else "", figure.column) if part)
        values = {
            "id": question["id"],
            "as": question["as"],
            "figure": name,
            "expected": figure.expected,
            "answered": figure.answered,
            "cells": len(cells),
            "ok": "WRONG" if wrong else "ok",
        }
        print(line(values, question["asked"]), flush=True)
        problems += [(question, wrong)] if wrong else []
    print(f"\n{len(questions)} questions, {figures} figures compared, {len(problems)} questions with a wrong one")
    for question, wrong in problems:
        print(f"\n{question['id']}: {question['tool']} {json.dumps(question['arguments'])}, {len(wrong)} wrong")
        for cell in wrong[:8]:
            print(f"  {cell.table}, {cell.row}, {cell.column}: expected {cell.expected!r}, answered {cell.answered!r}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
