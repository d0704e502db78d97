"""Expressions that YAML has cut at their commas, where they stand in {...} without quotes."""

from __future__ import annotations

from pathlib import Path

import pytest

from archbuilder.cli import main
from archbuilder.language.yaml import load
from tests.language.models import model, out, refused, with_block


def read(text: str, folder: Path) -> dict[str, object]:
    """Return a mapping as YAML reads it."""
    (folder / "some.yaml").write_text(text)
    content: dict[str, object] = load(folder / "some.yaml")
    return content


@pytest.mark.parametrize(
    "said", ["max(1, 8 // 2)", "min(3, 4, max(1, 2))", "divisible(max(9, 2), 8) * 2", "max(8, max(8, 8))"]
)
@pytest.mark.parametrize("rest", ["", ", stride: 2", ", act: none, kernel: 3"])
def test_the_whole_is_told_with_its_quotes(said: str, rest: str, tmp_path: Path) -> None:
    layer = read(f"{{block: conv, out: {said}{rest}}}", tmp_path)
    refused(model({"a": layer}), "model.stages.a.out", "is not an expression", f'needs quotes: out: "{said}"')
    quoted = read(f'{{block: conv, out: "{said}"}}', tmp_path)
    assert out(quoted["out"]) > 0


def test_a_condition_a_parameter_and_its_default_are_told_too(tmp_path: Path) -> None:
    layer = read("{block: conv, out: 4, when: max(1, copy) > 1}", tmp_path)
    refused(model({"a": layer}), "model.stages.a.when", 'when: "max(1, copy) > 1"')
    layers = {"a": {"block": "identity"}}
    full = read("{n: {type: integer, default: max(1, 2), doc: some}}", tmp_path)
    refused(with_block({"params": full, "layers": layers}), "model.blocks.mine.params.n.default", '"max(1, 2)"')
    short = read("{n: max(1, 2), m: 3}", tmp_path)
    refused(with_block({"params": short, "layers": layers}), "model.blocks.mine.params.n", 'n: "max(1, 2)"')


def test_a_parenthesis_that_nothing_closes_is_told_where_it_is_used(tmp_path: Path) -> None:
    layer = read("{block: conv, out: max(1, stride: 2}", tmp_path)
    refused(model({"a": layer}), "model.stages.a.out", "'max(1' is not an expression; a ( is not closed")


def test_no_key_without_a_value_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "block").mkdir()
    (tmp_path / "block" / "gated.yaml").write_text(
        "params: {squeeze: 4}\nlayers:\n  gate: {block: squeeze_excite, squeeze: max(1, squeeze // 2)}\n"
    )
    with pytest.raises(SystemExit):
        main(["blocks", "gated", "--config-dir", str(tmp_path)])
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "gated.yaml:layers.gate.squeeze: " in shown.err
    assert 'squeeze: "max(1, squeeze // 2)"' in shown.err
