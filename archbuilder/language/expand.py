"""From a model as written to the Graph: every check happens here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from archbuilder.errors import ConfigError, suggestion
from archbuilder.graph import Attribute, Graph, Leaf, Shape, reference
from archbuilder.language.blocks import Block, Library
from archbuilder.language.expressions import LARGEST, Value
from archbuilder.language.layers import RESERVED, Layer
from archbuilder.language.model import Model, read_model
from archbuilder.language.params import REQUIRED, Param, read, wanted
from archbuilder.primitives import REGISTRY, Primitive, Refusal, params_of
from archbuilder.primitives.base import channels
from archbuilder.primitives.style import STYLE

MOST_LAYERS = 100_000
DEEPEST = 50
_COPIES = Param("integer", minimum=1, maximum=MOST_LAYERS)
_CONDITION = Param("boolean")


def expand_model(content: Any, library: Library, name: str = "model") -> Graph:
    """Return the Graph of a model given as plain data.

    Raises ConfigError, with the dotted key path, for everything that cannot be built.
    """
    model = read_model(content)
    names = _parameters(model.params, {}, {}, "model.params", "model.params")
    names |= {} if model.classes is None else {"classes": model.classes}
    frame = _Frame(
        library=replace(library, own=model.blocks),
        counter=_Counter(),
        names=names,
        style=_style({}, model.style, names, "model.style"),
        surroundings={**_OUTSIDE, "block_in": channels(next(iter(model.inputs.values())))},
        in_model=True,
    )
    nodes, known, last = _layers(model.layers, model.inputs, frame, _stage_copies(model, names))
    return Graph(name, "model", model.inputs, nodes, {"output": _one(known[last], model.layers[-1])}, doc=model.doc)


_OUTSIDE: Mapping[str, Value] = {"index": 0, "count": 1, "copy": 0, "copies": 1}


@dataclass
class _Counter:
    """How many layers there are so far: the one thing that changes while a model is expanded."""

    layers: int = 0
    fewest: dict[str, int] = field(default_factory=dict)
    """What `_fewest` has found out, by block."""

    def check(self, more: int, where: str) -> None:
        """Refuse a model that will have too many layers, before they are made."""
        if self.layers + more > MOST_LAYERS:
            raise ConfigError(where, f"the model has more than {MOST_LAYERS:,} layers; use fewer copies")


@dataclass(frozen=True)
class _Frame:
    """What the layers of one scope see: parameters, style, where they stand, and the blocks around them."""

    library: Library
    counter: _Counter
    names: Mapping[str, Value]
    style: Mapping[str, Attribute]
    surroundings: Mapping[str, Value]
    in_model: bool = False
    around: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Made:
    """A value: how nodes refer to it, and its shape."""

    ref: str
    shape: Shape


@dataclass(frozen=True)
class _Known:
    """What the name of a layer stands for: its outputs, and its copies or named outputs."""

    outputs: tuple[_Made, ...]
    members: Mapping[str, _Made] = field(default_factory=dict)
    absent: bool = False


def _stage_copies(model: Model, names: Mapping[str, Value]) -> dict[str, dict[str, int]]:
    """Return for each repeated layer of `stages` its first `index`, and the `count` of all such copies."""
    first: dict[str, int] = {}
    total = 0
    for layer in model.layers:
        if layer.name.startswith("stages.") and layer.repeat is not None:
            first[layer.name] = total
            total += _copies(layer, names)
    return {name: {"index": index, "count": total} for name, index in first.items()}


def _copies(layer: Layer, names: Mapping[str, Value]) -> int:
    """Return how many copies a repeated layer makes."""
    return int(read(layer.repeat, _COPIES, names, f"{layer.where}.repeat"))  # type: ignore[arg-type]


def _fewest(kind: str, library: Library, found: dict[str, int], depth: int = 0) -> int:
    """Return how many layers a block has inside, at least, as far as plain numbers in its file tell."""
    block = None if kind in REGISTRY or depth > DEEPEST else library.find(kind)
    if block is None:
        return 0
    if kind not in found:
        found[kind] = 0  # for a block that contains itself, which is refused when it is expanded
        for layer in block.layers:
            copies = layer.repeat if type(layer.repeat) is int else 1
            known = layer.when is True and layer.block not in block.params
            found[kind] += copies * (1 + (_fewest(layer.block, library, found, depth + 1) if known else 0))
    return found[kind]


def _layers(
    layers: Sequence[Layer],
    inputs: Mapping[str, Shape],
    frame: _Frame,
    stages: Mapping[str, Mapping[str, int]],
) -> tuple[tuple[Leaf | Graph, ...], dict[str, _Known], str]:
    """Return the nodes of one scope, what every name in it stands for, and the name of the last layer."""
    known = {name: _Known((_Made(name, shape),)) for name, shape in inputs.items()}
    scope = _Scope(known, frozenset(layer.name for layer in layers), frame.in_model)
    nodes: list[Leaf | Graph] = []
    before = next(iter(inputs))
    for layer in layers:
        if layer.name.rpartition(".")[2] in inputs:
            raise ConfigError(layer.where, "this is the name of an input here; call the layer otherwise")
        sources = scope.read(layer, layer.sources or (before,))
        made, known[layer.name] = _layer(layer, sources, frame, stages.get(layer.name, {}))
        nodes.extend(made)
        before = layer.name
    return tuple(nodes), known, before


def _one(found: _Known, layer: Layer) -> str:
    """Return the reference of the one output that a scope ends with."""
    if len(found.outputs) > 1:
        raise ConfigError(layer.where, "the last layer has several outputs; end with a layer that has one")
    return found.outputs[0].ref


def _layer(
    layer: Layer, sources: tuple[_Made, ...], frame: _Frame, stage: Mapping[str, int]
) -> tuple[list[Leaf | Graph], _Known]:
    """Expand one layer with all its copies."""
    copies = 1
    if layer.repeat is not None:
        copies = _copies(layer, frame.names)
        if len(sources) > 1:
            raise ConfigError(f"{layer.where}.repeat", f"what is repeated takes one input, not {len(sources)}")
    inside = _fewest(_kind(layer, frame.names), frame.library, frame.counter.fewest) if layer.when is True else 0
    frame.counter.check(copies * (1 + inside), layer.where)
    nodes: list[Leaf | Graph] = []
    outputs, members, absent = sources, {}, True
    for copy in range(copies):
        frame.counter.layers += 1
        around = _surroundings(frame, outputs, layer, stage, copy, copies)
        if not read(layer.when, _CONDITION, around, f"{layer.where}.when"):
            outputs = outputs[:1]
        else:
            absent = False
            name = layer.name if layer.repeat is None else f"{layer.name}.{copy}"
            node = _node(layer, name, outputs, frame, around, copy)
            nodes.append(node)
            outputs = tuple(_Made(reference(name, i), shape) for i, shape in enumerate(node.shapes))
            if layer.repeat is None:
                members = _outputs_by_name(node, outputs)
        if layer.repeat is not None:
            if len(outputs) > 1:
                raise ConfigError(f"{layer.where}.repeat", "what is repeated has one output, not several")
            members[str(copy)] = outputs[0]
    return nodes, _Known(outputs, members, absent)


def _surroundings(
    frame: _Frame, inputs: tuple[_Made, ...], layer: Layer, stage: Mapping[str, int], copy: int, copies: int
) -> dict[str, Value]:
    """Return all names that the expressions of one copy of a layer may use."""
    names = {**frame.names, **frame.surroundings, "in_channels": channels(inputs[0].shape)}
    if layer.repeat is not None:
        names |= {"copy": copy, "copies": copies}
    if stage:
        names |= {"index": stage["index"] + copy, "count": stage["count"]}
    return names


def _outputs_by_name(node: Leaf | Graph, outputs: tuple[_Made, ...]) -> dict[str, _Made]:
    names = list(node.outputs) if isinstance(node, Graph) else [str(i) for i in range(len(outputs))]
    return dict(zip(names, outputs, strict=True))


@dataclass(frozen=True)
class _Scope:
    """The names that the layers of one scope may read: those made so far, and those still to come."""

    known: Mapping[str, _Known]
    all: frozenset[str]
    in_model: bool

    def read(self, layer: Layer, texts: Sequence[str]) -> tuple[_Made, ...]:
        """Return the values that a layer reads."""
        return tuple(value for text in texts for value in self._resolve(text, layer))

    def _resolve(self, text: str, layer: Layer) -> tuple[_Made, ...]:
        """Return the values that one name in `from` stands for: a layer, `x.1`, or `x.*`."""
        section = layer.name.split(".")[0] + "." if self.in_model else ""
        where = f"{layer.where}.from"
        for full in dict.fromkeys((section + text, text)):
            if full in self.known:
                found = self.known[full]
                if len(found.outputs) > 1:
                    raise ConfigError(where, f"'{text}' has several outputs; say which: {_members(text, found)}")
                return found.outputs
            stem, _, member = full.rpartition(".")
            if stem in self.known and (self.known[stem].members or self.known[stem].absent):
                return _member(text, self.known[stem], member, where)
        raise self._unknown(text, section, layer, where)

    def _unknown(self, text: str, section: str, layer: Layer, where: str) -> ConfigError:
        if section + text == layer.name or text == layer.name:
            return ConfigError(where, f"'{text}' is this layer itself; name an earlier one")
        if section + text in self.all or text in self.all:
            return ConfigError(
                where,
                f"'{text}' comes later, but layers run top to bottom; move it up, or read an earlier one",
            )
        names = [name.removeprefix(section) for name in self.known]
        elsewhere = [name for name in names if name.endswith(f".{text}")]
        hint = suggestion(elsewhere[0] if elsewhere else text, names, "before it")
        return ConfigError(where, f"there is no layer '{text}' before this one; {hint}")


def _member(text: str, found: _Known, member: str, where: str) -> tuple[_Made, ...]:
    if found.absent:
        return found.outputs
    if member == "*":
        return tuple(found.members.values())
    if member not in found.members:
        stem = text.rpartition(".")[0]
        raise ConfigError(where, f"'{stem}' has no '{member}'; there are {_members(stem, found)}")
    return (found.members[member],)


def _members(stem: str, found: _Known) -> str:
    return ", ".join([*(f"{stem}.{name}" for name in found.members), f"{stem}.*"])


def _kind(layer: Layer, names: Mapping[str, Value]) -> str:
    """Return the block that a layer is: the one it names, or the one that the parameter stands for that it names."""
    inner = names.get(layer.block)
    return inner if isinstance(inner, str) else layer.block


def _node(
    layer: Layer, name: str, inputs: tuple[_Made, ...], frame: _Frame, names: Mapping[str, Value], copy: int
) -> Leaf | Graph:
    """Make one copy of a layer: a leaf for a primitive, a graph for a composite."""
    kind = _kind(layer, names)
    if kind in REGISTRY:
        style = _style(frame.style, layer.style, names, f"{layer.where}.style")
        return _leaf(layer, name, REGISTRY[kind], inputs, style, names, copy)
    block = frame.library.find(kind)
    if block is None:
        options = [*REGISTRY, *frame.library.names()]
        raise ConfigError(f"{layer.where}.block", f"there is no block '{kind}'; {suggestion(kind, options, 'blocks')}")
    return _composite(layer, name, block, inputs, frame, names, copy)


def _leaf(
    layer: Layer,
    name: str,
    cls: type[Primitive],
    inputs: tuple[_Made, ...],
    style: Mapping[str, Attribute],
    names: Mapping[str, Value],
    copy: int,
) -> Leaf:
    declared = params_of(cls)
    as_style = {
        key: key
        for key, value in layer.arguments.items()
        if isinstance(value, str) and "style" in (value, names.get(value)) and key in STYLE and key in declared
    }
    said = {key: value for key, value in layer.arguments.items() if key not in as_style}
    from_style = {**cls.from_style, **as_style}
    arguments: dict[str, Any] = {key: param.default for key, param in declared.items()}
    arguments |= {key: style[of] for key, of in from_style.items() if of in style}
    arguments |= _arguments(said, declared, names, layer, copy)
    for key, param in declared.items():
        if arguments[key] is REQUIRED:
            raise ConfigError(layer.where, f"the parameter '{key}' of {cls.name} is missing: {param.doc}")
    shapes = tuple(value.shape for value in inputs)
    if cls.inputs is not None and len(shapes) != cls.inputs:
        raise ConfigError(f"{layer.where}.from", f"{cls.name} takes {cls.inputs} input, not {len(shapes)}")
    try:
        settled = cls.settle(arguments, shapes)
        made = cls(**settled)
        outputs = made.outputs(shapes)
    except Refusal as refusal:
        raise ConfigError(f"{layer.where}.{refusal.key}".rstrip("."), refusal.what) from None
    for shape in outputs:
        if max(shape) > LARGEST:
            raise ConfigError(layer.where, f"the output {list(shape)} has a side beyond {LARGEST:,}")
    attributes = {key: getattr(made, key) for key in declared}
    return Leaf(name, cls.name, tuple(value.ref for value in inputs), attributes, outputs, layer.doc)


def _composite(
    layer: Layer,
    name: str,
    block: Block,
    inputs: tuple[_Made, ...],
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
    given = _arguments(layer.arguments, block.params, names, layer, copy)
    own = _parameters(block.params, given, surroundings, layer.where, f"{layer.where} -> {block.prefix}params")
    style = _style(frame.style, block.style, own, f"{layer.where} -> {block.prefix}style")
    inside = replace(
        frame,
        names=own,
        style=_style(style, layer.style, names, f"{layer.where}.style"),
        surroundings=surroundings,
        in_model=False,
        around=(*frame.around, block.name),
    )
    shapes = {key: value.shape for key, value in zip(block.inputs, inputs, strict=True)}
    layers = [replace(inner, where=f"{layer.where} -> {inner.where}") for inner in block.layers]
    nodes, known, last = _layers(layers, shapes, inside, {})
    outputs = {"output": _one(known[last], layers[-1])}
    if block.outputs is not None:
        outputs = {key: _output(key, known, f"{layer.where} -> {block.prefix}outputs") for key in block.outputs}
    return Graph(name, block.name, shapes, nodes, outputs, tuple(value.ref for value in inputs), layer.doc)


def _output(name: str, known: Mapping[str, _Known], where: str) -> str:
    if name not in known:
        raise ConfigError(where, f"there is no layer '{name}'; {suggestion(name, known, 'layers')}")
    if len(known[name].outputs) > 1:
        raise ConfigError(where, f"'{name}' has several outputs itself; name a layer with one")
    return known[name].outputs[0].ref


def _parameters(
    declared: Mapping[str, Param],
    given: Mapping[str, Value],
    surroundings: Mapping[str, Value],
    where: str,
    prefix: str,
) -> dict[str, Value]:
    """Return the value of every parameter: the one given, or the default, over those declared before it."""
    values: dict[str, Value] = {}
    for key, param in declared.items():
        if key in given:
            values[key] = given[key]
        elif param.required:
            raise ConfigError(where, f"the parameter '{key}' is missing: {param.doc or wanted(param)}")
        else:
            values[key] = read(param.default, param, {**surroundings, **values}, f"{prefix}.{key}")
    return values


def _arguments(
    said: Mapping[str, Any],
    declared: Mapping[str, Param],
    names: Mapping[str, Value],
    layer: Layer,
    copy: int,
) -> dict[str, Any]:
    """Return the arguments of a layer as typed values, evaluated with the caller's names."""
    arguments = {}
    for key, value in said.items():
        if key not in declared:
            options = [*declared, *RESERVED]
            hint = suggestion(key, options, "parameters")
            if key in STYLE:
                hint = f"a block's layers take it from the style: write style: {{{key}: {value}}}"
            raise ConfigError(f"{layer.where}.{key}", f"{layer.block} has no such parameter; {hint}")
        if copy == 0 or not declared[key].first:
            arguments[key] = read(value, declared[key], names, f"{layer.where}.{key}")
    return arguments


def _style(
    outer: Mapping[str, Attribute], content: Mapping[str, Any], names: Mapping[str, Value], where: str
) -> Mapping[str, Attribute]:
    """Return the surrounding style with what `content` says instead."""
    for key in content:
        if key not in STYLE:
            raise ConfigError(f"{where}.{key}", f"no such key of a style; {suggestion(str(key), STYLE, 'keys')}")
    inner = {key: read(value, STYLE[key], names, f"{where}.{key}") for key, value in content.items()}
    return {**outer, **inner} if inner else outer
