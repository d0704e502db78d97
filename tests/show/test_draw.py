"""Diagrams as files: three forms, well-formed, escaped, complete, and whole or not there at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from archbuilder.errors import ConfigError
from archbuilder.show.diagram import diagram
from archbuilder.show.draw import MOST_DRAWN, checked_suffix, draw
from archbuilder.show.html import html
from archbuilder.show.mermaid import mermaid
from archbuilder.show.svg import svg
from archbuilder.show.tree import Network, network
from tests.language.models import conv, model
from tests.show.networks import HEADS, UNET, made

HOSTILE = "a\"'<script>alert(1)</script>&#;`%%\n\x1b[31m]]>\ud800"
NAMESPACE = {"s": "http://www.w3.org/2000/svg"}


def hostile() -> Network:
    """Return a network whose name is markup in every form there is."""
    from dataclasses import replace

    return network(replace(made(model({"a": conv(4)})).graph, name=HOSTILE))


def texts(picture: str) -> list[str]:
    """Return all texts of an SVG, tooltips aside; raises where it is not well-formed."""
    root = ElementTree.fromstring(picture)
    return ["".join(text.itertext()) for text in root.iterfind(".//s:text", NAMESPACE)]


def test_a_picture_names_every_part_with_primitive_shape_and_params() -> None:
    shown = made("resnet20")
    said = texts(svg(diagram(shown)))
    for name in ("stem.conv", "conv1", "shortcut", "head.classifier", "input"):
        assert name in said
    assert "16x32x32 · 2,336 params" in said
    assert {"conv", "add", "global_pool", "linear", "3x32x32"} < set(said)
    assert "stages.stage1 12 layers" in said
    assert "0 basic" in said


def test_every_part_has_a_tooltip() -> None:
    root = ElementTree.fromstring(svg(diagram(made(UNET), 5)))
    groups = [group for group in root.iter(f"{{{NAMESPACE['s']}}}g") if "data-path" in group.attrib]
    tooltips = {group.attrib["data-path"]: group.findtext("s:title", "", NAMESPACE) for group in groups}
    assert "field: 3x3" in tooltips["stages.both.left"]
    assert len(tooltips) == 1 + 3 + 11, "the input, blocks, layers"


def test_every_edge_is_drawn_and_long_ones_in_another_colour() -> None:
    layers = {"a": conv(4), "b": conv(4), "sum": {"block": "add", "from": ["a", "b"]}}
    lines = re.findall(r"fill='none' stroke='(#\w+)'", svg(diagram(made(model(layers)), 5)))
    assert len(lines) == 4
    assert sorted(lines.count(colour) for colour in set(lines)) == [1, 3]


def test_auxiliary_heads_are_dashed() -> None:
    assert "stroke-dasharray" in svg(diagram(made(model({"a": conv(4), "b": conv(4)}, outputs=HEADS))))
    assert "stroke-dasharray" not in svg(diagram(made("resnet20")))


def test_texts_fit_their_nodes() -> None:
    drawn = [svg(diagram(made("imagenet/googlenet"), 2)), svg(diagram(made(WIDE), 5)), svg(diagram(made(UNET), 5))]
    for picture in drawn:
        found = list(nodes_with_texts(picture))
        assert found
        for (left, top, right, bottom), lines in found:
            for middle, base, size, text in lines:
                # As wide as these letters of Helvetica, in thousandths of their size, by its own metrics.
                width = size / 1000 * sum(HELVETICA_BOLD.get(letter, 611) for letter in text)
                assert left <= middle - width / 2, text
                assert middle + width / 2 <= right, text
                assert top <= base - 0.72 * size, text
                assert base + 0.21 * size <= bottom, text


WIDE = model({"mmmmmmmmmmmmmmmmmmmmmmmm": conv(4), "WWWWWWWWWWWWWWWW": conv(4), "iiiiiiiiiii": conv(4), "x": conv(4)})
"""Names of the widest and narrowest letters."""

HELVETICA_BOLD = {
    **dict.fromkeys("0123456789acekrstvxyz_J", 556),
    **dict.fromkeys("bdghnopquFLTZ", 611),
    **dict.fromkeys("CDHNRUBAK", 722),
    **dict.fromkeys("ijlI.,: ", 278),
    "f": 333,
    "r": 389,
    "t": 333,
    "m": 889,
    "w": 778,
    "M": 833,
    "W": 944,
    "-": 333,
    "·": 278,
}


def nodes_with_texts(picture: str) -> Iterator[tuple[tuple[float, ...], list[tuple[float, float, float, str]]]]:
    """Yield the rim of every node without a box in it, and its texts: middle, base line, size, letters."""
    for group in ElementTree.fromstring(picture).iterfind(".//s:g[@data-path]", NAMESPACE):
        texts = group.findall("s:text", NAMESPACE)
        if texts:
            x, y, width, height = (float(group.findall("s:rect", NAMESPACE)[-1].attrib[k]) for k in _RECT)
            yield (x, y, x + width, y + height), [(*_place(text), text.text or "") for text in texts]


_RECT = ("x", "y", "width", "height")


def _place(text: ElementTree.Element) -> tuple[float, float, float]:
    return float(text.attrib["x"]), float(text.attrib["y"]), float(text.attrib["font-size"])


def test_names_that_are_markup_stay_text() -> None:
    picture = svg(diagram(hostile()))
    assert texts(picture)[0] == HOSTILE.encode("unicode_escape").decode()
    page = html(diagram(hostile()))
    assert "<script>alert" not in page
    page.encode()
    flow = mermaid(diagram(hostile()))
    assert flow.splitlines()[1] == "flowchart TD"
    assert "<script>" not in flow
    flow.encode()


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows = 0
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)
        self.rows += tag == "tr"
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("path", "rect")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_stands_alone_with_the_picture_and_a_row_for_every_part() -> None:
    drawn = diagram(made("resnet20"))
    text = html(drawn)
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert page.links == []
    assert re.findall(r"https?://[^'\"]*", text) == ["http://www.w3.org/2000/svg"]
    assert svg(drawn) in text
    parts = re.findall("data-path='([^']*)'", svg(drawn))
    assert page.rows == 1 + len(parts) - 1, "the headings, and every part but the input"
    assert "default-src 'none'" in text
    assert "width=device-width" in text


def test_a_flowchart_has_every_part_once_and_every_edge() -> None:
    drawn = diagram(made(UNET), 5)
    lines = mermaid(drawn).splitlines()
    arrows = [line.split(" --> ") for line in lines if " --> " in line]
    known = {match[1] for line in lines if (match := re.match(r"\s+(?:subgraph )?(n\d+) ?[\[(]", line))}
    assert len(arrows) == len(drawn.edges)
    assert {end.strip() for pair in arrows for end in pair} < known
    assert sum("subgraph" in line for line in lines) == sum(line.strip() == "end" for line in lines) == 3
    assert '["join<br/>concat<br/>8x16x16"]' in "\n".join(lines)


@pytest.mark.parametrize(("name", "start"), [("a.svg", "<svg "), ("A.HTML", "<!doctype html>"), ("a.mmd", "%% ")])
def test_the_suffix_says_which_form(tmp_path: Path, name: str, start: str) -> None:
    said = draw(made("resnet20"), tmp_path / "new" / name)
    assert (tmp_path / "new" / name).read_text().startswith(start)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name]
    assert said == f"drawn in {tmp_path / 'new' / name}"


def test_what_is_folded_is_said(tmp_path: Path) -> None:
    said = draw(made("imagenet/resnet50"), tmp_path / "a.svg")
    assert said.endswith("folded below level 3, --depth 4 shows more")


@pytest.mark.parametrize(
    ("name", "telling"),
    [
        ("a.png", "'a.png' does not end in .svg, .html or .mmd"),
        ("svg", "'svg' does not end in .svg, .html or .mmd"),
        ("a.sgv", "did you mean '.svg'?"),
        ("a.htm", "did you mean '.html'?"),
    ],
)
def test_another_suffix_is_refused(name: str, telling: str) -> None:
    with pytest.raises(ConfigError) as caught:
        checked_suffix(Path(name))
    assert telling in str(caught.value)


def test_too_many_nodes_are_refused_with_a_depth_that_fits(tmp_path: Path) -> None:
    shown = made(model({"a": {"block": "identity", "repeat": MOST_DRAWN + 1}}))
    with pytest.raises(ConfigError, match="use --depth 2"):
        draw(shown, tmp_path / "a.svg", 3)
    assert list(tmp_path.iterdir()) == []
    draw(shown, tmp_path / "a.svg", 2)


def test_a_network_of_no_layers(tmp_path: Path) -> None:
    shown = made(model({"a": conv(4, when=False)}))
    for name in ("a.svg", "a.html", "a.mmd"):
        draw(shown, tmp_path / name)
    assert "input" in texts((tmp_path / "a.svg").read_text())
