"""Settings from a configuration, checked against the function that takes them."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from omegaconf import OmegaConf

from archbuilder.errors import ConfigError, suggestion

MISSING = "???"  # what OmegaConf writes where a value must be given

WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a fraction",
    str: "a text",
    list: "a list of texts",
    type(None): "null",
}


def plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as a plain dict; an OmegaConf config is resolved, and its missing values stay '???'."""
    if OmegaConf.is_config(settings):
        return typing.cast("dict[str, Any]", OmegaConf.to_container(typing.cast(Any, settings), resolve=True))
    return dict(settings)


def arguments(
    function: Callable[..., Any],
    settings: Mapping[str, Any],
    where: str,
    hints: Mapping[str, str] = types.MappingProxyType({}),
) -> dict[str, Any]:
    """Return `settings` as keyword arguments for `function`, checked against its signature.

    Raises ConfigError at `where.<key>` for an unknown key, a missing value (`hints` says how to mend it)
    or a value of another type than the parameter's.
    """
    parameters = inspect.signature(function).parameters
    kinds = typing.get_type_hints(function)
    for key in settings:
        if key not in parameters:
            raise ConfigError(f"{where}.{key}", f"unknown key; {suggestion(str(key), parameters)}")
    for key, parameter in parameters.items():
        value = settings.get(key, MISSING if parameter.default is parameter.empty else parameter.default)
        if isinstance(value, str) and value == MISSING:
            raise ConfigError(f"{where}.{key}", hints.get(key, f"needs a value: {_words(kinds[key])}"))
        if not _fits(value, kinds[key]):
            raise ConfigError(f"{where}.{key}", f"needs {_words(kinds[key])}, not {value!r:.60}")
    return dict(settings)


def _choices(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the kind alone."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return typing.get_args(kind)
    return (kind,)


def _fits(value: Any, kind: Any) -> bool:
    """Tell whether a plain value is of a kind; exact types, because True is no whole number here."""
    for choice in _choices(kind):
        if typing.get_origin(choice) is typing.Literal:
            if type(value) is str and value in typing.get_args(choice):
                return True
        elif typing.get_origin(choice) is not None:
            if isinstance(value, Sequence) and not isinstance(value, str):
                return all(type(item) is str for item in value)
        elif type(value) is choice:
            return True
    return False


def _words(kind: Any) -> str:
    words = [word for choice in _choices(kind) for word in _kind_words(choice)]
    return ", ".join(words[:-1]) + " or " + words[-1] if len(words) > 1 else words[0]


def _kind_words(kind: Any) -> list[str]:
    if typing.get_origin(kind) is typing.Literal:
        return [str(word) for word in typing.get_args(kind)]
    return [WORDS[list if typing.get_origin(kind) else kind]]
