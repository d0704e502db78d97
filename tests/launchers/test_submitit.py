"""SLURM jobs by submitit: on this machine, and what SLURM would be told."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tests.launchers.sweeps import LAUNCHERS, children, command_of, finish, start, sweep, trains, until

# Stands for SLURM's command: keeps what it was given, and takes nothing in.
SBATCH = """#!/bin/sh
cp "$1" "$(dirname "$0")/given"
echo "no such partition" >&2
exit 1
"""


def test_a_job_that_is_told_to_stop_saves_and_is_told_as_lost(tmp_path: Path) -> None:
    process = start(
        tmp_path, "trainer.max_epochs=100000", "checkpoint.every_seconds=1000", *LAUNCHERS["submitit_local"]
    )
    until(lambda: trains(tmp_path), process)
    job = next(pid for pid in children(process.pid) if "submitit.core._submit" in command_of(pid))
    assert finish(process, of=job) == 1
    told = (tmp_path / "err").read_text()
    assert "error: submitit lost a job" in told
    assert "the same command trains what is not finished" in told
    assert len(list(tmp_path.rglob("checkpoints/*.ckpt"))) == 1


def test_slurm_is_asked_for_a_gpu_for_each_job_and_warns_before_the_time_is_up(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sbatch", "srun", "squeue", "sacct", "scontrol"):
        (tools / name).write_text(SBATCH)
        (tools / name).chmod((tools / name).stat().st_mode | stat.S_IXUSR)
    done = sweep(
        tmp_path,
        "seed=1,2,3",
        "hydra/launcher=slurm",
        "hydra.launcher.partition=small",
        "hydra.launcher.array_parallelism=2",
        PATH=f"{tools}{os.pathsep}{os.environ['PATH']}",
    )
    assert done.returncode == 1
    assert "no such partition" in done.stderr
    [folder] = (tmp_path / "runs").iterdir()
    asked = {line.removeprefix("#SBATCH --") for line in (tools / "given").read_text().splitlines()}
    assert {
        "array=0-2%2",
        "partition=small",
        "gpus-per-node=1",
        "cpus-per-task=4",
        "mem=16GB",
        "time=240",
        "signal=USR2@120",
        "nodes=1",
        "ntasks-per-node=1",
        "open-mode=append",
    } <= asked
    assert any(line.startswith(f"output={folder}/.submitit/") for line in asked)
