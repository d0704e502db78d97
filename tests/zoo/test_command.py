"""The command of a run, from what Hydra keeps, without what only holds for one machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archbuilder.zoo.command import training_command


def told(folder: Path, *overrides: str) -> str | None:
    (folder / ".hydra").mkdir(exist_ok=True)
    # JSON is YAML.
    (folder / ".hydra" / "overrides.yaml").write_text(json.dumps(overrides))
    return training_command(folder)


@pytest.mark.parametrize(
    ("overrides", "command"),
    [
        ([], "python train.py"),
        (["model=resnet20", "data=cifar10", "seed=3"], "python train.py model=resnet20 data=cifar10 seed=3"),
        (["++model.stages.stage2.ratio=2"], "python train.py model.stages.stage2.ratio=2"),
        (["+model.stages.extra={block: conv}"], "python train.py '+model.stages.extra={block: conv}'"),
        (["~model.stages.stage3"], "python train.py '~model.stages.stage3'"),
        (["++trainer.limit_val_batches=1"], "python train.py ++trainer.limit_val_batches=1"),
    ],
)
def test_it_can_be_given_again(tmp_path: Path, overrides: list[str], command: str) -> None:
    assert told(tmp_path, *overrides) == command


@pytest.mark.parametrize(
    "path",
    [
        "/home/me/images", "~/images", "C:\\images", "[/a.npz,/b.npz]", "'/a b/*.npz'", "{root: /home/me}",
        "../images", "..", "[a.npz,../b.npz]", "\\\\server\\share", "images\\mine", "s3://me:pass@host/x",
    ],
)  # fmt: skip
def test_paths_of_the_machine_are_not_told(tmp_path: Path, path: str) -> None:
    assert told(tmp_path, f"data.root={path}") == "python train.py data.root=PATH"


def test_paths_from_where_the_command_is_given_are(tmp_path: Path) -> None:
    assert told(tmp_path, "data.root=my/images") == "python train.py data.root=my/images"


@pytest.mark.parametrize(
    "override",
    ["data.token=abc", "+data.api_key=abc", "++data.Password=abc", "trainer.secret_word=abc", "data.access_key_id=abc"],
)
def test_secrets_are_not_told(tmp_path: Path, override: str) -> None:
    key = override.partition("=")[0]
    assert told(tmp_path, override) == f"python train.py {key}=SECRET"
    assert told(tmp_path, "data={name: x, token: abc}", "seed=1") == "python train.py data=SECRET seed=1"


def test_references_inside_the_settings_are_no_paths(tmp_path: Path) -> None:
    assert told(tmp_path, "model.classes=${..x}") == "python train.py 'model.classes=${..x}'"


def test_what_does_not_fit_on_one_line_is_not_told(tmp_path: Path) -> None:
    assert told(tmp_path, "seed=1", "name=a\nrm -r x") is None


def test_where_the_results_went_is_left_out(tmp_path: Path) -> None:
    words = ["folder=x", "force=true", "sweep=mine", "logger=wandb", "+logger.wandb.entity=me", "resume=null", "seed=1"]
    assert told(tmp_path, *words) == "python train.py seed=1"


def test_without_hydras_file_or_with_a_damaged_one_it_is_not_known(tmp_path: Path) -> None:
    assert training_command(tmp_path) is None
    (tmp_path / ".hydra").mkdir()
    for content in ("{a: 1}", "[1, 2]", "[", "\0"):
        (tmp_path / ".hydra" / "overrides.yaml").write_text(content)
        assert training_command(tmp_path) is None
