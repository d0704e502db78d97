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

const MANY = 2000; // points that take a moment to draw
const PORTION = 300; // rows of the table that are made at once
const state = {
  x: measure[page.x] ? page.x : "params", y: "accuracy_mean", sort: "number", down: false,
  limit: PORTION, chosen: null, against: null, zoom: null, pixels: null, fronts: [], onFront: new Set(), shown: every,
};

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
