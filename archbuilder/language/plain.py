"""What a model may be as data: mappings, lists, words and numbers, of a size that someone could have meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from archbuilder.errors import ConfigError

MOST_VALUES = 100_000
DEEPEST = 50
LONGEST_KEY = 100
LONGEST_TEXT = 10_000
_BITS = 1024


def plain(content: Any, where: str) -> Any:
    """Return a copy of plain data, tuples as lists; what `where` ends in `:` is a file.

    Raises ConfigError with the key path for what no YAML could say, and for what is too large: 100,000 values, 50
    levels, keys of 100 characters, texts of 10,000.
    """
    return _copy(content, where, _Count(), 0)


@dataclass
class _Count:
    values: int = 0


def _copy(value: Any, where: str, count: _Count, depth: int) -> Any:
    count.values += 1
    if count.values > MOST_VALUES:
        raise ConfigError(root(where), f"there are more than {MOST_VALUES:,} values in it")
    if depth > DEEPEST:
        raise ConfigError(root(where), f"is nested too deeply: more than {DEEPEST} mappings and lists in one another")
    if isinstance(value, dict):
        return {_key(key, where): _copy(item, inside(where, key), count, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(item, f"{where}[{index}]", count, depth + 1) for index, item in enumerate(value)]
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise ConfigError(where, f"{value!r:.30}... has {len(value):,} characters; at most {LONGEST_TEXT:,}")
        return value
    if isinstance(value, int) and value.bit_length() > _BITS:
        raise ConfigError(where, "the number is beyond every limit")
    if value is None or isinstance(value, bool | int | float):
        return value
    return _copy(_as_plain(value, where), where, count, depth)


def _key(key: Any, where: str) -> Any:
    if isinstance(key, str) and len(key) > LONGEST_KEY:
        raise ConfigError(where.rstrip(":"), f"the key {key!r:.30}... has {len(key):,} characters, not {LONGEST_KEY}")
    if key is not None and not isinstance(key, str | bool | int | float):
        raise ConfigError(where.rstrip(":"), f"{key!r:.60} cannot be a key; write a word")
    return key


def _as_plain(value: Any, where: str) -> Any:
    """Return what OmegaConf holds, or another kind of mapping, as a dict or a list."""
    from omegaconf import OmegaConf

    if OmegaConf.is_config(value):
        return OmegaConf.to_container(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise ConfigError(where, f"{value!r:.60} is no value that YAML knows: use words, numbers, lists and mappings")


def inside(where: str, key: Any) -> str:
    """Return the key path one step further in."""
    return f"{where}{key}" if where.endswith(":") else f"{where}.{key}"


def root(where: str) -> str:
    """Return where a key path starts: the file, or the first key."""
    file, colon, _ = where.rpartition(":")
    return file if colon else where.partition(".")[0].partition("[")[0]


def texts(value: Any) -> Iterator[str]:
    """Yield every string among the values of plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)
