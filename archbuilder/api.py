"""The public functions, each a thin door to the module that does it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.description import Description, describe_graph
from archbuilder.language.source import Source, expand, models

if TYPE_CHECKING:
    from archbuilder.assemble import Block
    from archbuilder.zoo.package import Loaded

__all__ = ["build", "describe", "expand", "load", "models"]


def describe(source: Source, overrides: Iterable[str] = ()) -> Description:
    """Return the exact cost of a model without building it; imports no torch. Raises ConfigError."""
    return describe_graph(expand(source, overrides))


def build(source: Source, overrides: Iterable[str] = ()) -> Block:
    """Return a torch module for a model, called with [N, C, H, W] tensors. Raises ConfigError.

    Weights are fresh, drawn from torch's global random state: `torch.manual_seed` before it repeats them.
    """
    graph = expand(source, overrides)
    from archbuilder.assemble import assemble

    return assemble(graph)


def load(package: str | Path) -> Loaded:
    """Return the network of a zoo package in evaluation mode, with `.preprocess`, `.labels`, `.metadata`.

    Runs nothing from the package. Raises PackageError where it is damaged or foreign.
    """
    from archbuilder.zoo.package import load_package

    return load_package(Path(package))
