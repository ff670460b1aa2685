"""Signs in with the official Python SDK, starting from nothing but the server's URL.

    python oauth.py SETTINGS.json

SETTINGS.json: {"oauth_url", "token_life_s"}. The identity provider behind the server lets everybody in, as the
manager of Seattle, without asking. Prints one PASS or FAIL line per check and exits with 1 when one failed.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

with open(sys.argv[1], encoding="utf-8") as file:
    SETTINGS = json.load(file)
REDIRECT = "http://127.0.0.1:1/callback"
QUERY = {"postgresql_query": "SELECT store_name FROM retail.stores"}
failures = 0


async def check(label: str, body: Callable[[], Awaitable[None]]) -> None:
    global failures
    try:
        await asyncio.wait_for(body(), timeout=60)
    except Exception as error:  # one failed check must not hide the others
        failures += 1
        print(f"FAIL {label}: {str(error) or repr(error)}", flush=True)
    else:
        print(f"PASS {label}", flush=True)


def expect(condition: object, problem: str) -> None:
    if not condition:
        raise AssertionError(problem)


def text_of(result) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")


class Memory:
    """Where a client keeps what it was given."""

    tokens = None
    client_info = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client_info

    async def set_client_info(self, client_info):
        self.client_info = client_info


class Browser:
    """Goes to the sign-in page itself: it answers at once with a code."""

    def __init__(self) -> None:
        self.scopes: list[str] = []
        self.answer: dict[str, list[str]] = {}

    async def go_to(self, url: str) -> None:
        query = parse_qs(urlsplit(url).query)
        expect(query.get("code_challenge_method") == ["S256"], "no PKCE")
        expect(query.get("resource") == [SETTINGS["oauth_url"]], f"resource {query.get('resource')}")
        self.scopes.append(query.get("scope", [""])[0])
        async with httpx2.AsyncClient() as client:
            response = await client.get(url, follow_redirects=False)
        expect(response.status_code in (302, 303), f"the sign-in page answers {response.status_code}")
        self.answer = parse_qs(urlsplit(response.headers["location"]).query)

    async def come_back(self) -> AuthorizationCodeResult:
        one = {name: values[0] for name, values in self.answer.items()}
        return AuthorizationCodeResult(code=one["code"], state=one.get("state"), iss=one.get("iss"))


async def sign_in(mode: str) -> None:
    label = f"Python SDK ({mode})"
    browser, memory = Browser(), Memory()
    steps: list[str] = []

    async def note(response: httpx2.Response) -> None:
        path = response.request.url.path
        body = response.request.content.decode() if path.endswith("/token") else ""
        steps.append(f"{response.status_code} {parse_qs(body).get('grant_type', [path])[0]}")

    provider = OAuthClientProvider(
        server_url=SETTINGS["oauth_url"],
        client_metadata=OAuthClientMetadata(
            client_name="retail-mcp-conformance",
            redirect_uris=[REDIRECT],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            token_endpoint_auth_method="none",
        ),
        storage=memory,
        redirect_handler=browser.go_to,
        callback_handler=browser.come_back,
    )
    async with httpx2.AsyncClient(auth=provider, timeout=60, event_hooks={"response": [note]}) as http_client:
        transport = streamable_http_client(SETTINGS["oauth_url"], http_client=http_client)
        async with Client(transport, mode=mode) as client:

            async def signed_in():
                expect(len(browser.scopes) == 1, f"asked to sign in {len(browser.scopes)} times")
                for step in [
                    "401 /mcp",
                    "200 /.well-known/oauth-protected-resource/mcp",
                    "200 authorization_code",
                ]:
                    expect(step in steps, f"no {step!r} in {steps}")

            async def calls():
                names = [tool.name for tool in (await client.list_tools()).tools]
                expect("get_current_utc_date" in names and "execute_sales_query" not in names, f"tools {names}")
                result = await client.call_tool("get_current_utc_date", {})
                expect(not result.is_error, text_of(result))

            async def sees_seattle():
                result = await client.call_tool("execute_sales_query", QUERY)
                expect(not result.is_error, text_of(result))
                rows = json.loads(text_of(result))["r"]
                expect(len(rows) == 1 and "Seattle" in rows[0][0], f"rows {rows}")

            async def steps_up():
                steps.clear()
                await sees_seattle()
                expect("403 /mcp" in steps, f"no 403 in {steps}")
                expect({"retail.read", "retail.sql"} <= set(browser.scopes[-1].split()), f"asked {browser.scopes}")

            async def refreshes():
                before, asked = memory.tokens.access_token, len(browser.scopes)
                await asyncio.sleep(SETTINGS["token_life_s"] + 1)
                steps.clear()
                await sees_seattle()
                expect("200 refresh_token" in steps, f"no refresh in {steps}")
                expect(memory.tokens.access_token != before, "the same token")
                expect(len(browser.scopes) == asked, "asked to sign in again")

            await check(f"{label}: signs in from a bare URL", signed_in)
            await check(f"{label}: is shown what it may call, and calls it", calls)
            await check(f"{label}: asks for more after a 403, and gets it", steps_up)
            await check(f"{label}: refreshes a token that has expired", refreshes)


async def main() -> None:
    global failures
    for mode in ["auto", "legacy"]:
        try:
            await sign_in(mode)
        except Exception as error:
            failures += 1
            print(f"FAIL Python SDK ({mode}): {error!r}", flush=True)
    print("Python sign-in: all passed" if failures == 0 else f"Python sign-in: {failures} failed")


asyncio.run(main())
sys.exit(1 if failures else 0)
