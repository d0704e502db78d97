"""What the page tells of a network when it is chosen: its layers, how it learned, and how it was trained."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from archbuilder.compare.labels import flat_settings
from archbuilder.compare.statistics import Group
from archbuilder.errors import ConfigError
from archbuilder.record import ARCHITECTURE_FILE, METRICS_FILE, Record

# A page over any number of runs is to stay small, and to be made in about a second.
MOST_GROUPS = 300
MOST_CURVES = 1000
MOST_CURVES_EACH = 10
MOST_POINTS = 100
# Of a network's layers, in levels below its root, in lines, and in bytes of the file that tells them.
DEEPEST = 3
MOST_LAYERS = 100
LARGEST_FILE = 2_000_000
LONGEST_SETTING = 200


def details(groups: Mapping[int, Group]) -> dict[str, Any]:
    """Return what is told of each group when it is chosen, as plain data; each group by its number.

    `groups` holds, by number and trimmed to what a page may hold, `trainable` (parameters), `facts` about the
    runs, `folders`, and `curves` of the first seeds, each [epochs, accuracies 0..1]. `layers` holds the lines of
    each architecture by its hash, each [level, name, kind, shape, params, macs], or a text that says why there are
    none. `settings` holds the recipes' `keys` and, by hash, their `values` as text, null where unset.
    """
    chosen = dict(list(groups.items())[:MOST_GROUPS])
    left = MOST_CURVES
    told = {}
    for number, each in chosen.items():
        curves = [curve(run.folder / METRICS_FILE) for run in each.runs[: min(MOST_CURVES_EACH, left)]]
        left -= len(curves)
        told[number] = {
            "trainable": each.cost.trainable_params,
            "facts": facts([run.record for run in each.runs]),
            "folders": [str(run.folder) for run in each.runs],
            "curves": curves,
        }
    examples = {each.architecture_hash: each for each in chosen.values()}
    recipes = {each.conditions.recipe_hash: each.runs[0].record.recipe.settings for each in chosen.values()}
    return {
        "groups": told,
        "layers": {digest: layers(each.runs[0].folder, digest) for digest, each in examples.items()},
        "settings": settings(recipes),
    }


def layers(folder: Path, architecture_hash: str) -> list[list[Any]] | str:
    """Return the lines of a run's network, outer before inner, each [level, name, kind, shape, params, macs].

    They are folded below the third level, or above it where they would be many. Where the run's
    `architecture.json` is missing, damaged, very large or of another network, the answer says so.
    """
    from archbuilder.graph_json import from_json, graph_hash
    from archbuilder.primitives import check
    from archbuilder.show.text import shape_text
    from archbuilder.show.tree import folded, network, readable_depth, rows

    path = folder / ARCHITECTURE_FILE
    try:
        if path.stat().st_size > LARGEST_FILE:
            return f"{path} is too large to be shown here"
        graph = from_json(json.loads(path.read_text(encoding="utf-8")))
        check(graph)
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})"
    except (ConfigError, ValueError, RecursionError) as error:
        return f"{path} is damaged ({error})"
    if graph_hash(graph) != architecture_hash:
        return f"{path} is not the network of the record beside it"
    root = network(graph).root
    shown = folded(root, min(DEEPEST, readable_depth(root, MOST_LAYERS)))
    nodes = [row.node for row in rows(shown)]
    return [
        [node.path.count("."), node.name, node.kind, shape_text(node.shape), node.params, node.macs]
        for node in nodes[:MOST_LAYERS]
    ]


def curve(path: Path) -> list[list[float]]:
    """Return [epochs, accuracies] on the val split from a `metrics.csv`, at most 100 of them, first and last included.

    Epochs without that figure are left out, and so are lines that cannot be read; no file gives two empty lists.
    """
    points = list(_points(path))
    if len(points) > MOST_POINTS:
        step = (len(points) - 1) / (MOST_POINTS - 1)
        points = [points[round(i * step)] for i in range(MOST_POINTS)]
    return [[epoch for epoch, _ in points], [round(accuracy, 5) for _, accuracy in points]]


def settings(recipes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return all `keys` of the recipes, dotted, and by recipe hash the `values` in their order, null where unset."""
    flat = {digest: flat_settings(each) for digest, each in recipes.items()}
    keys = sorted({key for each in flat.values() for key in each})
    return {
        "keys": keys,
        "values": {digest: [_cut(each.get(key)) for key in keys] for digest, each in flat.items()},
    }


def facts(records: Sequence[Record]) -> dict[str, str]:
    """Return what a reader may ask about the runs of one group, in words."""
    data, trained = records[0].data, [each.training for each in records]
    splits = ", ".join(f"{size:,} {split}" for split, size in data.splits.items())
    return {
        "data": f"{data.name} ({splits}; sha256 {data.fingerprint[:12]})",
        "epochs": _all(f"{each.epochs:,}" for each in trained),
        "steps": _all(f"{each.steps:,}" for each in trained),
        "device": _all(each.device for each in trained),
        "precision": _all(each.precision for each in trained),
        "versions": _all(", ".join(f"{name} {version}" for name, version in each.versions.items()) for each in records),
        "finished": _all((min(each.finished_at for each in records), max(each.finished_at for each in records))),
    }


def _points(path: Path) -> Iterable[tuple[int, float]]:
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            for line in csv.DictReader(file):
                try:
                    epoch, accuracy = int(line["epoch"]), float(line["val/accuracy"])
                except (KeyError, TypeError, ValueError):
                    continue
                if 0 <= accuracy <= 1:
                    yield epoch, accuracy
    except (OSError, csv.Error):
        return


def _all(texts: Iterable[str]) -> str:
    return " / ".join(dict.fromkeys(texts))


def _cut(text: str | None) -> str | None:
    return text if text is None or len(text) <= LONGEST_SETTING else f"{text[:LONGEST_SETTING]} ..."
