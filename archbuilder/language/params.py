"""Parameters of blocks: their types, their defaults, and reading a YAML value as one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from archbuilder.errors import ConfigError, suggestion
from archbuilder.language.commas import check_commas
from archbuilder.language.expressions import LARGEST, ExpressionError, Value, evaluate

REQUIRED: Any = object()
TYPES = ("channels", "integer", "pair", "integers", "number", "boolean", "word", "block")
# What each block may be told about where it stands; no parameter may take one of these names.
SURROUNDINGS = {
    "block_in": "channels entering the block",
    "in_channels": "channels of this layer's first input",
    "index": "which copy this is, from 0, among all that `repeat` makes in `stages`",
    "count": "how many such copies there are",
    "copy": "which copy this is, from 0, of the nearest `repeat`; 0 outside any",
    "copies": "how many copies the nearest `repeat` makes; 1 outside any",
}

Argument = int | float | bool | str | tuple[int, ...]


@dataclass(frozen=True)
class Param:
    """One parameter: type, default, bounds, and whether in a repeat only the first copy gets it."""

    type: str
    default: Any = REQUIRED
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    first: bool = False
    doc: str = ""

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


def read(value: Any, param: Param, names: Mapping[str, Value], where: str) -> Argument:
    """Return a YAML value as `param` wants it, evaluating expressions over `names`.

    Raises ConfigError at `where` for a wrong type, an unknown word or a value out of bounds.
    """
    if value is None:
        raise ConfigError(where, f"null is not {wanted(param)}" + ("; write none" if param.choices else ""))
    result = _READERS[param.type](value, param, names, where)
    for number in result if isinstance(result, tuple) else (result,):
        _check_bounds(number, param, where)
    return result


def _check_bounds(number: Any, param: Param, where: str) -> None:
    if isinstance(number, bool | str):
        return
    lowest = 1 if param.type == "channels" else -LARGEST
    low = lowest if param.minimum is None else param.minimum
    if number < low:
        raise ConfigError(where, f"{number} is too small; at least {low:,} is needed")
    high = LARGEST if param.maximum is None else param.maximum
    if not number <= high:
        raise ConfigError(where, f"{number} is too large; at most {high:,} is allowed")


def _number(value: Any, param: Param, names: Mapping[str, Value], where: str) -> int | float:
    result = _expression(value, names, where) if isinstance(value, str) else value
    if isinstance(result, bool) or not isinstance(result, int | float):
        raise ConfigError(where, f"{_shown(value)} is not {wanted(param)}")
    return result


def _integer(value: Any, param: Param, names: Mapping[str, Value], where: str) -> int:
    result = _number(value, param, names, where)
    if result != result or abs(result) == float("inf") or result != int(result):
        told = f" is {result}," if isinstance(value, str) else " is"
        raise ConfigError(where, f"{_shown(value)}{told} not a whole number")
    return int(result)


def _boolean(value: Any, param: Param, names: Mapping[str, Value], where: str) -> bool:
    if isinstance(value, str) and value.isidentifier() and not names:
        raise ConfigError(where, f"{_shown(value)} is not true or false")
    result = _expression(value, names, where) if isinstance(value, str) else value
    if not isinstance(result, bool):
        raise ConfigError(where, f"{_shown(value)} is not true or false")
    return result


def _pair(value: Any, param: Param, names: Mapping[str, Value], where: str) -> tuple[int, ...] | str:
    if isinstance(value, str) and value in param.choices:
        return value
    inner = names.get(value) if isinstance(value, str) else value
    if isinstance(inner, tuple):
        value = inner
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise ConfigError(where, f"{_shown(value)} has {len(value)} entries; write k or [height, width]")
        return _integers(value, param, names, where)
    return (_integer(value, param, names, where),) * 2


_ITEM = Param("integer")


def _integers(value: Any, param: Param, names: Mapping[str, Value], where: str) -> tuple[int, ...]:
    if isinstance(value, str):
        value = names.get(value, value)
    if not isinstance(value, list | tuple) or not value:
        raise ConfigError(where, f"{_shown(value)} is not a list of whole numbers")
    return tuple(_integer(item, _ITEM, names, f"{where}[{i}]") for i, item in enumerate(value))


# What other tools call the words of the language.
_ALSO_CALLED = {
    "swish": "silu",
    "hswish": "hardswish",
    "lrelu": "leaky_relu",
    "bn": "batch",
    "gn": "group",
    "ln": "layer",
    "off": "none",
}


def _word(value: Any, param: Param, names: Mapping[str, Value], where: str) -> str:
    if not isinstance(value, str):
        told = f"{_shown(value)} is not {wanted(param)}"
        if isinstance(value, bool):
            none = "; write none" if "none" in param.choices else ""
            told += f"; YAML reads on, off, yes and no as true or false{none}"
        raise ConfigError(where, told)
    # A parameter's name stands for its value; only words and blocks have values that are strings.
    inner = names.get(value)
    word = inner if isinstance(inner, str) else value
    if param.choices and word not in param.choices:
        meant = _ALSO_CALLED.get(word.lower().replace("_", ""), "")
        hint = suggestion(meant if meant in param.choices else word, param.choices, "known")
        raise ConfigError(where, f"'{word}' is not known; {hint}")
    return word


_READERS: Mapping[str, Callable[[Any, Param, Mapping[str, Value], str], Argument]] = {
    "channels": _integer,
    "integer": _integer,
    "pair": _pair,
    "integers": _integers,
    "number": _number,
    "boolean": _boolean,
    "word": _word,
    "block": _word,
}
_WANTED = {
    "channels": "a number of channels",
    "integer": "a whole number",
    "pair": "a whole number or a pair of them",
    "integers": "a list of whole numbers",
    "number": "a number",
    "boolean": "true or false",
    "word": "a word",
    "block": "the name of a block",
}


def wanted(param: Param) -> str:
    """Return in words what a parameter takes."""
    return f"one of {', '.join(param.choices)}" if param.choices else _WANTED[param.type]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _expression(text: str, names: Mapping[str, Value], where: str) -> Value:
    try:
        return evaluate(text, names)
    except ExpressionError as error:
        raise ConfigError(where, str(error)) from None


DECLARATION = {
    "type": f"one of {', '.join(TYPES)}; by default that of the default value",
    "default": "the value where a layer says none, or an expression over the parameters before it; without it the "
    "parameter is required",
    "repeat": "`first`: in a repeat only the first copy gets what is said, the others the default",
    "doc": "what the parameter is, in a few words",
}
"""The keys of a parameter that is declared by a mapping."""


def declare(value: Any, where: str) -> Param:
    """Return the parameter that a block file's `params` entry declares.

    A type alone is required; a value alone is optional and gives the type; a mapping says both.
    """
    if isinstance(value, dict):
        return _declare_fully(value, where)
    if isinstance(value, str) and value in TYPES:
        return Param(value)
    if isinstance(value, str):
        _check_no_type(value, where)
    return Param(_type_of(value, where), default=value)


_OTHERWISE = {"int": "integer", "bool": "boolean", "float": "number", "str": "word"}


def _check_no_type(word: str, where: str) -> None:
    """Refuse a word default that is all but the name of a type: that is what was meant."""
    near = [_OTHERWISE[word]] if word in _OTHERWISE else get_close_matches(word.lower(), TYPES, n=1, cutoff=0.8)
    if near and word.isalpha():
        hint = f"a default that is a word is written {{type: word, default: {word}}}"
        raise ConfigError(where, f"'{word}' is no type; did you mean '{near[0]}'? {hint}")


def _declare_fully(value: Mapping[Any, Any], where: str) -> Param:
    check_commas(value, where)
    for key in value:
        if key not in DECLARATION:
            raise ConfigError(f"{where}.{key}", f"no such key of a parameter; {suggestion(str(key), DECLARATION)}")
    kind = value["type"] if "type" in value else _type_of(value.get("default"), where)
    if kind not in TYPES:
        raise ConfigError(f"{where}.type", f"'{kind}' is no type; {suggestion(str(kind), TYPES, 'types')}")
    if value.get("repeat", "first") != "first":
        raise ConfigError(f"{where}.repeat", "only 'first' can stand here: then only the first copy gets it")
    param = Param(kind, first="repeat" in value, doc=str(value.get("doc", "")))
    if param.first and "default" not in value:
        raise ConfigError(where, "a parameter for the first copy alone needs a default for the others")
    return replace(param, default=value["default"]) if "default" in value else param


def _type_of(value: Any, where: str) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "integer" if isinstance(value, int) else "number"
    if isinstance(value, list | tuple):
        return "integers"
    if isinstance(value, str):
        if value.isidentifier():
            return "word"
        raise ConfigError(where, f"'{value}' has no evident type; write {{type: channels, default: {value}}}")
    raise ConfigError(where, f"{_shown(value)} is neither a type ({', '.join(TYPES)}) nor a default")
