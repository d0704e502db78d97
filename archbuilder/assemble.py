"""From the Graph to a torch module of the same structure and names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from archbuilder.graph import Graph, Leaf, Shape, reference, without_auxiliary
from archbuilder.primitives import bind


@dataclass(frozen=True)
class Step:
    """One call in a block's forward: the module's path, the slots it reads and fills, and those then done with."""

    path: tuple[str, ...]
    reads: tuple[int, ...]
    fills: tuple[int, ...]
    done: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """How a block runs: its calls in order, how many slots they fill, and the slots that hold the outputs."""

    steps: tuple[Step, ...]
    slots: int
    returns: tuple[int, ...]


class Block(nn.Module):
    """A block, or a whole network: its inner modules under their names, run in the order of the graph.

    Called with one tensor [N, C, H, W] per input; returns a tensor, or a tuple where the block has several
    outputs. Auxiliary outputs are there in training mode alone, behind the network's own. `graph` is the data it
    was built from.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        plan = _plan(graph)
        self._plans = {True: plan, False: _plan(without_auxiliary(graph)) if graph.auxiliary else plan}
        shapes: dict[str, Shape] = dict(graph.inputs)
        for node in graph.nodes:
            _attach(self, node.name, _module(node, tuple([shapes[name] for name in node.reads])))
            for index, shape in enumerate(node.shapes):
                shapes[reference(node.name, index)] = shape

    def forward(self, x: Tensor) -> Any:
        return self._run([x])

    def _run(self, inputs: list[Any]) -> Any:
        plan = self._plans[self.training]
        values = inputs + [None] * plan.slots
        del inputs
        for step in plan.steps:
            module: Any = self
            for name in step.path:
                module = module._modules[name]
            made = module(*[values[i] for i in step.reads])
            for i in step.done:
                values[i] = None
            if isinstance(made, tuple) or len(step.fills) > 1:
                # By index, since what torch.fx hands on while tracing cannot be iterated.
                for index, i in enumerate(step.fills):
                    values[i] = made[index]
            else:
                values[step.fills[0]] = made
        outputs = tuple(values[i] for i in plan.returns)
        return outputs[0] if len(outputs) == 1 else outputs


class Join(Block):
    """A block, or a whole network, with several inputs."""

    # A signature of its own, so that tracers see one argument where there is one.
    def forward(self, *inputs: Tensor) -> Any:
        return self._run(list(inputs))


def assemble(graph: Graph) -> Block:
    """Return a new network for `graph`, with fresh weights from torch's global random state."""
    return Join(graph) if len(graph.inputs) > 1 else Block(graph)


def _module(node: Leaf | Graph, inputs: tuple[Shape, ...]) -> nn.Module:
    return bind(node).module(inputs) if isinstance(node, Leaf) else assemble(node)


def _attach(root: nn.Module, path: str, module: nn.Module) -> None:
    """Add a module under a dotted path, through plain containers."""
    *containers, name = path.split(".")
    for container in containers:
        inner = root._modules.get(container)
        if inner is None:
            inner = nn.Module()
            root.add_module(container, inner)
        root = inner
    root.add_module(name, module)


def _plan(graph: Graph) -> Plan:
    """Return how to run a graph over numbered slots, each slot dropped behind its last reader."""
    slots = {name: index for index, name in enumerate(graph.inputs)}
    for node in graph.nodes:
        for index in range(len(node.shapes)):
            slots[reference(node.name, index)] = len(slots)
    returns = tuple(slots[name] for name in graph.outputs.values())
    last = {slots[name]: index for index, node in enumerate(graph.nodes) for name in node.reads}
    kept = set(returns)
    steps = []
    for index, node in enumerate(graph.nodes):
        reads = tuple(slots[name] for name in node.reads)
        fills = tuple(slots[reference(node.name, i)] for i in range(len(node.shapes)))
        done = tuple(sorted(i for i in set(reads) if last[i] == index and i not in kept))
        steps.append(Step(tuple(node.name.split(".")), reads, fills, done))
    return Plan(tuple(steps), len(slots) - len(graph.inputs), returns)
