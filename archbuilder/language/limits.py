"""How large a model may get before it is refused, and finding out before it is made."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from archbuilder.errors import ConfigError
from archbuilder.graph import Shape
from archbuilder.language.blocks import Block, Library
from archbuilder.language.layers import Layer
from archbuilder.language.plain import texts
from archbuilder.primitives import SHIPPED

MOST_LAYERS = 100_000
MOST_DIFFERENT = 20_000
MOST_READS = 1_000_000
MOST_PARAMS = 10**11
MOST_ELEMENTS = 10**11
DEEPEST = 50


class TooLargeError(ConfigError):
    """A model with more parameters, output elements or channels than any may have."""


@dataclass
class Counter:
    """How many layers there are so far, and what was found out: all that changes while a model is expanded."""

    layers: int = 0
    different: int = 0
    """Those among them that are no mere copies of the one before."""
    reads: int = 0
    params: int = 0
    elements: int = 0
    fewest: dict[str, int] = field(default_factory=dict)
    """What `fewest` has found out, by block."""
    varying: dict[str, bool] = field(default_factory=dict)
    """What `varies` has found out, by block."""
    _blocks: dict[str, Block | None] = field(default_factory=dict)
    _placed: dict[tuple[str, str], tuple[Layer, ...]] = field(default_factory=dict)

    def block(self, kind: str, library: Library) -> Block | None:
        """Return a composite by name, its file looked for once while a model is expanded."""
        if kind not in self._blocks:
            self._blocks[kind] = library.find(kind)
        return self._blocks[kind]

    def placed(self, block: Block, where: str) -> tuple[Layer, ...]:
        """Return the layers of a block with the place of the layer that is one; copies share it."""
        key = (block.name, where)
        if key not in self._placed:
            self._placed[key] = tuple(replace(inner, where=f"{where} -> {inner.where}") for inner in block.layers)
        return self._placed[key]

    def check(self, more: int, where: str) -> None:
        """Refuse a model that will have too many layers, before they are made."""
        if self.layers + more > MOST_LAYERS:
            raise ConfigError(where, f"the model has more than {MOST_LAYERS:,} layers; use fewer copies")

    def layer(self, reads: int, where: str) -> None:
        """Count a layer and the values that it reads; all layers together may read 1,000,000."""
        self.layers += 1
        self.different += 1
        if self.different > MOST_DIFFERENT:
            raise ConfigError(where, f"more than {MOST_DIFFERENT:,} layers differ from one another; use fewer of them")
        self._read(reads, where)

    def _read(self, values: int, where: str) -> None:
        self.reads += values
        if self.reads > MOST_READS:
            raise ConfigError(where, f"the layers up to here read more than {MOST_READS:,} values; read fewer of them")

    def made(self, params: int, shapes: Iterable[Shape], where: str) -> None:
        """Count what a leaf adds; raises ConfigError beyond 10^11 parameters or output elements per image in all."""
        self.params += params
        self.elements += sum(map(math.prod, shapes))
        if self.params > MOST_PARAMS:
            raise TooLargeError(where, f"the model has {self.params:,} parameters up to here; at most {MOST_PARAMS:,}")
        if self.elements > MOST_ELEMENTS:
            much = f"{self.elements:,} output elements per image up to here"
            raise TooLargeError(where, f"the layers make {much}; at most {MOST_ELEMENTS:,}")

    def totals(self) -> tuple[int, int, int, int]:
        """Return how much there is so far."""
        return self.layers, self.reads, self.params, self.elements

    def again(self, before: tuple[int, int, int, int], times: int, where: str) -> None:
        """Count what has been added since `before` once more for each of so many further copies, before they are."""
        layers, reads, params, elements = (now - then for now, then in zip(self.totals(), before, strict=True))
        self.check(times * layers, where)
        self.layers += times * layers
        self._read(times * reads, where)
        self.made(times * params, [(times * elements,)], where)


def fewest(kind: str, library: Library, found: dict[str, int], depth: int = 0) -> int:
    """Return how many layers a block has inside, at least, as far as plain numbers in its file tell."""
    block = None if kind in SHIPPED or depth > DEEPEST else library.find(kind)
    if block is None:
        return 0
    if kind not in found:
        found[kind] = 0  # for a block that contains itself, which is refused when it is expanded
        for layer in block.layers:
            copies = layer.repeat if type(layer.repeat) is int else 1
            known = layer.when is True and layer.block not in block.params
            found[kind] += copies * (1 + (fewest(layer.block, library, found, depth + 1) if known else 0))
    return found[kind]


_OF_A_COPY = re.compile(r"\b(copy|index)\b")


def varies(layer: Layer, kind: str, library: Library, found: dict[str, bool]) -> bool:
    """Tell whether the copies of a layer may differ from one another though the same shape enters them."""
    said = (layer.arguments, layer.when, layer.style)
    return any(map(_OF_A_COPY.search, texts(said))) or _block_varies(kind, library, found)


def _block_varies(kind: str, library: Library, found: dict[str, bool], depth: int = 0) -> bool:
    """Tell whether a block says anywhere inside which copy it is; one that is given blocks might."""
    block = None if kind in SHIPPED or depth > DEEPEST else library.find(kind)
    if block is None:
        return False
    if kind not in found:
        found[kind] = True  # for a block that contains itself, which is refused when it is expanded
        defaults = [param.default for param in block.params.values()]
        found[kind] = any(map(_OF_A_COPY.search, texts([defaults, block.style]))) or any(
            layer.block in block.params
            or any(map(_OF_A_COPY.search, texts([layer.arguments, layer.when, layer.style, layer.repeat])))
            or _block_varies(layer.block, library, found, depth + 1)
            for layer in block.layers
        )
    return found[kind]
