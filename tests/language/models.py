"""Small models that the tests of the language share, and how they are refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from archbuilder.api import expand
from archbuilder.errors import ConfigError
from archbuilder.graph import Graph, Leaf, walk

Layers = Mapping[str, Any]


def conv(out: Any = 4, **more: Any) -> dict[str, Any]:
    """Return a convolution."""
    return {"block": "conv", "out": out, **more}


def chain(*names: str, **more: Any) -> dict[str, Any]:
    """Return identities of these names, one behind the other, and more layers behind them."""
    return {name: {"block": "identity"} for name in names} | more


def model(stages: Layers, **keys: Any) -> dict[str, Any]:
    """Return a model of 4x8x8 inputs with these layers in `stages`, and more keys."""
    return {"input": [4, 8, 8], "stages": stages, **keys}


def with_block(block: Layers, call: Layers | None = None, **keys: Any) -> dict[str, Any]:
    """Return a model whose one layer `use` is the block `mine`, with the arguments of `call`."""
    return model({"use": {"block": "mine", **(call or {})}}, blocks={"mine": block}, **keys)


def nodes(source: Any, overrides: Iterable[str] = ()) -> dict[str, Leaf | Graph]:
    """Return every node of an expanded model by its full path."""
    return dict(walk(expand(source, overrides)))


def leaves(source: Any, overrides: Iterable[str] = ()) -> dict[str, Leaf]:
    """Return the leaves of an expanded model by their full path, `stages.` left out."""
    found = nodes(source, overrides).items()
    return {path.removeprefix("stages."): node for path, node in found if isinstance(node, Leaf)}


def reads(source: Any) -> dict[str, tuple[str, ...]]:
    """Return what every leaf of a model reads, `stages.` left out."""
    return {path: tuple(name.removeprefix("stages.") for name in leaf.reads) for path, leaf in leaves(source).items()}


def attribute(source: Any, path: str, key: str) -> Any:
    """Return one attribute of the leaf at a path below `stages`."""
    return leaves(source)[path].attributes[key]


def out(value: Any, **keys: Any) -> int:
    """Return what a number of channels is read as, in a convolution in a model with more keys."""
    return int(attribute(model({"a": conv(value)}, **keys), "a", "out"))


def refused(source: Any, where: str, *telling: str, overrides: Iterable[str] = ()) -> None:
    """Check that a model is refused at exactly this key path, in words that tell these parts."""
    with pytest.raises(ConfigError) as caught:
        expand(source, overrides)
    assert caught.value.where == where, str(caught.value)
    for part in telling:
        assert part in caught.value.what, str(caught.value)
