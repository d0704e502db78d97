"""A run leaves a folder with weights, metrics and a record; equal settings and seeds give equal results."""

from __future__ import annotations

import csv
import dataclasses
import errno
import hashlib
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
import yaml
from safetensors.torch import load_file

from archbuilder.description import describe_graph
from archbuilder.errors import ConfigError, DataError, TrainingError
from archbuilder.graph_json import from_json, graph_hash
from archbuilder.language.source import expand
from archbuilder.record import PROGRESS_FILE, read_record, write_record
from archbuilder.sweep.lock import LOCK_FILE
from archbuilder.training.evaluate import _same
from archbuilder.training.naming import run_settings
from archbuilder.training.run import run
from archbuilder.training.settings import recipe_settings
from tests.training.runs import configured, trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one finished run."""
    path: Path = tmp_path_factory.mktemp("run")
    trained(path, "seed=0", "trainer.max_epochs=2")
    return path


def test_a_run_leaves_a_record_weights_an_architecture_metrics_and_a_checkpoint(folder: Path) -> None:
    left = {path.name for path in folder.iterdir()}
    assert {"record.json", "architecture.json", "weights.safetensors", "metrics.csv", "checkpoints"} <= left
    assert {name for name in left if name.startswith(".")} <= {LOCK_FILE, PROGRESS_FILE}


def test_what_was_resolved_stands_beside_the_record(tmp_path: Path) -> None:
    record = trained(tmp_path, "+model.budget.params=20k", "seed=7")
    config = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert config["seed"] == 7
    assert "budget" not in config["model"]
    assert 0 < config["model"]["scale"]["width"] < 1
    assert expand(config["model"]).nodes == expand("plain", ["model.input=[3,16,16]", "model.budget.params=20k"]).nodes
    assert 19_000 < record.cost.params <= 20_000


def test_the_record_tells_network_cost_recipe_data_seed_and_result(folder: Path) -> None:
    record = read_record(folder)
    description = describe_graph(expand("plain", ["model.input=[3,16,16]"]))
    assert record.architecture.name == "small"
    assert record.cost.params == record.cost.trainable_params == description.params == 123_898
    assert (record.cost.macs, record.cost.peak_activations) == (description.macs, description.peak_activations)
    assert record.seed == 0
    assert record.data.name == "digits"
    assert record.data.splits == {"train": 1438, "val": 359}
    assert (record.training.epochs, record.training.steps) == (2, 2 * (1438 // 128))
    assert record.training.images_per_second > 0
    assert record.recipe.settings["optimizer"]["lr"] == 0.1
    [result] = record.results
    assert (result.split, result.weights, result.n) == ("val", "raw", 359)
    assert record.versions["torch"] == torch.__version__
    assert record.weights_sha256 == hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()


def test_the_architecture_beside_the_record_is_the_network_that_was_trained(folder: Path) -> None:
    import json

    graph = from_json(json.loads((folder / "architecture.json").read_text()))
    assert graph_hash(graph) == read_record(folder).architecture.hash
    assert graph_hash(graph) == graph_hash(expand("plain", ["model.input=[3,16,16]"]))


def test_the_accuracy_in_the_record_is_that_of_the_weights_beside_it(folder: Path) -> None:
    from archbuilder.assemble import assemble
    from archbuilder.data import load
    from archbuilder.data.batches import BatchSource

    dataset = load({"name": "digits", "size": 16, "channels": 3, "holdout": 0.2})
    net = assemble(expand("plain", ["model.input=[3,16,16]"])).eval()
    net.load_state_dict(load_file(folder / "weights.safetensors"))
    with torch.inference_mode():
        correct = sum(int((net(x).argmax(1) == y).sum()) for x, y in BatchSource(dataset, "val", 512))
    [result] = read_record(folder).results
    assert result.accuracy == correct / 359


def test_metrics_have_one_row_per_epoch_with_both_splits(folder: Path) -> None:
    rows = list(csv.DictReader((folder / "metrics.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert {"train/accuracy", "train/loss", "val/accuracy", "val/loss", "lr"} <= set(rows[0])
    assert float(rows[-1]["val/accuracy"]) == pytest.approx(read_record(folder).results[0].accuracy)


def test_training_learns(folder: Path) -> None:
    rows = list(csv.DictReader((folder / "metrics.csv").open()))
    assert float(rows[1]["train/loss"]) < 0.7 * float(rows[0]["train/loss"])


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    weights = {}
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        trained(tmp_path / name, f"seed={seed}")
        weights[name] = load_file(tmp_path / name / "weights.safetensors")["stem.conv.conv.weight"]
    assert torch.equal(weights["first"], weights["again"])
    assert not torch.equal(weights["first"], weights["other"])


def test_what_is_finished_is_not_trained_again_unless_forced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "record.json").read_bytes()
    assert run(configured(folder, "seed=0", "trainer.max_epochs=2")) == read_record(folder)
    assert "finished before; force=true trains it again" in capsys.readouterr().out
    assert (folder / "record.json").read_bytes() == before


def test_a_run_whose_block_or_data_were_edited_since_is_trained_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained(tmp_path)
    record = read_record(tmp_path)
    other = dataclasses.replace(record, architecture=dataclasses.replace(record.architecture, hash="other"))
    write_record(other, tmp_path)
    assert trained(tmp_path).architecture.hash == record.architecture.hash
    assert "finished before, but the network changed since" in capsys.readouterr().out
    write_record(dataclasses.replace(record, data=dataclasses.replace(record.data, fingerprint="other")), tmp_path)
    assert trained(tmp_path).data.fingerprint == record.data.fingerprint
    assert "finished before, but the data changed since" in capsys.readouterr().out


def test_forcing_trains_again(tmp_path: Path) -> None:
    first = trained(tmp_path)
    again = trained(tmp_path, "force=true")
    assert again.results == first.results
    assert again.training.seconds != first.training.seconds


def test_a_mistake_in_a_forced_run_keeps_the_result_that_was_there(tmp_path: Path) -> None:
    trained(tmp_path)
    before = (tmp_path / "record.json").read_bytes()
    for mistake in ("+logger.csv.nonsense=1", "+schedule.nonsense=1", "optimizer.lr=fast", "+trainer.nonsense=1"):
        with pytest.raises(ConfigError):
            trained(tmp_path, "force=true", mistake)
        assert (tmp_path / "record.json").read_bytes() == before


def test_a_result_over_a_part_of_the_images_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="0 of the 359 images of val were evaluated"):
        trained(tmp_path, "+trainer.limit_val_batches=0")
    assert not (tmp_path / "record.json").exists()


def test_epochs_that_were_not_evaluated_have_no_figure_in_the_metrics(tmp_path: Path) -> None:
    trained(tmp_path, "trainer.max_epochs=2", "trainer.check_val_every_n_epoch=2")
    first, second = csv.DictReader((tmp_path / "metrics.csv").open())
    assert first["val/accuracy"] == ""
    assert float(second["val/accuracy"]) > 0


def test_callbacks_that_may_change_what_is_learned_make_another_run(tmp_path: Path) -> None:
    plain = run_settings(configured(tmp_path))
    average = "+callbacks.avg={_target_: lightning.pytorch.callbacks.StochasticWeightAveraging, swa_lrs: 0.5}"
    averaged = run_settings(configured(tmp_path, average))
    assert plain == run_settings(configured(tmp_path, "callbacks=default"))
    assert plain != averaged
    assert recipe_settings(plain) != recipe_settings(averaged)


def test_the_recipe_leaves_out_seed_data_and_machine(tmp_path: Path) -> None:
    def recipe(*overrides: str) -> dict[str, object]:
        return recipe_settings(run_settings(configured(tmp_path, *overrides)))

    plain = recipe()
    assert recipe("seed=5", "data.holdout=0.3", "trainer.devices=2", "model=resnet20") == plain
    for change in (
        "optimizer.lr=0.2",
        "schedule.warmup=0",
        "augment.flip=true",
        "batch_size=64",
        "+trainer.limit_train_batches=2",
        "trainer.max_epochs=3",
    ):
        assert recipe(change) != plain, change


@pytest.mark.parametrize(
    ("overrides", "error", "telling"),
    [
        (["model.stages.stage1.outt=3"], ConfigError, "model.stages.stage1.outt"),
        (["model.input=[3,32,32]"], ConfigError, "write model.input=[3,16,16]"),
        (["model.classes=7"], ConfigError, "write model.classes=10"),
        (["model.head.classifier=null"], ConfigError, "10 classes"),
        (["+augment.flop=true"], ConfigError, "did you mean 'flip'?"),
        (["schedule.warmup=2"], ConfigError, "schedule.warmup"),
        (["optimizer._target_=torch.optim.SDG"], ConfigError, "optimizer"),
        (["optimizer.lr=fast"], ConfigError, "optimizer.lr: 'fast' is not a number"),
        (["trainer.accelerator=gpuu"], ConfigError, "trainer"),
        (["batch_size=0"], ConfigError, "batch_size"),
        (["batch_size=many"], ConfigError, "batch_size"),
        (["force=maybe"], ConfigError, "force: 'maybe' is not true or false"),
        (["channels_last=maybe"], ConfigError, "channels_last: 'maybe' is not true or false"),
        (["schedule.warmup=abc"], ConfigError, "schedule.warmup: 'abc' is not a number"),
        (["schedule.end=null"], ConfigError, "schedule.end: null is not a number"),
        (["optimizer=adamw", "optimizer.betas=[0.9]"], ConfigError, "optimizer.betas: [0.9] has too few entries"),
        (["freeze=['*']"], ConfigError, "freeze: ['*'] leaves no weight that is trained"),
        (["checkpoint=null"], ConfigError, "checkpoint.every_seconds: null is not a number"),
        (["checkpoint.every_seconds=abc"], ConfigError, "checkpoint.every_seconds"),
        (["checkpoint.every_seconds=-1"], ConfigError, "checkpoint.every_seconds: -1 is too small"),
        (["+callbacks.x=1"], ConfigError, "callbacks.x"),
        (["+callbacks.x._target_=lightning.pytorch.callbacks.LearningRateMonitor"], ConfigError, "has no logger"),
        (["trainer.accelerator=mps"], ConfigError, "trainer: there is no mps here; write trainer=auto"),
        (["whiten=nothing"], ConfigError, "(whiten=null leaves it out); known: "),
        (["+schedule.nonsense=1"], ConfigError, "schedule"),
        (["trainer.max_epochs=abc"], ConfigError, "trainer.max_epochs"),
        (["trainer.max_epochs=0"], ConfigError, "trainer.max_epochs"),
        (["trainer.precision=64-true"], ConfigError, "trainer.precision"),
        (["whiten=stem.conf"], ConfigError, "did you mean 'stem.conv'?"),
        (["+callbacks.mine={_target_: os.getcwd}"], ConfigError, "no callback"),
        (["seed=-1"], ConfigError, "seed"),
        (["data=arrays", "data.train=nothing/*.npz"], DataError, "nothing/*.npz"),
        (["data=arrays"], ConfigError, "data.train"),
    ],
)
def test_bad_input_is_told_with_its_key_and_nothing_is_left(
    tmp_path: Path, overrides: list[str], error: type[Exception], telling: str
) -> None:
    if "data=arrays" in overrides:
        from tests.training import runs

        base = [text for text in runs.SMALL if not text.startswith("data.size")]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runs, "SMALL", tuple(base))
            config = configured(tmp_path, *overrides)
    else:
        config = configured(tmp_path, *[text.replace("model.", "++model.", 1) for text in overrides])
    with pytest.raises(error) as caught:
        run(config)
    assert telling in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


# A norm that sees one number per channel, and stopping early on a figure that is not there.
SQUEEZED = ("++model.stages.pool={block: global_pool}", "++model.stages.mix={block: pointwise, out: 8}")
EARLY = "+callbacks.x={_target_: lightning.pytorch.callbacks.EarlyStopping, monitor: val_loss}"


@pytest.mark.parametrize(
    ("overrides", "telling"),
    [
        ([*SQUEEZED, "batch_size=1"], "batch_size: 1 leaves a norm but one number per channel"),
        ([EARLY], "callbacks: Early stopping conditioned on metric `val_loss` which is not available"),
    ],
)
def test_what_only_the_training_shows_is_told_too(tmp_path: Path, overrides: list[str], telling: str) -> None:
    with pytest.raises(ConfigError) as caught:
        trained(tmp_path, *overrides)
    assert telling in str(caught.value)


def test_a_disk_that_is_full_at_the_end_leaves_the_earlier_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = trained(tmp_path)
    monkeypatch.setattr("archbuilder.training.run.write_record", Mock(side_effect=OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError, match="full"):
        trained(tmp_path, "force=true")
    assert read_record(tmp_path) == first
    assert not list(tmp_path.glob(".new*"))


def test_batches_that_are_asked_for_in_each_epoch_are_the_same(tmp_path: Path) -> None:
    anew = "+trainer.reload_dataloaders_every_n_epochs=1"
    for name, words in (("once", ()), ("anew", (anew,))):
        trained(tmp_path / name, "trainer.max_epochs=2", *words)
    assert (tmp_path / "once" / "metrics.csv").read_text() == (tmp_path / "anew" / "metrics.csv").read_text()


def test_another_trainer_evaluates_on_the_device_that_was_trained_on() -> None:
    assert [_same(torch.device(name)) for name in ("cpu", "mps", "cuda:2")] == [1, 1, [2]]


def test_a_loss_that_is_not_finite_is_no_result(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"lower optimizer\.lr"):
        trained(tmp_path, "optimizer.lr=1e30", "schedule=constant")
    assert not (tmp_path / "record.json").exists()


def test_the_logger_tensorboard_writes_events_beside_the_metrics(tmp_path: Path) -> None:
    trained(tmp_path, "logger=tensorboard")
    assert list((tmp_path / "tensorboard").glob("events.out.tfevents.*"))
    assert (tmp_path / "metrics.csv").is_file()
