"""What is said to a layer, as typed values: arguments, parameters with defaults, styles."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from archbuilder.errors import ConfigError, suggestion
from archbuilder.graph import Attribute
from archbuilder.language.expressions import LARGEST, Value
from archbuilder.language.layers import Layer
from archbuilder.language.limits import TooLargeError
from archbuilder.language.names import RESERVED
from archbuilder.language.params import Argument, Param, read, wanted
from archbuilder.language.scale import Scale
from archbuilder.primitives.style import STYLE


def parameters(
    declared: Mapping[str, Param],
    given: Mapping[str, Value],
    surroundings: Mapping[str, Value],
    scale: Scale,
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
            values[key] = _read(param.default, param, {**surroundings, **values}, scale, f"{prefix}.{key}")
    return values


def arguments(
    said: Mapping[str, Any],
    declared: Mapping[str, Param],
    names: Mapping[str, Value],
    scale: Scale,
    layer: Layer,
    copy: int,
    obeyed: Collection[str] = STYLE,
) -> dict[str, Any]:
    """Return the arguments of a layer as typed values, evaluated with the caller's names.

    `obeyed` are the keys of a style that the layer, or anything inside it, may obey.
    """
    arguments = {}
    for key, value in said.items():
        if key not in declared:
            options = [*declared, *RESERVED]
            hint = suggestion(key, options, "parameters")
            if key in STYLE and key in obeyed:
                hint = f"it takes that from the style: write style: {{{key}: {value}}}"
            elif key in _ALONE:
                hint = f"put a layer behind it: {{block: {key}, {_ALONE[key]}: {value}}}"
            raise ConfigError(f"{layer.where}.{key}", f"{layer.block} has no such parameter; {hint}")
        if copy == 0 or not declared[key].first:
            arguments[key] = _read(value, declared[key], names, scale, f"{layer.where}.{key}")
    return arguments


_ALONE = {"norm": "norm", "act": "kind"}
"""The keys of a style that are layers, too, and what such a layer calls them."""


def _read(value: Any, param: Param, names: Mapping[str, Value], scale: Scale, where: str) -> Argument:
    """Return one value as `param` wants it; a literal number of channels is scaled, an expression is not."""
    result = read(value, param, names, where)
    if param.type != "channels" or isinstance(value, str):
        return result
    scaled = scale.channels(int(result))  # type: ignore[arg-type]
    if scaled > LARGEST:
        raise TooLargeError(where, f"{scaled:,} channels is too large; at most {LARGEST:,} is allowed")
    return read(scaled, param, {}, where)


def style(
    outer: Mapping[str, Attribute], content: Mapping[str, Any], names: Mapping[str, Value], where: str
) -> Mapping[str, Attribute]:
    """Return the surrounding style with what `content` says instead."""
    for key in content:
        if key not in STYLE:
            raise ConfigError(f"{where}.{key}", f"no such key of a style; {suggestion(str(key), STYLE, 'keys')}")
    inner = {key: read(value, STYLE[key], names, f"{where}.{key}") for key, value in content.items()}
    return {**outer, **inner} if inner else outer
