"""A sweep that is killed and started again ends like one that nothing disturbed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from archbuilder.sweep.summary import summary

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ("data.size=16", "model.input=[3,16,16]", "trainer=cpu", "augment=shift", "checkpoint.every_seconds=0.2",
            "batch_size=64")  # fmt: skip
# What the clock decides.
MEASURED = ("images_per_second", "latency", "seconds")


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start a sweep into `folder`/sweep."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), "-m", *SETTINGS, *words, "hydra.sweep.dir=sweep"],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def records(folder: Path) -> dict[str, str]:
    """Return the text of every record, by the name of the run's folder."""
    return {path.parent.name: path.read_text() for path in (folder / "sweep").glob("*/record.json")}


def killed_after(process: subprocess.Popen[str], folder: Path, count: int, number: signal.Signals) -> dict[str, str]:
    """Kill a sweep in the middle of the run behind the first `count`; return the records there are then."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        ready = len(records(folder)) >= count
        if ready and any(run.state == "running" and run.epochs for run in summary(folder / "sweep", 0).runs):
            break
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    process.send_signal(number)
    output, _ = process.communicate()
    assert process.returncode == (75 if number == signal.SIGTERM else -9), output
    return records(folder)


def rows(folder: Path) -> list[dict[str, Any]]:
    content = json.loads((folder / "sweep" / "comparison.json").read_text())
    return [{key: value for key, value in row.items() if key not in MEASURED} for row in content["rows"]]


@pytest.mark.parametrize(
    ("models", "seeds", "kills"),
    [
        pytest.param("plain", "1,2,3", (1, 2), id="3"),
        pytest.param("plain,fire_small,resnet20,mobilenet_small", "1,2,3", (4, 8), id="12", marks=pytest.mark.slow),
    ],
)
def test_killed_twice_it_trains_nothing_twice_and_reports_the_same(
    tmp_path: Path, models: str, seeds: str, kills: tuple[int, int]
) -> None:
    words = [f"model={models}", f"seed={seeds}", "trainer.max_epochs=3"]
    count = len(models.split(",")) * len(seeds.split(","))
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    output, _ = start(tmp_path / "whole", *words).communicate()
    assert output.rstrip().endswith(f"{count} jobs: {count} finished"), output
    broken = tmp_path / "broken"
    first = killed_after(start(broken, *words), broken, kills[0], signal.SIGKILL)
    second = killed_after(start(broken, *words), broken, kills[1], signal.SIGTERM)
    process = start(broken, *words)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    assert output.rstrip().endswith(f"{count} jobs: {count} finished ({len(second)} of them before)")
    last = records(broken)
    assert len(last) == count
    # What was finished has not been touched since.
    assert first.items() <= second.items() <= last.items()
    assert kills[0] <= len(first) <= len(second) < count
    assert rows(broken) == rows(tmp_path / "whole")


def test_the_same_sweep_started_twice_at_once_trains_each_run_once(tmp_path: Path) -> None:
    words = ["model=plain", "seed=1,2", "trainer.max_epochs=4"]
    first, second = start(tmp_path, *words), start(tmp_path, *words)
    outputs = [process.communicate()[0] for process in (first, second)]
    assert len(records(tmp_path)) == 2
    assert "".join(outputs).count("epoch 4/4") == 2
    assert sum(output.count("another process is training into it") for output in outputs) >= 1
