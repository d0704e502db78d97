// What is behind a row: numbers, seeds, curve, layers, and what differs from another row.

const panel = find("panel"), main = document.querySelector("main");

function choose(i) {
  state.chosen = i;
  state.against = null;
  panel.hidden = false;
  document.body.classList.add("open");
  main.inert = narrow.matches;
  history.replaceState(null, "", `#${rows.id[i]}`);
  fillPanel();
  panel.scrollTop = 0;
  find("panel-title").focus({ preventScroll: true });
}

function closePanel() {
  const row = rowOf(state.chosen) ?? body.rows[0];
  state.chosen = state.against = null;
  panel.hidden = true;
  document.body.classList.remove("open");
  main.inert = false;
  history.replaceState(null, "", location.pathname + location.search);
  markChosen();
  drawRings();
  stopAt(row);
  (row ?? find("text")).focus({ preventScroll: true });
}

addEventListener("keydown", event => {
  if (event.key === "Escape" && !panel.hidden) closePanel();
});
// Where the panel covers the rest of the page, that is out of reach.
narrow.addEventListener("change", () => { main.inert = narrow.matches && !panel.hidden; });

function fillPanel() {
  const i = state.chosen, told = details.groups[i];
  const candidates = members[sets.codes[i]].length > 1 || Object.keys(details.groups).length > 1;
  state.against ??= neighbour(i);
  if (rowOf(i) == null && state.shown.includes(i)) fillTable();
  markChosen();
  drawRings();
  panel.replaceChildren(
    make("button", { type: "button", class: "close", "aria-label": "close", onclick: closePanel }, "×"),
    make("h2", { id: "panel-title", tabindex: -1 }, glyph(i), rows.network[i]),
    make("p", { class: "soft" }, standing(i)),
    numbers(i, told), seeds(i, told),
    ...(told ? [learning(i)] : []),
    ...(candidates ? [comparison(i)] : []),
    ...(told ? [layerTable(i), recipe(i)] : [make("p", null,
      `This page holds layers, curves and settings of ${whole(Object.keys(details.groups).length)} rows, to stay small. `
      + "To see those of this one, compare fewer runs: archbuilder compare DIR, with a folder further down.")]));
  drawCurve();
}

function standing(i) {
  const axes = `${measure[state.y].name} against ${measure[state.x].name}`;
  if (state.onFront.has(i)) return `On the front of ${axes}.`;
  if (measure[state.x].values[i] == null || measure[state.y].values[i] == null) return `Has no place on the chart of ${axes}.`;
  if (neighbour(i) == null) return `The only point of its set, so there is no front of ${axes}.`;
  return `Not on the front of ${axes}: ${rows.network[neighbour(i)]} is as good in both.`;
}

const section = (title, ...inside) => make("section", null, make("h3", null, title), ...inside);
const list = pairs => make("dl", null, ...pairs.filter(([, value]) => value !== "" && value != null)
  .flatMap(([name, value]) => [make("dt", null, name), make("dd", null, ...[value].flat())]));

function numbers(i, told) {
  const n = rows.seeds[i].length, others = ties(i);
  const names = others.slice(0, 6).map(j => rows.network[j]).join(", ") + (others.length > 6 ? ` and ${whole(others.length - 6)} more` : "");
  return section("Numbers", list([
    [`accuracy on ${page.split} %`, n === 1 ? precision(i) : `${accuracy(i)} (95%, n=${n} seeds)`],
    ...measures.filter(each => each.key !== "accuracy_mean").map(each => [
      each.name, ["params", "macs", "peak_activations"].includes(each.key) && each.values[i] != null ? whole(each.values[i]) : text(each, i)]),
    ["trainable params", told ? whole(told.trainable) : ""],
    ["ties", names],
    ["set", sets.kinds.length > 1 ? sets.kinds[sets.codes[i]] : ""],
    ...words.filter(each => each.title !== "set" && !told?.facts[each.title]).map(each => [each.title, each.kinds[each.codes[i]]]),
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

function drawCurve() {
  const target = find("curve"), i = state.chosen;
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
    drawCurve();
  } }, make("option", { value: "" }, "none"), ...options.map(j => make("option", { value: j }, label(j))));
  select.value = state.against ?? "";
  return section("Difference", make("label", null, "to ", select), difference(i));
}

const label = i => [rows.network[i], sets.kinds[sets.codes[i]], `${short(measure.params.values[i])} params`].filter(Boolean).join(", ");

function difference(i) {
  const j = state.against, shown = make("div", { id: "difference" });
  if (j == null) return shown;
  const signed = (value, digits) => `${value < 0 ? "−" : "+"}${digits == null ? short(Math.abs(value)) : Math.abs(value).toFixed(digits)}`;
  const change = key => measure[key].values[i] - measure[key].values[j];
  shown.append(make("p", null, `This one has ${signed(change("params"))} params, ${signed(change("macs"))} MACs and `
    + `${signed(100 * change("accuracy_mean"), 2)} points of accuracy.`,
    sharedSeeds(i, j, signed),
    sets.codes[i] === sets.codes[j] ? null : " The two are not comparable: their data, recipe or evaluation differ."));
  const settings = settingDifferences(i, j);
  if (settings == null) shown.append(make("p", { class: "soft" }, "The settings of one of them are not in this page."));
  else if (settings.length) shown.append(grid([["setting", true], ["this", true], ["other", true]], settings, { class: "settings" }));
  else shown.append(make("p", { class: "soft" }, "Same recipe."));
  shown.append(layerDifferences(i, j));
  return shown;
}

function sharedSeeds(i, j, signed) {
  const other = new Map(rows.seeds[j].map((seed, at) => [seed, rows.accuracies[j][at]]));
  const gaps = rows.seeds[i].flatMap((seed, at) => other.has(seed) ? [100 * (rows.accuracies[i][at] - other.get(seed))] : []);
  if (gaps.length < 2) return null;
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  return ` Over the ${gaps.length} seeds that both have: ${signed(mean, 2)} (${gaps.map(gap => signed(gap, 2)).join(", ")}).`;
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
