"""What a diagram shows: parts, boxes, and edges between the innermost parts."""

from __future__ import annotations

from typing import Any

import pytest

from archbuilder.graph import flatten
from archbuilder.show.diagram import READABLE, Part, diagram
from tests.language.models import conv, model
from tests.show.networks import HEADS, UNET, made


def innermost(parts: tuple[Part, ...]) -> list[str]:
    return [path for part in parts for path in (innermost(part.parts) if part.parts else [part.path])]


def edges(source: Any, depth: int) -> list[str]:
    return [f"{one} {two}".replace("stages.", "") for one, two in diagram(made(source), depth).edges]


def test_an_edge_for_every_value_that_is_read() -> None:
    layers = {"a": conv(4), "b": conv(4), "sum": {"block": "add", "from": ["a", "b"]}}
    assert edges(model(layers), 5) == ["input: a", "a b", "a sum", "b sum"]


def test_edges_go_into_and_out_of_blocks() -> None:
    assert edges(UNET, 5) == [
        "input: both.left",
        "input: both.right",
        "both.right both.lost",
        "both.right down1",
        "down1 down2",
        "down2 up2.larger",
        "up2.larger up2.join",
        "down1 up2.join",
        "up2.join up2.mix",
        "up2.mix up1.larger",
        "up1.larger up1.join",
        "both.left up1.join",
        "up1.join up1.mix",
    ]


def test_folded_blocks_keep_the_edges_between_them() -> None:
    assert edges(UNET, 2) == [
        "input: both",
        "both down1",
        "down1 down2",
        "down2 up2",
        "down1 up2",
        "up2 up1",
        "both up1",
    ]
    assert edges(UNET, 1) == ["input: stages"]


@pytest.mark.parametrize("name", ["resnet20", "imagenet/googlenet", "densenet_small"])
def test_unfolded_every_layer_is_a_part_and_every_reader_has_an_edge(name: str) -> None:
    shown = made(name)
    drawn = diagram(shown, 50)
    flat = flatten(shown.graph)
    assert sorted(innermost(drawn.parts)) == sorted([call.path for call in flat.calls] + ["input:"])
    pairs = {(value, call.path) for call in flat.calls for value in call.inputs}
    assert len(drawn.edges) == len(pairs)
    assert not drawn.deeper


def test_by_default_as_deep_as_can_be_read() -> None:
    for name, depth in (("resnet20", 4), ("imagenet/resnet50", 3), ("imagenet/googlenet", 2)):
        drawn = diagram(made(name))
        assert drawn.depth == depth
        assert len(innermost(drawn.parts)) <= READABLE
        assert drawn.deeper == (name != "resnet20")


def test_sections_have_no_box_of_their_own_but_keep_their_name() -> None:
    parts = diagram(made("resnet20"), 2).parts
    assert [part.name for part in parts] == [
        "input",
        "stem.conv",
        "stages.stage1",
        "stages.stage2",
        "stages.stage3",
        "head.pool",
        "head.classifier",
    ]


def test_facts_and_heat() -> None:
    parts = {part.path: part for part in diagram(made("resnet20"), 2).parts}
    assert parts["stages.stage2"].facts == {
        "path": "stages.stage2",
        "block": "12 layers",
        "output": "32x16x16",
        "params": "51,648",
        "MACs": "13,107,200",
        "activations": "98,304",
        "field": "37x37",
        "layers": "12",
    }
    assert parts["stages.stage2"].folded
    assert 1 > parts["stages.stage1"].heat > parts["stem.conv"].heat > 0 == parts["head.pool"].heat


def test_auxiliary_heads_are_marked() -> None:
    drawn = diagram(made(model({"a": conv(4), "b": conv(4)}, outputs=HEADS)))
    assert {part.path: part.auxiliary for part in drawn.parts} == {
        "input:": False,
        "stages.a": False,
        "stages.b": False,
        "outputs.aux": True,
    }
