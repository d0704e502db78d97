"""Finding runs below folders, and saying what is wrong with those that cannot be counted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from archbuilder.errors import RecordError
from archbuilder.record import FAILURE_FILE, RECORD_FILE, Record, read_record
from archbuilder.show.text import printable
from archbuilder.sweep.lock import is_held

HYDRA_FOLDER = ".hydra"
# What a run leaves inside its own folder may hold many files and no runs; elsewhere a folder may be called so too.
NOT_ENTERED = frozenset({"checkpoints", HYDRA_FOLDER, "tensorboard", "wandb"})
MARKS = frozenset({RECORD_FILE, FAILURE_FILE, HYDRA_FOLDER})


@dataclass(frozen=True)
class Run:
    """One finished run: where it lies and what it recorded."""

    folder: Path
    record: Record


@dataclass(frozen=True)
class _Place:
    """A folder that shows marks of a run, or that cannot be listed."""

    folder: Path
    real: str
    marks: frozenset[str]
    error: str = ""


@dataclass(frozen=True)
class Problem:
    """A folder, or a part of what it holds, that is left out of the comparison, and why; as text on one line."""

    folder: Path
    reason: str

    def __str__(self) -> str:
        return printable(f"{self.folder}: {self.reason}")


def find_runs(folders: Sequence[Path]) -> tuple[list[Run], list[Problem]]:
    """Return every run in or below the folders, each once, and every run that cannot be counted.

    Failed, unfinished and damaged runs are problems; a run that failed when it was trained again counts as it was
    before, and is one too. Raises RecordError where a folder does not exist or holds no trace of a run.
    """
    runs: list[Run] = []
    problems: list[Problem] = []
    known: set[str] = set()
    for folder in folders:
        places = list(_places(folder))
        if not places:
            raise RecordError(f"{folder}: there is no run in or below this folder; {_instead(folder)}")
        for place in places:
            if place.real in known:
                continue
            known.add(place.real)
            run, problem = _read(place)
            runs += [run] if run else []
            problems += [problem] if problem else []
    return runs, problems


def _places(top: Path) -> Iterator[_Place]:
    """Yield each folder in or below `top` that shows marks of a run, in order of names.

    Links to folders are followed, and each real folder is visited once, so that a loop of links ends.
    """
    if not top.is_dir():
        what = "is a file, not a folder" if top.exists() else "there is no such folder"
        raise RecordError(f"{top}: {what}; name the folder of a run, or one above it")
    waiting = [(top, os.path.realpath(top))]
    visited: set[str] = set()
    while waiting:
        folder, real = waiting.pop()
        if real in visited:
            continue
        visited.add(real)
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield _Place(folder, real, frozenset(), f"cannot be listed ({error.strerror})")
            continue
        marks = MARKS.intersection(entry.name for entry in entries)
        if marks:
            yield _Place(folder, real, marks)
        for entry in reversed(entries):
            if not (marks and entry.name in NOT_ENTERED) and _is_folder(entry):
                inside = os.path.join(real, entry.name)
                waiting.append((folder / entry.name, os.path.realpath(inside) if entry.is_symlink() else inside))


def _instead(folder: Path) -> str:
    from archbuilder.zoo.files import is_package

    zoo = folder.parent if is_package(folder) else folder
    if any(map(is_package, zoo.iterdir())):
        return f"`archbuilder zoo report {zoo}` compares packages"
    return f"name the folder that training wrote (each finished run holds a {RECORD_FILE})"


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that points to itself
        return False


def _read(place: _Place) -> tuple[Run | None, Problem | None]:
    folder, marks = place.folder, place.marks
    failure = _failure(folder / FAILURE_FILE) if FAILURE_FILE in marks else ""
    if RECORD_FILE in marks:
        try:
            run = Run(folder, read_record(folder))
        except RecordError as error:
            # The message begins with the path of the record, and the problem already names the folder.
            return None, Problem(folder, str(error).replace(f"{folder}{os.sep}", "", 1))
        # A run that begins removes the failure of the one before it.
        again = f"trained again and failed: {failure}; the earlier result is counted"
        return run, Problem(folder, again) if failure else None
    if place.error:
        return None, Problem(folder, place.error)
    if is_held(folder):
        return None, Problem(folder, "not finished: it is being trained")
    if failure:
        return None, Problem(folder, f"failed: {failure}")
    return None, Problem(folder, f"not finished: there is no {RECORD_FILE}; train it to the end, or remove this folder")


def _failure(path: Path) -> str:
    try:
        return " ".join(path.read_text(encoding="utf-8", errors="replace").split()) or f"{path.name} is empty"
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror})"
