"""Timing two ways of doing a thing against one another, and a command by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

Action = Callable[[], object]


def seconds(action: Action) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def alternating(first: Action, second: Action, rounds: int) -> tuple[float, float, float]:
    """Return the medians of both actions in seconds, and the median of their ratio, round by round.

    They are taken in turns, and in the other order every other round, so that load on the machine meets both.
    """
    pairs = []
    for place in range(rounds):
        if place % 2:
            later = seconds(second)
            pairs.append((seconds(first), later))
        else:
            pairs.append((seconds(first), seconds(second)))
    firsts, seconds_ = zip(*pairs, strict=True)
    return median(firsts), median(seconds_), median(a / b for a, b in pairs)


def command(*words: str) -> tuple[float, float]:
    """Return the seconds and the megabytes that `archbuilder` with these words takes as a process."""
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "archbuilder", *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"archbuilder {' '.join(words)} ended with {process.returncode}")
    return time.perf_counter() - begin, usage.ru_maxrss / 1024
