"""Asks a server what a user would, through the official MCP client. smoke.sh runs it.

Prints one PASS or FAIL line a check and exits with 1 when one failed. Asks for nothing that depends on the day's data:
the identity's own stores, a search, the date; and sees that writes and strangers are refused.
"""

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

TOOLS = {
    "analyze_sales",
    "chart",
    "compare_with_peers",
    "execute_sales_query",
    "explain_change",
    "forecast_sales",
    "generate_business_insights",
    "get_current_utc_date",
    "get_multiple_table_schemas",
    "get_product_recommendations",
    "hybrid_product_search",
    "inventory_status",
    "semantic_search_products",
}
# The first call of a server that just started may wait for a connection to the database.
LIMIT_SECONDS = 30

failures = 0


def report(label: str, error: Exception | None = None) -> None:
    global failures
    failures += error is not None
    while getattr(error, "exceptions", None):  # a group of one, from the client's tasks
        error = error.exceptions[0]
    print(f"PASS {label}" if error is None else f"FAIL {label}: {str(error) or repr(error)}", flush=True)


async def check(label: str, body: Callable[[], Awaitable[None]]) -> None:
    try:
        await asyncio.wait_for(body(), timeout=LIMIT_SECONDS)
    except Exception as error:  # one failed check must not hide the others
        report(label, error)
    else:
        report(label)


def expect(condition: object, problem: str) -> None:
    if not condition:
        raise AssertionError(problem)


def text_of(result) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")


@asynccontextmanager
async def connected(url: str, token: str | None, mode: str):
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=LIMIT_SECONDS) as http_client:
        async with Client(streamable_http_client(url, http_client=http_client), mode=mode) as client:
            yield client


async def call(client: Client, name: str, arguments: dict) -> str:
    result = await client.call_tool(name, arguments)
    expect(not result.is_error, text_of(result))
    return text_of(result)


async def check_as_user(client: Client, mode: str) -> None:
    async def lists():
        names = {tool.name for tool in (await client.list_tools()).tools}
        expect(names == TOOLS, f"got {sorted(names)}")

    async def date():
        text = await call(client, "get_current_utc_date", {})
        expect(re.search(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}", text), f"no time in: {text}")

    async def schema():
        text = await call(client, "get_multiple_table_schemas", {"table_names": ["retail.stores"]})
        expect("store_name" in text, f"no store_name in: {text[:200]}")

    async def queries():
        text = await call(client, "execute_sales_query", {"postgresql_query": "SELECT store_name FROM retail.stores"})
        expect(json.loads(text)["n"] >= 1, f"the identity sees no store: {text[:200]}")

    async def searches():
        await call(client, "hybrid_product_search", {"query": "circuit breaker"})

    async def refuses():
        result = await client.call_tool("execute_sales_query", {"postgresql_query": "DELETE FROM retail.orders"})
        expect(result.is_error, f"a write was not refused: {text_of(result)[:200]}")
        expect(json.loads(text_of(result))["code"] == "query_not_allowed", text_of(result)[:200])

    for label, body in [
        ("lists the tools", lists),
        ("tells the date", date),
        ("describes a table", schema),
        ("sees a store", queries),
        ("searches products", searches),
        ("refuses a write", refuses),
    ]:
        await check(f"{mode}: {label}", body)


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--url", required=True)
    arguments.add_argument("--token-file", required=True, type=Path)
    options = arguments.parse_args()
    token = options.token_file.read_text(encoding="utf-8").strip()
    expect(token, "the token is empty")

    # The newest protocol, and the one that older clients speak.
    for mode in ["auto", "legacy"]:
        try:
            async with connected(options.url, token, mode) as client:
                await check_as_user(client, mode)
        except Exception as error:
            report(f"{mode}: connects", error)

    for label, wrong in [("a wrong token", "not-a-token"), ("no token", None)]:

        async def stays_out(wrong=wrong):
            try:
                async with connected(options.url, wrong, "auto"):
                    pass
            except Exception:
                return
            raise AssertionError("connected")

        await check(f"{label} does not connect", stays_out)


asyncio.run(main())
print("smoke test: passed" if failures == 0 else f"smoke test: {failures} failed")
sys.exit(1 if failures else 0)
