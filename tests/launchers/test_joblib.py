"""Several jobs at once on the CPU, by joblib: they share the cores, and none is left behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import joblib
import pytest

from archbuilder.training.signals import RESUME_ME
from tests.launchers.sweeps import ENDLESS, LAUNCHERS, children, command_of, finish, start, sweep, trains, until

CPUS = LAUNCHERS["cpus"]

SPY = """
import os
import lightning
import torch

class Spy(lightning.Callback):
    def __init__(self, path):
        self.path = path

    def on_train_start(self, trainer, module):
        with open(self.path, "a") as file:
            file.write(f"{os.getpid()} {torch.get_num_threads()}\\n")
"""


def test_jobs_share_the_cores_in_processes_that_are_used_again(tmp_path: Path) -> None:
    (tmp_path / "spying.py").write_text(SPY)
    spy = f"+callbacks.spy={{_target_: spying.Spy, path: '{tmp_path / 'seen'}'}}"
    path = os.pathsep.join([str(tmp_path), str(Path.cwd())])
    environment = {"PYTHONPATH": path}
    # As a person's shell has it, not as these tests set it for themselves.
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("OMP_NUM_THREADS", raising=False)
        done = sweep(tmp_path, "seed=1,2,3,4", spy, *CPUS, **environment)
    assert done.returncode == 0, done.stderr
    seen = [line.split() for line in (tmp_path / "seen").read_text().splitlines()]
    assert len(seen) == 4
    assert len({process for process, _ in seen}) == 2
    assert {int(threads) for _, threads in seen} == {max(1, joblib.cpu_count() // 2)}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_told_to_stop_the_sweep_takes_its_jobs_along(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path, "seed=1,2", *ENDLESS, *CPUS)
    until(lambda: len(trains(tmp_path)) == 2, process)
    jobs = {pid: command_of(pid) for pid in children(process.pid)}
    assert sum("loky" in command and "resource_tracker" not in command for command in jobs.values()) == 2
    assert finish(process, number) == RESUME_ME
    assert [pid for pid, command in jobs.items() if command_of(pid) == command and "Loky" in command] == []
    told = (tmp_path / "err").read_text()
    assert "the same command goes on" in told
    assert "Traceback" not in told


def test_a_job_that_is_told_to_stop_saves_and_the_sweep_stops_with_it(tmp_path: Path) -> None:
    process = start(tmp_path, "seed=1,2", *ENDLESS, *CPUS)
    until(lambda: len(trains(tmp_path)) == 2, process)
    job = next(pid for pid in children(process.pid) if "LokyProcess" in command_of(pid))
    assert finish(process, of=job) == RESUME_ME
    assert len(list(tmp_path.rglob("checkpoints/*.ckpt"))) >= 1
    assert "stopped by SIGTERM after step" in (tmp_path / "err").read_text()


def test_a_job_that_is_killed_is_told_in_one_paragraph(tmp_path: Path) -> None:
    process = start(tmp_path, "seed=1,2", *ENDLESS, *CPUS)
    until(lambda: len(trains(tmp_path)) == 2, process)
    job = next(pid for pid in children(process.pid) if "LokyProcess" in command_of(pid))
    assert finish(process, signal.SIGKILL, of=job) == 1
    told = (tmp_path / "err").read_text()
    assert "error: joblib lost a job" in told
    assert "the same command trains what is not finished" in told
    assert "Traceback (most" not in told


def test_a_job_that_would_be_several_processes_is_refused(tmp_path: Path) -> None:
    several = ("trainer=ddp", "trainer.accelerator=cpu", "trainer.precision=32-true")
    done = sweep(tmp_path, *several, "trainer.devices=2", *CPUS)
    assert done.returncode == 1
    [failure] = tmp_path.rglob("failure.txt")
    assert "trains in one process on one device" in failure.read_text()
