// Checks a running server with the official TypeScript clients: the 2.x client, which speaks protocol
// 2026-07-28, and the 1.x client, which speaks 2025-11-25.
//
//   node client.mjs SETTINGS.json
//
// SETTINGS.json: { url, tokens: { seattle, all }, stdio: { command, args } }. Prints one PASS or FAIL line
// per check and exits with 1 when one failed.
import { readFileSync } from "node:fs";
import * as v2 from "@modelcontextprotocol/client";
import { StdioClientTransport as StdioV2 } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
const NEWEST = "2026-07-28";
const OLDER = ["2025-11-25", "2025-06-18", "2025-03-26"];
const TOOLS = [
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
];
const ME = { name: "retail-mcp-conformance", version: "1.0.0" };
let failures = 0;

function report(label, problem) {
  if (problem !== undefined) failures += 1;
  console.log(problem === undefined ? `PASS ${label}` : `FAIL ${label}: ${problem}`);
}

async function check(label, body) {
  try {
    await body();
    report(label);
  } catch (error) {
    report(label, error?.message ?? String(error));
  }
}

function expect(condition, problem) {
  if (!condition) throw new Error(problem);
}

const textOf = (result) =>
  (result.content ?? []).filter((block) => block.type === "text").map((block) => block.text).join("\n");

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** Every check that a connected client can make. `stores` is the number of stores it may see. */
async function checkConnection(label, client, version, expectedVersion, stores) {
  await check(`${label}: negotiates ${expectedVersion}`, () =>
    expect(version === expectedVersion, `negotiated ${version}`));
  await check(`${label}: lists the tools with title, annotations and output schema`, async () => {
    const { tools } = await client.listTools();
    const names = tools.map((tool) => tool.name).sort();
    expect(JSON.stringify(names) === JSON.stringify(TOOLS), `got ${names.join(", ")}`);
    for (const tool of tools) {
      expect(tool.title ?? tool.annotations?.title, `${tool.name} has no title`);
      expect(tool.annotations?.readOnlyHint === true, `${tool.name} is not marked as read-only`);
      expect(tool.outputSchema?.type === "object", `${tool.name} has no output schema`);
    }
  });
  await check(`${label}: get_multiple_table_schemas`, async () => {
    const result = await call(client, "get_multiple_table_schemas", { table_names: ["retail.stores"] });
    expect(textOf(result).includes("store_name"), `no store_name in: ${textOf(result).slice(0, 200)}`);
  });
  await check(`${label}: get_current_utc_date`, async () => {
    const result = await call(client, "get_current_utc_date", {});
    expect(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}/.test(textOf(result)), `no time in: ${textOf(result)}`);
  });
  await check(`${label}: execute_sales_query sees ${stores === 1 ? "Seattle alone" : `${stores} stores`}`, async () => {
    const query = "SELECT store_name FROM retail.stores";
    const result = await call(client, "execute_sales_query", { postgresql_query: query });
    const envelope = JSON.parse(textOf(result));
    expect(envelope.n === stores && envelope.r.length === stores, `${envelope.n} rows: ${textOf(result).slice(0, 300)}`);
    expect(envelope.c[0] === "store_name", `columns ${envelope.c}`);
    const seattle = envelope.r.filter(([name]) => name.includes("Seattle"));
    expect(seattle.length === 1, `no Seattle in ${JSON.stringify(envelope.r)}`);
  });
  await check(`${label}: hybrid_product_search finds a product and says why`, async () => {
    const result = await call(client, "hybrid_product_search", { query: "15 amp circuit breaker" });
    expect(textOf(result).includes("Circuit Breaker"), `no breaker in: ${textOf(result).slice(0, 300)}`);
  });
  await check(`${label}: a write is refused with an error the model can read`, async () => {
    const result = await client.callTool({
      name: "execute_sales_query",
      arguments: { postgresql_query: "DELETE FROM retail.orders" },
    });
    expect(result.isError === true, `isError is ${result.isError}: ${textOf(result)}`);
    const body = JSON.parse(textOf(result));
    for (const key of ["code", "message", "hint", "retryable"]) {
      expect(key in body, `no ${key} in ${textOf(result)}`);
    }
  });
}

async function call(client, name, args) {
  const result = await client.callTool({ name, arguments: args });
  expect(!result.isError, `isError: ${textOf(result)}`);
  expect(isObject(result.structuredContent), "no structuredContent");
  expect(textOf(result).length > 0, "no text");
  return result;
}

const requestInit = (token) => ({ headers: token === undefined ? {} : { Authorization: `Bearer ${token}` } });
const stdio = { ...settings.stdio, env: process.env, stderr: "ignore" };

const SDKS = [
  {
    name: "TypeScript client 2.x",
    version: NEWEST,
    http: (token) => new v2.StreamableHTTPClientTransport(new URL(settings.url), { requestInit: requestInit(token) }),
    stdio: () => new StdioV2(stdio),
    client: () => new v2.Client(ME, { versionNegotiation: { mode: "auto" } }),
    negotiated: (client) => client.getNegotiatedProtocolVersion(),
  },
  {
    name: "TypeScript SDK 1.x",
    version: OLDER[0],
    http: (token) => new HttpV1(new URL(settings.url), { requestInit: requestInit(token) }),
    stdio: () => new StdioV1(stdio),
    client: () => new ClientV1(ME),
    // Over stdio the 1.x client knows the version but does not tell it; it refuses those it does not speak.
    negotiated: (_client, transport) => transport.protocolVersion ?? OLDER[0],
  },
];

for (const sdk of SDKS) {
  const connections = [
    ["HTTP, Seattle", () => sdk.http(settings.tokens.seattle), 1],
    ["HTTP, all stores", () => sdk.http(settings.tokens.all), 8],
    ["stdio, Seattle", () => sdk.stdio(), 1],
  ];
  for (const [kind, transportOf, stores] of connections) {
    const label = `${sdk.name}, ${kind}`;
    const client = sdk.client();
    const transport = transportOf();
    try {
      await client.connect(transport);
    } catch (error) {
      report(`${label}: connects`, error?.message ?? String(error));
      continue;
    }
    await checkConnection(label, client, sdk.negotiated(client, transport), sdk.version, stores);
    await client.close();
  }
  for (const [kind, token] of [["a wrong token", "not-a-token"], ["no token", undefined]]) {
    await check(`${sdk.name}: ${kind} does not connect`, async () => {
      const client = sdk.client();
      const connected = await client.connect(sdk.http(token)).then(() => true, () => false);
      await client.close();
      expect(!connected, "connected");
    });
  }
}

/** One raw JSON-RPC request, for what the clients hide: status, headers, older versions. */
async function post(body, headers) {
  const response = await fetch(settings.url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json, text/event-stream", ...headers },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, ...body }),
  });
  const text = await response.text();
  const json = text.startsWith("{") ? text : (/^data: *(\{.*)$/m.exec(text)?.[1] ?? "null");
  return { response, message: response.ok ? JSON.parse(json) : null, text };
}

const initialize = (version) => ({
  method: "initialize",
  params: { protocolVersion: version, capabilities: {}, clientInfo: ME },
});
const bearer = { Authorization: `Bearer ${settings.tokens.seattle}` };

for (const [kind, headers] of [["a wrong token", { Authorization: "Bearer not-a-token" }], ["no token", {}]]) {
  await check(`HTTP: ${kind} gets 401 with WWW-Authenticate`, async () => {
    const { response } = await post(initialize(OLDER[0]), headers);
    expect(response.status === 401, `status ${response.status}`);
    const challenge = response.headers.get("www-authenticate") ?? "";
    expect(/^bearer/i.test(challenge), `WWW-Authenticate is "${challenge}"`);
  });
}
for (const version of OLDER) {
  await check(`HTTP: initialize at ${version} answers that version`, async () => {
    const { response, message, text } = await post(initialize(version), bearer);
    expect(response.ok, `status ${response.status}: ${text.slice(0, 200)}`);
    expect(message.result?.protocolVersion === version, `got ${message.result?.protocolVersion}`);
    expect(response.headers.get("mcp-session-id") === null, "the server keeps a session");
  });
}
await check("HTTP: server/discover lists all four versions", async () => {
  const prefix = "io.modelcontextprotocol";
  const _meta = { [`${prefix}/protocolVersion`]: NEWEST, [`${prefix}/clientInfo`]: ME, [`${prefix}/clientCapabilities`]: {} };
  const headers = { ...bearer, "MCP-Protocol-Version": NEWEST, "Mcp-Method": "server/discover" };
  const { message, text } = await post({ method: "server/discover", params: { _meta } }, headers);
  const offered = message?.result?.supportedVersions ?? [];
  const missing = [NEWEST, ...OLDER].filter((version) => !offered.includes(version));
  expect(missing.length === 0, `missing ${missing.join(", ")}: ${text.slice(0, 200)}`);
});

console.log(failures === 0 ? "TypeScript clients: all passed" : `TypeScript clients: ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;
