"""A run that was stopped goes on as if nothing had happened: the same weights and metrics, bit for bit."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from archbuilder.errors import ConfigError, TrainingError
from archbuilder.record import read_record
from archbuilder.training import auto, checkpoints
from archbuilder.training.keeper import Keeper
from archbuilder.training.module import Classifier
from archbuilder.training.signals import RESUME_ME
from tests.training.runs import trained

# Everything that a step may depend on: dropout, mixed images, momentum, a schedule, sums over the epoch.
RICH = (
    "+model.stages.drop={block: dropout, rate: 0.2}",
    "augment=strong",
    "augment.cutout=4",
    "augment.mixup=0.2",
    "trainer.max_epochs=3",
    "checkpoint.every_seconds=1000",
)
BATCHES = 11
"""Batches in an epoch of the small run."""
RESULTS = ("metrics.csv", "weights.safetensors")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing stopped."""
    path: Path = tmp_path_factory.mktemp("undisturbed")
    trained(path, *RICH)
    return path


def test_the_small_run_has_so_many_batches(undisturbed: Path) -> None:
    assert read_record(undisturbed).training.steps == 3 * BATCHES


@pytest.mark.parametrize(
    "steps",
    [[1, 2, BATCHES - 1, BATCHES], [BATCHES + 1, 2 * BATCHES, 3 * BATCHES - 1]],
    ids=str,
)
def test_told_to_stop_it_finishes_the_step_and_goes_on_later_with_the_same_results(
    tmp_path: Path, undisturbed: Path, stop_at: list[int], steps: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    stop_at.extend(steps)
    for step in steps:
        with pytest.raises(SystemExit) as stopped:
            trained(tmp_path, *RICH)
        assert stopped.value.code == RESUME_ME == 75
        told = capsys.readouterr().err
        assert f"stopped by SIGTERM after step {step} (epoch {(step - 1) // BATCHES + 1} of 3); the same" in told
        assert not (tmp_path / "record.json").exists()
    record = trained(tmp_path, *RICH)
    assert "going on from" in capsys.readouterr().out
    for name in RESULTS:
        assert (tmp_path / name).read_bytes() == (undisturbed / name).read_bytes(), name
    whole = read_record(undisturbed)
    assert record.results == whole.results
    assert (record.training.steps, record.training.epochs) == (whole.training.steps, whole.training.epochs)


def test_in_the_last_step_it_ends_by_itself(tmp_path: Path, undisturbed: Path, stop_at: list[int]) -> None:
    stop_at.append(3 * BATCHES)
    assert trained(tmp_path, *RICH).results == read_record(undisturbed).results


def test_told_to_stop_in_the_last_evaluation_it_says_so_and_evaluates_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = Classifier.validation_step

    def step(self: Classifier, batch: Any) -> None:
        if self.trainer.state.fn == "validate":
            os.kill(os.getpid(), signal.SIGTERM)
        real(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Classifier, "validation_step", step)
        with pytest.raises(SystemExit) as stopped:
            trained(tmp_path, "batch_size=64")
    assert stopped.value.code == RESUME_ME
    assert "stopped during the last evaluation; the same command evaluates again" in capsys.readouterr().err
    record = trained(tmp_path, "batch_size=64")
    assert record.results[0].n == 359
    assert "epoch 1/1" not in capsys.readouterr().out


def test_told_twice_it_stops_at_once_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def step(self: Classifier, batch: Any) -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)

    monkeypatch.setattr(Classifier, "training_step", step)
    with pytest.raises(SystemExit) as stopped:
        trained(tmp_path)
    assert stopped.value.code == RESUME_ME
    assert "stopped at once; the same command goes on from what was saved" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_handlers_are_given_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    trained(tmp_path)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_damaged_checkpoint_is_told_and_the_one_before_it_taken(
    tmp_path: Path, undisturbed: Path, stop_at: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    stop_at.extend([4, 9])
    for _ in range(2):
        with pytest.raises(SystemExit):
            trained(tmp_path, *RICH)
    newest, _ = checkpoints.newest(tmp_path / "checkpoints")
    assert newest is not None
    newest.write_bytes(newest.read_bytes()[:1000])
    trained(tmp_path, *RICH)
    assert "is damaged and left aside" in capsys.readouterr().out
    for name in RESULTS:
        assert (tmp_path / name).read_bytes() == (undisturbed / name).read_bytes(), name


def test_a_checkpoint_by_its_path_or_its_runs_folder(
    tmp_path: Path, undisturbed: Path, stop_at: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    stop_at.append(4)
    with pytest.raises(SystemExit):
        trained(tmp_path / "first", *RICH)
    for number, place in enumerate((tmp_path / "first", next((tmp_path / "first" / "checkpoints").iterdir()))):
        folder = tmp_path / f"on{number}"
        trained(folder, *RICH, f"resume='{place}'")
        assert (folder / "metrics.csv").read_bytes() == (undisturbed / "metrics.csv").read_bytes()
    trained(tmp_path / "first", *RICH, "resume=null", "trainer.max_epochs=1")
    assert "going on" not in capsys.readouterr().out.splitlines()[-2]


@pytest.mark.parametrize(
    ("overrides", "kind", "told"),
    [
        (["resume=nowhere"], TrainingError, "nowhere: there is no such checkpoint"),
        (["resume=7"], ConfigError, "7 is neither auto, null, a checkpoint's path nor a run's folder"),
        (["resume=EMPTY"], TrainingError, "there is no whole checkpoint in this folder"),
        (["resume=OTHER", "model.classes=10", "model=nin"], TrainingError, "is the checkpoint of another network"),
        (
            ["resume=OTHER", *RICH, "optimizer=muon", "ema=0.9"],
            TrainingError,
            "another ema and another optimizer;",
        ),
        (["resume=OTHER", *RICH, "optimizer=adamw"], TrainingError, "was saved with another optimizer; go on"),
        (["resume=OTHER", *RICH, "freeze=['*norm*']"], TrainingError, "another freeze, whiten or norm_bias_lr; go on"),
        (["resume=OTHER", *RICH], TrainingError, "nothing left to train: it was trained for 3 of 3 epochs"),
        (["+trainer.max_steps=0"], TrainingError, "nothing left to train: it was trained for 0 of 1 epochs"),
    ],
)
def test_what_cannot_be_gone_on_from(
    tmp_path: Path, undisturbed: Path, overrides: list[str], kind: type[Exception], told: str
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"EMPTY": tmp_path / "empty", "OTHER": undisturbed}
    filled = [f"resume='{places[text[7:]]}'" if text[7:] in places else text for text in overrides]
    with pytest.raises(kind, match=told):
        trained(tmp_path / "run", *filled)


def test_an_edited_network_starts_anew_and_takes_the_old_ones_place_once_it_is_saved(
    tmp_path: Path, stop_at: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    stop_at.append(4)
    with pytest.raises(SystemExit):
        trained(tmp_path, *RICH)
    [old] = checkpoints.listed(tmp_path / "checkpoints")
    edited = (*RICH, "+model.stages.more={block: identity}")
    with pytest.raises(TrainingError, match="there is no checkpoint from before it"):
        trained(tmp_path, *edited, "optimizer.lr=1e30", "schedule=constant")
    assert "the network and the settings changed since; starting anew" in capsys.readouterr().out
    assert checkpoints.listed(tmp_path / "checkpoints") == [old]
    stop_at.append(2)
    with pytest.raises(SystemExit):
        trained(tmp_path, *edited)
    assert [path.name[:13] for path in checkpoints.listed(tmp_path / "checkpoints")] == ["step000000002"]


def test_another_machine_goes_on_in_what_it_decides_for_itself_and_says_so(
    tmp_path: Path, stop_at: list[int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at.append(4)
    with monkeypatch.context() as patch:
        patch.setattr(auto, "choose", lambda settings, machine: auto.Choice("cpu", 1, "bf16-mixed", "pretended"))
        with pytest.raises(SystemExit):
            trained(tmp_path, "trainer=auto")
    trained(tmp_path, "trainer=auto")
    told = capsys.readouterr().out
    assert "going on from" in told
    assert "which was saved on cpu, bf16-mixed; this is " in told


def test_a_run_that_a_callback_ended_does_not_train_on(tmp_path: Path) -> None:
    settings = "{_target_: lightning.pytorch.callbacks.EarlyStopping, monitor: val/loss, stopping_threshold: 100}"
    early = (f"+callbacks.early={settings}", "trainer.max_epochs=3")
    first = trained(tmp_path, *early)
    (tmp_path / "record.json").unlink()
    again = trained(tmp_path, *early)
    assert first.training.epochs == again.training.epochs == 1
    assert first.results == again.results


def test_an_epoch_that_was_evaluated_before_it_was_stopped_keeps_its_figures(
    tmp_path: Path, stop_at: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    often = "+trainer.val_check_interval=4"
    trained(tmp_path / "whole", often)
    stop_at.append(8)
    with pytest.raises(SystemExit):
        trained(tmp_path / "broken", often)
    assert "after step 9" in capsys.readouterr().err
    trained(tmp_path / "broken", often)
    for name in RESULTS:
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_a_save_that_takes_long_is_rare(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, {}, 0.001, None)
    time.sleep(0.01)
    assert keeper._due()
    keeper._saving = 1.0
    assert not keeper._due()
    keeper.every_seconds = 0.0
    assert keeper._due()


def test_forcing_starts_anew(tmp_path: Path, stop_at: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    stop_at.append(4)
    with pytest.raises(SystemExit):
        trained(tmp_path, *RICH)
    trained(tmp_path, *RICH, "force=true")
    assert "going on" not in capsys.readouterr().out


def test_a_loss_that_is_not_finite_names_step_rate_and_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Classifier.training_step

    def step(self: Classifier, batch: Any) -> torch.Tensor:
        if self.trainer.global_step == BATCHES + 2:
            with torch.no_grad():
                next(self.net.parameters()).fill_(float("nan"))
        return real(self, batch)

    monkeypatch.setattr(Classifier, "training_step", step)
    with pytest.raises(TrainingError) as caught:
        trained(tmp_path, *RICH, "checkpoint.every_seconds=0")
    text = str(caught.value)
    assert f"the loss is not finite (nan) at step {BATCHES + 3}, in epoch 2, at a learning rate of 0.0" in text
    good, _ = checkpoints.newest(tmp_path / "checkpoints")
    assert good is not None
    assert f"the last good checkpoint is {good}" in text
    assert good.name.startswith(f"step{BATCHES + 2:09d}")
    weights = checkpoints.read(good)["state_dict"]
    assert all(tensor.isfinite().all() for tensor in weights.values())


# Real processes, killed.


def start(folder: Path, *overrides: str) -> subprocess.Popen[str]:
    """Start `train.py` on a small run into `folder`."""
    words = ["data.size=16", "model.input=[3,16,16]", "model=fire_small", "trainer=cpu", *overrides]
    return subprocess.Popen(
        [sys.executable, "train.py", *words, f"hydra.run.dir='{folder}'"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def killed_at_random(folder: Path, kills: int, seed: int, *overrides: str) -> Path:
    """Return the folder of a run that was killed with -9 so many times, each time after it had begun to train."""
    chance = random.Random(seed)
    for _ in range(kills):
        process = start(folder, *overrides)
        before = {path.name for path in (folder / "checkpoints").glob("step*.ckpt")}
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if {path.name for path in (folder / "checkpoints").glob("step*.ckpt")} - before:
                break
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.6))
        process.kill()
        process.communicate()
    output, _ = start(folder, *overrides).communicate()
    assert (folder / "record.json").is_file(), output
    return folder


@pytest.mark.parametrize(
    ("kills", "epochs"), [pytest.param(2, 6, id="2"), pytest.param(20, 40, id="20", marks=pytest.mark.slow)]
)
def test_killed_at_random_moments_it_ends_with_the_same_results(tmp_path: Path, kills: int, epochs: int) -> None:
    settings = ("augment=strong", f"trainer.max_epochs={epochs}", "checkpoint.every_seconds=0.2")
    whole = tmp_path / "whole"
    start(whole, *settings).communicate()
    broken = killed_at_random(tmp_path / "broken", kills, 1, *settings)
    for name in RESULTS:
        assert (broken / name).read_bytes() == (whole / name).read_bytes(), name


def test_slurm_is_asked_to_start_the_job_again(tmp_path: Path) -> None:
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "scontrol").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\n')
    (bin_folder / "scontrol").chmod(0o755)
    environment = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}", "SLURM_JOB_ID": "42"}
    environment |= {"SLURM_JOB_NAME": "sweep", "SLURM_NTASKS": "1"}
    folder = tmp_path / "run"
    words = ["data.size=16", "model.input=[3,16,16]", "model=fire_small", "trainer=cpu", "trainer.max_epochs=200"]
    words += ["checkpoint.every_seconds=0", f"hydra.run.dir='{folder}'"]
    process = subprocess.Popen(
        [sys.executable, "train.py", *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while not list((folder / "checkpoints").glob("step*.ckpt")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    process.send_signal(signal.SIGUSR1)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == RESUME_ME, output
    assert "job 42 is requeued" in output
    assert (tmp_path / "asked").read_text() == "requeue 42\n"
