"""How far each run of a sweep is, as its folder tells."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archbuilder.errors import ArchbuilderError
from archbuilder.language.yaml import load_unresolved
from archbuilder.record import FAILURE_FILE, METRICS_FILE, PROGRESS_FILE, RECORD_FILE
from archbuilder.sweep.lock import is_held

FINISHED, RUNNING, FAILED, STOPPED = "finished", "running", "failed", "stopped"
HYDRA = ".hydra"


@dataclass(frozen=True)
class State:
    """A run: what became of it, its epochs, and why it failed.

    `touched` is when a command last came to it and `ended` when its record was written, in seconds since 1970. A run
    at work has been training for `training_for` seconds, in which it did `epochs_since` of its epochs.
    """

    folder: Path
    state: str
    touched: float
    ended: float = 0.0
    epochs: int = 0
    of_epochs: int = 0
    accuracy: float | None = None
    training_for: float = 0.0
    epochs_since: int = 0
    reason: str = ""

    @property
    def seconds_left(self) -> float | None:
        """What is left of a run at work, at the speed that it has shown; None before its first epoch is over."""
        if not self.epochs_since or not self.of_epochs:
            return None
        return max(self.of_epochs - self.epochs, 0) * self.training_for / self.epochs_since


def states(folder: Path, now: float) -> list[State]:
    """Return the state of each run in a sweep's folder, by name."""
    runs = sorted(path for path in folder.iterdir() if (path / HYDRA).is_dir() or (path / RECORD_FILE).is_file())
    return [_state(run, now) for run in runs]


def _state(run: Path, now: float) -> State:
    touched = _time(run / HYDRA / "overrides.yaml")
    if is_held(run):
        return _running(run, now, touched)
    # A run that begins removes the word of an earlier failure, so this one is of the last attempt.
    if (run / FAILURE_FILE).is_file():
        return State(run, FAILED, touched, reason=_first_line(run / FAILURE_FILE))
    if (run / RECORD_FILE).is_file():
        return State(run, FINISHED, touched, _time(run / RECORD_FILE))
    epochs, accuracy = _epochs(run)
    return State(run, STOPPED, touched, epochs=epochs, of_epochs=_of_epochs(run), accuracy=accuracy)


def _running(run: Path, now: float, touched: float) -> State:
    began, before = _began(run)
    # What lies there of an earlier training says nothing until this one has begun.
    epochs, accuracy = _epochs(run) if began >= touched else (before, None)
    return State(
        run,
        RUNNING,
        touched,
        epochs=epochs,
        of_epochs=_of_epochs(run),
        accuracy=accuracy,
        training_for=max(now - began, 0.0) if began >= touched else 0.0,
        epochs_since=max(epochs - before, 0),
    )


def _began(run: Path) -> tuple[float, int]:
    """Return when a run last began or went on to train, and how many epochs it had behind it then."""
    try:
        return _time(run / PROGRESS_FILE), int((run / PROGRESS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0.0, 0


def _epochs(run: Path) -> tuple[int, float | None]:
    """Return how many epochs a run has behind it, and its accuracy on val after the last one."""
    try:
        rows = list(csv.DictReader((run / METRICS_FILE).read_text(encoding="utf-8").splitlines()))
        accuracy = rows[-1].get("val/accuracy")
        return int(rows[-1]["epoch"]), float(accuracy) if accuracy else None
    except (OSError, ValueError, KeyError, IndexError):
        return 0, None


def _of_epochs(run: Path) -> int:
    """Return how many epochs a run has been asked for."""
    try:
        content: Any = load_unresolved(run / HYDRA / "config.yaml")
    except ArchbuilderError:
        return 0
    trainer = content.get("trainer") if isinstance(content, Mapping) else None
    epochs = trainer.get("max_epochs") if isinstance(trainer, Mapping) else None
    return epochs if type(epochs) is int else 0


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip().partition("\n")[0]
    except OSError:
        return ""
