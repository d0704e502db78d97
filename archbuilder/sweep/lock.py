"""One process at a time trains into a run's folder; what the system holds, it lets go of when a process is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archbuilder.errors import TrainingError

LOCK_FILE = ".lock"
# Whoever only looks holds the lock for a moment.
PATIENCE = 1.0


class BusyError(TrainingError):
    """Another process trains into the folder."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run's folder; raises BusyError where one is at work there already.

    Where nothing was put into the folder, it is left as it was before.
    """
    from filelock import FileLock, Timeout

    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / LOCK_FILE, timeout=PATIENCE):
            try:
                yield
            finally:
                if [path.name for path in folder.iterdir()] == [LOCK_FILE]:
                    (folder / LOCK_FILE).unlink()
                    if new:
                        folder.rmdir()
    except Timeout:
        raise BusyError(f"{folder}: another process is training into it; wait for that one, or stop it") from None


def is_held(folder: Path) -> bool:
    """Tell whether a process is training into a run's folder."""
    from filelock import FileLock, Timeout

    if not (folder / LOCK_FILE).is_file():
        return False
    try:
        with FileLock(folder / LOCK_FILE, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # where nothing may be written, nobody trains
        return False
