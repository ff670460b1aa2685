"""Callers who ask through the proxy again and again, as long as they are let: at most `MOST_SECONDS`."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

MOST_SECONDS = 300
#: Between an answer and the next question: servers refuse who asks too often (`limits` of the configuration).
PAUSE_SECONDS = 0.03
PROTOCOL = "2026-07-28"


@dataclass
class Callers:
    """What became of the calls."""

    answered: int = 0
    problems: list[str] = field(default_factory=list)
    slowest_seconds: float = 0

    def result(self) -> str:
        return f"{self.answered:,} calls, {len(self.problems)} failed, the slowest took {self.slowest_seconds:.1f} s"


@contextmanager
def calling(host: str, port: int, authority: str, tokens: list[str], number: int) -> Iterator[Callers]:
    """Keeps `number` callers busy meanwhile."""
    callers, lock, end = Callers(), threading.Lock(), threading.Event()
    trusted = ssl.create_default_context(cafile=authority)
    began = time.monotonic()

    def call_on(caller: int) -> None:
        connection = http.client.HTTPSConnection(host, port, context=trusted, timeout=60)
        headers = {
            "Authorization": f"Bearer {tokens[caller % len(tokens)]}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "Mcp-Protocol-Version": PROTOCOL,
            "Mcp-Method": "tools/call",
            "Mcp-Name": "execute_sales_query",
        }
        count = 0
        while not end.wait(PAUSE_SECONDS) and time.monotonic() - began < MOST_SECONDS:
            count += 1
            asked = time.monotonic()
            try:
                connection.request("POST", "/mcp", _question(caller, count), headers)
                answer = connection.getresponse()
                body = answer.read().decode()
                good = answer.status == 200 and '"isError":true' not in body and '"error"' not in body
                problem = None if good else f"{answer.status}: {body[:200]}"
            except (OSError, http.client.HTTPException) as error:
                problem = repr(error)
                connection.close()
            with lock:
                callers.answered += problem is None
                callers.slowest_seconds = max(callers.slowest_seconds, time.monotonic() - asked)
                if problem is not None:
                    callers.problems.append(problem)
        connection.close()

    threads = [threading.Thread(target=call_on, args=[caller]) for caller in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield callers
    finally:
        end.set()
        for thread in threads:
            thread.join()


def _question(caller: int, count: int) -> str:
    # Never the same twice, so that no answer is a kept one.
    sql = f"SELECT count(*) AS n, {caller * 1_000_000 + count} AS question FROM retail.order_items"
    return json.dumps(
        {
            "jsonrpc": "2.0",
            "id": count,
            "method": "tools/call",
            "params": {
                "name": "execute_sales_query",
                "arguments": {"postgresql_query": sql},
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": PROTOCOL,
                    "io.modelcontextprotocol/clientInfo": {"name": "compose-smoke", "version": "1"},
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        }
    )
