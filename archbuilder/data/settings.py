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
    float: "a number",
    str: "a text",
    type(None): "null",
}
ITEMS = {str: "texts", int: "whole numbers", float: "numbers"}
"""What a list may hold."""


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
    or a value of another type than the parameter's; TypeError for a parameter that is annotated as something else
    than settings can be.
    """
    parameters = inspect.signature(function).parameters
    kinds = typing.get_type_hints(function)
    for key in parameters:
        _check_annotation(function, key, kinds.get(key, "nothing"))
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


def _check_annotation(function: Callable[..., Any], key: str, kind: Any) -> None:
    """Refuse a parameter whose settings could not be checked; it is the developer who mends that."""
    for choice in _choices(kind):
        if not (choice in WORDS or typing.get_origin(choice) is typing.Literal or _item(choice) in ITEMS):
            raise TypeError(
                f"{function.__name__}: the parameter {key} is annotated as {kind}, which settings are not checked "
                "against; use bool, int, float, str, None, Literal, Sequence of str, int or float, or a union of them"
            )


def _choices(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the kind alone."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return typing.get_args(kind)
    return (kind,)


def _item(kind: Any) -> Any:
    """Return what a list of some kind holds; None where the kind is no list."""
    return typing.get_args(kind)[0] if typing.get_origin(kind) in (list, Sequence) else None


def _fits(value: Any, kind: Any) -> bool:
    """Tell whether a plain value is of a kind; True is no whole number here, but a whole number is a number."""
    return any(_is(value, choice) for choice in _choices(kind))


def _is(value: Any, choice: Any) -> bool:
    if typing.get_origin(choice) is typing.Literal:
        return type(value) is str and value in typing.get_args(choice)
    if item := _item(choice):
        return isinstance(value, Sequence) and not isinstance(value, str) and all(_is(each, item) for each in value)
    return type(value) in ((int, float) if choice is float else (choice,))


def _words(kind: Any) -> str:
    words = [word for choice in _choices(kind) for word in _kind_words(choice)]
    if int in _choices(kind):
        # Shares tell fractions from counts by their type.
        words = ["a fraction" if word == WORDS[float] else word for word in words]
    return ", ".join(words[:-1]) + " or " + words[-1] if len(words) > 1 else words[0]


def _kind_words(kind: Any) -> list[str]:
    if typing.get_origin(kind) is typing.Literal:
        return [str(word) for word in typing.get_args(kind)]
    item = _item(kind)
    return [f"a list of {ITEMS[item]}" if item else WORDS[kind]]
