"""Costs as tables: the tree, several networks, and what is said when something is left out."""

from __future__ import annotations

import time

import pytest

from archbuilder.api import describe
from archbuilder.primitives import REGISTRY, Primitive
from archbuilder.show.table import MOST_ROWS, Line, Page, models_page, print_page, tree_page
from tests.language.models import conv, model
from tests.show.networks import HEADS, made


def cell(page: Page, row: str, heading: str) -> str:
    """Return a cell of the only row whose first cell ends in `row`."""
    [line] = [line for line in (*page.lines, *page.totals) if line.cells[0].removesuffix(" (auxiliary)").endswith(row)]
    return line.cells[list(page.headings).index(heading)]


def test_a_row_says_what_a_layer_is_and_costs_with_shares_of_the_whole() -> None:
    page, cost = tree_page(made("resnet20")), describe("resnet20")
    assert page.title == "resnet20: 3x32x32"
    assert cell(page, "classifier", "block") == "linear"
    assert cell(page, "classifier", "output") == "10"
    assert cell(page, "classifier", "params") == "650"
    assert cell(page, "classifier", "params %") == "0.2%"
    assert cell(page, "classifier", "field") == "all"
    assert cell(page, "stage3", "params %") == f"{205_696 / cost.params:.1%}"
    assert cell(page, "stage1", "MACs %") == f"{14_155_776 / cost.macs:.1%}"
    assert cell(page, "stage1", "activations") == f"{12 * 16 * 32 * 32:,}"
    assert cell(page, "stage3", "field") == "81x81"
    assert cell(page, "total", "params") == "272,474"
    assert cell(page, "total", "activations") == f"{cost.activations:,}"


def test_gates_per_channel_show_the_whole_picture_and_are_left_out_side_by_side() -> None:
    page = tree_page(made("imagenet/efficientnet_b0"), 2)
    assert cell(page, "conv", "field") == "3x3"
    assert cell(page, "stage2", "field") == "all"
    assert any("all: the whole picture" in note for note in page.notes)
    both = models_page([describe("imagenet/efficientnet_b0"), describe("nin")])
    assert cell(both, "efficientnet_b0", "field") == "851x851"
    assert any("gates per channel left out" in note for note in both.notes)


def test_an_unknown_field_is_a_question_mark_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    known = tree_page(made(model({"a": conv(4)})))
    monkeypatch.setattr(REGISTRY["identity"], "field", Primitive.field)
    source = model({"a": conv(4), "odd": {"block": "identity"}, "b": conv(4)})
    page = tree_page(made(source))
    assert [cell(page, name, "field") for name in (" a", "odd", " b", "stages")] == ["3x3", "?", "?", "?"]
    assert "does not say what it reads" in " ".join(page.notes)
    assert "does not say what it reads" not in " ".join(known.notes)
    assert models_page([describe(source)]).lines[0].cells[6] == "?"


def test_folded_rows_show_totals() -> None:
    page = tree_page(made("resnet20"), 1)
    assert [line.cells[0] for line in page.lines] == ["├─ stem", "├─ stages", "└─ head"]
    assert cell(page, "stages", "params") == "271,360"
    assert not any("folded" in note for note in page.notes), "it was asked for"


def test_auxiliary_heads_are_marked_and_left_out_of_a_second_total() -> None:
    source = model({"a": conv(4), "b": conv(4)}, outputs=HEADS)
    page, cost = tree_page(made(source)), describe(source)
    assert [line.cells[0] for line in page.lines if "auxiliary" in line.cells[0]] == ["└─ outputs (auxiliary)"]
    assert cell(page, "without auxiliary heads", "params") == f"{cost.inference_params:,}"
    assert cost.inference_params < cost.params
    both = models_page([cost, describe("resnet20")])
    assert [line.cells[0].strip() for line in both.lines] == ["model", "without auxiliary heads", "resnet20"]
    assert len({len(line.cells) for line in both.lines}) == 1


def test_models_side_by_side_in_the_order_given() -> None:
    page = models_page([describe("nin"), describe("article/fuse"), describe("resnet20")])
    assert [line.cells[0] for line in page.lines] == ["nin", "article/fuse", "resnet20"]
    assert [cell(page, "resnet20", heading) for heading in page.headings] == [
        "resnet20",
        "3x32x32",
        "272,474",
        "40,813,184",
        f"{describe('resnet20').activations:,}",
        "49,152",
        "81x81",
        "39",
        "20",
    ]
    assert cell(page, "article/fuse", "input") == "32x28x28, 64x28x28"


def test_a_huge_network_is_folded_and_says_so() -> None:
    shown = made(model({"a": {"block": "identity", "repeat": MOST_ROWS + 1}, "b": conv(4)}))
    page = tree_page(shown)
    assert [line.cells[0].strip(" │├└─") for line in page.lines] == ["stages", "a", "b"]
    assert page.notes[-1] == "folded below level 2: 1,004 rows are many; --depth N shows more"


def test_even_when_asked_for_its_rows_do_not_take_minutes(capsys: pytest.CaptureFixture[str]) -> None:
    shown = made(model({"a": conv(4, repeat=20_000)}))
    start = time.perf_counter()
    print_page(tree_page(shown, 3))
    assert time.perf_counter() - start < 30
    lines = capsys.readouterr().out.splitlines()
    assert sum("conv" in line for line in lines) == 20_000
    assert lines[1].split("  ")[0] == "layer"


def test_a_narrow_terminal_leaves_columns_out_and_cuts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    page = tree_page(made("resnet20"))
    for width in (120, 100, 80, 64):
        print_page(page, width)
        table = capsys.readouterr().out.splitlines()[: len(page.lines) + 3]
        assert max(map(len, table)) <= width
        assert not any("…" in line for line in table)
        assert "272,474" in table[-1]


def test_what_a_narrow_terminal_leaves_out_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    about = (("size", "size: in bytes"), ("name", "name: of somebody"))
    page = Page("", ("name", "size"), [Line(("a" * 60, "1,234"))], (), (), ("name",), ("size",), about=about)
    for width, shown in ((80, True), (62, False)):
        monkeypatch.setenv("COLUMNS", str(width))
        print_page(page)
        out = capsys.readouterr().out
        assert ("1,234" in out, "size: in bytes" in out, "no room here for size: " in out) == (shown, shown, not shown)
        assert "name: of somebody" in out


def test_words_are_folded_and_numbers_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    number = "1,234,567,890"
    lines = [Line((f"stages.stage{i}.block.conv", "word " * 9, number)) for i in range(2)]
    page = Page("", ("name", "told", "count"), lines, (), (), ("name", "told"), (), folded=("name", "told"))
    for width in (80, 60, 48, 32):
        print_page(page, width)
        out = capsys.readouterr().out
        assert out.count(number) == 2
        assert out.count("word") == 18
        assert "…" not in out
        assert max(map(len, out.splitlines())) <= width


def test_without_a_terminal_nothing_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    page = tree_page(made("imagenet/googlenet"))
    print_page(page)
    out = capsys.readouterr().out
    assert "…" not in out
    assert all(heading in out for heading in page.headings)
    assert all(note in out for note in page.notes)


def test_names_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    page = tree_page(made("resnet20"))._replace(title="[bold]x[/bold] [/]")
    print_page(page)
    assert "[bold]x[/bold] [/]" in capsys.readouterr().out
