"""How far each run of a sweep is, as its folder tells."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archbuilder.errors import ArchbuilderError
from archbuilder.language.yaml import load_unresolved
from archbuilder.record import FAILURE_FILE, RECORD_FILE
from archbuilder.sweep.lock import is_held

FINISHED, RUNNING, FAILED, STOPPED = "finished", "running", "failed", "stopped"
HYDRA = ".hydra"


@dataclass(frozen=True)
class State:
    """A run: what became of it, in epochs done and seconds since it began, and why it failed.

    `touched` is when a command last came to it and `ended` when its record was written, in seconds since 1970.
    """

    folder: Path
    state: str
    touched: float
    ended: float = 0.0
    epochs: int = 0
    of_epochs: int = 0
    accuracy: float | None = None
    running_for: float = 0.0
    reason: str = ""

    @property
    def share(self) -> float:
        """The part of its epochs that is done, 0..1."""
        return min(self.epochs / self.of_epochs, 1.0) if self.of_epochs else 0.0


def states(folder: Path, now: float) -> list[State]:
    """Return the state of each run in a sweep's folder, by name."""
    runs = sorted(path for path in folder.iterdir() if (path / HYDRA).is_dir() or (path / RECORD_FILE).is_file())
    return [_state(run, now) for run in runs]


def _state(run: Path, now: float) -> State:
    touched = _time(run / HYDRA / "overrides.yaml")
    if is_held(run):
        epochs, accuracy = _epochs(run)
        running_for = max(now - touched, 0.0)
        return State(run, RUNNING, touched, 0.0, epochs, _of_epochs(run), accuracy, running_for)
    if (run / RECORD_FILE).is_file():
        return State(run, FINISHED, touched, _time(run / RECORD_FILE))
    if (run / FAILURE_FILE).is_file():
        return State(run, FAILED, touched, reason=_first_line(run / FAILURE_FILE))
    epochs, accuracy = _epochs(run)
    return State(run, STOPPED, touched, 0.0, epochs, _of_epochs(run), accuracy)


def _epochs(run: Path) -> tuple[int, float | None]:
    """Return how many epochs a run has behind it, and its accuracy on val after the last one."""
    try:
        rows = list(csv.DictReader((run / "metrics.csv").read_text(encoding="utf-8").splitlines()))
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
