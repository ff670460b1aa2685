"""Checks a running server with the official Python SDK.

    python client.py SETTINGS.json

SETTINGS.json: {"url", "tokens": {"seattle", "all"}, "stdio": {"command", "args"}}. Prints one PASS or FAIL line
per check and exits with 1 when one failed.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

NEWEST = "2026-07-28"
LEGACY = "2025-11-25"
TABLES = ["customers", "stores", "categories", "product_types", "products", "orders", "order_items", "inventory"]
MAX_SCHEMA_TOKENS = 2_500
TOOLS = [
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
]

with open(sys.argv[1], encoding="utf-8") as file:
    SETTINGS = json.load(file)
failures = 0


def report(label: str, problem: str | None = None) -> None:
    global failures
    if problem is not None:
        failures += 1
    print(f"PASS {label}" if problem is None else f"FAIL {label}: {problem}", flush=True)


async def check(label: str, body: Callable[[], Awaitable[None]]) -> None:
    try:
        await asyncio.wait_for(body(), timeout=60)
    except Exception as error:  # one failed check must not hide the others
        report(label, str(error) or repr(error))
    else:
        report(label)


def expect(condition: object, problem: str) -> None:
    if not condition:
        raise AssertionError(problem)


def text_of(result) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")


async def call(client: Client, name: str, arguments: dict):
    result = await client.call_tool(name, arguments)
    expect(not result.is_error, f"is_error: {text_of(result)}")
    expect(isinstance(result.structured_content, dict), "no structured content")
    expect(text_of(result), "no text")
    return result


async def check_connection(label: str, client: Client, version: str, stores: int) -> None:
    """Every check that a connected client can make. `stores` is the number of stores it may see."""

    async def negotiates():
        expect(client.protocol_version == version, f"negotiated {client.protocol_version}")

    async def lists():
        tools = (await client.list_tools()).tools
        names = sorted(tool.name for tool in tools)
        expect(names == TOOLS, f"got {names}")
        for tool in tools:
            expect(tool.title or (tool.annotations and tool.annotations.title), f"{tool.name} has no title")
            expect(tool.annotations and tool.annotations.read_only_hint, f"{tool.name} is not marked as read-only")
            schema = tool.output_schema or {}
            expect(schema.get("type") == "object", f"{tool.name} has no output schema")

    async def schemas():
        names = [f"retail.{table}" for table in TABLES]
        text = text_of(await call(client, "get_multiple_table_schemas", {"table_names": names}))
        for name in names:
            expect(f"# Table: {name}" in text, f"no {name} in: {text[:200]}")
        expect("rls_user_id" not in text, "the identity column is described")
        # Four bytes a token, the usual rule of thumb.
        tokens = len(text.encode()) // 4
        print(f"     all eight tables: about {tokens} tokens", flush=True)
        expect(tokens < MAX_SCHEMA_TOKENS, f"{tokens} tokens are too many")

    async def date():
        text = text_of(await call(client, "get_current_utc_date", {}))
        expect(re.search(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}", text), f"no time in: {text}")

    async def sees():
        query = {"postgresql_query": "SELECT store_name FROM retail.stores"}
        text = text_of(await call(client, "execute_sales_query", query))
        envelope = json.loads(text)
        expect(envelope["n"] == stores and len(envelope["r"]) == stores, f"{envelope['n']} rows: {text[:300]}")
        seattle = [row for row in envelope["r"] if "Seattle" in row[0]]
        expect(len(seattle) == 1, f"no Seattle in {envelope['r']}")

    async def searches():
        text = text_of(await call(client, "hybrid_product_search", {"query": "15 amp circuit breaker"}))
        expect("Circuit Breaker" in text, f"no breaker in: {text[:300]}")

    async def refuses():
        query = {"postgresql_query": "DELETE FROM retail.orders"}
        result = await client.call_tool("execute_sales_query", query)
        expect(result.is_error, f"is_error is {result.is_error}: {text_of(result)}")
        body = json.loads(text_of(result))
        missing = {"code", "message", "hint", "retryable"} - body.keys()
        expect(not missing, f"no {missing} in {body}")

    seen = "Seattle alone" if stores == 1 else f"{stores} stores"
    await check(f"{label}: negotiates {version}", negotiates)
    await check(f"{label}: lists the tools with title, annotations and output schema", lists)
    await check(f"{label}: get_multiple_table_schemas", schemas)
    await check(f"{label}: get_current_utc_date", date)
    await check(f"{label}: execute_sales_query sees {seen}", sees)
    await check(f"{label}: hybrid_product_search finds a product and says why", searches)
    await check(f"{label}: a write is refused with an error the model can read", refuses)


@asynccontextmanager
async def over_http(token: str | None, mode: str):
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http_client:
        transport = streamable_http_client(SETTINGS["url"], http_client=http_client)
        async with Client(transport, mode=mode) as client:
            yield client


@asynccontextmanager
async def over_stdio(mode: str):
    parameters = StdioServerParameters(**SETTINGS["stdio"], env=dict(os.environ))
    with open(os.devnull, "w", encoding="utf-8") as quiet:
        async with Client(stdio_client(parameters, errlog=quiet), mode=mode) as client:
            yield client


async def main() -> None:
    tokens = SETTINGS["tokens"]
    for mode, version in [("auto", NEWEST), ("legacy", LEGACY)]:
        connections = [
            ("HTTP, Seattle", lambda: over_http(tokens["seattle"], mode), 1),
            ("HTTP, all stores", lambda: over_http(tokens["all"], mode), 8),
            ("stdio, Seattle", lambda: over_stdio(mode), 1),
        ]
        for kind, connect, stores in connections:
            label = f"Python SDK ({mode}), {kind}"
            try:
                async with connect() as client:
                    await check_connection(label, client, version, stores)
            except Exception as error:
                report(f"{label}: connects and disconnects", repr(error))
    for kind, token in [("a wrong token", "not-a-token"), ("no token", None)]:

        async def stays_out():
            connected = False
            try:
                async with over_http(token, "auto"):
                    connected = True
            except Exception:
                pass
            expect(not connected, "connected")

        await check(f"Python SDK: {kind} does not connect", stays_out)
    print("Python SDK: all passed" if failures == 0 else f"Python SDK: {failures} failed")


asyncio.run(main())
sys.exit(1 if failures else 0)
