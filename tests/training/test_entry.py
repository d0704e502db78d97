"""`train.py` as a person runs it: one run, a sweep, a typo."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import lightning
import pytest
from hydra import compose, initialize_config_dir

import archbuilder
from archbuilder.paths import conf_dir
from archbuilder.record import read_record
from archbuilder.training.entry import errors_for_people, explain, model_overrides
from archbuilder.training.settings import checked_settings

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("data.size=16", "model.input=[3,16,16]", "trainer=cpu", "trainer.max_epochs=1")


def train(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `train.py` in `folder`."""
    command = [sys.executable, str(ROOT / "train.py"), *arguments]
    clean = {key: value for key, value in os.environ.items() if key != "HYDRA_FULL_ERROR"}
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False, timeout=300)


def test_model_overrides_may_name_keys_that_the_model_left_unsaid() -> None:
    given = [
        "model=resnet20",
        "model.stages.stage1.ratio=2",
        "model.params.x=1",
        "~model.stages.stage3",
        "+model.x=1",
        "seed=1",
    ]
    assert model_overrides(given) == [
        "model=resnet20",
        "++model.stages.stage1.ratio=2",
        "model.params.x=1",
        "~model.stages.stage3",
        "+model.x=1",
        "seed=1",
    ]


def test_a_sweep_trains_each_network_ends_with_the_table_and_goes_on_where_it_was(tmp_path: Path) -> None:
    command = ("-m", "model=plain,fire_small", *SMALL)
    first = train(tmp_path, *command)
    assert first.returncode == 0, first.stderr
    [sweep] = [path for path in (tmp_path / "runs").iterdir() if path.is_dir()]
    assert len(list(sweep.glob("*/record.json"))) == 2
    assert {"comparison.csv", "comparison.md", "comparison.png"} <= {path.name for path in sweep.iterdir()}
    table = first.stdout[first.stdout.index("network") :]
    assert table.index("plain") < table.index("fire_small")
    assert "123,898" in table

    [folder] = sweep.glob("fire_small-*")
    (folder / "record.json").unlink()
    shutil.rmtree(folder / "checkpoints")
    again = train(tmp_path, *command)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("finished before") == 1
    assert again.stdout.count("epoch 1/1") == 1
    assert len(list(sweep.glob("*/record.json"))) == 2


def test_one_failing_run_neither_stops_nor_hides_the_others(tmp_path: Path) -> None:
    done = train(tmp_path, "-m", "model=plain,article/reduce", "sweep=mixed", *SMALL)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    sweep = tmp_path / "runs" / "mixed"
    assert len(list(sweep.glob("plain-*/record.json"))) == 1
    [failure] = sweep.glob("article-reduce-*/failure.txt")
    assert "model.stages.reduce.out: reduce would widen 3 channels" in failure.read_text()
    assert "plain" in done.stdout
    assert "article-reduce" in done.stdout


def test_models_and_blocks_of_ones_own_are_found_in_a_folder_of_ones_own(tmp_path: Path) -> None:
    for folder, name, text in (
        ("model", "mine", "{input: [3, 16, 16], classes: 10, stages: {a: {block: twice, out: 8}}, "
         "head: {pool: {block: global_pool}, classifier: {block: linear, out: classes}}}"),
        ("block", "twice", "{params: {out: channels}, "
         "layers: {x: {block: conv, out: out}, y: {block: conv, out: out}}}"),
    ):  # fmt: skip
        (tmp_path / "my" / folder).mkdir(parents=True)
        (tmp_path / "my" / folder / f"{name}.yaml").write_text(text)
    done = train(tmp_path, "--config-dir", "my", "model=mine", "data.size=16", "trainer.max_epochs=1")
    assert done.returncode == 0, done.stderr
    [record] = (tmp_path / "runs").glob("mine-*/record.json")
    described = archbuilder.describe(tmp_path / "my" / "model" / "mine.yaml")
    assert read_record(record).cost.params == described.params


def test_a_sweep_survives_what_nobody_foresaw(tmp_path: Path) -> None:
    broken = "+callbacks.mine={_target_: tests.training.test_entry.Broken}"
    done = train(ROOT, "-m", "model=plain", "seed=1,2", broken, f"hydra.sweep.dir={tmp_path}/sweep", *SMALL)
    assert done.returncode == 1
    told = {failure.read_text() for failure in (tmp_path / "sweep").glob("*/failure.txt")}
    full = "here: No space left on device; make room, or write elsewhere with"
    assert told == {"RuntimeError: out of luck\n", next(text for text in told if text.startswith(full))}
    assert done.stderr.count("Traceback") == 1
    assert f"error: {full}" in done.stderr


class Broken(lightning.Callback):
    """Fails in a way that no check foresees; with another seed than 1, because the disk is full."""

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if trainer.datamodule.seed == 1:  # type: ignore[attr-defined]
            raise RuntimeError("out of luck")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "here")


def test_a_disk_that_takes_nothing_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left, errors_for_people():
        raise OSError(errno.EROFS, "Read-only file system", "runs")
    assert left.value.code == 1
    assert capsys.readouterr().err.startswith("error: runs: Read-only file system; write elsewhere with hydra.run.dir=")


def test_ctrl_c_before_the_training_leaves_a_line_and_nothing_else(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), "model=plain", "trainer=cpu", "hydra.run.dir=run"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (tmp_path / "run" / ".hydra" / "overrides.yaml").exists():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.5)  # Hydra is done, and imports have begun
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "stopped; the same command begins again, or goes on from what was saved\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_says_so_and_leaves_no_record(tmp_path: Path, number: signal.Signals) -> None:
    endless = ("model=plain", "data.size=16", "model.input=[3,16,16]", "trainer.max_epochs=1000", "hydra.run.dir=run")
    process = subprocess.Popen(
        [sys.executable, "-u", str(ROOT / "train.py"), *endless],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch"):
            break
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 75
    assert f"stopped by {number.name} after step" in errors
    assert "; the same command goes on from there" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "run" / "record.json").exists()


@pytest.mark.parametrize(
    ("arguments", "telling"),
    [
        (["model=resnet2O"], "resnet20"),
        (["optimzer.lr=1"], "did you mean 'optimizer'?"),
        (["optimizer.lrr=1"], "did you mean 'lr'?"),
        (["lr=0.1"], "did you mean 'optimizer.lr'?"),
        (["epochs=3"], "did you mean 'trainer.max_epochs'?"),
        (["+epochs=3"], "epochs: no setting is called that; did you mean 'trainer.max_epochs'?"),
        (["+lr=0.1"], "did you mean 'optimizer.lr'?"),
        (["folder=null"], "folder: a run needs one"),
        (["modle=plain"], "did you mean 'model'?"),
        (["model.stages.stage1.outt=3"], "did you mean 'out'?"),
        (["model.stages.stage9.out=3"], "did you mean"),
        (["~model.stages.stage9"], "model.stages.stage9"),
        (["model=../my/mine.yaml"], "--config-dir DIR model=mine"),
        (["data=cifar"], "did you mean 'cifar10'?"),
        (["data=arrays"], "data.train"),
        (["data=arrays", "data.trian=x"], "did you mean 'train'?"),
        (["optimizer=null"], "optimizer"),
        (["data=arrays", "data.train=nothing.npz"], "nothing.npz"),
        (["seed=[1"], "seed=[1"),
        (["logger=[tensorbord,wandb]"], "did you mean 'tensorboard'?"),
        (["logger=[wandb,mlflow]", "logger.wandb.projct=x"], "did you mean 'project'?"),
    ],
)
def test_a_typo_gives_one_paragraph_exit_code_1_and_leaves_nothing(
    tmp_path: Path, arguments: list[str], telling: str
) -> None:
    done = train(tmp_path, *arguments)
    assert done.returncode == 1
    assert telling in done.stderr
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_networks_of_ones_own_are_among_those_that_were_meant(tmp_path: Path) -> None:
    (tmp_path / "my" / "model").mkdir(parents=True)
    (tmp_path / "my" / "model" / "duonet.yaml").write_text((conf_dir() / "model" / "plain.yaml").read_text())
    for words, telling in (
        (("--config-dir", "my", "model=duonett"), "model: there is no model 'duonett'; did you mean 'duonet'?"),
        (("--config-dir=my", "model=duonett"), "model: there is no model 'duonett'; did you mean 'duonet'?"),
        (("--config-dir", "my/model", "model=duonet"), "no model 'duonet' in my/model/model; write --config-dir my"),
        (("--config-dir", "my", "model=duonet", "epochs=3"), "did you mean 'trainer.max_epochs'?"),
    ):
        done = train(tmp_path, *words)
        assert done.returncode == 1
        assert telling in done.stderr


def test_a_name_of_ones_own_that_a_setting_refers_to_is_no_typo() -> None:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        for reader in ("batch_size=${mine}", "batch_size=${oc.select:mine}"):
            given = ["name=some", "folder=nowhere", "sweep=some", "+mine=64", reader]
            assert checked_settings(compose("train", overrides=given))["batch_size"] == 64


def test_a_name_of_ones_own_may_name_the_runs_folder(tmp_path: Path) -> None:
    done = train(tmp_path, "+tag=abc", "hydra.run.dir=runs/${tag}", "model=plain", "seed=-1")
    assert "seed: " in done.stderr, "refused for the seed, not for the tag"


def test_an_error_that_is_not_about_a_key_is_told_as_it_is() -> None:
    assert str(explain(ValueError("two\n lines"), dict)) == "command line: two lines"


@pytest.mark.parametrize(("word", "engine"), [("launcher/joblib", "joblib"), ("launcher/submitit_slurm", "submitit")])
def test_a_launcher_whose_package_is_missing_is_told_with_what_installs_it(word: str, engine: str) -> None:
    told = str(explain(ValueError(f"In 'hydra/launcher/x': Could not find 'hydra/{word}'"), dict))
    assert told == f'hydra/launcher: {engine} is not installed: pip install "archbuilder[{engine}]"'


def test_a_misspelt_launcher_is_told_with_the_nearest() -> None:
    told = str(explain(ValueError("Could not find 'hydra/launcher/cpu'"), dict))
    assert "there is no hydra/launcher 'cpu'; did you mean 'cpus'?" in told
