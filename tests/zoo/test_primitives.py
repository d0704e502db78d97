"""Every primitive becomes ONNX that answers as torch does and keeps the rules by which packages are verified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import archbuilder
from archbuilder.errors import PackageError
from archbuilder.zoo.onnx import check_onnx, to_onnx
from archbuilder.zoo.onnx_rules import check_rules
from tests.primitives.cases import CASES, MAP
from tests.zoo.test_onnx import golden, lively

Case = tuple[str, dict[str, Any], list[tuple[int, int, int]]]

POOLS = ("max_pool", "avg_pool")
WHERE = "if these are plain arithmetic, add them to OPERATORS in archbuilder/zoo/onnx_rules.py"


def branches(cases: list[Case]) -> dict[str, Any]:
    """Return a model of one picture with a branch and logits for each case, which it adds up."""
    layers: dict[str, Any] = {"gate": {"block": "global_pool", "from": "input"}}
    for width in (1, 2, 3):
        layers[f"narrow{width}"] = {"block": "reduce", "out": width, "from": "input"}
    for i, (op, arguments, shapes) in enumerate(cases):
        inputs = ["input" if shape == MAP else "gate" if shape[1] == 1 else f"narrow{shape[0]}" for shape in shapes]
        layers[f"layer{i}"] = {"block": op, "from": inputs, **arguments}
        if op in ("split", "softmax"):
            layers[f"join{i}"] = {"block": "concat", "from": f"layer{i}.*"}
        layers[f"logits{i}"] = {"block": "linear", "out": "classes"}
    layers["sum"] = {"block": "add", "from": [f"logits{i}" for i in range(len(cases))]}
    return {"input": list(MAP), "classes": 3, "stages": layers}


def check(model: dict[str, Any], folder: Path) -> None:
    net = lively(archbuilder.build(model))
    made = to_onnx(net)
    check_onnx(made, net, golden(net))
    (folder / "model.onnx").write_bytes(made)
    check_rules(folder / "model.onnx", net.graph)


def test_all_primitives_beside_one_another(tmp_path: Path) -> None:
    try:
        check(branches(CASES), tmp_path)
    except PackageError as error:
        pytest.fail(f"{error}; `pytest -m slow {Path(__file__).name}` tells of which primitive; {WHERE}")


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_each_alone(case: Case, tmp_path: Path) -> None:
    check(branches([case]), tmp_path)


def classified(high: int, wide: int, layer: dict[str, Any]) -> dict[str, Any]:
    head = {"classifier": {"block": "linear", "out": "classes"}}
    return {"input": [3, high, wide], "classes": 3, "stages": {"layer": layer}, "head": head}


@pytest.mark.parametrize(
    ("side", "layer"),
    [
        # onnx would count a last window that torch leaves out, but for 10, where there is one.
        *((side, {"block": op, "kernel": 2, "stride": 3, "ceil": True}) for op in POOLS for side in (9, 10, 12)),
        (9, {"block": "max_pool", "kernel": 3, "stride": 4, "padding": 1, "ceil": True}),
        # Its windows beside one another take six times the map.
        (13, {"block": "adaptive_pool", "size": 11}),
    ],
)
def test_sizes_of_pools_are_told_as_torch_counts_them(side: int, layer: dict[str, Any], tmp_path: Path) -> None:
    check(classified(side, side, layer), tmp_path)


@pytest.mark.parametrize("op", POOLS)
def test_a_pool_with_a_last_window_along_one_side_alone_is_refused(op: str, tmp_path: Path) -> None:
    """There torch and onnx count differently, and neither can be told to round its two sides in two ways."""
    with pytest.raises(PackageError, match="its shapes do not fit one another"):
        check(classified(9, 10, {"block": op, "kernel": 2, "stride": 3, "ceil": True}), tmp_path)
