// Shows the interactive chart as a host of MCP Apps does, and uses it with the mouse and the keyboard, light and dark.
// Argument: a JSON file with { chromium, app, host, pictures }.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";
import { chromium } from "playwright-core";

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PATIENCE = 15_000;
const BASE = "http://chart-host.invalid";
// What a host must at least enforce, and less than it may allow.
const STRICT = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; sandbox allow-scripts";
const BACKGROUNDS = { light: "rgb(255, 255, 255)", dark: "rgb(27, 29, 33)" };

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const sales = (level, count = 12) =>
  Array.from({ length: count }, (_, place) => Math.round(level * (1 + 0.25 * Math.sin(place * 0.52 + level) + ((place * 7919) % 97) / 600)));
const HOSTILE = ["<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", "\u202eturned\u0000 round", "&amp; \"quoted\""];

const CHARTS = {
  line: {
    title: "Sales by store",
    subtitle: "2025, all categories",
    kind: "line",
    format: "money",
    x_labels: MONTHS,
    series: [
      { name: "Seattle", values: sales(540_000), emphasis: [2] },
      { name: "Bellevue", values: sales(410_000).with(0, 412_345.6) },
      { name: "Online", values: sales(240_000).map((value, place) => (place === 4 ? null : value)) },
    ],
  },
  forecast: {
    title: "Paint, 5 L white: demand",
    kind: "line",
    format: "count",
    x_labels: Array.from({ length: 30 }, (_, day) => `2025-09-${String(day + 1).padStart(2, "0")}`),
    series: [
      { name: "Units sold", values: sales(1_400, 30).map((value, day) => (day < 20 ? value : null)) },
      {
        name: "Forecast",
        values: sales(1_400, 30).map((value, day) => (day >= 19 ? value : null)),
        band: {
          lower: sales(1_400, 30).map((value, day) => (day >= 19 ? value - 30 * (day - 19) : null)),
          upper: sales(1_400, 30).map((value, day) => (day >= 19 ? value + 30 * (day - 19) : null)),
        },
      },
    ],
  },
  bars: {
    title: "Gross margin",
    kind: "bar",
    format: "percent",
    x_labels: ["Tools", "Lumber", "Paint", "Garden"],
    series: [
      { name: "2024", values: [0.312, 0.287, 0.405, -0.098] },
      { name: "2025", values: [0.334, 0.251, 0.412, 0.221], emphasis: [2] },
    ],
  },
  lying: {
    title: "Best sellers",
    kind: "bar",
    format: "count",
    x_labels: ["Pressure-treated softwood decking board", "Cordless combi drill 18 V with two batteries", "Interior matt emulsion, brilliant white", "Masking tape", "Garden hose, 30 m"],
    series: [{ name: "Units sold", values: [96_000, 66_207, 50_526, 40_851, 12_000] }],
  },
  stacked: {
    title: "Sales by category",
    kind: "stacked_bar",
    format: "money",
    x_labels: ["Q1 2025", "Q2 2025", "Q3 2025", "Q4 2025"],
    series: ["Tools", "Lumber", "Paint", "Garden", "Electrical", "Plumbing", "Tiles", "Hardware"].map((name, place) => ({
      name,
      values: sales(190_000 / (place + 1), 4).map((value, quarter) => (name === "Garden" && quarter === 1 ? -45_000 : value)),
    })),
  },
  heat: {
    title: "Sales by store and month",
    kind: "heat_map",
    format: "money",
    x_labels: MONTHS,
    series: ["Seattle", "Bellevue", "Tacoma", "Online"].map((name, place) => ({
      name,
      values: sales(90_000 * (place + 1)).map((value, month) => (place === 2 && month === 6 ? null : value)),
    })),
  },
  hostile: {
    title: "Names with <b>tags</b> & \"quotes\"",
    subtitle: "<script>alert(1)</script>",
    kind: "bar",
    format: "plain",
    x_labels: HOSTILE,
    series: [{ name: "<i>one</i>", values: [5, 3, 8, 2] }, { name: "javascript:alert(1)", values: [1, 2, 3, 4] }],
  },
};

const browser = await chromium.launch({
  executablePath: settings.chromium,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const problems = [];

async function open(width) {
  const context = await browser.newContext({ viewport: { width, height: 800 } });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on("console", (message) => problems.push(`${width}: console: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`${width}: ${error}`));
  page.on("dialog", (dialog) => {
    problems.push(`${width}: a dialog: ${dialog.message()}`);
    return dialog.dismiss();
  });
  // Both files are given from here: whatever else is asked for is a request that there must not be.
  await page.route("**/*", (route) => {
    const give = (path, headers) => route.fulfill({ path, contentType: "text/html;charset=utf-8", headers });
    if (route.request().url() === `${BASE}/`) return give(settings.host, {});
    if (route.request().url() === `${BASE}/app`) return give(settings.app, { "content-security-policy": STRICT });
    problems.push(`${width}: a request to ${route.request().url()}`);
    return route.abort();
  });
  await page.goto(`${BASE}/`);
  await page.waitForFunction(() => window.heard.some((message) => message.method === "ui/notifications/initialized"));
  const view = page.frames().find((frame) => frame.url() === `${BASE}/app`);
  return { context, page, view };
}

const say = (page, message) => page.evaluate((message) => window.say(message), message);
const heard = (page, method) => page.evaluate((method) => window.heard.filter((message) => message.method === method), method);
const answer = async (page, id) => {
  await page.waitForFunction((id) => window.heard.some((message) => message.id === id && !message.method), id);
  return page.evaluate((id) => window.heard.find((message) => message.id === id && !message.method), id);
};
const theme = (page, name) => say(page, { method: "ui/notifications/host-context-changed", params: { theme: name } });

async function show(page, view, chart) {
  await say(page, { method: "ui/notifications/tool-result", params: { content: [{ type: "text", text: "figures" }], structuredContent: { chart } } });
  await view.waitForFunction((title) => document.getElementById("title").textContent === title, chart.title);
}

async function accessible(view, where) {
  await view.evaluate(axe);
  const { violations } = await view.evaluate(() => window.axe.run());
  for (const { id, help, nodes } of violations) problems.push(`${where}: ${id}: ${help}: ${nodes[0].html}`);
}

// Mouse and keys reach the frame, a process of its own, after the call that sends them has returned: what they lead to
// is waited for, and a movement is made again, for before the frame is on the screen it goes to nobody.
async function eventually(found, expected, what, again = () => {}) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    await again();
    const value = await found();
    if (isDeepStrictEqual(value, expected)) return;
    if (Date.now() > deadline) assert.deepEqual(value, expected, what);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const tip = async (view) => {
  const parts = view.locator("#tip strong, #tip .name, #tip .value");
  return (await view.locator("#tip").isVisible()) ? parts.allTextContents() : null;
};
const tells = (view, expected, again) => eventually(() => tip(view), expected, "the tooltip", again);
const drawn = (view) => view.locator("#chart .series").count();
const draws = (view, count, what) => eventually(() => drawn(view), count, what);
const pressed = (button, state) => eventually(() => button.getAttribute("aria-pressed"), state, "the legend's button");

async function handshake(page) {
  const [first, second] = await page.evaluate(() => window.heard);
  assert.equal(first.method, "ui/initialize");
  assert.equal(first.params.protocolVersion, "2026-01-26");
  assert.deepEqual(Object.keys(first.params.appInfo).sort(), ["name", "title", "version"]);
  assert.deepEqual(second, { jsonrpc: "2.0", method: "ui/notifications/initialized", params: {} });
  await say(page, { id: 71, method: "ping" });
  assert.deepEqual((await answer(page, 71)).result, {});
  await say(page, { id: "down", method: "ui/resource-teardown", params: { reason: "a test" } });
  assert.deepEqual((await answer(page, "down")).result, {});
  await say(page, { id: 72, method: "tools/list" });
  assert.equal((await answer(page, 72)).error.code, -32601);
}

async function withoutChart(page, view) {
  const note = view.locator("#note:visible");
  const expect = async (words) => {
    await view.waitForFunction((words) => document.getElementById("note").textContent === words, words);
    assert.ok(await note.isVisible());
  };
  await expect("Waiting for the figures.");
  await say(page, { method: "ui/notifications/tool-input", params: { arguments: {} } });
  await say(page, { method: "ui/notifications/tool-cancelled", params: { reason: "a test" } });
  await expect("The call was cancelled.");
  const result = (params) => say(page, { method: "ui/notifications/tool-result", params });
  await result({ isError: true, content: [{ type: "text", text: "<b>No such store.</b>" }] });
  await expect("<b>No such store.</b>");
  for (const chart of [null, 7, "x", {}, { kind: "pie" }, { ...CHARTS.line, x_labels: 3 }, { ...CHARTS.line, series: [] }]) {
    await result({ isError: true, content: [] });
    await expect("The figures could not be read.");
    await result({ content: [], structuredContent: { chart } });
    await expect("This answer has no chart.");
  }
  // Only the host may speak: not a window that knows this one.
  await view.evaluate((chart) => {
    window.postMessage({ jsonrpc: "2.0", method: "ui/notifications/tool-result", params: { structuredContent: { chart } } }, "*");
    return new Promise((resolve) => setTimeout(resolve, 100));
  }, CHARTS.line);
  assert.ok(!(await view.locator("#chart").isVisible()));
  await accessible(view, "without a chart");
}

async function byMouse(page, view) {
  await show(page, view, CHARTS.line);
  await draws(view, 4, "three lines, of which one has a gap");
  // The place is asked for each time: the host makes the frame as high as the chart wants to be.
  const pointAt = (place) => async () => {
    const { x, y, width, height } = await view.locator("#chart").boundingBox();
    await page.mouse.move(...place(x, y, width, height));
  };
  const first = pointAt((x, y) => [x + 62, y + 100]);
  const last = pointAt((x, y, width) => [x + width - 20, y + 100]);
  const outside = pointAt((x, y, _, height) => [x + 5, y + height + 15]);
  const values = (place) => CHARTS.line.series.map(({ name, values }) => [name, `$${values[place].toLocaleString("en-US", { minimumFractionDigits: 2 })}`]);
  await tells(view, ["Jan", ...values(0).flat()], first);
  await tells(view, ["Dec", ...values(11).flat()], last);
  const edge = await view.locator("#tip").boundingBox();
  assert.ok(edge.x >= 0 && edge.x + edge.width <= 600, "the tooltip lies inside");
  await page.screenshot({ path: `${settings.pictures}/tooltip.png` });
  await tells(view, null, outside);

  const online = view.getByRole("button", { name: "Online" });
  await pressed(online, "true");
  await online.click();
  await pressed(online, "false");
  await draws(view, 2);
  await tells(view, ["Jan", ...values(0).slice(0, 2).flat()], first);
  for (const name of ["Seattle", "Bellevue"]) await view.getByRole("button", { name }).click();
  await draws(view, 0);
  for (const name of ["Seattle", "Bellevue", "Online"]) await view.getByRole("button", { name }).click();
  await draws(view, 4);
}

async function byKeyboard(page, view) {
  const pointsTo = (label) => eventually(async () => (await tip(view))?.[0], label, "the tooltip's title");
  await show(page, view, CHARTS.forecast);
  await view.evaluate(() => document.activeElement.blur());
  await view.locator("#legend button").first().focus();
  await page.keyboard.press("Space");
  await draws(view, 1);
  await page.keyboard.press("Enter");
  await draws(view, 2);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await eventually(() => view.evaluate(() => document.activeElement.id), "chart", "the focus");
  await pointsTo("2025-09-01");
  await page.keyboard.press("End");
  const { values, band } = CHARTS.forecast.series[1];
  const word = (value) => value.toLocaleString("en-US");
  const range = `${word(values[29])} (${word(band.lower[29])} to ${word(band.upper[29])})`;
  await tells(view, ["2025-09-30", "Units sold", "no value", "Forecast", range]);
  assert.equal(await view.locator("#said").textContent(), `2025-09-30: Units sold no value; Forecast ${range}`);
  await page.keyboard.press("ArrowLeft");
  await pointsTo("2025-09-29");
  await page.keyboard.press("Escape");
  await tells(view, null);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await view.locator("#chart").waitFor({ state: "hidden" });
  const row = await view.locator("#frame tbody tr").last().locator("th, td").allTextContents();
  assert.deepEqual(row, ["2025-09-30", "–", word(values[29]), word(band.lower[29]), word(band.upper[29])]);
  await page.keyboard.press("Enter");
  await view.locator("#chart").waitFor();

  await show(page, view, CHARTS.stacked);
  await view.locator("#chart").focus();
  await page.keyboard.press("Home");
  const total = CHARTS.stacked.series.reduce((sum, { values }) => sum + values[0], 0);
  await eventually(async () => (await tip(view))?.slice(-2), ["Total", `$${total.toLocaleString("en-US")}.00`], "the sum of a stack");

  await show(page, view, CHARTS.heat);
  await view.locator("#chart").focus();
  for (const key of ["Home", "ArrowDown", "ArrowDown", ...Array(6).fill("ArrowRight")]) await page.keyboard.press(key);
  await tells(view, ["Jul", "Tacoma", "no value"]);
  await page.keyboard.press("ArrowDown");
  await eventually(async () => (await tip(view))?.[1], "Online", "the row below");
}

async function exactValues(page, view) {
  const expect = async (chart, cells) => {
    await show(page, view, chart);
    await view.locator("#switch").click();
    const found = await view.locator("#frame tbody td").allTextContents();
    assert.deepEqual(found.slice(0, cells.length), cells);
    await accessible(view, `${chart.title}, as a table`);
    await view.locator("#switch").click();
  };
  await expect(CHARTS.bars, ["31.2%", "33.4%", "28.7%", "25.1%", "40.5%", "41.2%", "−9.8%", "22.1%"]);
  const plain = (format, values) => ({ title: `${format} values`, kind: "line", format, x_labels: values.map(String), series: [{ name: "v", values }] });
  // The same texts that the crate writes: see `ValueFormat::exact`.
  await expect(plain("money", [1_234.5, -1_234_567, -0.001, 5e17, 0]), ["$1,234.50", "−$1,234,567.00", "−$0.0010", "$5e17", "$0.00"]);
  await expect(plain("days", [1, 3.5, -2]), ["1 day", "3.5 days", "−2 days"]);
  await expect(plain("plain", [0.000_012_3, 1e17, -1e-12, 12_400]), ["1.23e-5", "1e17", "−1e-12", "12,400"]);
  await expect(plain("percent", [0.125, -0.034_56, 0.000_000_1]), ["12.5%", "−3.46%", "1e-5%"]);
}

async function hostile(page, view) {
  await show(page, view, CHARTS.hostile);
  assert.equal(await view.locator("#title").textContent(), CHARTS.hostile.title);
  assert.equal(await view.locator("#subtitle").textContent(), CHARTS.hostile.subtitle);
  assert.equal(await view.locator("#legend button").first().textContent(), "<i>one</i>");
  await view.locator("#chart").focus();
  await page.keyboard.press("Home");
  await tells(view, [HOSTILE[0], "<i>one</i>", "5", "javascript:alert(1)", "1"]);
  await view.locator("#switch").click();
  const names = await view.locator("#frame tbody th").allTextContents();
  assert.deepEqual(names, [HOSTILE[0], HOSTILE[1], "turned round", HOSTILE[3]]);
  await view.locator("#switch").click();
  assert.equal(await view.locator("img, b, i:not(#shades), a, script:not(:first-of-type)").count(), 0, "a text became an element");
}

async function eachKind(page, view) {
  for (const [name, chart] of Object.entries(CHARTS)) {
    for (const scheme of ["light", "dark"]) {
      await theme(page, scheme);
      await view.waitForFunction((name) => document.documentElement.dataset.theme === name, scheme);
      await show(page, view, chart);
      assert.ok((await drawn(view)) > 0, name);
      assert.equal(await view.evaluate(() => getComputedStyle(document.body).backgroundColor), BACKGROUNDS[scheme]);
      await accessible(view, `${name}, ${scheme}`);
      const { height } = (await heard(page, "ui/notifications/size-changed")).at(-1).params;
      const needed = await view.evaluate(() => document.documentElement.scrollHeight);
      assert.ok(needed <= height, `${name}: it asked for ${height} pixels and needs ${needed}`);
      await page.locator("iframe").screenshot({ path: `${settings.pictures}/${name}-${scheme}.png` });
    }
  }
  await theme(page, "light");
}

try {
  const { context, page, view } = await open(600);
  await handshake(page);
  await withoutChart(page, view);
  await byMouse(page, view);
  await byKeyboard(page, view);
  await exactValues(page, view);
  await hostile(page, view);
  await eachKind(page, view);
  await context.close();

  const phone = await open(320);
  for (const [name, chart] of Object.entries(CHARTS)) {
    await show(phone.page, phone.view, chart);
    const wide = await phone.view.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `${name}: ${wide} pixels too wide for a phone`);
    await phone.page.locator("iframe").screenshot({ path: `${settings.pictures}/${name}-phone.png` });
  }
  await phone.page.setViewportSize({ width: 700, height: 800 });
  await phone.view.waitForFunction(() => document.querySelector("#chart > svg").viewBox.baseVal.width > 600);
  await phone.context.close();
} finally {
  await browser.close();
}
assert.deepEqual(problems, []);
console.log("the interactive chart is as it should be");
