"""The public functions, each a thin door to the module that does it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.description import Description, describe_graph
from archbuilder.features import keep_features
from archbuilder.language.source import Source, expand, models, read_texts

if TYPE_CHECKING:
    from archbuilder.assemble import Block
    from archbuilder.zoo.package import Loaded

__all__ = ["build", "describe", "expand", "load", "models"]


def describe(source: Source, overrides: Iterable[str] = (), *, config_dir: str | Path | None = None) -> Description:
    """Return the exact cost of a model without building it; imports no torch. Raises ConfigError.

    A source is what `expand` takes, and so are overrides and config_dir.
    """
    return describe_graph(expand(source, overrides, config_dir=config_dir))


def build(
    source: Source,
    overrides: Iterable[str] = (),
    *,
    features: Iterable[str] = (),
    config_dir: str | Path | None = None,
) -> Block:
    """Return a torch module for a model, called with [N, C, H, W] tensors. Raises ConfigError.

    Weights are fresh, drawn from torch's global random state: `torch.manual_seed` before it repeats them. With
    `features`, full names of layers such as `stages.stage2`, it returns their outputs instead of its own (a tuple
    where they are several), and what lies behind them is not made; the rest keeps its names, so weights of the
    whole network fit.
    """
    graph = expand(source, overrides, config_dir=config_dir)
    names = _names(features)
    if names:
        graph = keep_features(graph, names)
    from archbuilder.assemble import assemble

    return assemble(graph)


def load(package: str | Path, *, features: Iterable[str] = ()) -> Loaded:
    """Return the network of a zoo package in evaluation mode, with `.preprocess`, `.labels`, `.metadata`.

    With `features`, names of layers, it returns their outputs instead of its logits, as with `build`. Runs nothing from
    the package. Raises PackageError where it is damaged or foreign, ConfigError for a layer that is not there.
    """
    from archbuilder.zoo.package import load_package

    return load_package(Path(package), _names(features))


def _names(features: Iterable[str]) -> list[str]:
    return [features] if isinstance(features, str) else read_texts(features, "features", "stages.stage2")
