"""Primitives that other installed packages bring, by the entry point group `archbuilder.primitives`.

A package names each of its primitives in its own pyproject.toml:

    [project.entry-points."archbuilder.primitives"]
    blur = "their_package.blur:Blur"

where `Blur` is a class under the decorator `archbuilder.primitives.primitive("blur")`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from archbuilder.errors import ConfigError
from archbuilder.primitives.base import REGISTRY, Primitive

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "archbuilder.primitives"


def find(name: str) -> type[Primitive] | None:
    """Return the primitive of that name, loading the installed package that brings it; None where there is none.

    Raises ConfigError where the package cannot be imported or brings something else under that name.
    """
    if name not in REGISTRY and name in _offered():
        _load(_offered()[name])
    return REGISTRY.get(name)


def names() -> list[str]:
    """Return the names of all primitives, those of installed packages included, without importing any."""
    return [*REGISTRY, *(name for name in _offered() if name not in REGISTRY)]


@lru_cache(maxsize=1)
def _offered() -> dict[str, EntryPoint]:
    # Reading what is installed takes a while, so it is done once, and not before a name is unknown.
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _load(entry: EntryPoint) -> None:
    package = entry.dist.name if entry.dist else entry.value
    try:
        entry.load()
    except Exception as error:  # whatever a stranger's module raises while it is imported
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(entry.name, f"the primitive of the package {package} cannot be loaded ({reason})") from error
    if entry.name not in REGISTRY:
        raise ConfigError(entry.name, f"the package {package} names {entry.value}, which registers no such primitive")
