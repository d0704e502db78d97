"""The comparison of the packages of a zoo: each one read as the run that it came from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archbuilder.compare.find import Problem, Run
from archbuilder.compare.report import Report, compare
from archbuilder.errors import ArchbuilderError, RecordError
from archbuilder.graph_json import graph_hash
from archbuilder.record import Record, decode_record
from archbuilder.zoo.architecture import read_graph
from archbuilder.zoo.catalog import problem, some_packages
from archbuilder.zoo.facts import mapping, read_facts
from archbuilder.zoo.files import METADATA_FILE


def report(zoo: Path, to: Path, **how: Any) -> Report:
    """Compare the packages of a zoo as `compare` compares runs, `how` included, and write its files into `to`.

    Packages that tell of no training, such as imported ones, are left out and told. Raises PackageError for no folder,
    RecordError where there is nothing to compare.
    """
    return compare([zoo], to, find=_find, **how)


def _find(zoos: Sequence[Path]) -> tuple[list[Run], list[Problem]]:
    runs, problems = [], []
    for path in (path for zoo in zoos for path in some_packages(zoo)):
        try:
            runs.append(Run(path, record_of(path)))
        except ArchbuilderError as error:
            problems.append(problem(path, error))
    return runs, problems


def record_of(package: Path) -> Record:
    """Return the record of the run that a package came from, as far as the package tells it.

    Its network is called as the package is, by which people know it in a zoo; the architecture's hash is worked out
    anew. Raises PackageError for a package that is not whole, RecordError for one that does not tell of a training.
    """
    told = read_facts(package).metadata
    where = package / METADATA_FILE
    if "recipe" not in told:
        raise RecordError(f"{where}: tells of no training, as of an imported package")
    budget = told.get("budget", {})
    architecture = {"name": package.name, "hash": graph_hash(read_graph(package)), "budget": budget}
    preprocessing = {key: told["preprocessing"][key] for key in ("shape", "mean", "std")}
    data = {**mapping(told.get("data")), "labels": told["labels"], **preprocessing}
    same = ("cost", "recipe", "seed", "training", "results", "versions", "git", "finished_at", "schema")
    content = {**{key: told[key] for key in same if key in told}, "architecture": architecture, "data": data}
    return decode_record(content, str(where))
