"""Recipes: every choice composes and makes its parts, what a person says wins, and the named ones learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from safetensors.torch import load_file
from torch import nn

import archbuilder
from archbuilder.data.augment import from_settings
from archbuilder.errors import ConfigError
from archbuilder.paths import conf_dir
from archbuilder.record import read_record
from archbuilder.training.auto import Available, choose
from archbuilder.training.compiling import _compiler, compile_net, compiled
from archbuilder.training.parts import make
from archbuilder.training.settings import checked_settings, recipe_settings
from archbuilder.training.weights import make_optimizer
from tests.training.runs import configured, trained


def choices(group: str) -> list[str]:
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))


def composed(*overrides: str) -> DictConfig:
    """Return what `train.py` would be given."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("train", overrides=["name=some", "folder=nowhere", *overrides])


@pytest.mark.parametrize("recipe", choices("recipe"))
@pytest.mark.parametrize("trainer", ["auto", "cpu"])
def test_every_recipe_composes_and_its_settings_are_sound(recipe: str, trainer: str) -> None:
    config = composed(f"recipe={recipe}", f"trainer={trainer}")
    settings = checked_settings(config)
    assert recipe_settings(settings) != recipe_settings(checked_settings(composed(f"trainer={trainer}")))
    net = archbuilder.build(settings["model"])
    optimizer = make_optimizer(config.optimizer, net, settings["norm_bias_lr"])
    assert make(config.schedule, "schedule")(optimizer, 100).last_epoch == 0
    from_settings(config.augment).check((3, 32, 32))


@pytest.mark.parametrize("schedule", choices("schedule"))
@pytest.mark.parametrize("optimizer", choices("optimizer"))
def test_every_optimizer_and_schedule_fit_together(optimizer: str, schedule: str) -> None:
    config = composed(f"optimizer={optimizer}", f"schedule={schedule}", "model=mobilenet_small")
    net = archbuilder.build("mobilenet_small")
    made = make_optimizer(config.optimizer, net)
    rates = make(config.schedule, "schedule")(made, 10)
    net(torch.randn(2, 3, 32, 32)).sum().backward()
    made.step()
    rates.step()
    assert sum(len(group["params"]) for group in made.param_groups) == len(list(net.parameters()))
    assert all(torch.isfinite(parameter).all() for parameter in net.parameters())


@pytest.mark.parametrize(
    ("optimizer", "why"), [("LBFGS", "all weights in one group"), ("SparseAdam", "sparse gradients")]
)
def test_an_optimizer_that_cannot_train_a_network_is_refused_at_once(optimizer: str, why: str) -> None:
    config = {"_target_": f"torch.optim.{optimizer}", "_partial_": True, "lr": 0.1}
    with pytest.raises(ConfigError, match=f"^optimizer: {optimizer} cannot train .*{why}.*; use another, such as sgd"):
        make_optimizer(config, archbuilder.build("plain"))


@pytest.mark.parametrize("trainer", choices("trainer"))
def test_every_trainer_is_one_that_lightning_knows(trainer: str) -> None:
    settings: dict[str, Any] = checked_settings(composed(f"trainer={trainer}"))["trainer"]
    choice = choose(settings, Available())
    assert choice.precision in ("32-true", "bf16-mixed", "16-mixed")
    # What stays is checked on the CPU, which every machine has.
    others = {key: value for key, value in settings.items() if key not in ("_target_", "accelerator", "precision")}
    others["devices"] = choice.devices
    assert lightning.Trainer(accelerator="cpu", logger=False, **others).max_epochs == settings["max_epochs"]


@pytest.mark.parametrize("recipe", choices("recipe"))
def test_what_a_person_says_wins_over_the_recipe(recipe: str) -> None:
    config = composed(
        "optimizer=adamw", "schedule=constant", "augment=none", "model=plain", "trainer=cpu",
        f"recipe={recipe}", "batch_size=7", "optimizer.lr=0.3", "trainer.max_epochs=2", "ema=null",
    )  # fmt: skip
    assert config.optimizer == {**composed("optimizer=adamw").optimizer, "lr": 0.3}
    assert config.augment == composed("augment=none").augment
    assert config.schedule._target_.endswith("constant")
    assert make(config.schedule, "schedule")(torch.optim.SGD([nn.Parameter(torch.ones(1))]), 10)
    assert config.model == composed("model=plain").model
    assert (config.batch_size, config.trainer.max_epochs, config.ema) == (7, 2, None)
    assert config.trainer.accelerator == "cpu"


def test_without_a_recipe_nothing_is_added() -> None:
    config = composed()
    assert "recipe" not in config
    assert (config.ema, config.compile, config.whiten, config.init) == (None, "none", None, "default")


@pytest.mark.parametrize(
    ("wrong", "telling"),
    [
        ("compile=wohle", "did you mean 'whole'?"),
        ("init=diracs", "did you mean 'dirac'?"),
        ("norm_bias_lr=-1", "norm_bias_lr"),
        ("whiten_bias_epochs=some", "whiten_bias_epochs"),
        ("whiten=3", "whiten"),
        ("freeze=some", "is no list of names"),
    ],
)
def test_a_setting_that_is_none_is_told_with_its_key(wrong: str, telling: str) -> None:
    with pytest.raises(ConfigError) as caught:
        checked_settings(composed(wrong))
    assert telling in str(caught.value)


def test_biases_of_norms_have_a_rate_of_their_own() -> None:
    net = archbuilder.build("plain")
    optimizer = make_optimizer(composed("optimizer.lr=0.5").optimizer, net, 64)
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    rates = {names[id(p)]: group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert len(rates) == len(names)
    for name, rate in rates.items():
        assert rate == (32 if name.endswith("norm.bias") else 0.5), name
    assert all(group["weight_decay"] == 0 for group in optimizer.param_groups if group["lr"] == 32)


def test_a_pattern_that_fits_no_weight_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^freeze: .*did you mean 'stem.conv.conv.weight'\?"):
        trained(tmp_path, "freeze=[stem.conv.conv.weigt]")
    assert list(tmp_path.iterdir()) == []


def test_what_is_frozen_keeps_its_beginning(tmp_path: Path) -> None:
    trained(tmp_path, "freeze=['*.norm.weight']")
    weights = load_file(tmp_path / "weights.safetensors")
    norms = {name: weight for name, weight in weights.items() if name.endswith("norm.weight")}
    assert len(norms) == 10
    assert all((weight == 1).all() for weight in norms.values())
    assert (weights["stem.conv.norm.bias"] != 0).any()


def test_where_compiling_differs_the_recipe_is_the_same(tmp_path: Path) -> None:
    plain, whole = (recipe_settings(checked_settings(configured(tmp_path, f"compile={c}"))) for c in ("none", "whole"))
    assert plain == whole


def test_compiling_marks_the_network_or_its_blocks_and_renames_nothing() -> None:
    if _compiler() is None:
        pytest.skip("there is no C++ compiler")
    names = list(archbuilder.build("resnet20").state_dict())
    blocks = [f"stages.stage{stage}.{copy}" for stage in (1, 2, 3) for copy in range(3)]
    for how, wanted in (("none", []), ("whole", [""]), ("blocks", blocks)):
        net: Any = archbuilder.build("resnet20")
        compile_net(net, how)
        assert compiled(net) == wanted
        assert list(net.state_dict()) == names


def test_without_a_compiler_compiling_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    net: Any = archbuilder.build("plain")
    with pytest.raises(ConfigError, match=r"^compile: .*install g\+\+"):
        compile_net(net, "whole")
    compile_net(net, "none")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["whole", "blocks"])
def test_a_compiled_run_gives_the_same_result_and_the_same_names(tmp_path: Path, how: str) -> None:
    if _compiler() is None:
        pytest.skip("there is no C++ compiler")
    small = ("++model.scale.width=0.5", "model=resnet20", "ema=0.9", "+trainer.limit_train_batches=2")
    plain, fast = (trained(tmp_path / c, *small, f"compile={c}", "augment=none") for c in ("none", how))
    assert plain.recipe == fast.recipe
    for one, other in zip(plain.results, fast.results, strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-3)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_every_kind_of_optimizer_learns_digits(tmp_path: Path, optimizer: str) -> None:
    trained(tmp_path, f"optimizer={optimizer}", "trainer.max_epochs=3", "batch_size=64", "seed=0")
    [result] = read_record(tmp_path).results
    assert result.accuracy > 0.7


def test_a_deterministic_run_is_the_same_twice(tmp_path: Path) -> None:
    first, second = (
        trained(tmp_path / name, "trainer.deterministic=true", "ema=0.9", "optimizer=muon", "seed=0")
        for name in ("first", "second")
    )
    torch.use_deterministic_algorithms(False)
    assert first.results == second.results


def test_the_speedrun_begins_white_and_learns(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 10
    # Each class has its own colour and stripes, under noise.
    stripes = (np.arange(32)[None, :] // (1 + labels[:, None] % 5)) % 2
    pixels = rng.integers(0, 80, (600, 32, 32, 3)) + (stripes * 60)[:, None, :, None]
    pixels[..., 0] += (labels // 5)[:, None, None] * 80
    np.savez(tmp_path / "some.npz", images=pixels.astype(np.uint8), labels=labels)
    config = composed(
        "recipe=speedrun94", "data=arrays", f"data.train='{tmp_path}/some.npz'", "trainer=cpu",
        "trainer.max_epochs=3", "batch_size=60", "++model.scale.width=0.25",
        f"folder='{tmp_path}/run'",
    )  # fmt: skip
    from archbuilder.training.run import run

    (tmp_path / "run").mkdir()
    record = run(config)
    accuracies = {result.weights: result.accuracy for result in record.results}
    assert set(accuracies) == {"raw", "averaged"}
    assert accuracies["averaged"] > 0.5
    # The whitening kernel, the scales of six norms, and that of the logits, which keep their beginnings.
    assert record.cost.params - record.cost.trainable_params == 24 * 12 + 2 * (16 + 64 + 64) + 10
    weights = load_file(tmp_path / "run" / "weights.safetensors")
    assert (weights["stages.stage2.conv2.norm.weight"] == 1).all()
    assert (weights["stages.stage2.conv2.norm.bias"] != 0).any()
    assert weights["head.scale.weight"].tolist() == pytest.approx([1 / 9] * 10)
