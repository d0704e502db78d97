"""Two packages are compared by what they hold: metadata, recomputed costs, layers, weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archbuilder.cli import main
from archbuilder.errors import PackageError
from archbuilder.show.table import Line
from archbuilder.zoo.diff import Diff, diff, diff_pages
from archbuilder.zoo.export import export
from tests.training.runs import trained


@pytest.fixture(scope="module")
def wider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of the same run but for its seed and the width of one stage."""
    folder: Path = tmp_path_factory.mktemp("wider")
    trained(folder / "run", "seed=2", "model.stages.stage3.out=48")
    return export(folder / "run", folder / "zoo", license="MIT")


def test_a_package_does_not_differ_from_itself_under_another_name(exported: Path, package: Path) -> None:
    package = package.rename(package.with_name("copy"))
    found = diff(exported, package)
    assert (found.metadata, found.cost, found.layers) == ({}, {}, {})
    assert found.same_network
    assert found.same_weights


def test_what_differs_is_told_and_nothing_else(exported: Path, wider: Path) -> None:
    found = diff(exported, wider)
    assert not found.same_network
    assert not found.same_weights
    assert found.metadata["seed"] == (1, 2)
    assert found.metadata["license"] == (None, "MIT")
    assert not any(key.startswith(("recipe", "data", "preprocessing", "labels")) for key in found.metadata)
    assert list(found.layers) == [
        "stages.stage3.0",
        "stages.stage3.1",
        "stages.stage3.2",
        "head.pool",
        "head.classifier",
    ]
    first, second = found.layers["stages.stage3.1"]
    assert first is not None
    assert second is not None
    assert (first.attributes["out"], second.attributes["out"]) == (64, 48)
    assert (first.shape, second.shape) == ("64x4x4", "48x4x4")
    assert found.cost["params"] == (
        123_898,
        123_898 - sum(a.params - b.params for a, b in found.layers.values() if a and b),
    )


def test_a_layer_that_only_one_has_is_told(exported: Path, tmp_path: Path) -> None:
    trained(tmp_path / "run", "+model.stages.extra={block: conv, out: 64, after: stage3}")
    found = diff(exported, export(tmp_path / "run", tmp_path / "zoo"))
    assert list(found.layers) == ["stages.extra"]
    first, second = found.layers["stages.extra"]
    assert first is None
    assert second is not None
    assert second.op == "conv"


def test_a_damaged_package_is_not_compared(exported: Path, package: Path) -> None:
    weights = package / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(PackageError, match=r"weights\.safetensors: differs"):
        diff(exported, package)


def test_the_command_prints_tables_or_json(
    exported: Path, wider: Path, package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["zoo", "diff", str(exported), str(wider)])
    printed = capsys.readouterr().out
    for told in ("metadata", "cost", "layers", "stages.stage3.1", "out 48", "different networks"):
        assert told in printed
    assert "stages.stage2" not in printed
    main(["zoo", "diff", str(exported), str(wider), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["layers"]["stages.stage3.1"][1]["attributes"]["out"] == 48
    main(["zoo", "diff", str(exported), str(package)])
    assert capsys.readouterr().out.splitlines()[1:] == ["the same network", "the weights are equal to the byte"]


def test_rows_can_be_told_apart_in_a_narrow_terminal(
    exported: Path, wider: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    main(["zoo", "diff", str(exported), str(wider)])
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines if not line.startswith("A: ")) <= 80
    assert "…" not in "".join(lines)
    for layer in diff(exported, wider).layers:
        assert any(line.split()[:1] == [layer] for line in lines)
    assert any(line.split() == ["license", "-", "MIT"] for line in lines)
    assert any(line.startswith("MACs ") for line in lines)
    assert not any(absent in "".join(lines) for absent in ("None", "unset", "'MIT'"))


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        (0.123456781, 0.123456782, ("0.123456781", "0.123456782")),
        ("f" * 63 + "0", "f" * 63 + "1", ("f" * 63 + "0", "f" * 63 + "1")),
        ("0" * 40, "1" * 40, ("0" * 12, "1" * 12)),
        (None, "MIT", ("-", "MIT")),
        (["a", 1], ["b", 1], ("[a, 1]", "[b, 1]")),
    ],
)
def test_values_are_told_apart(first: object, second: object, shown: tuple[str, str]) -> None:
    found = Diff(("a", "b"), {"key": (first, second)}, {}, {}, False, False)
    [page] = diff_pages(found)
    assert page.lines == [Line(("key", *shown))]


def test_long_values_are_told_apart_where_they_differ() -> None:
    labels = ", ".join(f"class {i}" for i in range(1000))
    [page] = diff_pages(Diff(("a", "b"), {"labels": (f"{labels}, dog", f"{labels}, cat")}, {}, {}, False, False))
    [(_, first, second)] = [line.cells for line in page.lines]
    assert (first[:4], first[-14:], second[-14:]) == ("... ", "class 999, dog", "class 999, cat")
