"""What a network costs, layer by layer, before it exists. Imports no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from archbuilder.graph import Flat, Graph, Shape, flatten, without_auxiliary
from archbuilder.primitives import bind


@dataclass(frozen=True)
class LayerCost:
    """One leaf: its dotted path, its primitive, output shape, parameters, MACs and output elements per image."""

    path: str
    op: str
    shape: Shape
    params: int
    macs: int
    activations: int
    auxiliary: bool = False


@dataclass(frozen=True)
class Description:
    """The exact cost of a network for one image.

    Auxiliary heads, which exist for training alone, are counted; `inference_params` and `inference_macs` leave
    them out.

    `params` counts elements; `macs` multiply-accumulates of convolutions and products; `peak_activations`
    the most elements alive at once in inference, inputs and outputs of the running layer included, as if every
    layer made a new value (a flatten or an identity makes none).
    """

    name: str
    inputs: dict[str, Shape]
    outputs: tuple[Shape, ...]
    layers: tuple[LayerCost, ...]
    peak_activations: int

    @property
    def params(self) -> int:
        return sum(layer.params for layer in self.layers)

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @property
    def inference_params(self) -> int:
        return sum(layer.params for layer in self.layers if not layer.auxiliary)

    @property
    def inference_macs(self) -> int:
        return sum(layer.macs for layer in self.layers if not layer.auxiliary)

    @property
    def activations(self) -> int:
        return sum(layer.activations for layer in self.layers)

    def to_json(self) -> dict[str, Any]:
        """Return the description as plain JSON data."""
        totals = {name: getattr(self, name) for name in _TOTALS}
        layers = [vars(layer) | {"shape": list(layer.shape)} for layer in self.layers]
        inputs = {name: list(shape) for name, shape in self.inputs.items()}
        return {
            "name": self.name,
            "inputs": inputs,
            "outputs": [list(s) for s in self.outputs],
            **totals,
            "layers": layers,
        }


_TOTALS = ("params", "macs", "inference_params", "inference_macs", "activations", "peak_activations")


def describe_graph(graph: Graph) -> Description:
    """Return the cost of a Graph, from the formulas that stand beside each primitive's module."""
    flat = flatten(graph)
    kept = flatten(without_auxiliary(graph)) if graph.auxiliary else flat
    used = {call.path for call in kept.calls}
    layers = []
    for call in flat.calls:
        cost = bind(call.leaf).cost(tuple(flat.shapes[value] for value in call.inputs))
        made = sum(math.prod(shape) for shape in call.leaf.shapes)
        layers.append(
            LayerCost(call.path, call.leaf.op, call.leaf.shapes[0], cost.params, cost.macs, made, call.path not in used)
        )
    return Description(graph.name, dict(graph.inputs), graph.shapes, tuple(layers), _peak(kept))


def _peak(flat: Flat) -> int:
    """Return the most activation elements alive at once when each value is dropped behind its last reader."""
    size = [math.prod(shape) for shape in flat.shapes]
    last = {value: index for index, call in enumerate(flat.calls) for value in call.inputs}
    alive = sum(size[value] for value in flat.inputs)
    peak = alive
    for index, call in enumerate(flat.calls):
        alive += sum(size[value] for value in call.outputs)
        peak = max(peak, alive)
        dropped = [
            v for v in (*set(call.inputs), *call.outputs) if last.get(v, index) == index and v not in flat.outputs
        ]
        alive -= sum(size[value] for value in dropped)
    return peak
