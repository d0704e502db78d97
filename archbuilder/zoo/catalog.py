"""What lies in a zoo: a row for each whole package, read anew each time, without torch and without opening weights."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from archbuilder.compare.find import Problem
from archbuilder.errors import PackageError, suggestion
from archbuilder.evaluation.figures import Share, share
from archbuilder.files import write_text
from archbuilder.show.table import Line, Page
from archbuilder.show.text import count_of, printable
from archbuilder.zoo.facts import UNCHECKED, Facts, read_facts
from archbuilder.zoo.files import INDEX_FILE, is_package, is_schema, no_package

SCHEMA = 1

MOST_NAMED = 10
"""Folders that are left out for one reason; JSON has all."""
SORTS: dict[str, Callable[[Entry], Any]] = {
    "name": lambda entry: entry.name,
    "accuracy": lambda entry: -entry.accuracy.value if entry.accuracy else None,
    "params": lambda entry: entry.params,
    "macs": lambda entry: entry.macs,
    "size": lambda entry: entry.size,
}
"""The best or the smallest first."""


@dataclass(frozen=True)
class Entry:
    """One whole package: what it is, how well it did, what it costs.

    `accuracy` is that of `weights` on `split`, with the interval that the number of images leaves; `macs` are for one
    image, `size` in bytes; `signed` tells of a signature that nobody has checked. What the metadata do not tell is
    None or an empty text.
    """

    name: str
    network: str
    data: str
    split: str
    weights: str
    accuracy: Share | None
    params: int | None
    macs: int | None
    size: int
    signed: bool
    license: str


@dataclass(frozen=True)
class Catalog:
    """The packages of a zoo, and the folders in it that are none, each with the reason."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data; accuracies lie in 0..1."""
        return {
            "schema": SCHEMA,
            "packages": [asdict(entry) for entry in self.entries],
            "left_out": [{"name": each.folder.name, "reason": each.reason} for each in self.problems],
        }


def read_catalog(zoo: Path, split: str = "", sort: str = "name") -> Catalog:
    """Return what lies in the folder `zoo`: hidden folders, such as packages in the making, and files count as nothing.

    The accuracy is that on `split`, or on the first that a package tells of. Files are there and of the right size,
    metadata are what the manifest says; `zoo verify` checks the rest. Raises PackageError for no folder, no such sort.
    """
    if sort not in SORTS:
        raise PackageError(f"packages cannot be sorted by '{sort}'; {suggestion(sort, SORTS, 'they can by')}")
    entries, problems = [], []
    for path in packages(zoo):
        try:
            entries.append(_entry(read_facts(path), split))
        except PackageError as error:
            problems.append(problem(path, error))
    entries.sort(key=lambda entry: _place(entry, sort))
    return Catalog(tuple(entries), tuple(problems))


def _place(entry: Entry, sort: str) -> tuple[bool, Any, str]:
    value = SORTS[sort](entry)
    return value is None, value, entry.name


def packages(zoo: Path) -> list[Path]:
    """Return the folders in a zoo that should be packages, in order of names.

    Raises PackageError for no folder, and for one that is a package itself.
    """
    try:
        inside = sorted(path for path in zoo.iterdir() if not path.name.startswith(".") and path.is_dir())
    except OSError as error:
        raise PackageError(
            f"{zoo}: cannot be read as a zoo, which is a folder of packages ({error.strerror})"
        ) from None
    if is_package(zoo):
        raise PackageError(f"{zoo}: this is a package, not a zoo; `archbuilder zoo show {zoo}` tells about it")
    return inside


def some_packages(zoo: Path) -> list[Path]:
    """Return them as `packages` does; raises PackageError also where none of them has a file of a package."""
    inside = packages(zoo)
    if not any(map(is_package, inside)):
        raise no_package(zoo)
    return inside


def problem(package: Path, error: Exception) -> Problem:
    """Return what is wrong with a package, whose path the message need not begin with."""
    return Problem(package, str(error).removeprefix(f"{package}: ").removeprefix(f"{package}/"))


def write_index(zoo: Path, catalog: Catalog) -> None:
    """Write `index.json`, by names, where it does not say that yet.

    A folder without packages gets none, and a file of that name that is not such an index stays; a zoo that cannot be
    written to goes without.
    """
    by_name = replace(catalog, entries=tuple(sorted(catalog.entries, key=lambda entry: entry.name)))
    text, path = json.dumps(by_name.to_json(), indent=1) + "\n", zoo / INDEX_FILE
    try:
        before = path.read_text(encoding="utf-8") if os.path.lexists(path) else None
        if catalog.entries and before != text and (before is None or _is_index(before)):
            write_text(path, text)
    except (OSError, ValueError):
        return


def _is_index(text: str) -> bool:
    """Tell whether a text is what `write_index` writes of some zoo; raises ValueError for what is no JSON."""
    try:
        content = json.loads(text)
    except RecursionError:
        return False
    return isinstance(content, dict) and is_schema(content.get("schema")) and {*content} == {*Catalog((), ()).to_json()}


def catalog_page(catalog: Catalog) -> Page:
    """Return the table of packages for a terminal."""
    lines = [Line(_cells(entry)) for entry in catalog.entries]
    notes = [
        f"{count_of(len(lines), 'package')}; accuracy: single view, with the 95% interval (Wilson) that the number of "
        "images leaves; other seeds of training would differ more"
    ]
    about = []
    if any(not entry.license for entry in catalog.entries):
        about.append(("license", "license -: none is named, so ask before you use it"))
    if any(entry.signed for entry in catalog.entries):
        about.append(("signature", f"signature: {UNCHECKED}"))
    notes += [f"no whole package: {printable(told)}" for told in _left_out(catalog.problems)]
    return Page("", _HEADINGS, lines, (), notes, _WORDS, _SPARE, folded=("name", "network", "data"), about=about)


def _left_out(problems: Iterable[Problem]) -> Iterator[str]:
    """Yield each reason with the folders that it holds for."""
    names = defaultdict(list)
    for each in problems:
        names[each.reason].append(each.folder.name)
    for reason, folders in names.items():
        more = f" and {len(folders) - MOST_NAMED:,} more" if len(folders) > MOST_NAMED else ""
        yield f"{', '.join(folders[:MOST_NAMED])}{more}: {reason}"


_WORDS = ("name", "network", "data", "split", "weights", "signature", "license")
_HEADINGS = (*_WORDS[:5], "accuracy %", "95% interval", "params", "MACs", "MB", *_WORDS[5:])
_SPARE = ("signature", "network", "weights", "license", "split", "MB", "MACs", "95% interval")


def _cells(entry: Entry) -> tuple[str, ...]:
    found = entry.accuracy
    texts = (f"{100 * found.value:.2f}", f"{100 * found.low:.2f} to {100 * found.high:.2f}") if found else ("-", "-")
    words = (printable(word) or "-" for word in (entry.name, entry.network, entry.data, entry.split, entry.weights))
    counts = ("-" if number is None else f"{number:,}" for number in (entry.params, entry.macs))
    marks = ("not checked" if entry.signed else "-", printable(entry.license) or "-")
    return *words, *texts, *counts, f"{entry.size / 1e6:,.1f}", *marks


def _entry(facts: Facts, split: str) -> Entry:
    result, cost = facts.result(split), facts.cost
    return Entry(
        name=facts.path.name,
        network=facts.network,
        data=facts.data,
        split=result.split if result else "",
        weights=result.weights if result else "",
        accuracy=share(round(result.accuracy * result.n), result.n) if result else None,
        params=cost.params if cost else None,
        macs=cost.macs if cost else None,
        size=facts.size,
        signed=facts.signature is not None,
        license=facts.license,
    )
