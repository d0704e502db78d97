"""Who is at work in a folder: one process at a time trains into a run's, any number of commands into a sweep's.

The system keeps these locks, and lets go of them when a process is killed.
"""

from __future__ import annotations

import os
import sys
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
    """Tell whether a process is training into a run's folder, whoever it belongs to.

    Any number may look at once, and none of them is taken for a process at work.
    """
    return not _free(folder / LOCK_FILE, exclusive=False)


def attend(folder: Path) -> None:
    """Let others see, until this process ends, that a sweep's command is at work."""
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":
        return
    import fcntl

    # Left open: closed, it would be free again.
    fcntl.flock(os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_CREAT, 0o666), fcntl.LOCK_SH)


def is_attended(folder: Path) -> bool:
    """Tell whether the command of a sweep is at work in its folder."""
    return not _free(folder / LOCK_FILE, exclusive=True)


def _free(path: Path, exclusive: bool) -> bool:
    """Tell whether a lock is to be had; where there is none, or nobody may look, it is."""
    if sys.platform == "win32":  # which has no locks that one can share
        return True
    import fcntl

    try:
        place = os.open(path, os.O_RDONLY)
    except OSError:
        return True
    try:
        fcntl.flock(place, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(place)
    return True
