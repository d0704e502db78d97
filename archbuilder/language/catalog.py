"""What blocks there are, primitives and composites alike: inputs, parameters, a sentence each."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archbuilder.errors import ConfigError, suggestion
from archbuilder.language.blocks import Block, Library
from archbuilder.language.layers import Layer
from archbuilder.language.params import Param
from archbuilder.primitives import SHIPPED, Primitive, find, names, params_of
from archbuilder.primitives.style import STYLE


@dataclass(frozen=True)
class Entry:
    """One block that a layer may name; `from_style` are the parameters that the style gives where it is silent."""

    name: str
    doc: str
    inputs: str
    params: Mapping[str, Param]
    from_style: frozenset[str]
    source: str
    outputs: str = ""
    composite: Block | None = None


def primitives() -> dict[str, Entry]:
    """Return every primitive by name, those of installed packages included."""
    found = ((name, find(name)) for name in sorted(names()))
    return {name: _primitive(cls) for name, cls in found if cls is not None}


def composites(library: Library) -> dict[str, Entry]:
    """Return every composite of a library by name; raises ConfigError where a block file cannot be read."""
    found = ((name, library.find(name)) for name in library.names() if name not in SHIPPED)
    return {name: _composite(block) for name, block in found if block is not None}


def entry(name: str, library: Library) -> Entry:
    """Return the block of that name; raises ConfigError with the nearest one."""
    block = None if name in SHIPPED else library.find(name)
    if block is not None:
        return _composite(block)
    primitive = find(name)
    if primitive is None:
        options = [*names(), *library.names()]
        raise ConfigError("block", f"there is no block '{name}'; {suggestion(name, options, 'blocks')}")
    return _primitive(primitive)


def _primitive(cls: type[Primitive]) -> Entry:
    doc = inspect.cleandoc(cls.__doc__ or "")
    if doc.startswith(f"{cls.__name__}("):
        doc = ""  # what a dataclass says for itself where nobody did
    inputs = "one or more" if cls.inputs is None else f"{cls.inputs}"
    params = params_of(cls)
    # One's own first, those that say again what the style says behind them.
    ordered = {key: params[key] for key in sorted(params, key=lambda key: key in STYLE)}
    return Entry(cls.name, doc, inputs, ordered, frozenset(cls.from_style), cls.__module__)


def _composite(block: Block) -> Entry:
    inputs = "1" if len(block.inputs) == 1 else f"{len(block.inputs)}: {', '.join(block.inputs)}"
    outputs = ", ".join(block.outputs or ())
    return Entry(block.name, block.doc, inputs, block.params, frozenset(), block.prefix.rstrip(":."), outputs, block)


def kind(param: Param) -> str:
    """Return in words what a parameter takes: its type and bounds."""
    low, high = param.minimum, param.maximum
    several = "".join(f" or {word}" for word in param.choices) if param.type != "word" else ""
    if low is not None and high is not None:
        return f"{param.type} from {low:g} to {high:g}{several}"
    return f"{param.type}{'' if low is None else f' >= {low:g}'}{several}"


def told(param: Param) -> str:
    """Return what a parameter is: its doc, the words it takes, and that it is for the first copy alone."""
    words = " | ".join(param.choices) if param.type == "word" else ""
    text = ": ".join(part for part in (param.doc, words) if part)
    return f"{text}; in a repeat only the first copy gets it".removeprefix("; ") if param.first else text


def default(name: str, param: Param, from_style: frozenset[str] = frozenset()) -> str:
    """Return in words what holds where a layer does not say a parameter; empty where its doc tells."""
    if param.required:
        return "required"
    if name in from_style:
        return "from the style"
    return "" if param.default is None else written(plain(param))


def plain(param: Param) -> Any:
    """Return a default as YAML has it: of a pair of equal numbers the one."""
    value = param.default
    if not isinstance(value, tuple):
        return value
    return value[0] if param.type == "pair" and len(set(value)) == 1 else list(value)


def written(value: Any) -> str:
    """Return a plain value as it is written inside a line of YAML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.1f}" if value.is_integer() else f"{value:g}"
    return f"[{', '.join(map(written, value))}]" if isinstance(value, list | tuple) else str(value)


def style_line(block: Block) -> list[str]:
    """Return the style of a composite as a line of YAML, or nothing where it has none."""
    return [f"style: {_flow(block.style)}"] if block.style else []


def layer_lines(block: Block) -> list[str]:
    """Return the layers of a composite as lines of YAML."""
    width = max(len(layer.name) for layer in block.layers) + 1
    return [f"{f'{layer.name}:':{width}} {_flow(_said(layer))}" for layer in block.layers]


def _said(layer: Layer) -> dict[str, Any]:
    """Return what a layer says, as it was written."""
    sources = list(layer.sources or ())
    reserved = {
        "from": sources[0] if len(sources) == 1 else sources or None,
        "repeat": layer.repeat,
        "when": None if layer.when is True else layer.when,
        "style": layer.style or None,
    }
    told = {key: value for key, value in reserved.items() if value is not None}
    return {"block": layer.block, **({"from": told.pop("from")} if "from" in told else {}), **layer.arguments, **told}


def _flow(content: Mapping[str, Any]) -> str:
    import yaml

    return str(yaml.safe_dump(content, default_flow_style=True, sort_keys=False, width=10**6)).strip()
