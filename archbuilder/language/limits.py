"""How large a model may get before it is refused, and finding out before it is made."""

from __future__ import annotations

from dataclasses import dataclass, field

from archbuilder.errors import ConfigError
from archbuilder.language.blocks import Library
from archbuilder.primitives import REGISTRY

MOST_LAYERS = 100_000
DEEPEST = 50


@dataclass
class Counter:
    """How many layers there are so far: the one thing that changes while a model is expanded."""

    layers: int = 0
    fewest: dict[str, int] = field(default_factory=dict)
    """What `fewest` has found out, by block."""

    def check(self, more: int, where: str) -> None:
        """Refuse a model that will have too many layers, before they are made."""
        if self.layers + more > MOST_LAYERS:
            raise ConfigError(where, f"the model has more than {MOST_LAYERS:,} layers; use fewer copies")


def fewest(kind: str, library: Library, found: dict[str, int], depth: int = 0) -> int:
    """Return how many layers a block has inside, at least, as far as plain numbers in its file tell."""
    block = None if kind in REGISTRY or depth > DEEPEST else library.find(kind)
    if block is None:
        return 0
    if kind not in found:
        found[kind] = 0  # for a block that contains itself, which is refused when it is expanded
        for layer in block.layers:
            copies = layer.repeat if type(layer.repeat) is int else 1
            known = layer.when is True and layer.block not in block.params
            found[kind] += copies * (1 + (fewest(layer.block, library, found, depth + 1) if known else 0))
    return found[kind]
