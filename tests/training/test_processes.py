"""Several processes on the CPU: they share each epoch and leave one run, alone and in a sweep."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from archbuilder.record import read_record
from archbuilder.training.processes import is_follower

SMALL = ("data.size=16", "model.input=[3,16,16]", "model=plain", "augment=shift", "trainer=ddp", "trainer.max_epochs=2")
TWO = ("trainer.accelerator=cpu", "trainer.devices=2", "trainer.precision=32-true", "batch_size=64")

# Callbacks: one writes down which images each process was given, their loss, and what chance gives it; the other lets
# the second process be told to stop.
SPY = r"""
import json, os, signal
import lightning
import torch

class Spy(lightning.Callback):
    def __init__(self, folder):
        self.folder = folder

    def write(self, name, trainer, *lines):
        with open(f"{self.folder}/{name}{trainer.global_rank}", "a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    def on_train_epoch_start(self, trainer, module):
        self.write("random", trainer, torch.rand(1).item())

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        images, labels = batch
        epoch = trainer.current_epoch
        self.write("seen", trainer, *([epoch, float(x.double().sum()), int(y)] for x, y in zip(images, labels)))
        self.write("losses", trainer, [epoch, outputs["loss"].item()])

class Stop(lightning.Callback):
    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        if trainer.global_step == 10 and index % 2 and trainer.global_rank == 1:
            os.kill(os.getpid(), signal.SIGTERM)
"""


def noted(folder: Path, name: str) -> list[list[Any]]:
    """Return what the spies of both processes wrote down."""
    return [[json.loads(line) for line in (folder / f"{name}{rank}").read_text().splitlines()] for rank in (0, 1)]


@pytest.mark.parametrize(
    ("environment", "nodes", "follows"),
    [
        ({}, 1, False),
        ({"LOCAL_RANK": "1"}, 1, True),
        ({"RANK": "3", "LOCAL_RANK": "0", "TORCHELASTIC_RUN_ID": "x"}, 2, True),
        ({"RANK": "3"}, 1, False),
        ({"NODE_RANK": "1", "LOCAL_RANK": "0"}, 2, True),
        ({"NODE_RANK": "1"}, 1, False),
    ],
    ids=str,
)
def test_the_first_process_of_the_first_node_speaks(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], nodes: int, follows: bool
) -> None:
    for name in ("LOCAL_RANK", "RANK", "NODE_RANK", "SLURM_PROCID", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert is_follower({"num_nodes": nodes}) is follows


def train(folder: Path, *words: str, code: int = 0) -> str:
    """Run `train.py` to its end, with this exit code, and return what it printed."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{Path.cwd()}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "train.py", *words], capture_output=True, text=True, check=False, env=environment, timeout=300
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Initializing distributed" not in done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("strategy", ["ddp", "ddp_spawn"])
def test_each_image_is_seen_once_an_epoch_and_one_record_is_left(tmp_path: Path, strategy: str) -> None:
    (tmp_path / "spying.py").write_text(SPY)
    run = tmp_path / "run"
    spy = f"+callbacks.spy={{_target_: spying.Spy, folder: '{tmp_path}'}}"
    # Untouched images, so that one can be told from another.
    words = [*SMALL, *TWO, f"trainer={strategy}", "augment=none", spy, f"hydra.run.dir='{run}'"]
    printed = train(tmp_path, *words)
    assert printed.count("epoch 2/2") == 1
    seen = noted(tmp_path, "seen")
    record = read_record(run)
    share = record.data.splits["train"] // 2 // 64 * 64
    for epoch in (0, 1):
        first, second = ([tuple(one[1:]) for one in rank if one[0] == epoch] for rank in seen)
        assert len(first) == len(second) == share
        assert not set(first) & set(second)
    assert record.results[0].n == 359
    assert record.training.epochs == 2
    assert record.training.steps == 2 * share // 64
    assert record.recipe.settings["processes"] == 2
    losses = [step for rank in noted(tmp_path, "losses") for step in rank]
    for epoch, row in enumerate(csv.DictReader((run / "metrics.csv").open())):
        assert float(row["train/loss"]) == pytest.approx(mean(loss for when, loss in losses if when == epoch), rel=1e-5)
    assert epoch == 1
    assert len({number for rank in noted(tmp_path, "random") for number in rank}) == 4
    left = {path.name for path in tmp_path.iterdir()} - {"__pycache__"}
    assert left == {"spying.py", "run", *(f"{what}{rank}" for what in ("seen", "losses", "random") for rank in (0, 1))}


def test_they_save_and_stop_together_within_an_epoch(tmp_path: Path) -> None:
    (tmp_path / "spying.py").write_text(SPY)
    run = tmp_path / "run"
    words = ["batch_size=16", "trainer.accumulate_grad_batches=2", "checkpoint.every_seconds=0"]
    words += ["+callbacks.stop={_target_: spying.Stop}", f"hydra.run.dir='{run}'"]
    printed = train(tmp_path, *SMALL, *TWO, *words, code=75)
    assert "stopped by a signal to another process after step 16 (epoch 1 of 2); the same command goes on" in printed
    assert sorted(path.name[:13] for path in (run / "checkpoints").iterdir()) == ["step000000008", "step000000016"]


def test_a_sweep_has_one_folder_and_one_record_for_each_job(tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    before = set(Path("runs").iterdir()) if Path("runs").is_dir() else set()
    words = [word for word in SMALL if word != "model=plain"]
    printed = train(tmp_path, "-m", *words, *TWO, "model=plain,fire_small", f"hydra.sweep.dir='{sweep}'")
    folders = [path for path in sweep.iterdir() if path.is_dir()]
    assert len(folders) == 2
    assert {read_record(folder).architecture.name.split()[0] for folder in folders} == {"plain", "fire_small"}
    assert printed.count("epoch 2/2") == 2
    assert (set(Path("runs").iterdir()) if Path("runs").is_dir() else set()) == before
