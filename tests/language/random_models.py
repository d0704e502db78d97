"""A strategy for models of all kinds: sensible ones, senseless ones, and sensible ones with something spoilt.

Which primitives and blocks there are, and what each takes, is read from the registry and from `conf/block`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from archbuilder.language.params import Param
from archbuilder.language.source import library
from archbuilder.primitives import REGISTRY, params_of
from archbuilder.primitives.style import ACTS, NORMS, ORDERS

Layers = dict[str, Any]
Values = st.SearchStrategy[Any]

CHANNELS = st.sampled_from(
    [
        4,
        4,
        4,
        8,
        6,
        3,
        "in_channels",
        "in_channels",
        "2 * in_channels",
        "max(in_channels // 2, 2)",
        "growth",
        "fixed(4)",
    ]
)
STYLES = st.fixed_dictionaries(
    {},
    optional={
        "norm": st.sampled_from(NORMS),
        "act": st.sampled_from(ACTS),
        "bias": st.booleans(),
        "order": st.sampled_from(ORDERS),
        "eps": st.sampled_from([1e-5, 0.01]),
        "momentum": st.sampled_from([0.1, 1]),
    },
)
# Values that are likely to build, by the names that parameters have in most blocks.
LIKELY: dict[str, Values] = {
    "kernel": st.sampled_from([1, 3, 3, 5, 2]),
    "stride": st.sampled_from([1, 1, 1, 2, "1 if in_channels > 3 else 2"]),
    "padding": st.sampled_from([0, 1, 1]),
    "dilation": st.sampled_from([1, 1, 2]),
    "groups": st.sampled_from([1, 1, 2, "growth // 2"]),
    "depthwise": st.sampled_from([False, "in_channels == out"]),
    "out": CHANNELS,
    "size": st.sampled_from([1, 2, 3]),
    "sizes": st.sampled_from([[2, 2], [1, 3], [4, 4], [4]]),
    "parts": st.sampled_from([1, 2, 2]),
    "ratio": st.sampled_from([1, 2, 4]),
    "group_width": st.sampled_from([1, 2, 4]),
}
BY_TYPE: dict[str, Values] = {
    "channels": CHANNELS,
    "integer": st.sampled_from([1, 1, 2, 3, 0, "copy + 1", "growth"]),
    "pair": st.sampled_from([1, 3, [1, 3], [2, 2], "window"]),
    "integers": st.sampled_from([[1], [2, 2], [1, 2, 1]]),
    "number": st.sampled_from([0, 0.1, 0.5, 1.0, "0.1 * index / count", "0.5 * copy / copies", "rate"]),
    "boolean": st.sampled_from([True, False, "wide", "in_channels > 3", "not wide"]),
    "word": st.sampled_from(["relu", "none", "gate", "style"]),
    "block": st.sampled_from(["conv", "pointwise", "basic", "body"]),
}


def _value(name: str, param: Param) -> Values:
    """Return likely values of a parameter: a word that it knows, or what its name or type suggests."""
    if param.choices:
        words = st.sampled_from(param.choices)
        return st.one_of(words, st.just("gate")) if param.type == "word" else st.one_of(words, BY_TYPE[param.type])
    return LIKELY.get(name, BY_TYPE[param.type])


def _call(block: str, declared: Mapping[str, Param]) -> Values:
    """Return layers of one block: all that it needs, and some of what it may be told."""
    required = {name: _value(name, param) for name, param in declared.items() if param.required}
    if "out" in declared:
        required["out"] = CHANNELS
    optional = {name: _value(name, param) for name, param in declared.items() if name not in required}
    if block == "split":
        said: list[Layers] = [{"parts": 2}, {"sizes": [2, 2]}, {"parts": 1}, {"sizes": [1, 3]}]
        return st.sampled_from([{"block": block, **every} for every in said])

    @st.composite
    def layer(draw: st.DrawFn) -> Layers:
        made: Layers = {"block": block} | draw(st.fixed_dictionaries(required))
        often = 2 if len(optional) < 5 else 6
        chosen = [name for name in optional if draw(st.integers(0, often)) == 0]
        return made | {name: draw(optional[name]) for name in chosen}

    return layer()


MINE = {
    "doc": "Takes a parameter of every type.",
    "params": {
        "out": {"type": "channels", "doc": "channels of the output"},
        "body": {"type": "block", "default": "conv"},
        "times": 2,
        "window": {"type": "pair", "default": [1, 3]},
        "widths": {"type": "integers", "default": [1, 3]},
        "rate": 0.25,
        "wide": {"type": "boolean", "default": True},
        "gate": {"type": "word", "default": "relu"},
        "stride": {"default": 1, "repeat": "first"},
    },
    "style": {"act": "gate"},
    "layers": {
        "first": {"block": "conv", "out": "out", "kernel": "window", "stride": "stride"},
        "body": {"block": "body", "out": "out", "when": "wide or out > 4"},
        "more": {"block": "conv", "out": "out", "act": "gate", "when": "out > 3", "repeat": "times"},
        "halves": {"block": "split", "sizes": "widths", "when": "out == 4"},
        "drop": {"block": "dropout", "from": "more", "rate": "rate * (index + 1) / (count + copies)"},
        "sum": {"block": "add", "from": ["body", "more.*", "drop"]},
    },
}
CROSS = {
    "inputs": ["left", "right"],
    "params": {"out": "channels"},
    "layers": {
        "a": {"block": "pointwise", "from": "left", "out": "out"},
        "b": {"block": "pointwise", "from": "right", "out": "block_in"},
    },
    "outputs": ["a", "b"],
}
OWN: Layers = {"mine": MINE, "cross": CROSS}
PARAMS: Layers = {
    "growth": {"type": "channels", "default": 4},
    "rate": 0.1,
    "wide": True,
    "gate": "gelu",
    "body": {"type": "block", "default": "pointwise"},
    "window": {"type": "pair", "default": 3},
}
_PRIMITIVES = {name: _call(name, params_of(cls)) for name, cls in REGISTRY.items()}
_SHIPPED = {name: block for name in library().names() if (block := library().find(name)) is not None}
_MINE = {name: Param(kind) for name, kind in (("out", "channels"), ("window", "pair"), ("rate", "number"))}
_OPTIONAL = (("body", "block"), ("times", "integer"), ("wide", "boolean"), ("gate", "word"), ("widths", "integers"))
_MINE |= {name: Param(kind, default=0) for name, kind in (*_OPTIONAL, ("stride", "integer"))}
SINGLE: dict[str, Values] = {
    **{name: calls for name, calls in _PRIMITIVES.items() if REGISTRY[name].inputs == 1},
    **{name: _call(name, block.params) for name, block in _SHIPPED.items() if len(block.inputs) == 1},
    "mine": _call("mine", _MINE),
}
SEVERAL: dict[str, Values] = {
    **{name: calls for name, calls in _PRIMITIVES.items() if REGISTRY[name].inputs != 1},
    **{name: _call(name, block.params) for name, block in _SHIPPED.items() if len(block.inputs) > 1},
    "cross": _call("cross", {"out": Param("channels")}),
}
MEMBERS = {"split": ["0", "*"], "softmax": ["0", "*"], "cross": ["a", "b", "*"]}
"""Layers with several outputs, and how they are read."""


@st.composite
def _layer(draw: st.DrawFn, earlier: list[str], first: bool, several: bool) -> Layers:
    """Return a layer; `earlier` says what it may read, `several` that it must say which."""
    joins = bool(earlier) and draw(st.integers(0, 4)) == 0
    kinds = SEVERAL if joins else SINGLE
    layer: Layers = dict(draw(kinds[draw(st.sampled_from(sorted(kinds)))]))
    if joins:
        near = [*earlier[-2:], *earlier]
        layer["from"] = draw(
            st.lists(st.sampled_from(near), min_size=2 if layer["block"] == "cross" else 1, max_size=3)
        )
        layer["from"] = layer["from"][:2] if layer["block"] == "cross" else layer["from"]
    elif several or (earlier and not first and draw(st.integers(0, 5)) == 0):
        layer["from"] = draw(st.sampled_from([*earlier[-3:], *earlier]))
    for key, values, one_in in (
        ("repeat", st.sampled_from([1, 2, 3, "growth // 2", "2 if wide else 1"]), 7),
        ("when", st.sampled_from([True, False, "in_channels > 3", "copy == 0", "wide"]), 11),
        ("style", STYLES, 9),
        ("doc", st.just("one of many"), 20),
    ):
        if draw(st.integers(0, one_in)) == 0 and not (key == "repeat" and layer["block"] in MEMBERS):
            layer[key] = draw(values)
    return layer


def _read_as(name: str, layer: Layers) -> list[str]:
    """Return how other layers may read one."""
    if layer["block"] in MEMBERS:
        return [f"{name}.{member}" for member in MEMBERS[layer["block"]]]
    return [name, name, f"{name}.0", f"{name}.*"] if "repeat" in layer else [name]


@st.composite
def models(draw: st.DrawFn) -> dict[str, Any]:
    """Return a model that is likely to build."""
    side = draw(st.sampled_from([4, 7, 8]))
    model: dict[str, Any] = {"classes": 5, "style": draw(STYLES), "blocks": copy.deepcopy(OWN)}
    model["params"] = copy.deepcopy(PARAMS)
    shape = [draw(st.sampled_from([3, 4, 4])), side, side]
    pair = draw(st.integers(0, 5)) == 0
    model |= {"inputs": {"left": shape, "right": [4, side, side]}} if pair else {"input": shape}
    earlier = ["left", "right"] if pair else []
    several = pair
    for section, most in (("stem", 1), ("stages", 4)):
        layers: Layers = {}
        for index in range(draw(st.integers(0 if section == "stem" else 1, most))):
            name = f"layer{index}"
            layers[name] = draw(_layer(earlier, not earlier, several))
            earlier += _read_as(f"{section}.{name}", layers[name])
            several = layers[name]["block"] in MEMBERS
        if layers and draw(st.integers(0, 9)) == 0:
            layers["extra"] = {"block": "identity", "after": draw(st.sampled_from(sorted(layers)))}
        if draw(st.integers(0, 9)) == 0:
            layers["nothing"] = None
        model[section] = layers
    if several:
        model["stages"]["join"] = {"block": "concat", "from": earlier[-1]}
    if draw(st.booleans()):
        model["head"] = {"pool": {"block": "global_pool"}, "classifier": {"block": "linear", "out": "classes"}}
    if draw(st.integers(0, 5)) == 0:
        aux: Layers = {"from": draw(st.sampled_from(earlier)), "weight": draw(st.sampled_from([0.3, 1, 0]))}
        model["outputs"] = {"aux": {**draw(SINGLE[draw(st.sampled_from(["linear", "conv", "mine"]))]), **aux}}
    if draw(st.integers(0, 5)) == 0:
        model["scale"] = draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "width": st.sampled_from([0.5, 1.0, 1.5]),
                    "depth": st.sampled_from([0.5, 1, 2]),
                    "divisor": st.sampled_from([1, 2, 8]),
                },
            )
        )
    if draw(st.integers(0, 19)) == 0:
        model["budget"] = draw(st.sampled_from([{"params": "1k"}, {"params": 300}, {"macs": "20k"}]))
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
    st.sampled_from(["${model.input}", "${nothing}", "${", "???", "é", "\0", "_", "a.b", "model", "${model}", "copy"]),
    st.sampled_from(
        [[], [1], [3, 3], [3, 8, 8], ["layer0"], [None], {}, {"a": 1}, {"block": "conv"}, [[1]], {"1": {}}]
    ),
    st.text(max_size=6),
)


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything inside a mapping."""
    items: list[tuple[Any, Any]] = []
    if isinstance(content, dict):
        items = list(content.items())
    elif isinstance(content, list):
        items = list(enumerate(content))
    return [found for key, value in items for found in ((*path, key), *places(value, (*path, key)))]


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    """Return a model with one to three things deleted, replaced, misspelt or added at random."""
    model = draw(models())
    for _ in range(draw(st.integers(1, 3))):
        found = places(model)
        if not found:
            break
        *path, key = draw(st.sampled_from(found))
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


anything = st.one_of(models(), models(), models(), spoilt())
"""Three models that are likely to build for one that is spoilt."""
