// Shows what the server sends. All of it is put in as text, never as markup.

import { draw } from "./charts.js";

const $ = (id) => document.getElementById(id);
const MINUTES = 300, DAY = 86400;

const NOTHING = "–";
const number = (value, digits = 0) =>
  value === null || value === undefined ? NOTHING : value.toLocaleString("en", { maximumFractionDigits: digits });
const percent = (value) => (value === null || value === undefined ? NOTHING : `${number(value * 100, value < 0.1 ? 1 : 0)} %`);
const bytes = (value) => (value ? `${number(value / 1048576, 0)} MiB` : NOTHING);
const clock = (text) => new Date(text).toLocaleTimeString("en-GB");

function seconds(value) {
  if (value === null || value === undefined) return NOTHING;
  if (value >= 1) return `${number(value, 2)} s`;
  return value >= 0.001 ? `${number(value * 1000, value < 0.01 ? 1 : 0)} ms` : `${number(value * 1e6)} µs`;
}

function lasting(value) {
  if (value < 60) return `${value} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min`;
  return value < 172800 ? `${Math.floor(value / 3600)} h` : `${Math.floor(value / 86400)} d`;
}

function element(name, text, classes = "") {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (classes) made.className = classes;
  return made;
}

// Rows of cells: a text, or { text, class }. The first cell names the row.
function fill(id, rows, empty) {
  const body = $(id).querySelector("tbody");
  const columns = $(id).querySelectorAll("thead th").length;
  if (rows.length === 0) {
    const cell = element("td", empty, "quiet");
    cell.colSpan = columns;
    const row = element("tr");
    row.append(cell);
    body.replaceChildren(row);
    return;
  }
  body.replaceChildren(...rows.map((cells) => {
    const row = element("tr");
    cells.forEach((cell, place) => {
      const { text, class: classes } = typeof cell === "object" ? cell : { text: cell };
      const made = element(place === 0 ? "th" : "td", text, classes);
      if (place === 0) made.scope = "row";
      row.append(made);
    });
    return row;
  }));
}

const n = (text, classes = "") => ({ text, class: `n ${classes}` });
const bad = (value, limit) => (value > limit ? "bad" : "");

// An alarm is one item for as long as it lasts: only what comes and goes is read aloud, and its details are not.
function showAlarms(state) {
  const shown = state.alarms.firing.map((alarm) => ({
    key: alarm.alarm, severity: alarm.severity, text: alarm.summary,
    detail: `${alarm.detail} (since ${new Date(alarm.since).toLocaleString("en-GB")})`,
  }));
  for (const server of state.servers.filter((server) => !server.is_self && !server.is_silent)) {
    for (const { alarm, severity } of server.alarms) {
      shown.push({ key: `${alarm} at ${server.instance}`, severity, text: `${alarm} at ${server.instance}`, detail: "" });
    }
  }
  if (!shown.length && state.ready) shown.push({ key: "none", severity: "none", text: "No alarm.", detail: "" });
  const list = $("alarms"), keys = shown.map(({ key }) => key);
  for (const item of [...list.children]) if (!keys.includes(item.dataset.key)) item.remove();
  for (const { key, severity, text, detail } of shown) {
    let item = [...list.children].find((item) => item.dataset.key === key);
    if (!item) {
      item = element("li", undefined, severity);
      item.dataset.key = key;
      if (severity !== "none") item.append(element("strong", severity));
      item.append(text, " ", element("span"));
      item.lastChild.setAttribute("aria-live", "off");
      list.append(item);
    }
    item.querySelector("span").textContent = detail;
  }
}

function showState(state) {
  const failing = state.parts.filter((part) => !part.ok);
  pill(state.ready ? "ready" : "not ready", state.ready ? "good" : "bad");
  const problem = $("parts-problem");
  problem.hidden = failing.length === 0;
  problem.textContent = failing.map((part) => `${part.part}: ${part.problem ?? "does not work"}`).join("; ");
}

function pill(text, classes) {
  const state = $("state");
  if (state.textContent !== text) state.textContent = text;
  document.title = `${text === "ready" ? "" : `${text} · `}retail-mcp operations`;
  state.className = `pill ${classes}`;
}

function tile(name, value, note = "", classes = "") {
  const box = element("div"), said = element("dd", value, classes);
  if (note) said.append(element("small", note));
  box.append(element("dt", name), said);
  return box;
}

function showTiles(state) {
  const calls = state.fleet?.application, http = state.fleet?.http;
  const pools = state.fleet_pools;
  const sum = (field) => pools.reduce((total, pool) => total + pool[field], 0);
  const { cache, audit, data } = state.current;
  const alive = state.servers.filter((server) => !server.is_silent);
  $("fleet-size").textContent = alive.length === 1 ? "one server" : `${alive.length} servers together`;
  const tiles = [];
  if (calls) {
    tiles.push(
      tile("Calls per second", number(calls.calls_per_second, 1), `${number(calls.calls)} in five minutes`),
      tile("Response time, p95", seconds(calls.latency_seconds.p95), `p50 ${seconds(calls.latency_seconds.p50)}, p99 ${seconds(calls.latency_seconds.p99)}`),
      tile("Faults", percent(calls.fault_ratio), "by the server or what it needs", bad(calls.fault_ratio, 0.05)),
      tile("Errors", percent(calls.error_ratio), "models' mistakes included"),
      tile("Requests refused", percent(http.refused_ratio), `of ${number(http.requests)}; ${percent(http.server_error_ratio)} were 5xx`, bad(http.refused_ratio, 0.1)),
    );
  }
  tiles.push(
    tile("Being answered", number(state.fleet?.active_requests ?? state.current.active_requests), "requests"),
    tile("Connections", `${sum("used")} / ${sum("max")}`, `${sum("waiting")} waiting`, bad(sum("waiting"), 0)),
    tile("Kept answers", cache ? percent(cache.hit_ratio) : "off", cache ? `${cache.mode}${cache.redis_paused ? ", Redis is left alone" : ""}, this server` : ""),
    tile("Audit entries waiting", number(audit.queued), `${number(audit.dropped)} left out, this server`, bad(audit.dropped, 0)),
    tile("Newest order", data.newest_order_date ?? NOTHING, "how new the data are"),
  );
  $("tiles").replaceChildren(...tiles);
}

function rates({ tool, calls, calls_per_second, error_ratio, fault_ratio, latency_seconds: time }) {
  return [tool, n(number(calls)), n(number(calls_per_second, 2)), n(percent(error_ratio)), n(percent(fault_ratio), bad(fault_ratio, 0.05)), n(seconds(time.p50)), n(seconds(time.p95)), n(seconds(time.p99))];
}

function stateOf(server) {
  if (server.is_silent) return { text: `silent for ${lasting(server.age_seconds)}`, class: "warn" };
  if (server.not_ready.length) return { text: `not ready: ${server.not_ready.join(", ")}`, class: "bad" };
  return { text: server.is_self ? "ready, this one" : "ready", class: "good" };
}

function showServers(state) {
  fill("servers", state.servers.map((server) => {
    const pool = (field) => server.pools.reduce((total, pool) => total + pool[field], 0);
    const { application: calls, system } = server;
    return [server.instance || "unnamed", stateOf(server), server.version, n(lasting(server.uptime_seconds)), n(number(calls?.calls_per_second, 1)), n(seconds(calls?.latency_seconds.p95)), n(percent(calls?.fault_ratio), bad(calls?.fault_ratio, 0.05)), n(`${pool("used")} / ${pool("max")}`), n(percent(system.cpu_ratio), bad(system.cpu_ratio, 0.85)), n(`${bytes(system.memory_bytes)} (${percent(system.memory_ratio)})`, bad(system.memory_ratio, 0.9))];
  }), "");
}

function showTables(state) {
  fill("tools", (state.fleet?.tools ?? []).map(rates), state.fleet ? "No call in five minutes." : "Calls are not counted (telemetry.metrics).");
  fill("pools", state.fleet_pools.map((pool) => [pool.pool, n(pool.used), n(pool.idle), n(pool.max), n(pool.waiting, bad(pool.waiting, 0))]), "");
  fill("statements", (state.current.slowest_statements ?? []).map((one) => [one.fingerprint, one.plan ? `${one.plan}${one.plans > 1 ? ` (of ${one.plans})` : ""}` : NOTHING, n(number(one.calls)), n(number(one.errors)), n(seconds(one.total_seconds)), n(seconds(one.max_seconds))]), "No statement yet.");
  fill("calls", (state.calls ?? []).map((call) => [new Date(call.called_at).toLocaleString("en-GB"), call.tool, { text: call.outcome, class: call.outcome === "ok" ? "good" : "warn" }, n(seconds(call.duration_us / 1e6)), n(call.rows ?? NOTHING), call.actor ? `${call.subject} by ${call.actor}` : call.subject, call.store ?? "all stores", call.fingerprint ?? NOTHING]), state.calls ? "No call yet." : "The audit log cannot be read: the database does not answer.");
  fill("history", state.alarms.history.map((notice) => [new Date(notice.at).toLocaleString("en-GB"), notice.alarm, { text: notice.state, class: notice.state === "resolved" ? "good" : "bad" }, notice.severity, { text: notice.detail, class: "wrap" }]), "Nothing since the start.");
}

function showFacts(state) {
  const { current, answers, standbys } = state;
  const facts = [
    ["Version", `${current.version}, up for ${lasting(current.uptime_seconds)}`],
    ["Processors", `${percent(current.system.cpu_ratio)} of ${number(current.system.cpu_limit)}`],
    ["Memory", `${bytes(current.system.memory_bytes)} of ${bytes(current.system.memory_limit_bytes)}`],
    ["Parts", state.parts.map((part) => `${part.part} ${part.ok ? "works" : "does not work"}`).join(", ")],
    ["Kept answers", answers ? `${answers.mode}${answers.problem ? `: ${answers.problem}` : ""}` : NOTHING],
    ["Standbys", standbys.configured ? `${standbys.in_use} of ${standbys.configured} in use` : "none"],
    ["Audit log", `${number(current.audit.written)} written, ${number(current.audit.failed_writes)} tries failed`],
  ];
  $("this-server").textContent = current.instance;
  $("facts").replaceChildren(...facts.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
}

let shown = "minutes", minutes = [], day = [];

function showCharts() {
  const points = (shown === "minutes" ? minutes : day) ?? [], span = shown === "minutes" ? MINUTES : DAY;
  draw($("chart-rate"), {
    title: "Calls per second", points, span, format: (value) => number(value, 2),
    lines: [
      { name: "all", color: "blue", style: "solid", value: (point) => point.calls_per_second },
      { name: "errors", color: "orange", style: "dashed", value: (point) => point.errors_per_second },
      { name: "faults", color: "bad", style: "dotted", value: (point) => point.faults_per_second },
    ],
  });
  draw($("chart-latency"), {
    title: "Response time", points, span, format: seconds,
    lines: [
      { name: "p50", color: "blue", style: "solid", value: (point) => point.latency_seconds.p50 },
      { name: "p95", color: "purple", style: "dashed", value: (point) => point.latency_seconds.p95 },
      { name: "p99", color: "orange", style: "dotted", value: (point) => point.latency_seconds.p99 },
    ],
  });
}

for (const name of ["minutes", "day"]) {
  $(`show-${name}`).addEventListener("click", () => {
    shown = name;
    for (const other of ["minutes", "day"]) $(`show-${other}`).setAttribute("aria-pressed", String(other === name));
    showCharts();
  });
}

const source = new EventSource("/dashboard/events");
source.addEventListener("day", (event) => {
  day = JSON.parse(event.data);
  showCharts();
});
source.addEventListener("state", (event) => {
  const state = JSON.parse(event.data);
  showState(state);
  showAlarms(state);
  showTiles(state);
  showServers(state);
  showTables(state);
  showFacts(state);
  minutes = state.minutes;
  $("charts-of").textContent = `this server, ${state.current.instance}`;
  $("about").textContent = `as of ${clock(state.now)}`;
  showCharts();
  document.body.dataset.events = String(Number(document.body.dataset.events ?? 0) + 1);
});
// A connection that is there again after a moment was not lost.
let lost, isEnding = false;
source.addEventListener("bye", () => { isEnding = true; });
source.addEventListener("error", () => {
  if (source.readyState === EventSource.CLOSED) {
    // For good: the token has ended, or too many pages are open. The page, loaded anew, says which.
    const wasLive = Number(document.body.dataset.events ?? 0) > 0;
    pill(wasLive ? "no connection" : "too many pages are open", "bad");
    setTimeout(() => location.reload(), wasLive ? 2000 : 30000);
    return;
  }
  lost ??= setTimeout(() => pill("no connection", "bad"), isEnding ? 10000 : 6000);
});
source.addEventListener("state", () => {
  clearTimeout(lost);
  lost = undefined;
  isEnding = false;
});
