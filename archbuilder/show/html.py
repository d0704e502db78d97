"""A diagram as a page that stands alone: the picture, what a part is when pointed at, and a table of all."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.show.diagram import FACTS, Diagram, Part
from archbuilder.show.svg import svg
from archbuilder.show.text import markup


def html(diagram: Diagram) -> str:
    """Return a diagram as the text of an HTML page that loads nothing."""
    title = markup(diagram.title)
    heads = "".join(f"<th>{name}</th>" for name in FACTS)
    rows = "\n".join(_row(part) for part in _all(diagram.parts) if part.kind)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<div class="picture">
{svg(diagram)}</div>
<p id="facts" aria-live="polite">Point at a part, or tap it, to see what it costs.</p>
<div class="table"><table>
<thead><tr>{heads}</tr></thead>
<tbody>
{rows}
</tbody>
</table></div>
<script>{_SCRIPT}</script>
</body>
</html>
"""


def _all(parts: tuple[Part, ...]) -> Iterator[Part]:
    for part in parts:
        yield part
        yield from _all(part.parts)


def _row(part: Part) -> str:
    cells = "".join(f"<td>{markup(part.facts[name])}</td>" for name in FACTS)
    kind = " class='box'" if part.parts else ""
    return f"<tr data-path='{markup(part.path)}' tabindex='0'{kind}>{cells}</tr>"


_STYLE = """
body { margin: 0; font: 14px/1.4 Helvetica, Arial, sans-serif; color: #1b2733; background: #fff; }
.picture, .table { overflow-x: auto; }
.picture svg { display: block; margin: 0 auto; }
.part, tbody tr { cursor: pointer; }
.part.on > rect:last-of-type { stroke: #c2571a; stroke-width: 3; }
#facts { position: sticky; bottom: 0; margin: 0; padding: 10px 16px; background: #1b2733; color: #fff; }
#facts b { margin-right: 4px; font-weight: normal; color: #a9c8e6; }
#facts span { display: inline-block; margin-right: 16px; overflow-wrap: anywhere; }
table { border-collapse: collapse; margin: 16px; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 10px; text-align: right; white-space: nowrap; border-bottom: 1px solid #e3e8ec; }
th:nth-child(-n+3), td:nth-child(-n+3) { text-align: left; }
tr.box td { font-weight: bold; }
tr.on td { background: #fdebdf; }
"""

_SCRIPT = """
const heads = [...document.querySelectorAll("th")].map(cell => cell.textContent);
const rows = new Map([...document.querySelectorAll("tbody tr")].map(row => [row.dataset.path, row]));
const parts = new Map([...document.querySelectorAll(".part")].map(part => [part.dataset.path, part]));
let kept = null;
function show(path) {
  document.querySelectorAll(".on").forEach(shown => shown.classList.remove("on"));
  const row = rows.get(path);
  row.classList.add("on");
  parts.get(path).classList.add("on");
  const facts = [...row.cells].map((cell, index) => {
    const fact = document.createElement("span"), name = document.createElement("b");
    name.textContent = heads[index];
    fact.append(name, " ", cell.textContent, " ");
    return fact;
  });
  document.getElementById("facts").replaceChildren(...facts);
}
function listen(shown, path, other) {
  shown.addEventListener("mouseenter", () => show(path));
  shown.addEventListener("mouseleave", () => { if (kept) show(kept); });
  shown.addEventListener("click", () => {
    kept = path;
    show(path);
    if (other) other.scrollIntoView({ block: "center", inline: "center", behavior: "smooth" });
  });
}
rows.forEach((row, path) => {
  listen(parts.get(path), path, null);
  listen(row, path, parts.get(path));
  row.addEventListener("focus", () => show(path));
});
"""
