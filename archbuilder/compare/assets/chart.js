// The chart: points, intervals, fronts and names, drawn by Plotly.

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
  if (start > end) return [0, 1];
  if (each.key !== "accuracy_mean") return [start - room, end + room];
  // The interval of two seeds may reach far beyond what an accuracy can be: it is cut there, just behind the points.
  const edge = 0.04 * (Math.min(end + room, 100) - Math.max(start - room, 0));
  return [Math.max(start - room, -edge), Math.min(end + room, 100 + edge)];
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
  const lines = [...parts.keys()].filter(part => part < MOST_SETS && state.fronts[part].length).map(set => frontLine(state.fronts[set], set, x, y, view));
  const marks = [...parts].map(([part, indices]) => points(indices, part, x, y));
  const inside = [width - MARGIN.l - MARGIN.r, plot.clientHeight - MARGIN.t - MARGIN.b];
  const unit = [(view.x[1] - view.x[0]) / inside[0], (view.y[1] - view.y[0]) / inside[1]];
  state.pixels = i => [(logged(x, i) - view.x[0]) / unit[0], (view.y[1] - logged(y, i)) / unit[1]];
  const named = names(drawn, x, y, inside[0], unit[1]);
  plotly.react(plot, [...lines, ...marks, named], {
    width, height: plot.clientHeight, margin: MARGIN, showlegend: false, hovermode: "closest",
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { family: "inherit", size: 12 },
    xaxis: axisOf(x, view.x), yaxis: axisOf(y, view.y),
  }, { displaylogo: false, modeBarButtons: [["zoomIn2d", "zoomOut2d", "autoScale2d", "toImage"]],
    toImageButtonOptions: { format: "svg", filename: "comparison" } });
  drawRings();
  const missing = state.shown.length - drawn.length, unnamed = drawn.filter(i => state.onFront.has(i)).length - named.x.length;
  find("caption").textContent = [
    `Line and *: the front of ${y.name} against ${x.name}, per set: no other row is as good in both.`,
    sets.kinds.length > MOST_SETS ? `Lines are drawn of ${MOST_SETS} sets.` : "",
    "Bars: 95% interval of the mean over seeds.",
    unnamed ? `Without a name, for lack of room: ${whole(unnamed)} of the points on a front.` : "",
    [x, y].some(({ key }) => ["images_per_second", "latency", "seconds"].includes(key))
      ? "Each run measured its speed itself, perhaps beside other jobs: only what was measured alike can be compared." : "",
    missing ? `${whole(missing)} of ${whole(state.shown.length)} rows have no value on an axis and are not drawn.` : "",
    "Choose a point or a row to see what is behind it.",
  ].filter(Boolean).join(" ");
}

// Drawing thousands of points takes a moment, in which the rest of the page should be there already.
let waiting;
function drawSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    draw();
    drawCurve();
  }, 30);
}

function points(indices, set, x, y) {
  const many = indices.length > MANY;
  const bars = each => ({
    array: indices.map(i => halfOn(each, i)), visible: indices.some(i => halfOn(each, i)),
    thickness: 1, width: 2.5, color: `${look(set).colour}c8`,
  });
  return {
    type: "scatter", mode: "markers", x: indices.map(i => place(x, i)), y: indices.map(i => place(y, i)),
    customdata: indices, hoverinfo: "text", hovertext: indices.map(hover), error_x: bars(x), error_y: bars(y),
    marker: { color: look(set).colour, symbol: look(set).shape, size: many ? 5 : 8, opacity: 1,
      line: { color: getComputedStyle(document.body).backgroundColor, width: many ? 0 : 0.7 } },
  };
}

function hover(i) {
  const value = each => text(each, i) && `${each.name} ${each.key === "accuracy_mean" ? accuracy(i) : text(each, i)}`;
  const axes = [...new Set([state.x, state.y])].map(key => value(measure[key]));
  return [`<b>${escaped(rows.network[i])}</b>`, ...axes, `n=${rows.seeds[i].length}`, escaped(sets.kinds[sets.codes[i]])]
    .filter(Boolean).join("<br>");
}

// Steps: the best to be had at no more cost, out to the end of the axis.
function frontLine(along, set, x, y, view) {
  const end = x.better === "fewer" ? view.x[1] : view.x[0];
  return {
    type: "scatter", mode: "lines", hoverinfo: "skip", line: { color: look(set).colour, width: 1, shape: "hv" }, opacity: 0.85,
    x: [...along.map(i => place(x, i)), x.log ? 10 ** end : end], y: [...along, along.at(-1)].map(i => place(y, i)),
  };
}

// Circles around the row chosen and the one that it is held against.
function drawRings() {
  document.querySelectorAll(".ring").forEach(ring => ring.remove());
  const x = measure[state.x], y = measure[state.y];
  for (const [i, kind] of [[state.chosen, "chosen"], [state.against, "against"]]) {
    if (!state.pixels || i == null || x.values[i] == null || y.values[i] == null) continue;
    const [left, top] = state.pixels(i);
    if (left < 0 || top < 0 || left > plot.clientWidth - MARGIN.l - MARGIN.r || top > plot.clientHeight - MARGIN.t - MARGIN.b) continue;
    plot.after(make("span", { class: `ring ${kind}`, style: `left: ${left + MARGIN.l}px; top: ${top + MARGIN.t}px` }));
  }
}

const MOST_CROSSED = 2; // bars that a name may stand on

// Names of rows on a front, away from what they dominate, where they cover neither points nor one another.
function names(drawn, x, y, width, unit) {
  const near = drawn.slice(0, MANY).map(i => [i, ...state.pixels(i)]), placed = [];
  const taken = near.map(([, across, down]) => box(across - 5, down - 5, 10, 10));
  const bars = near.map(([i, across, down]) => box(across - 1, down - halfOn(y, i) / unit, 2, 2 * halfOn(y, i) / unit));
  const free = at => !taken.some(other => overlap(at, other)) && bars.filter(bar => overlap(at, bar)).length <= MOST_CROSSED;
  const sides = x.better === "fewer" ? ["left", "right"] : ["right", "left"];
  for (const i of drawn.filter(i => state.onFront.has(i)).slice(0, 200)) {
    const name = rows.network[i].length > 28 ? `${rows.network[i].slice(0, 13)}…${rows.network[i].slice(-13)}` : rows.network[i];
    const long = 6.2 * name.length + 4, [across, down] = state.pixels(i);
    for (const side of sides) {
      const at = box(side === "left" ? across - 6 - long : across + 6, down - 19, long, 14);
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
