"""The command `archbuilder show`: which networks, and in which form."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from archbuilder.errors import ConfigError
from archbuilder.graph import Graph
from archbuilder.language.scale import WIDEST
from archbuilder.language.source import Resolved, resolve
from archbuilder.paths import is_file
from archbuilder.record import ARCHITECTURE_FILE

T = TypeVar("T")


def show(
    words: Sequence[str],
    config_dir: str | None = None,
    *,
    depth: int | None = None,
    as_json: bool = False,
    to: Path | None = None,
) -> None:
    """Print what some networks cost, or draw one into the file `to`.

    `words` are models and overrides, in any order; the overrides hold for all models. A model may also be the folder of
    a run or a package. One network is shown as a tree folded below `depth` levels, several as a row each. Raises
    ConfigError, PackageError for a damaged file of a folder.
    """
    models, overrides = models_and_overrides(words)
    if depth is not None and to is None and (as_json or len(models) > 1):
        whole = "JSON holds every layer" if as_json else "several models are a row each"
        raise ConfigError("--depth", f"folds the tree or the diagram of one model, but {whole}; leave it out")
    if to is not None:
        from archbuilder.show.draw import checked_suffix

        checked_suffix(to)  # before any work
        if len(models) > 1:
            raise ConfigError("--draw", f"draws one model, not {len(models)}: {', '.join(models)}")
    folders = [model for model in models if is_file(Path(model) / ARCHITECTURE_FILE)]
    graphs = {model: finished(Path(model), overrides) for model in folders}
    resolved = _each(
        [model for model in models if model not in graphs], lambda model: resolve(model, overrides, config_dir)
    )
    graphs |= _each([*resolved], lambda model: resolved[model].expand())
    if to is not None:
        _draw(graphs[models[0]], to, depth)
    elif as_json:
        content = [_json(graphs[model], resolved.get(model)) for model in models]
        print(json.dumps(content if len(content) > 1 else content[0], indent=1))
    else:
        _print([graphs[model] for model in models], depth)
        for model, each in resolved.items():
            if each.budget:
                print(f"{model}: {_width(each)}")


def _print(graphs: Sequence[Graph], depth: int | None) -> None:
    from archbuilder.description import describe_graph
    from archbuilder.show.table import models_page, print_page, tree_page
    from archbuilder.show.tree import network

    if len(graphs) > 1:
        print_page(models_page(describe_graph(graph) for graph in graphs))
    else:
        print_page(tree_page(network(graphs[0]), depth))


def finished(folder: Path, overrides: Sequence[str] = ()) -> Graph:
    """Return the network whose architecture lies in a folder; raises ConfigError, PackageError where it is damaged."""
    from archbuilder.zoo.architecture import read_graph

    if overrides:
        raise ConfigError(overrides[0], f"the network in {folder} is finished: there is nothing left to override")
    return read_graph(folder)


def _json(graph: Graph, resolved: Resolved | None) -> dict[str, Any]:
    """Return a description as JSON, with the scale that a budget has led to."""
    from archbuilder.description import describe_graph

    scale = {"scale": resolved.content["scale"]} if resolved and resolved.budget else {}
    return {**describe_graph(graph).to_json(), **scale}


def _width(resolved: Resolved) -> str:
    """Return in words which width a budget has led to."""
    [(kind, amount)] = resolved.budget.items()
    scale = " ".join(f"model.scale.{key}={value}" for key, value in resolved.content["scale"].items())
    if resolved.content["scale"]["width"] >= 0.999 * WIDEST:
        return f"{kind} {amount} are not exhausted by the widest there is, {scale}"
    return f"the widest within {kind} {amount} is {scale}"


def _each(models: Sequence[str], action: Callable[[str], T]) -> dict[str, T]:
    """Return what an action gives for each model; of several, an error tells which one is wrong."""
    made = {}
    for model in models:
        try:
            made[model] = action(model)
        except ConfigError as error:
            if len(models) == 1:
                raise
            raise ConfigError(f"{model}: {error.where}", error.what) from None
    return made


def models_and_overrides(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell models from overrides, which hold a `=` or start with `~` and are no file.

    Raises ConfigError where no model is left.
    """
    overrides = [word for word in words if ("=" in word or word.startswith("~")) and not _is_file(word)]
    models = [word for word in words if word not in overrides]
    if not models:
        raise ConfigError("model", f"only overrides are given; name a model before {overrides[0]}, such as resnet20")
    return models, overrides


def _is_file(word: str) -> bool:
    """Tell whether a word is a path, though it may look like an override: runs/lr=0.1/mine.yaml, runs/lr=0.1."""
    return word.endswith((".yaml", ".yml")) or is_file(Path(word)) or is_file(Path(word) / ARCHITECTURE_FILE)


def _draw(graph: Graph, to: Path, depth: int | None) -> None:
    from archbuilder.show.draw import draw
    from archbuilder.show.tree import network

    print(draw(network(graph), to, depth))
