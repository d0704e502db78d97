"""Sweeps as a person starts them, for the tests of what runs their jobs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from tests.data.examples import npz

ROOT = Path(__file__).resolve().parents[2]
TINY = (
    "model=plain",
    "model.input=[3,8,8]",
    "model.classes=2",
    "data=arrays",
    "data.train=a.npz",
    "batch_size=8",
    "trainer=cpu",
    "trainer.max_epochs=1",
)
ENDLESS = ("trainer.max_epochs=100000", "checkpoint.every_seconds=1000")

# Clusters of these tests let in nobody else, and leave no token in the home folder.
RAY = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": uuid.uuid4().hex, "RAY_USAGE_STATS_ENABLED": "0"}

LAUNCHERS = {
    "basic": (),
    "cpus": ("hydra/launcher=cpus", "hydra.launcher.n_jobs=2"),
    "gpus": ("hydra/launcher=gpus", "hydra.launcher.ray.remote.num_gpus=0", "+hydra.launcher.ray.init.num_cpus=2"),
    "submitit_local": ("hydra/launcher=submitit_local",),
}


def start(folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    """Start `train.py -m` in a folder, with a few images in `a.npz` there; what it prints goes to `out` and `err`."""
    if not (folder / "a.npz").exists():
        npz(folder / "a.npz", 40)
    clean = {key: value for key, value in os.environ.items() if key != "HYDRA_FULL_ERROR"}
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        return subprocess.Popen(
            [sys.executable, str(ROOT / "train.py"), "-m", *TINY, *words],
            cwd=folder,
            env={**clean, "PYTHONPATH": str(ROOT), **RAY, **environment},
            stdout=out,
            stderr=err,
            text=True,
        )


def sweep(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `train.py -m` in a folder to its end and return how that was, and what was printed."""
    process = start(folder, *words, **environment)
    try:
        code = process.wait(timeout=300)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, code, (folder / "out").read_text(), (folder / "err").read_text())


def until(reached: Callable[[], object], process: subprocess.Popen[str], seconds: float = 120) -> None:
    """Wait for something while a process runs; whatever goes wrong, the process does not outlive it."""
    end = time.monotonic() + seconds
    while not reached():
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise AssertionError(f"it did not come to that; exit code {process.returncode}")
        time.sleep(0.1)


def trains(folder: Path) -> list[Path]:
    """Return the folders below in which an epoch has ended."""
    files = folder.rglob("metrics.csv")
    return [path.parent for path in files if path.read_text().count("\n") > 1]


def children(pid: int) -> list[int]:
    """Return the processes that a process started, and those that they started."""
    lines = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.splitlines()
    pairs = [(int(own), int(parent)) for own, parent in (line.split() for line in lines)]
    found = [pid]
    for one in found:
        found += [own for own, parent in pairs if parent == one]
    return found[1:]


def command_of(pid: int) -> str:
    """Return the command line of a process; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def finish(process: subprocess.Popen[str], number: int = signal.SIGTERM, of: int | None = None) -> int:
    """Send a signal to a sweep's process, or to another one `of` it, and return the sweep's exit code."""
    os.kill(of or process.pid, number)
    try:
        return process.wait(timeout=60)
    finally:
        process.kill()
