"""Reading the layers of a model or block from YAML: reserved keys, order, names."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archbuilder.errors import ConfigError, like, suggestion
from archbuilder.language.commas import check_commas
from archbuilder.language.names import RESERVED, check_layer_name, not_a_string
from archbuilder.paths import conf_dir


@dataclass(frozen=True)
class Layer:
    """One entry of `layers`, or of a section of a model: what is reserved, read; the rest as it stands."""

    name: str
    where: str
    block: str
    sources: tuple[str, ...] | None
    repeat: Any
    when: Any
    style: Mapping[str, Any]
    doc: str
    arguments: Mapping[str, Any]


def read_layers(content: Any, where: str, section: str = "") -> tuple[Layer, ...]:
    """Return the layers of a mapping in the order of execution, names prefixed by `section`.

    A layer that is null is absent; one with `after` stands behind the layer that it names. Raises ConfigError.
    """
    if not isinstance(content, Mapping):
        raise ConfigError(where, f"a mapping from names to layers is needed, not {content!r:.60}")
    present = {check_layer_name(name, where): spec for name, spec in content.items() if spec is not None}
    for name, spec in present.items():
        if not isinstance(spec, Mapping):
            raise ConfigError(f"{where}.{name}", f"a layer is a mapping with a block, not {spec!r:.60}")
    order = _order(present, where)
    return tuple(_read_layer(name, present[name], f"{where}.{name}", section, order) for name in order)


def _order(present: Mapping[str, Mapping[str, Any]], where: str) -> list[str]:
    """Return the names as written, but each one with `after` directly behind the layer that it names."""
    behind: dict[str, list[str]] = {name: [] for name in present}
    waiting = [name for name, spec in present.items() if "after" not in spec][::-1]
    for name, spec in present.items():
        target = spec.get("after", name)
        if not isinstance(target, str) or target not in present:
            hint = suggestion(str(target), present)
            raise ConfigError(f"{where}.{name}.after", f"there is no layer '{target}' here; {hint}")
        if "after" in spec:
            behind[target].append(name)
    order = []
    while waiting:
        name = waiting.pop()
        order.append(name)
        waiting.extend(behind[name][::-1])
    if len(order) < len(present):
        placed = set(order)
        rest = [name for name in present if name not in placed]
        raise ConfigError(f"{where}.{rest[0]}.after", "these layers wait for one another: " + ", ".join(rest))
    return order


def _read_layer(name: str, spec: Mapping[str, Any], where: str, section: str, siblings: list[str]) -> Layer:
    check_commas(spec, where)
    for key in spec:
        if not isinstance(key, str):
            raise not_a_string(key, where)
    if "block" not in spec:
        others = [other for other in siblings if other != name]
        near = difflib.get_close_matches("block", [str(key) for key in spec], n=1)
        if near:
            raise ConfigError(f"{where}.{near[0]}", "no such key of a layer; did you mean 'block'?")
        raise ConfigError(where, f"this layer says no block; {_no_block(name, spec, others)}")
    block = spec["block"]
    if not isinstance(block, str):
        raise ConfigError(f"{where}.block", f"{block!r:.60} is not the name of a block")
    style = spec.get("style", {})
    if not isinstance(style, Mapping):
        raise ConfigError(f"{where}.style", f"a style is a mapping such as {{act: relu}}, not {style!r:.60}")
    return Layer(
        name=section + name,
        where=where,
        block=block,
        sources=_sources(spec["from"], f"{where}.from") if "from" in spec else None,
        repeat=spec.get("repeat"),
        when=spec.get("when", True),
        style=style,
        doc=str(spec.get("doc") or ""),
        arguments={key: value for key, value in spec.items() if key not in RESERVED},
    )


def _no_block(name: str, spec: Mapping[str, Any], others: list[str]) -> str:
    """Return how to mend a layer without a block: its name is misspelt, or the block stands elsewhere."""
    from archbuilder.primitives import names

    known = {*names(), *(path.stem for path in (conf_dir() / "block").glob("*.yaml"))}
    said = [value for key, value in spec.items() if key not in RESERVED and isinstance(value, str)]
    meant = [block for block in (*said, *spec) if block in known]
    if meant and not like(name, others):
        return f"write block: {meant[0]}"
    if others:
        return f"if '{name}' is misspelt, {suggestion(name, others, 'layers here')}"
    return "write block: conv, or another that `archbuilder blocks` lists"


def _sources(value: Any, where: str) -> tuple[str, ...]:
    if value is None:
        raise ConfigError(where, "null names no layer; leave `from` out to read the layer before")
    names = value if isinstance(value, list | tuple) else [value]
    if not names:
        raise ConfigError(where, "the list is empty; name at least one layer, or leave `from` out")
    for name in names:
        if not isinstance(name, str):
            raise ConfigError(where, f"{name!r:.60} is not the name of a layer; put it in quotes if it is one")
    return tuple(names)
