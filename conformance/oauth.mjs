// Signs in with the official TypeScript clients, starting from nothing but the server's URL.
//
//   node oauth.mjs SETTINGS.json
//
// SETTINGS.json: { oauth_url, token_life_s }. The identity provider behind the server lets everybody in, as the
// manager of Seattle, without asking. Prints one PASS or FAIL line per check and exits with 1 when one failed.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import * as v2 from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
const SERVER = new URL(settings.oauth_url);
const ME = { name: "retail-mcp-conformance", version: "1.0.0" };
const REDIRECT = "http://127.0.0.1:1/callback";
let failures = 0;

async function check(label, body) {
  try {
    await body();
    console.log(`PASS ${label}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL ${label}: ${error?.message ?? error}`);
  }
}

function expect(condition, problem) {
  if (!condition) throw new Error(problem);
}

const textOf = (result) => (result.content ?? []).map((block) => block.text ?? "").join("\n");

/** Keeps everything in memory, and goes to the sign-in page itself: it answers at once with a code. */
class Browser {
  redirectUrl = REDIRECT;
  clientMetadata = {
    client_name: ME.name,
    redirect_uris: [REDIRECT],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  };
  answers = [];
  clientInformation = () => this.information;
  saveClientInformation = (information) => { this.information = information; };
  tokens = () => this.saved;
  saveTokens = (tokens) => { this.saved = tokens; };
  saveCodeVerifier = (verifier) => { this.verifier = verifier; };
  codeVerifier = () => this.verifier;
  saveDiscoveryState = (state) => { this.discovery = state; };
  discoveryState = () => this.discovery;
  async redirectToAuthorization(url) {
    this.steps?.push(`authorize ${url.searchParams.get("scope")}`);
    expect(url.searchParams.get("code_challenge_method") === "S256", "no PKCE");
    expect(url.searchParams.get("resource") === SERVER.href, `resource ${url.searchParams.get("resource")}`);
    const response = await fetch(url, { redirect: "manual" });
    expect(response.status === 302 || response.status === 303, `the sign-in page answers ${response.status}`);
    this.answers.push(new URL(response.headers.get("location")).searchParams);
  }
}

/** Notes what is asked, by path and status, and which grant a token is asked with. */
function noting(steps) {
  return async (input, init) => {
    const response = await fetch(input, init);
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    const grant = init?.body === undefined || init.body === null ? null : new URLSearchParams(String(init.body)).get("grant_type");
    steps.push(`${response.status} ${grant ?? pathname}`);
    return response;
  };
}

const SDKS = [
  {
    name: "TypeScript client 2.x",
    transport: (browser, fetch) => new v2.StreamableHTTPClientTransport(SERVER, { authProvider: browser, fetch }),
    client: () => new v2.Client(ME, { versionNegotiation: { mode: "auto" } }),
    finish: (transport, answer) => transport.finishAuth(answer),
  },
  {
    name: "TypeScript SDK 1.x",
    transport: (browser, fetch) => new HttpV1(SERVER, { authProvider: browser, fetch }),
    client: () => new ClientV1(ME),
    finish: (transport, answer) => transport.finishAuth(answer.get("code"), answer.get("iss") ?? undefined),
    // With a refresh token it refreshes when more is asked for, and gets no more (auth.sign_in_scopes).
    refreshesInstead: true,
  },
];

for (const sdk of SDKS) {
  const steps = [];
  const browser = new Browser();
  browser.steps = steps;
  const fetch = noting(steps);
  const open = async () => {
    const transport = sdk.transport(browser, fetch);
    const client = sdk.client();
    await client.connect(transport);
    return { client, transport };
  };
  let session;

  await check(`${sdk.name}: signs in from a bare URL`, async () => {
    const transport = sdk.transport(browser, fetch);
    const refused = await sdk.client().connect(transport).then(() => null, (error) => error);
    expect(refused !== null, "connected without a token");
    expect(browser.answers.length === 1, `asked to sign in ${browser.answers.length} times: ${refused.message}`);
    await sdk.finish(transport, browser.answers.pop());
    session = await open();
    const seen = steps.join("\n");
    for (const step of ["401 /mcp", "200 /.well-known/oauth-protected-resource/mcp", "200 authorization_code"]) {
      expect(seen.includes(step), `no "${step}" in:\n${seen}`);
    }
    expect(/^200 \/\.well-known\/(oauth-authorization-server|openid-configuration)/m.test(seen), `no metadata of the provider in:\n${seen}`);
  });
  if (session === undefined) continue;

  await check(`${sdk.name}: is shown what it may call, and calls it`, async () => {
    const names = (await session.client.listTools()).tools.map((tool) => tool.name);
    expect(names.includes("get_current_utc_date") && !names.includes("execute_sales_query"), `tools ${names}`);
    const result = await session.client.callTool({ name: "get_current_utc_date", arguments: {} });
    expect(!result.isError, textOf(result));
  });

  const query = { name: "execute_sales_query", arguments: { postgresql_query: "SELECT store_name FROM retail.stores" } };
  const seesSeattle = (result) => {
    expect(!result.isError, textOf(result));
    const { r: rows } = JSON.parse(textOf(result));
    expect(rows.length === 1 && rows[0][0].includes("Seattle"), `rows ${JSON.stringify(rows)}`);
  };

  await check(`${sdk.name}: asks for more after a 403, and gets it`, async () => {
    steps.length = 0;
    if (sdk.refreshesInstead) delete browser.saved.refresh_token;
    const first = await session.client.callTool(query).then(() => null, (error) => error);
    expect(first !== null, "answered without the scope");
    expect(steps.includes("403 /mcp"), `no 403 in ${steps}`);
    expect(browser.answers.length === 1, `asked to sign in ${browser.answers.length} times: ${first.message}`);
    const asked = steps.find((step) => step.startsWith("authorize"));
    expect(asked.includes("retail.sql") && asked.includes("retail.read"), asked);
    await sdk.finish(session.transport, browser.answers.pop());
    seesSeattle(await session.client.callTool(query));
  });

  await check(`${sdk.name}: refreshes a token that has expired`, async () => {
    const before = browser.saved.access_token;
    await sleep((settings.token_life_s + 1) * 1000);
    steps.length = 0;
    seesSeattle(await session.client.callTool(query));
    expect(steps.includes("200 refresh_token"), `no refresh in ${steps}`);
    expect(browser.saved.access_token !== before, "the same token");
    expect(browser.answers.length === 0, "asked to sign in again");
  });

  await session.client.close();
}

console.log(failures === 0 ? "TypeScript sign-in: all passed" : `TypeScript sign-in: ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;
