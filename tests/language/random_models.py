"""A strategy for models of all kinds: sensible ones, senseless ones, and sensible ones with something spoilt."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

from archbuilder.primitives.style import ACTS, NORMS, ORDERS

Layers = dict[str, Any]

CHANNELS = st.sampled_from(
    [4, 4, 4, 8, 6, 3, "in_channels", "in_channels", "2 * in_channels", "max(in_channels // 2, 2)"]
)
STRIDE = st.sampled_from([1, 1, 1, 2])
STYLE = st.fixed_dictionaries(
    {},
    optional={
        "norm": st.sampled_from(NORMS),
        "act": st.sampled_from(ACTS),
        "bias": st.booleans(),
        "order": st.sampled_from(ORDERS),
        "eps": st.sampled_from([1e-5, 0.01]),
    },
)
KERNEL = st.sampled_from([1, 3, 3, 5, [1, 3], 2])
ONE_INPUT: list[tuple[str, dict[str, st.SearchStrategy[Any]], dict[str, st.SearchStrategy[Any]]]] = [
    (
        "conv",
        {"out": CHANNELS},
        {
            "kernel": KERNEL,
            "stride": STRIDE,
            "padding": st.sampled_from(["auto", 1, 0]),
            "dilation": st.sampled_from([1, 2]),
            "groups": st.sampled_from([1, 2]),
        },
    ),
    ("conv", {"depthwise": st.just(True)}, {"kernel": st.sampled_from([3, 5])}),
    ("pointwise", {"out": CHANNELS}, {"via": st.sampled_from(["conv", "linear"]), "stride": STRIDE}),
    ("reduce", {"out": st.sampled_from([2, 3, "ceil(in_channels / 2)"])}, {}),
    ("expand", {"out": st.sampled_from([8, 16, "in_channels * 2"])}, {}),
    ("shortcut", {"out": CHANNELS}, {"stride": STRIDE}),
    ("norm", {}, {"act": st.just("style")}),
    ("act", {}, {"kind": st.sampled_from(ACTS)}),
    ("max_pool", {"kernel": st.sampled_from([2, 3])}, {"stride": STRIDE, "padding": st.just(1), "ceil": st.booleans()}),
    ("avg_pool", {"kernel": st.just(2)}, {"count_padding": st.booleans()}),
    ("adaptive_pool", {"size": st.sampled_from([1, 3, [2, 4]])}, {}),
    ("channel_shuffle", {"groups": st.sampled_from([1, 2])}, {}),
    ("dropout", {"rate": st.sampled_from([0, 0.5])}, {}),
    ("drop_path", {"rate": st.sampled_from([0.1, "0.1 * index / count"])}, {}),
    ("scale", {}, {"init": st.sampled_from([1.0, 1e-3])}),
    ("upsample", {"factor": st.just(2)}, {"mode": st.sampled_from(["nearest", "bilinear"])}),
    ("pad", {"size": st.sampled_from([0, 1])}, {}),
    ("identity", {}, {}),
    ("zero", {}, {}),
    ("basic", {"out": CHANNELS}, {"stride": STRIDE}),
    ("bottleneck", {"out": st.sampled_from([4, 8])}, {"stride": STRIDE, "ratio": st.sampled_from([2, 4])}),
    ("dense_layer", {"growth": st.sampled_from([2, 4])}, {}),
    ("fire", {"out": st.sampled_from([8, 16])}, {"squeeze": st.sampled_from([2, 3])}),
    ("inverted_residual", {"out": CHANNELS}, {"ratio": st.sampled_from([1, 2]), "stride": STRIDE}),
    ("mlpconv", {"out": CHANNELS, "hidden": CHANNELS}, {}),
    ("transition", {}, {"keep": st.sampled_from([0.5, 1])}),
    ("mine", {"out": CHANNELS}, {"body": st.sampled_from(["conv", "pointwise", "basic"])}),
]
JOINS: list[tuple[str, dict[str, st.SearchStrategy[Any]], dict[str, st.SearchStrategy[Any]]]] = [
    ("add", {}, {"act": st.sampled_from(["style", "relu"])}),
    ("multiply", {}, {}),
    ("concat", {}, {}),
    ("fuse", {"out": CHANNELS}, {"mode": st.sampled_from(["concat", "sum"])}),
]
MINE = {
    "params": {"out": "channels", "body": {"type": "block", "default": "conv"}},
    "layers": {
        "body": {"block": "body", "out": "out"},
        "more": {"block": "conv", "out": "out", "when": "out > 3", "repeat": 2},
        "sum": {"block": "add", "from": ["body", "more.*"]},
    },
}


@st.composite
def _layer(draw: st.DrawFn, earlier: list[str]) -> Layers:
    joins = bool(earlier) and draw(st.integers(0, 4)) == 0
    block, required, optional = draw(st.sampled_from(JOINS if joins else ONE_INPUT))
    layer: Layers = {"block": block, **draw(st.fixed_dictionaries(required))}
    for key, values in optional.items():
        if draw(st.integers(0, 2)) == 0:
            layer[key] = draw(values)
    if joins:
        layer["from"] = draw(st.lists(st.sampled_from([*earlier[-2:], *earlier]), min_size=1, max_size=3))
    elif earlier and draw(st.integers(0, 5)) == 0:
        layer["from"] = draw(st.sampled_from(earlier))
    for key, values, one_in in (
        ("repeat", st.sampled_from([1, 2, 3]), 5),
        ("when", st.sampled_from([True, False, "in_channels > 3", "copy == 0"]), 9),
        ("style", STYLE, 9),
    ):
        if draw(st.integers(0, one_in)) == 0:
            layer[key] = draw(values)
    return layer


@st.composite
def models(draw: st.DrawFn) -> dict[str, Any]:
    """Return a model that is likely to build."""
    side = draw(st.sampled_from([4, 7, 8]))
    model: dict[str, Any] = {"input": [draw(st.sampled_from([3, 4, 4])), side, side], "classes": 5}
    model |= {"style": draw(STYLE), "blocks": {"mine": MINE}}
    earlier: list[str] = []
    for section, most in (("stem", 1), ("stages", 4)):
        layers: Layers = {}
        for index in range(draw(st.integers(0 if section == "stem" else 1, most))):
            layers[f"layer{index}"] = draw(_layer(earlier))
            earlier.append(f"{section}.layer{index}")
        model[section] = layers
    if draw(st.booleans()):
        model["head"] = {"pool": {"block": "global_pool"}, "classifier": {"block": "linear", "out": "classes"}}
    return model


JUNK: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 5),
    st.sampled_from([10**9, 10**30, 1.5, 3.0, float("nan"), float("inf"), -float("inf"), -1e300]),
    st.sampled_from(["", "none", "style", "input", "out", "1 / 0", "9**9**9", "in_channels", "no such", "0", "on"]),
    st.sampled_from(
        ["stages.layer0", "layer0.*", "layer0.0", "layer1.1", "mine", "conv", "split", "softmax", "linear"]
    ),
    st.sampled_from(["${model.input}", "${nothing}", "${", "???", "é", "\0", "_", "a.b", "model"]),
    st.sampled_from(
        [[], [1], [3, 3], [3, 8, 8], ["layer0"], [None], {}, {"a": 1}, {"block": "conv"}, [[1]], {"1": {}}]
    ),
    st.text(max_size=6),
)


def _places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything inside a mapping."""
    items: list[tuple[Any, Any]] = []
    if isinstance(content, dict):
        items = list(content.items())
    elif isinstance(content, list):
        items = list(enumerate(content))
    return [found for key, value in items for found in ((*path, key), *_places(value, (*path, key)))]


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    """Return a model with one to three things deleted, replaced, misspelt or added at random."""
    model = copy.deepcopy(draw(models()))
    for _ in range(draw(st.integers(1, 3))):
        places = _places(model)
        if not places:
            break
        *path, key = draw(st.sampled_from(places))
        inside: Any = model
        for step in path:
            inside = inside[step]
        how = draw(st.sampled_from(["delete", "replace", "misspell", "add"]))
        if how == "replace" or isinstance(inside, list):
            inside[key] = draw(JUNK)
        elif how == "delete":
            del inside[key]
        elif how == "misspell":
            where = draw(st.integers(0, max(len(str(key)) - 1, 0)))
            inside[f"{str(key)[:where]}{draw(st.sampled_from(['', 'x', '_', ' ']))}{str(key)[where + 1 :]}"] = (
                inside.pop(key)
            )
        else:
            inside[
                draw(st.one_of(st.text(max_size=5), st.sampled_from(["block", "from", "repeat", "out", 1, True])))
            ] = draw(JUNK)
    return model


anything = st.one_of(models(), models(), spoilt())
"""Two models that are likely to build for one that is spoilt."""
