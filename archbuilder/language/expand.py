"""From a model as written to the Graph: every check happens here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from archbuilder import primitives
from archbuilder.errors import ConfigError, suggestion
from archbuilder.graph import Attribute, Graph, Leaf, Shape, reference
from archbuilder.language.arguments import arguments, parameters, style
from archbuilder.language.blocks import Block, Library
from archbuilder.language.expressions import LARGEST, Value
from archbuilder.language.layers import Layer
from archbuilder.language.limits import DEEPEST, MOST_LAYERS, Counter, fewest, varies
from archbuilder.language.model import Model, read_model
from archbuilder.language.params import REQUIRED, Param, read
from archbuilder.language.scale import Scale
from archbuilder.language.scope import Known, Made, Scope
from archbuilder.primitives import REGISTRY, SHIPPED, Primitive, Refusal, answers, params_of
from archbuilder.primitives.base import channels
from archbuilder.primitives.style import STYLE

_COPIES = Param("integer", minimum=1, maximum=MOST_LAYERS)
_CONDITION = Param("boolean")


def expand_model(content: Any, library: Library, name: str = "model") -> Graph:
    """Return the Graph of a model given as plain data, its budget resolved.

    Raises ConfigError, with the dotted key path, for everything that cannot be built.
    """
    return expand_read(read_model(content), library, name)


def expand_read(model: Model, library: Library, name: str, counter: Counter | None = None) -> Graph:
    """Return the Graph of a model that has been read; raises ConfigError.

    A counter that is given tells how much was made, even where it ends in an error.
    """
    names = parameters(model.params, {}, {}, model.scale, "model.params", "model.params")
    names |= {} if model.classes is None else {"classes": model.classes}
    frame = _Frame(
        library=replace(library, own=model.blocks),
        counter=counter or Counter(),
        names=names,
        style=style({}, model.style, names, "model.style"),
        surroundings={**_OUTSIDE, "block_in": channels(next(iter(model.inputs.values())))},
        in_model=True,
        scale=model.scale,
    )
    for key, shape in model.inputs.items():
        frame.counter.made(0, [shape], "model.input" if [*model.inputs] == ["input"] else f"model.inputs.{key}")
    nodes, known, last = _layers(model.layers, model.inputs, frame, _stage_copies(model, frame))
    outputs = {"output": _one(known[last.name], last)}
    for output in model.auxiliary:
        outputs[output] = _one(known[f"outputs.{output}"], last)
    return Graph(name, "model", model.inputs, nodes, outputs, doc=model.doc, auxiliary=model.auxiliary)


_OUTSIDE: Mapping[str, Value] = {"index": 0, "count": 1, "copy": 0, "copies": 1}


@dataclass(frozen=True)
class _Frame:
    """What the layers of one scope see: parameters, style, where they stand, and the blocks around them."""

    library: Library
    counter: Counter
    names: Mapping[str, Value]
    style: Mapping[str, Attribute]
    surroundings: Mapping[str, Value]
    in_model: bool = False
    scale: Scale = field(default_factory=Scale)
    around: tuple[str, ...] = ()


def _stage_copies(model: Model, frame: _Frame) -> dict[str, dict[str, int]]:
    """Return for each repeated layer of `stages` its first `index`, and the `count` of all such copies."""
    first: dict[str, int] = {}
    total = 0
    for layer in model.layers:
        if layer.name.startswith("stages.") and layer.repeat is not None:
            first[layer.name] = total
            total += _copies(layer, frame, {**frame.names, **frame.surroundings})
    return {name: {"index": index, "count": total} for name, index in first.items()}


def _copies(layer: Layer, frame: _Frame, names: Mapping[str, Value]) -> int:
    """Return how many copies a repeated layer makes; in `stages` a literal number is scaled."""
    copies = int(read(layer.repeat, _COPIES, names, f"{layer.where}.repeat"))  # type: ignore[arg-type]
    if not layer.name.startswith("stages.") or isinstance(layer.repeat, str):
        return copies
    return int(read(frame.scale.repeats(copies), _COPIES, {}, f"{layer.where}.repeat"))  # type: ignore[arg-type]


def _layers(
    layers: Sequence[Layer],
    inputs: Mapping[str, Shape],
    frame: _Frame,
    stages: Mapping[str, Mapping[str, int]],
) -> tuple[tuple[Leaf | Graph, ...], dict[str, Known], Layer]:
    """Return the nodes of one scope, what every name in it stands for, and the layer that it ends with."""
    known = {name: Known((Made(name, shape),)) for name, shape in inputs.items()}
    scope = Scope(known, frozenset(layer.name for layer in layers), frame.in_model)
    nodes: list[Leaf | Graph] = []
    before, last = next(iter(inputs)), layers[0]
    for layer in layers:
        if layer.name.rpartition(".")[2] in inputs:
            raise ConfigError(layer.where, "this is the name of an input here; call the layer otherwise")
        sources = scope.read(layer, layer.sources or (before,))
        made, known[layer.name] = _layer(layer, sources, frame, stages.get(layer.name, {}))
        nodes.extend(made)
        if not (frame.in_model and layer.name.startswith("outputs.")):
            # An auxiliary head stands aside: nothing goes on from it.
            before, last = layer.name, layer
    return tuple(nodes), known, last


def _one(found: Known, layer: Layer) -> str:
    """Return the reference of the one output that a scope ends with."""
    if len(found.outputs) > 1:
        raise ConfigError(layer.where, "the last layer has several outputs; end with a layer that has one")
    return found.outputs[0].ref


def _layer(
    layer: Layer, sources: tuple[Made, ...], frame: _Frame, stage: Mapping[str, int]
) -> tuple[list[Leaf | Graph], Known]:
    """Expand one layer with all its copies."""
    copies = 1
    if layer.repeat is not None:
        known = {**frame.names, **frame.surroundings, "in_channels": channels(sources[0].shape)}
        copies = _copies(layer, frame, known)
        if len(sources) > 1:
            raise ConfigError(f"{layer.where}.repeat", f"what is repeated takes one input, not {len(sources)}")
    inside = fewest(_kind(layer, frame.names), frame.library, frame.counter.fewest) if layer.when is True else 0
    frame.counter.check(copies * (1 + inside), layer.where)
    alike = copies > 2 and not varies(layer, _kind(layer, frame.names), frame.library, frame.counter.varying)
    nodes: list[Leaf | Graph] = []
    outputs, members, absent = sources, {}, True
    for copy in range(copies):
        before, inputs, node = frame.counter.totals(), outputs, None
        frame.counter.layer(len(inputs), layer.where)
        around = _surroundings(frame, inputs, layer, stage, copy, copies)
        if read(layer.when, _CONDITION, around, f"{layer.where}.when"):
            absent = False
            name = layer.name if layer.repeat is None else f"{layer.name}.{copy}"
            node = _node(layer, name, inputs, frame, around, copy)
            nodes.append(node)
            outputs = tuple(Made(reference(name, i), shape) for i, shape in enumerate(node.shapes))
        else:
            outputs = inputs[:1]
        if layer.repeat is None:
            members = _members(node, layer, frame, outputs)
            break
        if len(outputs) > 1:
            raise ConfigError(f"{layer.where}.repeat", "what is repeated has one output, not several")
        members[str(copy)] = outputs[0]
        if alike and copy and outputs[0].shape == inputs[0].shape:
            # The first copy may have arguments of its own; from the second on, only names tell them apart.
            rest = range(copy + 1, copies)
            frame.counter.again(before, len(rest), layer.where)
            nodes += _same(node, layer, rest, outputs[0].ref) if node else ()
            later = [Made(f"{layer.name}.{i}" if node else outputs[0].ref, outputs[0].shape) for i in rest]
            members |= zip(map(str, rest), later, strict=True)
            outputs = (*outputs, *later)[-1:]
            break
    return nodes, Known(outputs, members, absent)


def _same(node: Leaf | Graph, layer: Layer, copies: range, before: str) -> list[Leaf | Graph]:
    """Return further copies of a node, each reading the one before."""
    nodes = []
    for copy in copies:
        nodes.append(replace(node, name=f"{layer.name}.{copy}", reads=(before,)))
        before = nodes[-1].name
    return nodes


def _members(node: Leaf | Graph | None, layer: Layer, frame: _Frame, outputs: tuple[Made, ...]) -> dict[str, Made]:
    """Return the outputs of a layer by name; of an absent composite each one is what enters it."""
    if isinstance(node, Graph):
        return dict(zip(node.outputs, outputs, strict=True))
    if node is not None:
        return {str(i): output for i, output in enumerate(outputs)}
    block = frame.library.find(_kind(layer, frame.names))
    return dict.fromkeys(block.outputs or ("output",), outputs[0]) if block else {}


def _surroundings(
    frame: _Frame, inputs: tuple[Made, ...], layer: Layer, stage: Mapping[str, int], copy: int, copies: int
) -> dict[str, Value]:
    """Return all names that the expressions of one copy of a layer may use."""
    names = {**frame.names, **frame.surroundings, "in_channels": channels(inputs[0].shape)}
    if layer.repeat is not None:
        names |= {"copy": copy, "copies": copies}
    if stage:
        names |= {"index": stage["index"] + copy, "count": stage["count"]}
    return names


def _kind(layer: Layer, names: Mapping[str, Value]) -> str:
    """Return the block that a layer is: the one it names, or the one that the parameter stands for that it names."""
    inner = names.get(layer.block)
    return inner if isinstance(inner, str) else layer.block


def _node(
    layer: Layer, name: str, inputs: tuple[Made, ...], frame: _Frame, names: Mapping[str, Value], copy: int
) -> Leaf | Graph:
    """Make one copy of a layer: a leaf for a primitive, a graph for a composite."""
    kind = _kind(layer, names)
    if kind in SHIPPED:
        return _leaf(layer, name, REGISTRY[kind], inputs, frame, names, copy)
    block = frame.counter.block(kind, frame.library)
    if block is None:
        brought = primitives.find(kind)
        if brought is not None:
            return _leaf(layer, name, brought, inputs, frame, names, copy)
        options = [*primitives.names(), *frame.library.names()]
        raise ConfigError(f"{layer.where}.block", f"there is no block '{kind}'; {suggestion(kind, options, 'blocks')}")
    return _composite(layer, name, block, inputs, frame, names, copy)


def _leaf(
    layer: Layer,
    name: str,
    cls: type[Primitive],
    inputs: tuple[Made, ...],
    frame: _Frame,
    names: Mapping[str, Value],
    copy: int,
) -> Leaf:
    surrounding = style(frame.style, layer.style, names, f"{layer.where}.style")
    declared = params_of(cls)
    as_style = {
        key: key
        for key, value in layer.arguments.items()
        if isinstance(value, str) and "style" in (value, names.get(value)) and key in STYLE and key in declared
    }
    said = {key: value for key, value in layer.arguments.items() if key not in as_style}
    from_style = {**cls.from_style, **as_style}
    values: dict[str, Any] = {key: param.default for key, param in declared.items()}
    values |= {key: surrounding[of] for key, of in from_style.items() if of in surrounding}
    values |= arguments(said, declared, names, frame.scale, layer, copy, [*cls.from_style.values()])
    for key, param in declared.items():
        if values[key] is REQUIRED:
            raise ConfigError(layer.where, f"the parameter '{key}' of {cls.name} is missing: {param.doc}")
    shapes = tuple(value.shape for value in inputs)
    if cls.inputs is not None and len(shapes) != cls.inputs:
        raise ConfigError(f"{layer.where}.from", f"{cls.name} takes {cls.inputs} input, not {len(shapes)}")
    try:
        made = answers.settled(cls, values, shapes, layer.where)
        outputs = answers.outputs(made, shapes, layer.where)
        cost = answers.cost(made, shapes, layer.where)
    except Refusal as refusal:
        raise ConfigError(f"{layer.where}.{refusal.key}".rstrip("."), refusal.what) from None
    for shape in outputs:
        if max(shape) > LARGEST:
            raise ConfigError(layer.where, f"the output {list(shape)} has a side beyond {LARGEST:,}")
    frame.counter.made(cost.params, outputs, layer.where)
    attributes = {key: getattr(made, key) for key in declared}
    return Leaf(name, cls.name, tuple(value.ref for value in inputs), attributes, outputs, layer.doc)


def _composite(
    layer: Layer,
    name: str,
    block: Block,
    inputs: tuple[Made, ...],
    frame: _Frame,
    names: Mapping[str, Value],
    copy: int,
) -> Graph:
    if block.name in frame.around:
        chain = " -> ".join([*frame.around, block.name])
        raise ConfigError(f"{layer.where}.block", f"the block contains itself: {chain}")
    if len(frame.around) >= DEEPEST:
        raise ConfigError(f"{layer.where}.block", f"blocks are nested deeper than {DEEPEST}")
    if len(inputs) != len(block.inputs):
        wanted = f"{len(block.inputs)} input(s) ({', '.join(block.inputs)})"
        raise ConfigError(f"{layer.where}.from", f"{block.name} takes {wanted}, not {len(inputs)}")
    surroundings = {key: names[key] for key in _OUTSIDE} | {"block_in": channels(inputs[0].shape)}
    given = arguments(layer.arguments, block.params, names, frame.scale, layer, copy)
    own = parameters(
        block.params, given, surroundings, frame.scale, layer.where, f"{layer.where} -> {block.prefix}params"
    )
    of_block = style(frame.style, block.style, {**surroundings, **own}, f"{layer.where} -> {block.prefix}style")
    inside = replace(
        frame,
        names=own,
        style=style(of_block, layer.style, names, f"{layer.where}.style"),
        surroundings=surroundings,
        in_model=False,
        around=(*frame.around, block.name),
    )
    shapes = {key: value.shape for key, value in zip(block.inputs, inputs, strict=True)}
    layers = frame.counter.placed(block, layer.where)
    nodes, known, last = _layers(layers, shapes, inside, {})
    outputs = {"output": _one(known[last.name], last)}
    if block.outputs is not None:
        outputs = {key: _output(key, known, f"{layer.where} -> {block.prefix}outputs") for key in block.outputs}
    return Graph(name, block.name, shapes, nodes, outputs, tuple(value.ref for value in inputs), layer.doc)


def _output(name: str, known: Mapping[str, Known], where: str) -> str:
    if name not in known:
        raise ConfigError(where, f"there is no layer '{name}'; {suggestion(name, known, 'layers')}")
    if len(known[name].outputs) > 1:
        raise ConfigError(where, f"'{name}' has several outputs itself; name a layer with one")
    return known[name].outputs[0].ref
