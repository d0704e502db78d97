"""Networks that the tests of showing share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from archbuilder.api import expand
from archbuilder.show.tree import Network, Node, network

HEADS: dict[str, Any] = {"aux": {"block": "linear", "from": "stages.a", "out": 3, "weight": 0.3}}

UNET: dict[str, Any] = {
    "input": [4, 16, 16],
    "blocks": {
        "up": {
            "inputs": ["below", "skip"],
            "layers": {
                "larger": {"block": "upsample", "from": "below", "factor": 2},
                "join": {"block": "concat", "from": ["larger", "skip"]},
                "mix": {"block": "conv", "out": 4},
            },
        },
        "two": {
            "outputs": ["left", "right"],
            "layers": {
                "left": {"block": "conv", "from": "input", "out": 4},
                "right": {"block": "conv", "from": "input", "out": 4, "kernel": 5},
                "lost": {"block": "conv", "from": "right", "out": 4, "kernel": 7},
            },
        },
    },
    "stages": {
        "both": {"block": "two"},
        "down1": {"block": "conv", "from": "both.right", "out": 4, "stride": 2},
        "down2": {"block": "conv", "out": 4, "stride": 2},
        "up2": {"block": "up", "from": ["down2", "down1"]},
        "up1": {"block": "up", "from": ["up2", "both.left"]},
    },
}


def made(source: Any, overrides: Iterable[str] = ()) -> Network:
    """Return a network to be shown."""
    return network(expand(source, overrides))


def nodes(root: Node) -> dict[str, Node]:
    """Return every node below `root` by its path."""
    return {path: node for child in root.children for path, node in {child.path: child, **nodes(child)}.items()}
