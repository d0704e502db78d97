"""Trackers are told what the record says, each run once, however often it was stopped; and only look on."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch.loggers import CSVLogger

from archbuilder.errors import ConfigError, TrainingError
from archbuilder.record import Record, read_record
from archbuilder.training.trackers import Tracked, figures, hyperparameters, mlflow_logger, tracked
from tests.compare.records import record as some_record
from tests.compare.records import result
from tests.training.runs import configured, trained
from tests.training.wandb_file import read

PER_EPOCH = {"lr", "train/accuracy", "train/loss", "val/accuracy", "val/loss"}
CSV = "+logger.csv={_target_: lightning.pytorch.loggers.CSVLogger, save_dir: '${folder}', name: csv, version: ''}"


ALL = "logger=[tensorboard,wandb,mlflow]"


@pytest.fixture(scope="module", autouse=True)
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """W&B offline, and one database of MLflow for all tests: to make one takes a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db")
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two epochs that was told to all trackers."""
    path: Path = tmp_path_factory.mktemp("trackers") / "the-run"
    tags = ["+logger.wandb.tags=[baseline]", "+logger.mlflow.tags={kind: baseline}"]
    trained(path, "trainer.max_epochs=2", ALL, CSV, *tags)
    return path


def in_mlflow(folder: Path, uri: str | None = None) -> list[Any]:
    """Return the runs in MLflow that have the name of a run's folder."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("archbuilder")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], f"run_name = '{folder.name}'"))


def history(run: Any, name: str, uri: str | None = None) -> list[tuple[int, float]]:
    """Return step and value of each time that MLflow was told a figure."""
    from mlflow import MlflowClient

    return [(metric.step, metric.value) for metric in MlflowClient(uri).get_metric_history(run.info.run_id, name)]


def in_tensorboard(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return events


def on_the_hparams_page(events: Any) -> tuple[dict[str, Any], set[str]]:
    """Return the hyper-parameters of a run and the tags of the figures that they are set against."""
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    kinds: Any = HParamsPluginData
    content = {name: found.plugin_data.content for name, found in events.summary_metadata.items()}
    start = kinds.FromString(content["_hparams_/session_start_info"]).session_start_info
    experiment = kinds.FromString(content["_hparams_/experiment"]).experiment
    params = {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}
    return params, {info.name.tag for info in experiment.metric_infos}


def agrees(params: Mapping[str, Any], metrics: Mapping[str, Any], record: Record) -> None:
    """Check what a tracker holds; TensorBoard keeps 24 bits of a number."""
    assert params["architecture/name"] == record.architecture.name
    assert params["architecture/hash"] == record.architecture.hash
    assert params["data/name"] == record.data.name
    assert float(params["seed"]) == record.seed
    assert params["recipe/hash"] == record.recipe.hash
    assert float(params["recipe/optimizer/lr"]) == record.recipe.settings["optimizer"]["lr"]
    assert metrics["params"] == record.cost.params
    assert metrics["macs"] == pytest.approx(record.cost.macs)
    assert metrics["val_accuracy"] == pytest.approx(record.results[0].accuracy)
    assert metrics["seconds"] == pytest.approx(record.training.seconds)


def test_mlflow_has_one_finished_run_with_the_folders_name(folder: Path) -> None:
    [run] = in_mlflow(folder)
    assert (run.info.run_name, run.info.status, run.data.tags["kind"]) == ("the-run", "FINISHED", "baseline")
    agrees(run.data.params, run.data.metrics, read_record(folder))
    assert run.data.metrics.keys() >= PER_EPOCH
    assert len(history(run, "val/accuracy")) == 2


def test_wandb_has_one_ended_run_with_the_folders_name(folder: Path) -> None:
    [told] = read(folder)
    assert (told.name, told.project, told.group, told.tags) == ("the-run", "archbuilder", "", ["baseline"])
    assert told.exit_code == 0
    agrees(told.config, told.summary, read_record(folder))
    assert [row["epoch"] for row in told.history if row.keys() >= PER_EPOCH] == [0, 1]


def test_tensorboard_has_figures_and_hyperparameters_together(folder: Path) -> None:
    events = in_tensorboard(folder)
    for name in PER_EPOCH:
        assert len(events.Scalars(name)) == 2
    params, compared = on_the_hparams_page(events)
    assert compared >= {"params", "macs", "val_accuracy"}
    agrees(params, {name: events.Scalars(name)[0].value for name in compared}, read_record(folder))
    written = yaml.safe_load((folder / "tensorboard" / "hparams.yaml").read_text())
    assert written == hyperparameters(read_record(folder))


def test_any_other_logger_of_lightning_is_told_the_same(folder: Path) -> None:
    params = yaml.safe_load((folder / "csv" / "hparams.yaml").read_text())
    header, *_, last = (folder / "csv" / "metrics.csv").read_text().splitlines()
    row = dict(zip(header.split(","), last.split(","), strict=True))
    agrees(params, {name: float(value) for name, value in row.items() if value}, read_record(folder))


def test_trackers_only_look_on(folder: Path, tmp_path: Path) -> None:
    trained(tmp_path, "trainer.max_epochs=2")
    for name in ("metrics.csv", "weights.safetensors"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_a_run_that_was_stopped_goes_on_in_the_same_run_of_each_tracker(tmp_path: Path, stop_at: list[int]) -> None:
    folder = tmp_path / "stopped"
    stop_at.extend([15, 30])
    for _ in range(2):
        with pytest.raises(SystemExit):
            trained(folder, "trainer.max_epochs=3", ALL)
        assert [run.info.status for run in in_mlflow(folder)] == ["FAILED"]
    record = trained(folder, "trainer.max_epochs=3", ALL)

    [run] = in_mlflow(folder)
    assert run.info.status == "FINISHED"
    agrees(run.data.params, run.data.metrics, record)
    assert [step for step, _ in history(run, "val/loss")] == [10, 21, 32]

    sittings = read(folder)
    assert len(sittings) == 3
    assert len({told.id for told in sittings}) == 1
    assert [told.exit_code for told in sittings] == [1, 1, 0]
    assert [row["epoch"] for told in sittings for row in told.history if "val/loss" in row] == [0, 1, 2]
    agrees(sittings[-1].config, sittings[-1].summary, record)

    assert [event.step for event in in_tensorboard(folder).Scalars("val/loss")] == [10, 21, 32]


def test_an_id_is_that_of_a_run_in_a_folder(tmp_path: Path) -> None:
    own = {"network": "a", "data": "b", "settings": "c"}
    first = tracked(configured(tmp_path / "x"), own)
    assert first == tracked(configured(tmp_path / "x"), dict(own))
    assert (first.name, first.sweep) == ("x", None)
    others = [tracked(configured(tmp_path / "y"), own), tracked(configured(tmp_path / "x"), {**own, "network": "d"})]
    assert len({first.id, *(other.id for other in others)}) == 3


def train(place: Path, *arguments: str) -> None:
    """Run `train.py` in `place` to its end."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path.cwd())}
    small = ["data.size=16", "model.input=[3,16,16]", "augment=shift", "trainer.max_epochs=1", "model=plain"]
    command = [sys.executable, str(Path("train.py").resolve()), *arguments, *small]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, env=environment, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_sweep_is_a_group_of_runs_that_each_are_their_own(tmp_path: Path) -> None:
    train(tmp_path, "-m", "sweep=mine", "seed=1,2", "trainer=cpu", "logger=[wandb,mlflow]")
    folders = sorted(path for path in (tmp_path / "runs" / "mine").iterdir() if path.is_dir())
    told = [sitting for folder in folders for sitting in read(folder)]
    assert [(one.name, one.group, one.exit_code) for one in told] == [(path.name, "mine", 0) for path in folders]
    assert [one.config["seed"] for one in told] == [1, 2]
    assert [run.data.tags["sweep"] for path in folders for run in in_mlflow(path)] == ["mine", "mine"]


def test_of_several_processes_one_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    two = ["trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=2", "trainer.precision=32-true"]
    train(tmp_path, *two, "batch_size=64", ALL)
    # Nothing lies where a tracker would put it by itself.
    assert {path.name for path in tmp_path.iterdir()} == {"runs"}
    [folder] = (path for path in (tmp_path / "runs").iterdir() if path.name != "mlflow.db")
    uri = f"sqlite:///{tmp_path}/runs/mlflow.db"
    record = read_record(folder)
    [run] = in_mlflow(folder, uri)
    [told] = read(folder)
    agrees(run.data.params, run.data.metrics, record)
    agrees(told.config, told.summary, record)
    assert len(history(run, "val/loss", uri)) == 1
    assert len(in_tensorboard(folder).Scalars("val/loss")) == len(in_tensorboard(folder).Scalars("params")) == 1


def test_runs_that_begin_at_once_share_a_database_that_none_of_them_broke(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"

    def begin(name: str) -> None:
        assert mlflow_logger(Tracked(tmp_path / name, None, name), uri, "archbuilder").run_id

    # Forked: what takes long to import is there already.
    processes = [multiprocessing.get_context("fork").Process(target=begin, args=(name,)) for name in ("a", "b")]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert [len(in_mlflow(tmp_path / name, uri)) for name in ("a", "b")] == [1, 1]


class Broken(CSVLogger):
    """A tracker that can no longer be reached when the run is over."""

    def log_hyperparams(self, params: Any = None) -> None:
        raise ConnectionError("no route\nto host")


def test_a_tracker_that_fails_at_the_end_loses_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    broken = f"+logger.broken={{_target_: {__name__}.Broken, save_dir: '{tmp_path}'}}"
    record = trained(folder, broken, CSV)
    assert read_record(folder) == record
    told = capsys.readouterr().err
    assert "logger.broken: no route to host; this tracker may lack what record.json says\n" in told
    assert "val_accuracy" in (folder / "csv" / "metrics.csv").read_text()


def test_a_training_that_fails_is_a_failed_run_and_the_next_one_is_another(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad", tmp_path / "good"
    with pytest.raises(TrainingError):
        trained(bad, ALL, "optimizer.lr=1e30", "schedule=constant")
    trained(good, ALL)
    assert [run.info.status for path in (bad, good) for run in in_mlflow(path)] == ["FAILED", "FINISHED"]
    assert [(told.name, told.exit_code) for path in (bad, good) for told in read(path)] == [("bad", 1), ("good", 0)]


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "mlflow"])
def test_a_package_that_is_missing_is_told_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)  # so that importing it fails
    with pytest.raises(ConfigError) as caught:
        trained(tmp_path / "run", f"logger={name}")
    assert str(caught.value) == f'logger.{name}: {name} is not installed; pip install "archbuilder[{name}]"'
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["logger=mlflow", "logger.mlflow.tracking_uri=http://127.0.0.1:9"], "logger.mlflow: .*127.0.0.1"),
        (["logger=mlflow", "logger.mlflow.tracking_uri=nonsense://x"], "logger.mlflow: .*nonsense"),
        (["logger=wandb", "+logger.wandb.nonsense=1"], "logger.wandb: .*nonsense"),
        (["+logger.mine={_target_: os.getcwd}"], "logger.mine: str is no logger of Lightning"),
    ],
)
def test_a_tracker_that_cannot_be_begun_is_told_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: list[str], told: str
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ConfigError, match=told) as caught:
        trained(tmp_path / "run", *overrides)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "run").iterdir()) == []


def test_averaged_weights_have_figures_of_their_own() -> None:
    both = figures(some_record(results=[result(0.75), result(0.5, weights="averaged"), result(0.25, "test")]))
    assert (both["val_accuracy"], both["val_accuracy_averaged"], both["test_accuracy"]) == (0.75, 0.5, 0.25)
    assert (both["val_loss"], both["val_loss_averaged"], both["test_loss"]) == (0.25, 0.5, 0.75)


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
NESTED = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=10
)


@given(st.dictionaries(st.text(), NESTED, max_size=4))
def test_hyperparameters_are_plain_whatever_the_recipe(settings: dict[str, Any]) -> None:
    flat = hyperparameters(some_record(settings={"settings": settings}))
    assert all(value is None or isinstance(value, bool | int | float | str) for value in flat.values())
    assert json.loads(json.dumps(flat)) == flat
