// The table: sorting, filters, and rows as stops of the keyboard.

const tied = countTies();
const precision = i => rows.half[i] == null ? [accuracy(i), " ", single()] : [accuracy(i)];
const columns = [
  { key: "number", title: "#", values: rows.number, cell: i => rows.number[i] },
  { key: "network", title: "network", values: rows.network, left: true, cell: i => [glyph(i), rows.network[i]] },
  ...words.filter(each => each.title !== "set").map(each => ({
    key: each.title, title: each.title, left: true, values: each.codes.map(code => each.kinds[code]),
    cell: i => each.kinds[each.codes[i]],
  })),
  ...measures.filter(each => each.column).flatMap(each => each.key !== "accuracy_mean"
    ? [{ ...each, cell: i => text(each, i) }]
    : [{ ...each, left: true, cell: precision },
      { key: "n", title: "n", better: "more", values: rows.seeds.map(each => each.length), cell: i => rows.seeds[i].length }]),
  ...(page.also ? [{ key: "also", title: `${page.also} %`, left: true, better: "more",
    values: rows.also, cell: i => rows.alsoText[i] }] : []),
  { key: "front", title: "front", left: true, better: "more", get values() { return every.map(i => +state.onFront.has(i)); },
    cell: i => state.onFront.has(i) ? "*" : "" },
  ...(rows.difference.some(each => each != null) ? [{ key: "difference", title: "difference %", left: true, better: "more",
    values: rows.difference, cell: i => rows.differenceText[i] }] : []),
  { key: "ties", title: "ties", values: tied, cell: i => tied[i] ? whole(tied[i]) : "" },
];
const titles = {
  front: "no other row of the set is as good on both axes of the chart", n: "seeds",
  ties: "rows of the set, and of the same budget, whose 95% intervals overlap with this one's: not told apart without pairing",
  difference: `to the best row of the set that costs no more in ${measure[page.x].name}, over the seeds that both have: the paired test`,
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
  }
  stopAt(rowOf(state.chosen) ?? body.rows[0]);
}

function stopAt(row) {
  for (const other of body.querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
  if (row) row.tabIndex = 0;
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
    stopAt(next[event.key] ?? row);
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
  if (state.shown.length > MANY) drawSoon();
  else draw();
}
find("text").addEventListener("input", filter);
find("front-only").addEventListener("change", filter);

for (const axis of ["x", "y"]) {
  find(axis).append(...measures.map(each => make("option", { value: each.key }, each.name)));
  find(axis).value = state[axis];
  find(axis).addEventListener("change", () => {
    state[axis] = find(axis).value;
    state.against = null;
    findFronts();
    filter();
    if (state.chosen != null) fillPanel();
  });
}
