"""The comparison as one page that loads nothing: a table, a chart, and what is behind each point."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Hashable, Iterable, Sequence
from importlib import resources
from string import Template
from typing import Any, NamedTuple

from archbuilder.compare.budgets import TITLE, Budgets, legend, to_texts
from archbuilder.compare.details import details
from archbuilder.compare.find import Problem
from archbuilder.compare.frame import COLOURS
from archbuilder.compare.labels import budget_label
from archbuilder.compare.statistics import Group
from archbuilder.compare.table import RAW, Row, beside, difference, second_split
from archbuilder.show.text import markup

MORE, FEWER = "more", "fewer"


class Measure(NamedTuple):
    """A number that rows have: its key in a Row, its title in the table, its name on an axis, and what is better.

    `log` says that its axis is logarithmic, `column` that it stands in the table and not only on axes.
    `scale` turns it into the unit of its title.
    """

    key: str
    title: str
    name: str
    better: str
    log: bool = True
    column: bool = True
    scale: float = 1.0


# Those that a row does not have, or of which no row knows the value, are left out.
MEASURES = (
    Measure("params", "params", "params", FEWER),
    Measure("macs", "MACs", "MACs", FEWER),
    Measure("peak_activations", "peak", "peak activations", FEWER, column=False),
    Measure("accuracy_mean", "accuracy %", "accuracy %", MORE, log=False, scale=100),
    Measure("accuracy_std", "std", "std over seeds, points", FEWER, log=False, column=False, scale=100),
    Measure("images_per_second", "img/s", "img/s in training", MORE),
    Measure("latency", "ms", "latency of one image, ms", FEWER, scale=1000),
    Measure("seconds", "s", "s of training", FEWER),
)
WORDS = ("data", "recipe", "epochs", "weights", "images", "budget", "set")
# In this order they make one script.
SCRIPTS = ("page.js", "front.js", "table.js", "chart.js", "panel.js", "start.js")


def page(
    table: Sequence[Row],
    groups: Sequence[Group],
    notes: Sequence[str],
    problems: Sequence[Problem],
    budgets: Budgets,
    x: str = "params",
    together: bool = False,
) -> str:
    """Return the text of an HTML page about the rows; `groups[i]` are the runs behind `table[i]`.

    Fronts are of each set of comparable rows, or of all of them `together`. `x` is the measure on the horizontal axis
    until the reader chooses another: a name of MEASURES. There must be at least one row. Layers, curves and settings
    are read for those on a front first, and for a limited number.
    """
    order = sorted(range(len(table)), key=lambda i: (not table[i].front, -table[i].accuracy_mean, i))
    data = {
        "split": table[0].split,
        "also": second_split(table),
        "x": x,
        "colours": COLOURS,
        "notes": notes,
        "problems": [str(problem) for problem in problems],
        "budgets": {"title": TITLE, "legend": legend(budgets), "lines": to_texts(budgets)} if budgets.lines else None,
        "measures": _measures(table),
        "words": _words(table),
        "sets": _coded("" if together else row.set for row in table),
        "rows": _rows(table, groups),
        "details": details({i: groups[i] for i in order}),
    }
    script, library = "\n".join(map(_asset, SCRIPTS)), _library()
    names = ", ".join(sorted({row.data for row in table}))
    return Template(_asset("page.html")).substitute(
        title=markup(f"{names}: accuracy on the {table[0].split} split"),
        policy=_policy(script, library),
        style=_asset("page.css"),
        script=script,
        data=_inert(data),
        # Plotly's code is three times smaller so, and the table is there before it is unpacked.
        library=base64.b64encode(gzip.compress(library.encode(), 6, mtime=0)).decode(),
    )


def _measures(table: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the measures that some row knows, each with its values."""
    found = []
    for measure in MEASURES:
        values = [getattr(row, measure.key, None) for row in table]
        if any(value is not None for value in values):
            found.append({**measure._asdict(), "values": values})
    return found


def _words(table: Sequence[Row]) -> list[dict[str, Any]]:
    """Return what tells rows apart in words, where it does; averaged weights are named even where all are."""
    told = [{"title": key, **_coded(_word(row, key) for row in table)} for key in WORDS]
    return [each for each in told if len(each["kinds"]) > 1 or (each["title"] == "weights" and each["kinds"] != [RAW])]


def _word(row: Row, key: str) -> Hashable:
    return budget_label(row.budget) if key == "budget" else getattr(row, key)


def _coded(values: Iterable[Hashable]) -> dict[str, list[Any]]:
    """Return the different values, in order, and for each value which of them it is."""
    codes: dict[Hashable, int] = {}
    coded = [codes.setdefault(value, len(codes)) for value in values]
    return {"kinds": list(codes), "codes": coded}


def _rows(table: Sequence[Row], groups: Sequence[Group]) -> dict[str, list[Any]]:
    """Return the rest of the rows, column by column; `id` stays the same when the comparison is made again."""
    return {
        "id": [_id(group) for group in groups],
        "number": [row.number for row in table],
        "network": [row.network for row in table],
        "hash": [row.architecture_hash for row in table],
        "recipe": [row.recipe_hash for row in table],
        "images": [row.images for row in table],
        "difference": [row.difference for row in table],
        "differenceText": [difference(row) for row in table],
        "also": [row.also_mean for row in table],
        "alsoText": [beside(row) for row in table],
        "half": [row.accuracy_interval for row in table],
        "seeds": [row.seeds for row in table],
        "accuracies": [group.accuracies for group in groups],
    }


def _id(group: Group) -> str:
    whole = repr((group.network, group.conditions))
    return hashlib.sha256(whole.encode(errors="replace")).hexdigest()[:12]


def _library() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _asset(name: str) -> str:
    return resources.files("archbuilder.compare").joinpath("assets").joinpath(name).read_text(encoding="utf-8")


def _policy(*scripts: str) -> str:
    """Return a Content-Security-Policy under which only these scripts run, and nothing is loaded."""
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _inert(data: Any) -> str:
    """Return data as JSON that cannot end the script element around it, whatever people called their networks."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
