// Names, notes and paths were written by others: they become text nodes, never markup.
const page = JSON.parse(document.getElementById("data").textContent);
const { rows, measures, words, sets, details } = page;
const every = rows.id.map((_, i) => i);
const measure = Object.fromEntries(measures.map(each => [each.key, each]));
const byId = new Map(rows.id.map((id, i) => [id, i]));
const find = id => document.getElementById(id);
const narrow = matchMedia("(max-width: 1000px)");

const GREY = "#8a8a8a"; // seen on white and on black

// Colours are told apart by colour-blind people, and each set has a shape too; further sets are grey.
const MOST_SETS = 12;
const SHAPES = [["circle", "●"], ["square", "■"], ["triangle-up", "▲"], ["diamond", "◆"],
  ["triangle-down", "▼"], ["cross", "✚"], ["x", "✖"]];
const look = set => set < MOST_SETS
  ? { colour: page.colours[set % page.colours.length], shape: SHAPES[set % 7][0], glyph: SHAPES[set % 7][1] }
  : { colour: GREY, shape: "circle", glyph: "●" };
const members = sets.kinds.map(() => []);
sets.codes.forEach((set, i) => members[set].push(i));

const PORTION = 300; // rows of the table that are made at once
const state = {
  x: measure[page.x] ? page.x : "params", y: "accuracy_mean", sort: "number", down: false,
  limit: PORTION, chosen: null, against: null, zoom: null, fronts: [], onFront: new Set(), shown: every,
};

// ---- text and elements

function make(tag, attributes, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...inside.filter(each => each != null));
  return element;
}

const whole = value => value.toLocaleString("en-US");

// 950, 30k, 1.25M, 36.5M, 4.1G: as in the other files.
function short(value) {
  for (const [size, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= 0.9995 * size) return Number((value / size).toPrecision(3)) + unit;
  }
  return String(Number(value.toPrecision(3)));
}

function text(each, i) {
  const value = each.values[i];
  if (value == null) return "";
  if (each.scale === 100) return (100 * value).toFixed(2);
  return each.key === "params" ? whole(value) : short(value * each.scale);
}

const accuracy = i => (100 * measure.accuracy_mean.values[i]).toFixed(2)
  + (rows.half[i] == null ? "" : ` ±${(100 * rows.half[i]).toFixed(2)}`);
const single = () => make("span", { class: "single", title: "one seed: no interval, so the order may be chance" }, "n=1");
const glyph = i => sets.kinds.length < 2 ? "" : make(
  "span", { class: "glyph", style: `color: ${look(sets.codes[i]).colour}`, title: sets.kinds[sets.codes[i]] },
  look(sets.codes[i]).glyph);

// ---- what is worth its cost

// The rule of archbuilder.compare.statistics.pareto_front: a point is dominated by one that is no worse in both
// measures and better in one; equal points stay or go together.
function front(indices, x, y) {
  const cost = i => x.better === "fewer" ? x.values[i] : -x.values[i];
  const gain = i => y.better === "more" ? y.values[i] : -y.values[i];
  const known = indices.filter(i => x.values[i] != null && y.values[i] != null);
  known.sort((a, b) => cost(a) - cost(b) || gain(b) - gain(a));
  const kept = [];
  for (const i of known) {
    const last = kept.at(-1);
    if (last === undefined || gain(i) > gain(last) || (gain(i) === gain(last) && cost(i) === cost(last))) kept.push(i);
  }
  return kept;
}

function findFronts() {
  state.fronts = members.map(indices => front(indices, measure[state.x], measure[state.y]));
  state.onFront = new Set(state.fronts.flat());
}

// The row on the front that costs next to what this one does: the one before it, or else the one behind it.
function neighbour(i) {
  const x = measure[state.x], along = state.fronts[sets.codes[i]].filter(j => j !== i);
  const cost = j => x.better === "fewer" ? x.values[j] : -x.values[j];
  return along.findLast(j => cost(j) <= cost(i)) ?? along[0] ?? null;
}

const low = i => measure.accuracy_mean.values[i] - rows.half[i];
const high = i => measure.accuracy_mean.values[i] + rows.half[i];

function ties(i) {
  if (rows.half[i] == null) return [];
  return members[sets.codes[i]].filter(j => j !== i && rows.half[j] != null && low(j) <= high(i) && low(i) <= high(j));
}

// How many rows each ties with, by counting ends of intervals: pairs would be many.
function countTies() {
  const counts = every.map(() => 0);
  for (const indices of members) {
    const known = indices.filter(i => rows.half[i] != null);
    const lows = known.map(low).sort((a, b) => a - b), highs = known.map(high).sort((a, b) => a - b);
    for (const i of known) counts[i] = below(lows, high(i), true) - below(highs, low(i), false) - 1;
  }
  return counts;
}

function below(sorted, limit, inclusive) {
  let start = 0, end = sorted.length;
  while (start < end) {
    const middle = (start + end) >> 1;
    if (sorted[middle] < limit || (inclusive && sorted[middle] === limit)) start = middle + 1;
    else end = middle;
  }
  return start;
}

// ---- the table

const tied = countTies();
const columns = [
  { key: "number", title: "#", values: rows.number, cell: i => rows.number[i] },
  { key: "network", title: "network", values: rows.network, left: true, cell: i => [glyph(i), rows.network[i]] },
  ...words.filter(each => each.title !== "set").map(each => ({
    key: each.title, title: each.title, left: true, values: each.codes.map(code => each.kinds[code]),
    cell: i => each.kinds[each.codes[i]],
  })),
  ...measures.filter(each => each.column).flatMap(each => each.key !== "accuracy_mean"
    ? [{ ...each, cell: i => text(each, i) }]
    : [{ ...each, left: true, cell: i => [accuracy(i), rows.half[i] == null ? single() : null] },
      { key: "n", title: "n", better: "more", values: rows.seeds.map(each => each.length), cell: i => rows.seeds[i].length }]),
  { key: "front", title: "front", left: true, better: "more", get values() { return every.map(i => +state.onFront.has(i)); },
    cell: i => state.onFront.has(i) ? "*" : "" },
  { key: "ties", title: "ties", values: tied, cell: i => tied[i] ? whole(tied[i]) : "" },
];
const titles = {
  front: "no other row of the set is as good on both axes of the chart", n: "seeds",
  ties: "rows of the set whose 95% intervals overlap with this one's, so that their order is not known",
  accuracy_mean: "mean over seeds and half-width of its 95% interval",
};

const body = document.querySelector("#table tbody");
const headings = columns.map(column => make("th", { scope: "col", class: column.left ? "left" : null },
  make("button", { type: "button", title: titles[column.key], onclick: () => sortBy(column) }, column.title)));
document.querySelector("#table thead").append(make("tr", null, ...headings));

function sortBy(column) {
  state.down = state.sort === column.key ? !state.down : column.better === "more";
  state.sort = column.key;
  state.limit = PORTION;
  fillTable();
}

function compareValues(a, b) {
  return typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b;
}

function sorted(indices) {
  const { values } = columns.find(column => column.key === state.sort), sign = state.down ? -1 : 1;
  return [...indices].sort((a, b) => {
    if (values[a] == null || values[b] == null) return (values[a] == null) - (values[b] == null) || a - b;
    return sign * compareValues(values[a], values[b]) || a - b;
  });
}

function fillTable() {
  columns.forEach((column, at) => headings[at].setAttribute(
    "aria-sort", column.key !== state.sort ? "none" : state.down ? "descending" : "ascending"));
  const ordered = sorted(state.shown);
  const last = ordered.indexOf(state.chosen);
  state.limit = Math.max(state.limit, Math.ceil((last + 1) / PORTION) * PORTION);
  body.replaceChildren(...ordered.slice(0, state.limit).map(tableRow));
  const rest = ordered.length - state.limit;
  find("more").hidden = rest <= 0;
  find("more").textContent = `show the other ${whole(rest)} rows`;
  find("shown").textContent = ordered.length === every.length
    ? `${whole(every.length)} row${every.length === 1 ? "" : "s"}` : `${whole(ordered.length)} of ${whole(every.length)} rows`;
  markChosen();
}

function tableRow(i) {
  const cells = columns.map(column => make("td", { class: column.left ? "left" : null }, ...[column.cell(i)].flat()));
  return make("tr", { "data-i": i, tabindex: -1 }, ...cells);
}

// One row is a stop of the Tab key, and arrows move among rows.
function markChosen() {
  for (const row of body.rows) {
    if (+row.dataset.i === state.chosen) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
    row.tabIndex = -1;
  }
  const stop = rowOf(state.chosen) ?? body.rows[0];
  if (stop) stop.tabIndex = 0;
}

const rowOf = i => i == null ? null : body.querySelector(`tr[data-i="${i}"]`);

body.addEventListener("click", event => {
  const row = event.target.closest("tr");
  if (row && String(getSelection()) === "") choose(+row.dataset.i);
});
body.addEventListener("keydown", event => {
  const row = event.target.closest("tr");
  const next = { ArrowDown: row.nextSibling, ArrowUp: row.previousSibling, Home: body.firstChild, End: body.lastChild };
  if (event.key === "Enter" || event.key === " ") choose(+row.dataset.i);
  else if (event.key in next) {
    row.tabIndex = -1;
    (next[event.key] ?? row).tabIndex = 0;
    (next[event.key] ?? row).focus();
  } else return;
  event.preventDefault();
});
find("more").addEventListener("click", () => {
  const first = state.limit;
  state.limit = Infinity;
  fillTable();
  body.rows[first]?.focus();
});

// ---- filters

// A word that parts the rows as the sets do needs no selector of its own.
const selectors = words.filter(each => each.title !== "images"
  && (each.title === "set" || String(each.codes) !== String(sets.codes)) && each.kinds.length > 1).map(each => {
  const select = make("select", { "data-word": each.title, onchange: filter }, make("option", { value: "" }, "all"),
    ...each.kinds.map((kind, code) => make("option", { value: code }, kind)));
  find("front-only").parentElement.before(make("label", null, `${each.title} `, select));
  return { each, select };
});

function filter() {
  const wanted = find("text").value.toLowerCase().split(/\s+/).filter(Boolean);
  const picked = selectors.filter(({ select }) => select.value !== "");
  state.shown = every.filter(i => wanted.every(word => rows.network[i].toLowerCase().includes(word))
    && picked.every(({ each, select }) => each.codes[i] === +select.value)
    && (!find("front-only").checked || state.onFront.has(i)));
  state.zoom = null;
  state.limit = PORTION;
  fillTable();
  draw();
}
find("text").addEventListener("input", filter);
find("front-only").addEventListener("change", filter);

for (const axis of ["x", "y"]) {
  find(axis).append(...measures.map(each => make("option", { value: each.key }, each.name)));
  find(axis).value = state[axis];
  find(axis).addEventListener("change", () => {
    state[axis] = find(axis).value;
    findFronts();
    filter();
    if (state.chosen != null) fillPanel();
  });
}

// ---- the chart

const plot = find("plot");
const MARGIN = { l: 58, r: 18, t: 12, b: 44 };
const PAPER = 680; // pixels, the width of a sheet
let plotly = null;

const escaped = name => name.replaceAll("&", "&amp;").replaceAll("<", "&lt;"); // Plotly reads <b> and &lt; in texts

// Where a value stands on an axis, in its unit; a logarithmic axis has no zero.
function place(each, i) {
  const value = each.values[i] * each.scale;
  return each.log ? Math.max(value, each.least) : value;
}
for (const each of measures) {
  each.least = each.values.reduce((least, value) => value > 0 ? Math.min(least, value * each.scale) : least, 1);
}
const halfOn = (each, i) => each.key === "accuracy_mean" ? 100 * (rows.half[i] ?? 0) : 0;

// From the lowest to the highest value with room around, as Plotly counts: in powers of ten on a logarithmic axis.
function span(each, indices) {
  let start = Infinity, end = -Infinity;
  for (const i of indices) {
    const at = place(each, i), half = halfOn(each, i);
    start = Math.min(start, each.log ? Math.log10(at) : at - half);
    end = Math.max(end, each.log ? Math.log10(at) : at + half);
  }
  const room = Math.max((end - start) * 0.08, each.log ? 0.3 * (start === end) : 0.005 * each.scale);
  return start > end ? [0, 1] : [start - room, end + room];
}

// Round values on a logarithmic axis: few per decade over many decades, many over a part of one.
function ticks([start, end]) {
  const series = [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7], [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8]];
  let found = [];
  for (const mantissas of series) {
    const marks = [];
    for (let power = Math.floor(start); power <= end; power++) {
      for (const m of mantissas) {
        const at = m * 10 ** power;
        if (Math.log10(at) >= start && Math.log10(at) <= end) marks.push(at);
      }
    }
    if (found.length && marks.length > Math.max(plot.clientWidth / 60, 5)) break;
    found = marks;
  }
  return found;
}

function axisOf(each, range) {
  const better = each.better === "more" ? "more is better" : "fewer is better";
  const common = { title: { text: `${each.name} (${better})`, standoff: 8, font: { size: 12 } }, range, zeroline: false, automargin: false };
  if (!each.log) return common;
  const values = ticks(range);
  return values.length < 2 ? { ...common, type: "log" }
    : { ...common, type: "log", tickvals: values, ticktext: values.map(short) };
}

function draw(width = plot.clientWidth) {
  if (!plotly || width === 0) return;
  const x = measure[state.x], y = measure[state.y];
  const drawn = state.shown.filter(i => x.values[i] != null && y.values[i] != null);
  const view = state.zoom ?? { x: span(x, drawn), y: span(y, drawn) };
  // Sets beyond those with a look of their own share a trace.
  const parts = new Map();
  for (const i of drawn) {
    const part = Math.min(sets.codes[i], MOST_SETS);
    if (!parts.has(part)) parts.set(part, []);
    parts.get(part).push(i);
  }
  const lines = [...parts].map(([part, indices]) => {
    const fronts = [...new Set(indices.map(i => sets.codes[i]))].map(set => state.fronts[set]);
    return frontLine(fronts.filter(each => each.length), part, x, y, view);
  });
  const marks = [...parts].map(([part, indices]) => points(indices, part, x, y));
  plotly.react(plot, [...lines, ...marks, names(drawn, x, y, view, width - MARGIN.l - MARGIN.r)], {
    width, height: plot.clientHeight, margin: MARGIN, showlegend: false, hovermode: "closest",
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { family: "inherit", size: 12 },
    xaxis: axisOf(x, view.x), yaxis: axisOf(y, view.y), shapes: rings(),
  }, { displaylogo: false, modeBarButtons: [["zoomIn2d", "zoomOut2d", "autoScale2d", "toImage"]],
    toImageButtonOptions: { format: "svg", filename: "comparison" } });
  const missing = state.shown.length - drawn.length;
  find("caption").textContent = [
    `Line and *: the front of ${y.name} against ${x.name}, per set: no other row is as good in both.`,
    "Bars: 95% interval of the mean over seeds.",
    missing ? `${whole(missing)} of ${whole(state.shown.length)} rows have no value on an axis and are not drawn.` : "",
    "Choose a point or a row to see what is behind it.",
  ].filter(Boolean).join(" ");
}

// Drawing thousands of points takes a moment, in which the rest of the page should be there already.
let waiting;
function drawSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(draw, 30);
}

function points(indices, set, x, y) {
  const bars = each => ({ array: indices.map(i => halfOn(each, i)), visible: indices.some(i => halfOn(each, i)), thickness: 1, width: 2.5, color: `${look(set).colour}b0` });
  return {
    type: "scatter", mode: "markers", x: indices.map(i => place(x, i)), y: indices.map(i => place(y, i)),
    customdata: indices, hoverinfo: "text", hovertext: indices.map(hover), error_x: bars(x), error_y: bars(y),
    marker: { color: look(set).colour, symbol: look(set).shape, size: indices.length > 2000 ? 5 : 8, opacity: 1,
      line: { color: getComputedStyle(document.body).backgroundColor, width: 0.7 } },
  };
}

function hover(i) {
  const value = each => text(each, i) && `${each.name} ${each.key === "accuracy_mean" ? accuracy(i) : text(each, i)}`;
  const axes = [...new Set([state.x, state.y])].map(key => value(measure[key]));
  return [`<b>${escaped(rows.network[i])}</b>`, ...axes, `n=${rows.seeds[i].length}`, escaped(sets.kinds[sets.codes[i]])]
    .filter(Boolean).join("<br>");
}

// Steps: the best to be had at no more cost, out to the end of the axis, with a gap between fronts.
function frontLine(fronts, set, x, y, view) {
  const end = x.better === "fewer" ? view.x[1] : view.x[0];
  return {
    type: "scatter", mode: "lines", hoverinfo: "skip", line: { color: look(set).colour, width: 1, shape: "hv" }, opacity: 0.7,
    x: fronts.flatMap(along => [...along.map(i => place(x, i)), x.log ? 10 ** end : end, null]),
    y: fronts.flatMap(along => [...[...along, along.at(-1)].map(i => place(y, i)), null]),
  };
}

// Circles around the row chosen and the one that it is held against.
function rings() {
  const x = measure[state.x], y = measure[state.y];
  const around = [[state.chosen, 10, 2], [state.against, 8, 1]];
  return around.filter(([i]) => i != null && x.values[i] != null && y.values[i] != null).map(([i, radius, width]) => ({
    type: "circle", xsizemode: "pixel", ysizemode: "pixel", xanchor: place(x, i), yanchor: place(y, i),
    x0: -radius, x1: radius, y0: -radius, y1: radius, line: { color: GREY, width },
  }));
}

const drawRings = () => plotly?.relayout(plot, { shapes: rings() });

const MOST_CROSSED = 2; // bars that a name may stand on

// Names of rows on a front, away from what they dominate, where they cover neither points nor one another.
function names(drawn, x, y, view, width) {
  const across = i => (logged(x, i) - view.x[0]) / (view.x[1] - view.x[0]) * width;
  const down = i => (view.y[1] - logged(y, i)) / (view.y[1] - view.y[0]) * height;
  const height = plot.clientHeight - MARGIN.t - MARGIN.b;
  const half = i => halfOn(y, i) / (view.y[1] - view.y[0]) * height;
  const near = drawn.slice(0, 2000), placed = [];
  const taken = near.map(i => box(across(i) - 5, down(i) - 5, 10, 10));
  const bars = near.map(i => box(across(i) - 1, down(i) - half(i), 2, 2 * half(i)));
  const free = at => !taken.some(other => overlap(at, other)) && bars.filter(bar => overlap(at, bar)).length <= MOST_CROSSED;
  const sides = x.better === "fewer" ? ["left", "right"] : ["right", "left"];
  for (const i of drawn.filter(i => state.onFront.has(i)).slice(0, 200)) {
    const name = rows.network[i].length > 28 ? `${rows.network[i].slice(0, 13)}…${rows.network[i].slice(-13)}` : rows.network[i];
    const long = 6.2 * name.length + 4;
    for (const side of sides) {
      const at = box(side === "left" ? across(i) - 6 - long : across(i) + 6, down(i) - 19, long, 14);
      if (at.left < 0 || at.right > width || at.top < 0 || !free(at)) continue;
      taken.push(at);
      placed.push({ i, name, side });
      break;
    }
  }
  return {
    type: "scatter", mode: "text", hoverinfo: "skip", cliponaxis: true, textfont: { size: 11 },
    x: placed.map(({ i }) => place(x, i)), y: placed.map(({ i }) => place(y, i)),
    text: placed.map(({ name }) => `\u00a0\u00a0${escaped(name)}\u00a0\u00a0`), textposition: placed.map(({ side }) => `top ${side}`),
  };
}
const logged = (each, i) => each.log ? Math.log10(place(each, i)) : place(each, i);
const box = (left, top, wide, tall) => ({ left, top, right: left + wide, bottom: top + tall });
const overlap = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

// ---- what is behind a row

const panel = find("panel");

function choose(i) {
  state.chosen = i;
  state.against = null;
  panel.hidden = false;
  document.body.classList.add("open");
  find("table").closest("main").inert = narrow.matches;
  history.replaceState(null, "", `#${rows.id[i]}`);
  fillPanel();
  panel.scrollTop = 0;
  find("panel-title").focus({ preventScroll: true });
}

function close() {
  const row = rowOf(state.chosen);
  state.chosen = state.against = null;
  panel.hidden = true;
  document.body.classList.remove("open");
  find("table").closest("main").inert = false;
  history.replaceState(null, "", location.pathname + location.search);
  markChosen();
  drawRings();
  if (row) {
    markStop(row);
    row.focus({ preventScroll: true });
  }
}

function markStop(row) {
  for (const other of body.rows) other.tabIndex = -1;
  row.tabIndex = 0;
}

addEventListener("keydown", event => {
  if (event.key === "Escape" && !panel.hidden) close();
});
narrow.addEventListener("change", () => { find("table").closest("main").inert = narrow.matches && !panel.hidden; });

function fillPanel() {
  const i = state.chosen, told = details.groups[i];
  const candidates = members[sets.codes[i]].length > 1 || Object.keys(details.groups).length > 1;
  state.against ??= neighbour(i);
  if (rowOf(i) == null && state.shown.includes(i)) fillTable();
  markChosen();
  drawRings();
  panel.replaceChildren(
    make("button", { type: "button", class: "close", "aria-label": "close", onclick: close }, "×"),
    make("h2", { id: "panel-title", tabindex: -1 }, glyph(i), rows.network[i]),
    make("p", { class: "soft" }, standing(i)),
    numbers(i, told), seeds(i, told),
    ...(told ? [learning(i)] : []),
    ...(candidates ? [comparison(i)] : []),
    ...(told ? [layerTable(i), recipe(i)] : [make("p", null,
      `This page holds layers, curves and settings of ${whole(Object.keys(details.groups).length)} rows, to stay small. `
      + "To see those of this one, compare fewer runs: archbuilder compare DIR, with a folder further down.")]));
  drawCurve(i);
}

function standing(i) {
  const axes = `${measure[state.y].name} against ${measure[state.x].name}`;
  if (state.onFront.has(i)) return `On the front of ${axes}.`;
  if (measure[state.x].values[i] == null || measure[state.y].values[i] == null) return `Has no place on the chart of ${axes}.`;
  return `Not on the front of ${axes}: ${rows.network[neighbour(i)]} is as good in both.`;
}

const section = (title, ...inside) => make("section", null, make("h3", null, title), ...inside);
const list = pairs => make("dl", null, ...pairs.filter(([, value]) => value !== "" && value != null)
  .flatMap(([name, value]) => [make("dt", null, name), make("dd", null, ...[value].flat())]));

function numbers(i, told) {
  const n = rows.seeds[i].length, with_ = ties(i);
  const names = with_.slice(0, 6).map(j => rows.network[j]).join(", ") + (with_.length > 6 ? ` and ${whole(with_.length - 6)} more` : "");
  return section("Numbers", list([
    [`accuracy on ${page.split} %`, [accuracy(i), rows.half[i] == null ? single() : ` (95%, n=${n} seeds)`]],
    ...measures.filter(each => each.key !== "accuracy_mean").map(each => [
      each.name, ["params", "macs", "peak_activations"].includes(each.key) && each.values[i] != null ? whole(each.values[i]) : text(each, i)]),
    ["trainable params", told ? whole(told.trainable) : ""],
    ["ties", names],
    ["comparable with", sets.kinds.length > 1 ? sets.kinds[sets.codes[i]] : ""],
    ...words.filter(each => each.title !== "set").map(each => [each.title, each.kinds[each.codes[i]]]),
    ["evaluated on", `${whole(rows.images[i])} images`],
    ...Object.entries(told?.facts ?? {}),
    ["architecture", make("code", null, rows.hash[i].slice(0, 16))],
    ["recipe hash", make("code", null, rows.recipe[i].slice(0, 16))],
  ]));
}

function grid(heads, lines, attributes) {
  const cell = (value, at) => make("td", { class: heads[at][1] ? "left" : null },
    typeof value === "number" ? whole(value) : value ?? "");
  return make("div", { class: "scroll" }, make("table", attributes,
    make("thead", null, make("tr", null, ...heads.map(([name, left]) => make("th", { scope: "col", class: left ? "left" : null }, name)))),
    make("tbody", null, ...lines.map(({ cells, ...attributes }) => make("tr", attributes, ...cells.map(cell))))));
}

function seeds(i, told) {
  const lines = rows.seeds[i].map((seed, at) => ({
    cells: [String(seed), make("span", null, (100 * rows.accuracies[i][at]).toFixed(2)), told ? make("code", null, told.folders[at]) : ""],
  }));
  return section("Seeds", grid([["seed", true], ["accuracy %"], [told ? "folder" : "", true]], lines, { class: "seeds" }));
}

function learning(i) {
  const known = details.groups[i].curves.some(([epochs]) => epochs.length);
  return section("Learning curve", known ? make("div", { id: "curve", role: "img", "aria-label": "val accuracy by epoch, each seed" })
    : make("p", { class: "soft" }, "No metrics.csv of these runs could be read."),
  known && details.groups[i].curves.length < rows.seeds[i].length
    ? make("p", { class: "soft" }, `The first ${details.groups[i].curves.length} of ${rows.seeds[i].length} seeds.`) : null);
}

function drawCurve(i) {
  const target = find("curve");
  if (!target || !plotly) return;
  const lines = (j, colour, width) => (details.groups[j]?.curves ?? []).filter(([epochs]) => epochs.length).map(([epochs, values], at) => ({
    type: "scatter", mode: epochs.length > 1 ? "lines" : "markers", x: epochs, y: values.map(value => 100 * value),
    line: { color: colour, width }, marker: { color: colour }, hoverinfo: "text",
    hovertext: epochs.map((epoch, k) => `${escaped(rows.network[j])}, seed ${rows.seeds[j][at]}<br>epoch ${epoch}: ${(100 * values[k]).toFixed(2)}`),
  }));
  const other = state.against == null ? [] : lines(state.against, GREY, 1);
  plotly.react(target, [...other, ...lines(i, look(sets.codes[i]).colour, 1.5)], {
    width: target.clientWidth, height: 220, margin: { l: 44, r: 12, t: 8, b: 36 }, showlegend: false, hovermode: "closest", dragmode: false,
    paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { family: "inherit", size: 11 },
    xaxis: { title: { text: "epoch", standoff: 6 }, zeroline: false }, yaxis: { title: { text: "val accuracy %", standoff: 6 }, zeroline: false },
  }, { displayModeBar: false });
}

// Paths of layers, from lines that say how deep they lie; folded where either of two networks is.
function outline(i, depth = Infinity) {
  const told = details.layers[rows.hash[i]];
  if (!Array.isArray(told)) return null;
  const path = [];
  return told.map(([level, name, kind, shape, params, macs]) => {
    path.splice(level, Infinity, name);
    return { path: path.join("."), level, name, kind, shape, params, macs };
  }).filter(each => each.level <= depth);
}

function layerTable(i) {
  const told = outline(i);
  if (!told) return section("Layers", make("p", { class: "soft" }, details.layers[rows.hash[i]]));
  const lines = told.map(each => ({ cells: [indented(each), each.kind, each.shape, each.params, each.macs] }));
  return section("Layers", grid([["layer", true], ["block", true], ["output", true], ["params"], ["MACs"]], lines, { class: "layers" }));
}

const indented = each => make("span", { style: `padding-left: ${each.level}em` }, each.name);

function comparison(i) {
  const options = Object.keys(details.groups).map(Number).filter(j => j !== i);
  if (state.against != null && !options.includes(state.against)) options.push(state.against);
  options.sort((a, b) => a - b);
  const select = make("select", { id: "against", onchange: () => {
    state.against = select.value === "" ? null : +select.value;
    find("difference").replaceWith(difference(i));
    drawRings();
    drawCurve(i);
  } }, make("option", { value: "" }, "none"), ...options.map(j => make("option", { value: j }, label(j))));
  select.value = state.against ?? "";
  return section("Difference", make("label", null, "to ", select), difference(i));
}

const label = i => [rows.network[i], sets.kinds[sets.codes[i]], `${short(measure.params.values[i])} params`].filter(Boolean).join(", ");

function difference(i) {
  const j = state.against, whole_ = make("div", { id: "difference" });
  if (j == null) return whole_;
  const signed = (value, digits) => `${value < 0 ? "−" : "+"}${digits == null ? short(Math.abs(value)) : Math.abs(value).toFixed(digits)}`;
  const change = key => measure[key].values[i] - measure[key].values[j];
  whole_.append(make("p", null, `This one has ${signed(change("params"))} params, ${signed(change("macs"))} MACs and `
    + `${signed(100 * change("accuracy_mean"), 2)} points of accuracy.`,
    sets.codes[i] === sets.codes[j] ? null : " The two are not comparable: their data, recipe or evaluation differ."));
  const settings = settingDifferences(i, j);
  if (settings == null) whole_.append(make("p", { class: "soft" }, "The settings of one of them are not in this page."));
  else if (settings.length) whole_.append(grid([["setting", true], ["this", true], ["other", true]], settings, { class: "settings" }));
  else whole_.append(make("p", { class: "soft" }, "Same recipe."));
  whole_.append(layerDifferences(i, j));
  return whole_;
}

function settingDifferences(i, j) {
  const { keys, values } = details.settings, mine = values[rows.recipe[i]], other = values[rows.recipe[j]];
  if (!mine || !other) return null;
  return keys.map((key, at) => ({ cells: [key, mine[at] ?? "unset", other[at] ?? "unset"] })).filter(({ cells }) => cells[1] !== cells[2]);
}

function layerDifferences(i, j) {
  if (rows.hash[i] === rows.hash[j]) return make("p", { class: "soft" }, "Same architecture.");
  const deepest = each => Math.max(...each.map(({ level }) => level));
  let mine = outline(i), other = outline(j);
  if (!mine || !other) return make("p", { class: "soft" }, "The layers of one of them are not in this page.");
  const depth = Math.min(deepest(mine), deepest(other));
  mine = new Map(outline(i, depth).map(each => [each.path, each]));
  other = new Map(outline(j, depth).map(each => [each.path, each]));
  const differs = path => ["kind", "shape", "params", "macs"].some(key => mine.get(path)?.[key] !== other.get(path)?.[key]);
  const lines = merged([...mine.keys()], [...other.keys()]).map(path => {
    const a = mine.get(path), b = other.get(path), pair = (key, shown) => [a, b].map(each => each ? shown(each[key]) : "–");
    return { class: differs(path) ? "differs" : "same", cells: [
      make("span", null, differs(path) ? "≠ " : "  ", indented(a ?? b)), ...pair("params", whole), ...pair("macs", short), ...pair("shape", String)] };
  });
  const same = lines.filter(each => each.class === "same").length;
  const table = grid([["layer", true], ["params"], ["other"], ["MACs"], ["other"], ["output", true], ["other", true]], lines,
    { class: same ? "difference brief" : "difference" });
  const toggle = make("input", { type: "checkbox", onchange: () => table.firstChild.classList.toggle("brief", !toggle.checked) });
  return make("div", null, same ? make("label", null, toggle, ` show the ${whole(same)} lines that are the same too`) : null, table);
}

// The union of two orders: what only the second has stands behind what precedes it there.
function merged(first, second) {
  const all = [...first], known = new Set(first);
  second.forEach((path, at) => {
    if (!known.has(path)) all.splice(at ? all.indexOf(second[at - 1]) + 1 : 0, 0, path);
    known.add(path);
  });
  return all;
}

function recipe(i) {
  const { keys, values } = details.settings, mine = values[rows.recipe[i]];
  const lines = keys.map((key, at) => ({ cells: [key, mine[at]] })).filter(({ cells }) => cells[1] != null);
  return make("details", null, make("summary", null, `Recipe: ${lines.length} settings`), grid([["setting", true], ["value", true]], lines));
}

// ---- notes, and the start

if (sets.kinds.length > 1) {
  find("legend").append(...sets.kinds.slice(0, MOST_SETS).map((kind, set) => make("li", null,
    make("span", { class: "glyph", style: `color: ${look(set).colour}` }, look(set).glyph), kind)));
  if (sets.kinds.length > MOST_SETS) {
    find("legend").append(make("li", null, make("span", { class: "glyph", style: `color: ${look(MOST_SETS).colour}` }, look(MOST_SETS).glyph),
      `${whole(sets.kinds.length - MOST_SETS)} more sets`));
  }
  find("notes").append(make("p", null, "Shapes and colours tell sets apart: rows of different sets are not comparable, and each set has its own front."));
}
find("notes").append(make("ul", null, ...page.notes.map(note => make("li", null, note))));
if (page.problems.length) {
  find("problems").hidden = false;
  find("problems").querySelector("h2").textContent = `Left out (${whole(page.problems.length)})`;
  find("problems").append(make("ul", null, ...page.problems.map(problem => make("li", null, problem))));
}

function fromAddress() {
  const i = byId.get(location.hash.slice(1));
  if (i !== undefined && i !== state.chosen) choose(i);
}
addEventListener("hashchange", fromAddress);

findFronts();
fillTable();
fromAddress();

async function unpack() {
  const packed = Uint8Array.from(atob(find("library").textContent), letter => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  document.head.append(make("script", null, await new Response(stream).text()));
  find("library").remove();
  plotly = window.Plotly;
  draw();
  plot.on("plotly_click", ({ points: [point] }) => choose(point.customdata));
  plot.on("plotly_relayout", change => {
    if (change["xaxis.autorange"] || change["yaxis.autorange"]) state.zoom = null;
    else if (Object.keys(change).some(key => /^[xy]axis\.range/.test(key))) {
      const { xaxis, yaxis } = plot.layout;
      state.zoom = { x: [...xaxis.range], y: [...yaxis.range] };
    } else return;
    draw();
  });
  new ResizeObserver(drawSoon).observe(plot);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
  addEventListener("beforeprint", () => draw(PAPER));
  addEventListener("afterprint", () => draw());
  if (state.chosen != null) drawCurve(state.chosen);
  document.documentElement.dataset.ready = "true";
}

unpack().catch(error => {
  plot.textContent = "The chart cannot be drawn in this browser; the table below holds all of it.";
  console.warn(error);
});
