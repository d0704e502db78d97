"""Declare small convolutional networks in YAML, cost them, train them, compare them, package them.

The names here are loaded when they are first used, so that importing archbuilder is instant and describing a
network imports no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archbuilder.api import build, describe, expand, load, models
    from archbuilder.errors import ConfigError, PackageError

__all__ = ["ConfigError", "PackageError", "build", "describe", "expand", "load", "models"]
__version__ = "0.1.0"


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("archbuilder.errors" if name.endswith("Error") else "archbuilder.api"), name)
    raise AttributeError(f"module 'archbuilder' has no attribute '{name}'")
