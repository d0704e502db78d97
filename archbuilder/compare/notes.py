"""What a reader must know to read a comparison rightly."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from archbuilder.compare.axes import Axis
from archbuilder.compare.labels import differences
from archbuilder.compare.statistics import Group
from archbuilder.compare.table import MOST_TIED, Row, set_order
from archbuilder.compare.words import NAME
from archbuilder.show.text import printable

MOST_SETTINGS = 6
# Of more recipes or sets the notes would hide the table; the JSON file tells all.
MOST_TOLD = 12
SPEEDS = ("images_per_second", "latency")


class Recipe(NamedTuple):
    """The hash of one of several recipes, and the settings in which they differ, each as text."""

    hash: str
    settings: dict[str, str]


def recipes_of(table: Sequence[Row], groups: Sequence[Group]) -> dict[str, Recipe]:
    """Return by label, where there are several, what tells the recipes apart."""
    labels = {row.recipe_hash: row.recipe for row in table}
    if len(labels) == 1:
        return {}
    settings = {g.conditions.recipe_hash: g.runs[0].record.recipe.settings for g in groups}
    hashes = sorted(labels)
    differing = differences([settings[digest] for digest in hashes])
    return {
        labels[digest]: Recipe(digest, {key: values[i] for key, values in differing.items()})
        for i, digest in enumerate(hashes)
    }


def notes_on(
    table: Sequence[Row], groups: Sequence[Group], recipes: Mapping[str, Recipe], x: Axis, together: bool
) -> list[str]:
    """Return what a reader must know to read the table rightly, one sentence or two per note."""
    split = table[0].split
    notes = [_reading(table, x)]
    largest = len(table) if together else max(Counter(row.set for row in table).values())
    if largest > MOST_TIED:
        notes.append(f"Of more than {MOST_TIED} comparable rows, ties are told with those on the front alone.")
    if split == "test":
        notes.append("This is the test split: report by it, but do not choose by it.")
    single = sum(row.n == 1 for row in table)
    if single:
        which = "All rows" if single == len(table) else f"{single} of {len(table)} rows"
        notes.append(f"{which} have one seed (n=1) and so no interval: their order may be chance.")
    if any(row.n == 2 for row in table):
        notes.append("Of two seeds an interval is 12.7 standard errors to each side, of three 4.3: use three or more.")
    notes += _set_notes(table, together)
    if _stopped_early(groups):
        notes.append(
            "Seeds of one network and recipe that stopped after different numbers of epochs are kept apart, a row for "
            "each number: their mean would hang on when they stopped."
        )
    notes += _recipe_notes(recipes)
    if x.field in SPEEDS:
        notes.append(
            f"Each run measured its {x.column} itself, perhaps beside other jobs: the front says something only of "
            "runs that were measured alike."
        )
    devices = sorted({run.record.training.device for g in groups for run in g.runs})
    if len(devices) > 1:
        notes.append(f"Speeds are not comparable: they were measured on {', '.join(devices)}.")
    return [printable(note) for note in notes]


def _reading(table: Sequence[Row], x: Axis) -> str:
    """Return what the figures and marks in the table mean."""
    images = ", ".join(f"{n:,}" for n in sorted({row.images for row in table}))
    data = ", ".join(sorted({row.data for row in table}))
    meanings = [
        f"Accuracy: single view, last epoch, on the {table[0].split} split of {data} ({images} images): mean and 95% "
        f"t-interval over n seeds. Front *: no other row has {x.no_worse} and as high an accuracy."
    ]
    if any(row.difference is not None for row in table):
        meanings.append("Difference: to the best row that costs no more, over the seeds that both have.")
    if any(row.ties for row in table):
        alike = "rows of one budget" if any(row.budget for row in table) else "rows"
        meanings.append(
            f"Ties: {alike} whose intervals overlap: not told apart without pairing; the difference is the paired test."
        )
    return " ".join(meanings)


def _set_notes(table: Sequence[Row], together: bool) -> list[str]:
    """Return what keeps rows from being compared, where not all are comparable."""
    sets = list(dict.fromkeys(row.set for row in sorted(table, key=set_order)))
    if len(sets) == 1:
        return []
    told = "; ".join(sets[:MOST_TOLD])
    if len(sets) > MOST_TOLD:
        told += f"; and {len(sets) - MOST_TOLD:,} more: {NAME}.json"
    if together:
        return [f"Asked for: one front over rows that are not comparable, for they differ: {told}."]
    return [f"Not all rows are comparable; fronts and ties are kept apart: {told}."]


def _stopped_early(groups: Iterable[Group]) -> bool:
    """Tell whether groups differ in nothing but the epochs trained for, which a recipe states the most of."""
    alike = Counter((g.network, dataclasses.replace(g.conditions, epochs=0)) for g in groups)
    return max(alike.values()) > 1


def _recipe_notes(recipes: Mapping[str, Recipe]) -> list[str]:
    """Return for each of the first recipes its hash and the settings in which it differs from the others."""
    if recipes and not any(recipe.settings for recipe in recipes.values()):
        return ["The recipes have different hashes, but no setting that they record differs."]
    notes = []
    for label, (digest, settings) in itertools.islice(recipes.items(), MOST_TOLD):
        parts = [f"{key}={value}" for key, value in settings.items()]
        more = f" and {len(parts) - MOST_SETTINGS} more" if len(parts) > MOST_SETTINGS else ""
        notes.append(f"Recipe {label} ({digest[:8]}): {', '.join(parts[:MOST_SETTINGS])}{more}.")
    if len(recipes) > MOST_TOLD:
        notes.append(f"And {len(recipes) - MOST_TOLD:,} more recipes: {NAME}.json tells them.")
    return notes
