// Line charts as SVG. A chart says in words what it shows, so the picture itself is hidden from screen readers.

const SVG = "http://www.w3.org/2000/svg";
const NARROWEST = 260, HEIGHT = 170, LEFT = 46, RIGHT = 8, TOP = 10, BOTTOM = 22;

function node(name, attributes, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// The next of 1, 2, 5, 10, … above a value.
function ceiling(value) {
  if (!(value > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * unit).find((top) => top >= value);
}

function ago(seconds) {
  if (seconds < 1) return "now";
  return seconds < 3600 ? `${seconds / 60} min ago` : `${seconds / 3600} h ago`;
}

// points: [{ ended_seconds_ago, … }], oldest first. lines: [{ name, color, style, value(point) }].
export function draw(figure, { title, points, lines, format, span }) {
  // As wide as it is shown, so that its texts have the size of the page's.
  const WIDTH = Math.max(NARROWEST, figure.clientWidth);
  const values = lines.flatMap((line) => points.map(line.value)).filter((value) => value !== null);
  const top = ceiling(Math.max(0, ...values));
  const x = (point) => LEFT + (WIDTH - LEFT - RIGHT) * (1 - point.ended_seconds_ago / span);
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  const svg = node("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true", focusable: "false" });
  for (const share of [0, 0.5, 1]) {
    const at = y(top * share);
    svg.append(node("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: at, y2: at }));
    svg.append(node("text", { x: LEFT - 6, y: at + 4, "text-anchor": "end" }, format(top * share)));
  }
  for (const [share, anchor] of [[0, "start"], [0.5, "middle"], [1, "end"]]) {
    const at = LEFT + (WIDTH - LEFT - RIGHT) * share;
    svg.append(node("text", { x: at, y: HEIGHT - 5, "text-anchor": anchor }, ago(span * (1 - share))));
  }
  for (const line of lines) {
    let path = "", pen = "M";
    for (const point of points) {
      const value = line.value(point);
      if (value === null) {
        pen = "M";
        continue;
      }
      const at = `${x(point).toFixed(1)} ${y(value).toFixed(1)}`;
      // A point that stands alone is a line of no length, which its round ends show.
      path += pen === "M" ? `M${at}L${at}` : `L${at}`;
      pen = "L";
    }
    const dash = { solid: "none", dashed: "6 4", dotted: "2 3" }[line.style];
    svg.append(node("path", { d: path || "M0 0", class: line.color, "stroke-dasharray": dash, "stroke-linecap": "round" }));
  }
  const caption = figure.querySelector("figcaption");
  const keys = lines.map((line) => {
    const key = document.createElement("span");
    key.className = `key ${line.color} ${line.style}`;
    const last = points.map(line.value).findLast((value) => value !== null);
    key.textContent = `${line.name} ${last === undefined ? "–" : format(last)}`;
    return key;
  });
  const name = document.createElement("strong");
  name.textContent = `${title} `;
  caption.replaceChildren(name, ...keys);
  figure.querySelector("svg")?.remove();
  figure.append(svg);
}
