// Signs in to the operators' page as a person would, and looks at it at two widths, light and dark, well and not.
// Argument: a JSON file with { chromium, base, operator, callers, database, pictures }.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PATIENCE = 30_000;
const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const SCHEMES = ["light", "dark"];

const STATEMENTS = [
  "SELECT count(*) FROM retail.orders",
  "SELECT category_id, count(*) FROM retail.products GROUP BY 1",
  "SELECT c.category_name, sum(oi.total_amount) FROM retail.order_items oi JOIN retail.products p USING (product_id) JOIN retail.categories c USING (category_id) GROUP BY 1",
  "SELECT no_such_column FROM retail.orders",
];

// Calls of tools until `stop` says so, and for a minute and a half at most.
async function load(stop) {
  const until = Date.now() + 90_000;
  const caller = async (number) => {
    for (let call = 0; !stop.now && Date.now() < until; call += 1) {
      // A number that makes each text a new one, so that not all come from the cache.
      const sql = `${STATEMENTS[(number + call) % STATEMENTS.length]} LIMIT ${1 + (call % 50)}`;
      await fetch(`${settings.base}/mcp`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${settings.callers[number % settings.callers.length]}`,
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          "mcp-protocol-version": "2025-06-18",
        },
        body: JSON.stringify({ jsonrpc: "2.0", id: call, method: "tools/call", params: { name: "execute_sales_query", arguments: { postgresql_query: sql } } }),
      }).then((answer) => answer.text());
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  await Promise.all([0, 1, 2].map(caller));
}

const browser = await chromium.launch({
  executablePath: settings.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const problems = [];

async function open(size, scheme, storageState) {
  const context = await browser.newContext({ viewport: SIZES[size], colorScheme: scheme, storageState });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const where = `${size}, ${scheme}`;
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`${where}: console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`${where}: ${error}`));
  page.on("request", (request) => {
    const isOurs = request.url().startsWith(`${settings.base}/`) || request.url().startsWith("data:");
    if (!isOurs) problems.push(`${where}: a request to ${request.url()}`);
  });
  return { context, page };
}

async function accessible(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  for (const { id, help, nodes } of violations) problems.push(`${where}: ${id}: ${help}: ${nodes[0].html}`);
}

const tile = (page, name) => page.locator(`#tiles div:has(dt:text-is("${name}")) dd`);

async function signIn(page) {
  await page.goto(`${settings.base}/dashboard`);
  await accessible(page, "sign-in");
  assert.equal(await page.evaluate(() => document.activeElement.id), "token", "the token can be typed at once");
  await page.screenshot({ path: `${settings.pictures}/sign-in.png` });
  await page.keyboard.type(settings.operator);
  await page.keyboard.press("Enter");
  await page.locator("#tiles").waitFor();
}

// Live: the page has been told several times, and of calls.
async function live(page) {
  await page.waitForFunction(() => Number(document.body.dataset.events) >= 3);
  await page.waitForFunction(() => {
    const tiles = [...document.querySelectorAll("#tiles div")];
    const rate = tiles.find((box) => box.querySelector("dt").textContent === "Calls per second");
    return rate && Number.parseFloat(rate.querySelector("dd").textContent) > 1;
  });
  assert.equal(await page.locator("#state").textContent(), "ready");
  assert.ok((await page.locator("#tools tbody th").first().textContent()).startsWith("execute_sales_query"));
  assert.ok((await page.locator("#statements tbody tr").count()) > 1);
  assert.ok((await page.locator("#calls tbody tr").count()) > 5);
  assert.equal(await page.locator("#servers tbody tr").count(), 1);
}

async function byKeyboard(page) {
  await page.evaluate(() => document.activeElement.blur());
  const reached = [];
  for (let step = 0; step < 20; step += 1) {
    await page.keyboard.press("Tab");
    const name = await page.evaluate(() => {
      const { activeElement: at } = document;
      return at === document.body ? "" : at.textContent.trim().slice(0, 20) || at.id;
    });
    if (!name) break;
    reached.push(name);
  }
  assert.equal(reached[0], "Skip to the figures", String(reached));
  for (const name of ["Sign out", "5 minutes", "24 hours"]) assert.ok(reached.includes(name), `${name} in ${reached}`);
}

const stop = { now: false };
const loading = load(stop);
try {
  const { context, page } = await open("desktop", "light");
  await signIn(page);
  await live(page);
  await byKeyboard(page);
  const cookies = await context.cookies();
  assert.ok(cookies.every((cookie) => cookie.httpOnly && cookie.sameSite === "Strict"), JSON.stringify(cookies));
  const storageState = await context.storageState();
  for (const size of Object.keys(SIZES)) {
    for (const scheme of SCHEMES) {
      const other = await open(size, scheme, storageState);
      await other.page.goto(`${settings.base}/dashboard`);
      await live(other.page);
      await accessible(other.page, `${size}, ${scheme}`);
      const wide = await other.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(wide <= 0, `${size}: the page is ${wide} pixels too wide`);
      await other.page.screenshot({ path: `${settings.pictures}/${size}-${scheme}.png`, fullPage: true });
      await other.context.close();
    }
  }
  await page.locator("#show-day").click();
  assert.equal(await page.locator("#show-day").getAttribute("aria-pressed"), "true");
  await page.locator("#show-minutes").click();

  process.kill(settings.database, "SIGKILL");
  const killed = Date.now();
  await page.waitForFunction(() => document.getElementById("state").textContent === "not ready");
  console.log(`the page said "not ready" ${((Date.now() - killed) / 1000).toFixed(1)} s after the database was killed`);
  await page.locator("#parts-problem:visible").waitFor();
  assert.match(await page.locator("#parts-problem").textContent(), /database/);
  const events = await page.evaluate(() => Number(document.body.dataset.events));
  await page.waitForFunction((before) => Number(document.body.dataset.events) > before + 1, events);
  await accessible(page, "not ready");
  await page.screenshot({ path: `${settings.pictures}/not-ready.png`, fullPage: true });

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.locator("#token").waitFor();
  assert.equal((await context.cookies()).length, 0);
} finally {
  stop.now = true;
  await loading;
  await browser.close();
}
assert.deepEqual(problems, []);
console.log("the operators' page is as it should be");
