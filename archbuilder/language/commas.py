"""Expressions that YAML has cut at their commas: `{a: max(1, b)}` is `a: max(1` and, as one more key, `b)`."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from archbuilder.errors import ConfigError


def is_open(text: object) -> bool:
    """Tell whether a text lacks a closing parenthesis."""
    return isinstance(text, str) and text.count("(") > text.count(")")


def check_commas(content: Mapping[Any, Any], where: str) -> None:
    """Raise ConfigError, with the quotes that mend it, where the keys behind a value are the rest of it."""
    entries = list(content.items())
    for index, (key, value) in enumerate(entries):
        if is_open(value):
            rest = [str(other) for other, _ in takewhile(lambda entry: entry[1] is None, entries[index + 1 :])]
            whole = next((text for text in _longer(value, rest) if not is_open(text)), None)
            if whole:
                hint = f'in {{...}} an expression with a comma needs quotes: {key}: "{whole}"'
                raise ConfigError(f"{where}.{key}", f"'{value}' is not an expression; {hint}")


def _longer(text: str, rest: list[str]) -> list[str]:
    """Return a text with one more of the rest each time, as they were written."""
    return [", ".join([text, *rest[: count + 1]]) for count in range(len(rest))]
