"""The command `archbuilder show`: which networks, and in which form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from archbuilder.errors import ConfigError
from archbuilder.graph import Graph
from archbuilder.language.source import expand


def show(words: Sequence[str], *, depth: int | None = None, as_json: bool = False, to: Path | None = None) -> None:
    """Print what some networks cost, or draw one into the file `to`.

    `words` are models and overrides, in any order; the overrides hold for all models. One network is shown as a tree
    folded below `depth` levels, several as a row each. Raises ConfigError.
    """
    models, overrides = models_and_overrides(words)
    if to is not None:
        _draw(models, overrides, to, depth)
        return
    from archbuilder.description import describe_graph

    graphs = _expanded(models, overrides)
    if as_json:
        content = [describe_graph(graph).to_json() for graph in graphs]
        print(json.dumps(content if len(content) > 1 else content[0], indent=1))
        return
    from archbuilder.show.table import models_page, print_page, tree_page
    from archbuilder.show.tree import network

    if len(graphs) > 1:
        print_page(models_page(describe_graph(graph) for graph in graphs))
    else:
        print_page(tree_page(network(graphs[0]), depth))


def _expanded(models: Sequence[str], overrides: list[str]) -> list[Graph]:
    """Return the Graphs of some models; of several, an error tells which one is wrong."""
    graphs = []
    for model in models:
        try:
            graphs.append(expand(model, overrides))
        except ConfigError as error:
            if len(models) == 1:
                raise
            raise ConfigError(f"{model}: {error.where}", error.what) from None
    return graphs


def models_and_overrides(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell models from overrides, which hold a `=` or start with `~`; raises ConfigError where no model is left."""
    overrides = [word for word in words if "=" in word or word.startswith("~")]
    models = [word for word in words if word not in overrides]
    if not models:
        raise ConfigError("model", f"only overrides are given; name a model before {overrides[0]}, such as resnet20")
    return models, overrides


def _draw(models: Sequence[str], overrides: list[str], to: Path, depth: int | None) -> None:
    from archbuilder.show.draw import checked_suffix, draw
    from archbuilder.show.tree import network

    checked_suffix(to)  # before any work
    if len(models) > 1:
        raise ConfigError("--draw", f"draws one model, not {len(models)}: {', '.join(models)}")
    print(draw(network(_expanded(models, overrides)[0]), to, depth))
