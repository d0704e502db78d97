"""Overrides in the command line's grammar: `model.x=1`, `+`, `++`, `~`."""

from __future__ import annotations

from typing import Any

import pytest

from archbuilder.api import describe, expand
from archbuilder.errors import ConfigError
from archbuilder.graph_json import graph_hash
from tests.language.models import attribute, chain, conv, leaves, model, nodes, refused


def changed(*overrides: str, source: Any = "resnet20") -> int:
    """Return the parameters of a model with overrides."""
    return describe(source, overrides).params


def test_without_overrides_nothing_changes() -> None:
    assert graph_hash(expand("resnet20", [])) == graph_hash(expand("resnet20"))


@pytest.mark.parametrize("sign", ["", "+", "++"])
def test_a_key_that_the_model_says(sign: str) -> None:
    assert leaves("resnet20", [f"{sign}model.stages.stage2.out=40"])["stage2.0.conv1"].attributes["out"] == 40


@pytest.mark.parametrize("sign", ["", "+", "++"])
def test_a_key_that_the_model_leaves_unsaid(sign: str) -> None:
    found = leaves("resnet_bottleneck", [f"{sign}model.stages.stage2.ratio=2"])
    assert found["stage2.0.reduce"].attributes["out"] == 64
    assert found["stage1.0.reduce"].attributes["out"] == 16


def test_a_key_that_is_no_parameter_is_refused_by_the_block() -> None:
    where = "model.stages.stage2.rato"
    refused("resnet_bottleneck", where, "bottleneck has no such parameter", "'ratio'", overrides=[f"{where}=2"])


def test_several_at_once_in_order() -> None:
    found = leaves("resnet20", ["model.stages.stage2.out=40", "model.style.act=gelu", "model.stages.stage2.out=48"])
    assert found["stage2.0.conv1"].attributes["out"] == 48
    assert found["stage2.0.conv1"].attributes["act"] == "gelu"


def test_a_whole_section_is_merged() -> None:
    found = leaves("resnet20", ["model.stages={stage2: {out: 40}, stage3: {stride: 1}}"])
    assert found["stage2.0.conv1"].attributes["out"] == 40
    assert found["stage3.0.conv1"].shapes == ((64, 16, 16),)


def test_a_layer_is_removed() -> None:
    found = leaves("resnet20", ["~model.stages.stage3"])
    assert not [path for path in found if path.startswith("stage3")]
    assert found["head.classifier"].attributes == leaves("resnet20")["head.classifier"].attributes


def test_or_dropped_by_null() -> None:
    dropped, removed = (expand("resnet20", [o]) for o in ("model.stages.stage3=null", "~model.stages.stage3"))
    assert graph_hash(dropped) == graph_hash(removed)


def test_a_layer_is_added_at_the_end_or_behind_another() -> None:
    found = nodes("resnet20", ["+model.stages.extra={block: conv, out: 64, after: stage1}"])
    assert found["stages.extra"].reads == ("stages.stage1.2",)
    assert found["stages.stage2.0"].reads == ("stages.extra",)
    assert nodes("resnet20", ["+model.stages.extra={block: conv, out: 8}"])["head.pool"].reads == ("stages.extra",)


def test_another_block_in_a_stage() -> None:
    found = leaves("resnet20", ["model.stages.stage2.block=bottleneck", "model.stages.stage2.out=128"])
    assert "stage2.0.reduce" in found
    assert "stage1.0.conv1" in found


def test_a_parameter_of_the_model() -> None:
    assert leaves("densenet_small", ["model.params.growth=24"])["stage1.0.spatial"].shapes == ((24, 32, 32),)


def test_an_expression_in_quotes() -> None:
    assert attribute_of("model.stages.a.out='2 * in_channels'") == 8
    assert attribute_of("model.stages.a.out=classes", "model.classes=7") == 7


def attribute_of(*overrides: str) -> Any:
    return leaves(model({"a": conv()}), overrides)["a"].attributes["out"]


def test_one_entry_of_a_list() -> None:
    assert expand("resnet20", ["model.input.0=1"]).inputs == {"input": (1, 32, 32)}
    assert expand("resnet20", ["model.input=[1,16,16]"]).inputs == {"input": (1, 16, 16)}


def test_a_mapping_is_not_changed_by_overrides() -> None:
    source = model({"a": conv()})
    expand(source, ["model.stages.a.out=9", "+model.stages.b={block: identity}"])
    assert source == model({"a": conv()})
    assert attribute(source, "a", "out") == 4


@pytest.mark.parametrize("value", ["1,2", "range(1,3)", "choice(4,8)", "interval(1,3)", "glob(*)"])
def test_a_sweep_is_refused(value: str) -> None:
    where = "model.stages.stage2.out"
    refused("resnet20", where, "not a sweep over several", overrides=[f"{where}={value}"])


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("stages.stage2.out=4", "write model.stages.stage2.out=..."),
        ("params.growth=24", "write model.params.growth=..."),
        ("classes=4", "write model.classes=..."),
        ("mdel.stages.stage2.out=4", "did you mean 'model.stages.stage2.out'?"),
        ("modell.classes=4", "did you mean 'model.classes'?"),
        ("models.classes=4", "did you mean 'model.classes'?"),
        ("stage2.out=4", "start with model, as in model.stages.stage2.out=..."),
        ("seed=1", "'seed' is a setting of train.py"),
        ("optimizer.lr=3", "'optimizer' is a setting of train.py"),
        ("data=cifar10", "'data' is a setting of train.py"),
        ("overrides=1", "start with model"),
        ("model=resnet56", "say which of its keys"),
        ("model={classes: 3}", "say which of its keys"),
        ("~stages.stage2", "write model.stages.stage2=..."),
    ],
)
def test_an_unknown_beginning_is_refused_with_a_hint(override: str, hint: str) -> None:
    where = override.lstrip("~").partition("=")[0]
    refused("resnet20", where, "only the model can be overridden here", hint, overrides=[override])


@pytest.mark.parametrize(
    ("override", "telling"),
    [
        ("~model.stages.stage7", "there is no 'stage7'; did you mean 'stage3'?"),
        ("~model.stagess.stage3", "there is no 'stagess'; did you mean 'stages'?"),
        ("~model.stages.stage3.out.x", "there is no 'x'"),
        ("~model.doc.x", "there is no 'x'"),
        ("~model.input.0", "there is no '0'"),
    ],
)
def test_what_is_not_there_cannot_be_removed(override: str, telling: str) -> None:
    refused("resnet20", override[1:], "cannot be removed", telling, overrides=[override])


@pytest.mark.parametrize("override", ["", "model..x=1", "model.x", "model.x={", "model.x=[1", "a b", "${", "\0"])
def test_what_is_no_override(override: str) -> None:
    with pytest.raises(ConfigError) as caught:
        expand("resnet20", [override])
    assert caught.value.where == "overrides"
    assert "\n" not in caught.value.what


def test_an_override_of_nothing() -> None:
    refused("resnet20", "overrides", "only the model can be overridden here", overrides=["=3"])


def test_a_package_is_refused() -> None:
    refused("resnet20", "model.style", "'@x' has no meaning here", overrides=["model.style@x=3"])


@pytest.mark.parametrize("override", ["model.input.7=2", "model.input.x=2", "model.stages.stage2.out=${nothing}"])
def test_what_cannot_be_applied(override: str) -> None:
    with pytest.raises(ConfigError, match=r"^model"):
        expand("resnet20", [override])


def test_a_graph_is_finished() -> None:
    graph = expand("resnet20")
    assert expand(graph) is graph
    refused(graph, "model.classes=3", "a Graph is finished", overrides=["model.classes=3"])


def test_a_misspelt_stage_says_no_block() -> None:
    telling = ("says no block", "did you mean 'stage2'?")
    refused("resnet20", "model.stages.stag2", *telling, overrides=["model.stages.stag2.out=3"])


def test_layers_of_a_mapping_can_be_removed_until_none_is_left() -> None:
    refused(model(chain("a")), "model", "there are no layers", overrides=["~model.stages.a"])
    refused(model(chain("a")), "model", "there are no layers", overrides=["~model.stages"])


def test_parameters_grow_with_the_width() -> None:
    assert changed("model.stages.stage3.out=128") > changed() > changed("model.stages.stage3.out=32")


@pytest.mark.parametrize("override", ["~model.stages.stage3=4", "~model.stages.stage3=", "~model.stages.stage3.out=64"])
def test_a_removal_takes_no_value(override: str) -> None:
    where = override[1:].partition("=")[0]
    refused("resnet20", where, f"write ~{where} alone, or {where}=...", overrides=[override])


@pytest.mark.parametrize(
    ("override", "where", "telling"),
    [
        ("model.stages.stag3=null", "model.stages.stag3", "there is no 'stag3'; did you mean 'stage3'?"),
        ("+model.head.dropout=null", "model.head.dropout", "there is no 'dropout'; known: classifier, pool"),
        ("model.stages={stag3: null}", "model.stages.stag3", "did you mean 'stage3'?"),
        ("model.outputs.aux=null", "model.outputs.aux", "there is no 'aux'; nothing is known here"),
    ],
)
def test_a_layer_that_is_not_there_cannot_be_dropped(override: str, where: str, telling: str) -> None:
    refused("resnet20", where, "nothing to drop", telling, overrides=[override])


@pytest.mark.parametrize(
    ("source", "override", "telling"),
    [
        ("densenet_small", "model.params.grwoth=24", "has no parameter 'grwoth'; did you mean 'growth'?"),
        ("densenet_small", "model.params={grwoth: 24}", "did you mean 'growth'?"),
        ("densenet_small", "model.params.grwoth.default=24", "did you mean 'growth'?"),
        ("resnet20", "model.params.grwoth=3", "it has none; write + before it to declare one: +model.params.grwoth="),
    ],
)
def test_a_parameter_that_the_model_does_not_declare(source: str, override: str, telling: str) -> None:
    refused(source, "model.params.grwoth", telling, overrides=[override])


def test_a_parameter_can_be_declared_by_a_plus() -> None:
    found = leaves(model({"a": conv("k")}, params={"j": 3}), ["+model.params.k=5", "model.params.k=6"])
    assert found["a"].attributes["out"] == 6
    assert leaves(model({"a": conv("k")}), ["++model.params.k=5"])["a"].attributes["out"] == 5


def test_what_is_no_layer_may_be_null() -> None:
    nothing = ["model.doc=null", "model.scale=null", "model.outputs=null", "model.budget=null"]
    assert graph_hash(expand("resnet20", nothing)) == graph_hash(expand("resnet20"))


def test_overrides_of_many_characters() -> None:
    refused("resnet20", "overrides", "15,000 characters, more than 10,000", overrides=["model.classes=3"] * 1000)
