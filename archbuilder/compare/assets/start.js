// Legend, notes, and the start.

if (sets.kinds.length > 1) {
  find("legend").append(...sets.kinds.slice(0, MOST_SETS).map((kind, set) => make("li", null,
    make("span", { class: "glyph", style: `color: ${look(set).colour}` }, look(set).glyph), kind)));
  if (sets.kinds.length > MOST_SETS) {
    find("legend").append(make("li", null, make("span", { class: "glyph", style: `color: ${look(MOST_SETS).colour}` }, look(MOST_SETS).glyph),
      `${whole(sets.kinds.length - MOST_SETS)} more sets`));
  }
  find("notes").append(make("p", null, "Shapes and colours tell sets apart: rows of different sets are not comparable, and each set has its own front."));
}
if (page.budgets) {
  const [titles, ...lines] = page.budgets.lines;
  find("budgets").hidden = false;
  find("budgets").append(make("h2", null, page.budgets.title), make("p", { class: "soft" }, page.budgets.legend),
    grid(titles.map(title => [title, true]), lines.map(cells => ({ cells }))));
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
  drawCurve();
  document.documentElement.dataset.ready = "true";
}

unpack().catch(error => {
  plot.textContent = "The chart cannot be drawn in this browser; the table below holds all of it.";
  console.warn(error);
});
