"""What a network costs, layer by layer, before it exists. Imports no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from archbuilder.graph import Flat, Graph, Shape, flatten, without_auxiliary
from archbuilder.primitives import Cost, Primitive, bind
from archbuilder.receptive_field import Field, receptive_fields


@dataclass(frozen=True)
class LayerCost:
    """One leaf: its dotted path, its primitive, output shape, parameters, MACs and output elements per image.

    `receptive_field` is height and width, in pixels of the input, of what one output value can depend on: in theory,
    which may be larger than the input; None where a primitive does not say what it reads. `sees_all` tells that it is
    the whole input, as behind a global pool or a gate per channel; then `receptive_field` is the input's size.
    `auxiliary` layers serve auxiliary heads alone.
    """

    path: str
    op: str
    shape: Shape
    params: int
    macs: int
    activations: int
    receptive_field: tuple[int, int] | None
    sees_all: bool = False
    auxiliary: bool = False


@dataclass(frozen=True)
class Description:
    """The exact cost of a network for one image.

    Auxiliary heads, which exist for training alone, are counted; `inference_params` and `inference_macs` leave
    them out.

    `params` counts elements; `macs` multiply-accumulates of convolutions and products; `peak_activations`
    the most elements alive at once in inference, inputs and outputs of the running layer included, as if every
    layer made a new value (a flatten or an identity makes none). `depth` counts the layers with MACs, convolutions
    and fully connected ones, on the longest way through the network. `receptive_field` is that of its last feature
    map, behind which all is seen, by its windows alone: without what gates per channel bring in from the whole
    picture. So it is the architecture's, whatever the size of the input. None: a primitive does not say what it reads.
    """

    name: str
    inputs: dict[str, Shape]
    outputs: tuple[Shape, ...]
    layers: tuple[LayerCost, ...]
    peak_activations: int
    depth: int
    receptive_field: tuple[int, int] | None

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
        """Return the description as plain JSON data; an unknown receptive field is null."""
        totals = {name: getattr(self, name) for name in _TOTALS}
        layers = [_plain(layer) for layer in self.layers]
        inputs = {name: list(shape) for name, shape in self.inputs.items()}
        return {
            "name": self.name,
            "inputs": inputs,
            "outputs": [list(s) for s in self.outputs],
            **totals,
            "receptive_field": _listed(self.receptive_field),
            "layers": layers,
        }


def _plain(layer: LayerCost) -> dict[str, Any]:
    return vars(layer) | {"shape": list(layer.shape), "receptive_field": _listed(layer.receptive_field)}


def _listed(field: tuple[int, int] | None) -> list[int] | None:
    return field and list(field)


_TOTALS = ("params", "macs", "inference_params", "inference_macs", "activations", "peak_activations", "depth")


def describe_graph(graph: Graph) -> Description:
    """Return the cost of a Graph, from the formulas that stand beside each primitive's module."""
    flat = flatten(graph)
    kept = flatten(without_auxiliary(graph)) if graph.auxiliary else flat
    used = {call.path for call in kept.calls}
    primitives = [bind(call.leaf) for call in flat.calls]
    fields = receptive_fields(flat, primitives)
    layers = tuple(
        LayerCost(
            path=call.path,
            op=call.leaf.op,
            shape=call.leaf.shapes[0],
            params=cost.params,
            macs=cost.macs,
            activations=sum(math.prod(shape) for shape in call.leaf.shapes),
            receptive_field=field.pixels,
            sees_all=field.whole,
            auxiliary=call.path not in used,
        )
        for call, field, cost in zip(flat.calls, fields, _costs(flat, primitives), strict=True)
    )
    return Description(
        graph.name, dict(graph.inputs), graph.shapes, layers, _peak(kept), _depth(flat, layers), _last(layers, fields)
    )


def total_cost(graph: Graph) -> Cost:
    """Return the exact cost of all layers of a Graph together, auxiliary heads included, and nothing else about it."""
    flat = flatten(graph)
    return sum(_costs(flat, [bind(call.leaf) for call in flat.calls]), Cost())


def _last(layers: tuple[LayerCost, ...], fields: tuple[Field, ...]) -> tuple[int, int] | None:
    """Return what windows lead to of the last layer with more than one position, auxiliary heads left out."""
    used = [(layer, field) for layer, field in zip(layers, fields, strict=True) if not layer.auxiliary]
    maps = [field for layer, field in used if math.prod(layer.shape[1:]) > 1]
    return (maps or [field for _, field in used])[-1].windows if used else (1, 1)


def _costs(flat: Flat, primitives: list[Primitive]) -> list[Cost]:
    calls = zip(flat.calls, primitives, strict=True)
    return [primitive.cost(tuple(flat.shapes[value] for value in call.inputs)) for call, primitive in calls]


def _depth(flat: Flat, layers: tuple[LayerCost, ...]) -> int:
    """Return how many layers with MACs lie on the longest way to an output of the network itself."""
    depth = dict.fromkeys(flat.inputs, 0)
    for call, layer in zip(flat.calls, layers, strict=True):
        here = max(depth[value] for value in call.inputs) + (layer.macs > 0)
        depth.update(dict.fromkeys(call.outputs, here))
    used = (call for call, layer in zip(flat.calls, layers, strict=True) if not layer.auxiliary)
    return max((depth[call.outputs[0]] for call in used), default=0)


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
