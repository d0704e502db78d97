"""Several processes on the CPU: they share each epoch and leave one run, alone and in a sweep."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from archbuilder.record import read_record

SMALL = ("data.size=16", "model.input=[3,16,16]", "model=plain", "augment=shift", "trainer=ddp", "trainer.max_epochs=2")
TWO = ("trainer.accelerator=cpu", "trainer.devices=2", "trainer.precision=32-true", "batch_size=64")

# A callback that writes down which images each process was given.
SPY = """
import json, os
import lightning

class Spy(lightning.Callback):
    def __init__(self, folder):
        self.folder = folder

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        images, labels = batch
        with open(f"{self.folder}/seen{trainer.global_rank}", "a") as file:
            for image, label in zip(images, labels):
                file.write(json.dumps([trainer.current_epoch, float(image.double().sum()), int(label)]) + "\\\\n")
"""


def train(folder: Path, *words: str) -> str:
    """Run `train.py` to its end and return what it printed."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{Path.cwd()}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "train.py", *words], capture_output=True, text=True, check=False, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("strategy", ["ddp", "ddp_spawn"])
def test_each_image_is_seen_once_an_epoch_and_one_record_is_left(tmp_path: Path, strategy: str) -> None:
    (tmp_path / "spying.py").write_text(SPY.replace("\\\\n", "\\n"))
    run = tmp_path / "run"
    spy = f"+callbacks.spy={{_target_: spying.Spy, folder: '{tmp_path}'}}"
    # Untouched images, so that one can be told from another.
    words = [*SMALL, *TWO, f"trainer={strategy}", "augment=none", spy, f"hydra.run.dir='{run}'"]
    printed = train(tmp_path, *words)
    assert printed.count("epoch 2/2") == 1
    seen = [[json.loads(line) for line in (tmp_path / f"seen{rank}").read_text().splitlines()] for rank in (0, 1)]
    record = read_record(run)
    share = record.data.splits["train"] // 2 // 64 * 64
    for epoch in (0, 1):
        first, second = ([tuple(one[1:]) for one in rank if one[0] == epoch] for rank in seen)
        assert len(first) == len(second) == share
        assert not set(first) & set(second)
    assert record.results[0].n == 359
    assert record.training.epochs == 2
    assert record.training.steps == 2 * share // 64
    assert (run / "metrics.csv").read_text().count("\n") == 3
    left = {path.name for path in tmp_path.iterdir()} - {"__pycache__"}
    assert left == {"spying.py", "seen0", "seen1", "run"}


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
