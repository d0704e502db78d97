"""Being asked to stop: noted when the signal comes, obeyed when the step is done."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from types import FrameType
from typing import Any

RESUME_ME = 75
"""The exit code of a run that was asked to stop: EX_TEMPFAIL of sysexits.h, `try again later`."""


class Requests:
    """Signals that ask the run to stop: SIGTERM, Ctrl-C and, in a SLURM job, SIGUSR1, which asks for a requeue.

    The second one of a kind has its usual effect at once.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def listen(self) -> None:
        """Take the signals over; only a program's main thread can."""
        if threading.current_thread() is not threading.main_thread():
            return
        wanted = [signal.SIGTERM, signal.SIGINT]
        if _slurm_job() and hasattr(signal, "SIGUSR1"):
            wanted.append(signal.SIGUSR1)
        for number in wanted:
            self._before[number] = signal.signal(number, self._note)

    def leave(self) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)


def stop_the_sweep_on_request() -> None:
    """From now on leave with the code that means `start me again` on SIGTERM or Ctrl-C, in the process of a sweep.

    Launchers end their jobs' processes when that comes through them; the usual effect would leave these behind.
    """

    def leave(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        say(f"stopped by {name_of(number)}; the same command goes on from what was saved")
        raise SystemExit(RESUME_ME)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, leave)
        signal.signal(signal.SIGINT, leave)


def name_of(number: int) -> str:
    """Return a signal's name, or a stand-in where another process received it."""
    return signal.Signals(number).name if number else "a signal to another process"


def requeue(number: int) -> str:
    """Ask SLURM to start the job again where the signal was its warning; return what came of it, in words."""
    job = _slurm_job()
    if not job or number != getattr(signal, "SIGUSR1", None):
        return ""
    try:
        done = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True, check=False)
    except OSError as error:
        return f"; job {job} could not be requeued ({error.strerror})"
    return f"; job {job} is requeued" if done.returncode == 0 else f"; scontrol says: {done.stderr.strip()}"


def _slurm_job() -> str:
    """Return the number of the SLURM job that this is, with the task of an array; empty outside of one."""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    job = f"{array}_{os.environ.get('SLURM_ARRAY_TASK_ID', '')}" if array else os.environ.get("SLURM_JOB_ID", "")
    # In an interactive shell there is nothing to requeue.
    return job if re.fullmatch(r"\d+(_\d+)?", job) and os.environ.get("SLURM_JOB_NAME") not in ("bash", "") else ""


def say(text: str) -> None:
    """Print a line about being stopped, where errors go."""
    print(text, file=sys.stderr, flush=True)
