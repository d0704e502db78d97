"""The settings of a run: what is used as it stands, checked; and the recipe, the part that is compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from archbuilder.errors import ConfigError, nearest_key
from archbuilder.language.params import Param, read
from archbuilder.training.naming import INCIDENTAL, run_settings

_WHOLE = Param("integer", minimum=1)
_PARAMS = {
    "seed": Param("integer", minimum=0, maximum=2**32 - 1),
    "batch_size": _WHOLE,
    "label_smoothing": Param("number", minimum=0, maximum=1),
    "channels_last": Param("boolean"),
    "compile": Param("word", choices=("none", "whole", "blocks")),
    "init": Param("word", choices=("default", "dirac")),
    "whiten_bias_epochs": Param("integer", minimum=0),
    "norm_bias_lr": Param("number", minimum=0),
}
# What null turns off.
_OPTIONAL = {"ema": Param("number", minimum=0, maximum=1), "whiten": Param("word")}
_TRAINER = {"max_epochs": _WHOLE, "accumulate_grad_batches": _WHOLE, "check_val_every_n_epoch": _WHOLE}
_GROUPS = ("model", "data", "augment", "optimizer", "schedule", "trainer")
# Keys of the trainer that say where and how visibly it runs, not what is learned.
_MACHINE = frozenset(
    {"_target_", "accelerator", "devices", "num_nodes", "strategy", "deterministic", "benchmark", "profiler",
     "num_sanity_val_steps", "check_val_every_n_epoch", "val_check_interval", "log_every_n_steps", "default_root_dir"}
)  # fmt: skip


def checked_settings(config: DictConfig) -> dict[str, Any]:
    """Return the resolved settings of a run; raises ConfigError where one is missing or of the wrong type."""
    settings = run_settings(config)
    _check_names(config, settings)
    for group in _GROUPS:
        if not isinstance(settings.get(group), dict):
            raise ConfigError(group, f"a run needs one; choose {group}=NAME, python train.py --help lists them")
    for key, param in _PARAMS.items():
        settings[key] = read(settings[key], param, {}, key)
    for key, param in _OPTIONAL.items():
        settings[key] = None if settings[key] is None else read(settings[key], param, {}, key)
    if not isinstance(settings["freeze"], list) or not all(isinstance(name, str) for name in settings["freeze"]):
        raise ConfigError("freeze", f"{settings['freeze']} is no list of names; write freeze=['*.norm.weight']")
    if settings["ema"] in (0, 1):
        raise ConfigError(
            "ema",
            f"{settings['ema']} would keep {'nothing' if settings['ema'] == 0 else 'everything'} "
            "of the past; use 0.99 or 0.999, or null for no average",
        )
    checkpoint_seconds(config)
    settings["model"] = _within_budget(settings["model"], settings.pop("budget", None))
    trainer = settings["trainer"]
    for key, param in _TRAINER.items():
        if key in trainer:
            read(trainer[key], param, {}, f"trainer.{key}")
    if str(trainer.get("precision", "32-true")) in ("64-true", "16-true", "bf16-true", "64", "transformer-engine"):
        raise ConfigError(
            "trainer.precision",
            f"{trainer['precision']} would change the type of the weights that are saved; "
            "use 32-true, bf16-mixed or 16-mixed",
        )
    return settings


def _check_names(config: DictConfig, settings: Mapping[str, Any]) -> None:
    """Raise ConfigError for a setting that nothing reads: `+epochs=1` would otherwise change the run's name alone."""
    known = {*_PARAMS, *_OPTIONAL, *_GROUPS, "budget", "callbacks", "freeze", "name"}
    # A name of one's own that other settings refer to, or the folder of the run, is read by those.
    hydra = HydraConfig.instance().cfg
    readers = OmegaConf.to_yaml(config) + (OmegaConf.to_yaml(hydra) if hydra is not None else "")
    for key in settings:
        if key not in known and not re.search(rf"\$\{{(oc\.select:)?\s*{re.escape(key)}\b", readers):
            there = {name: settings.get(name) for name in (*known, *INCIDENTAL)}
            raise ConfigError(key, f"no setting is called that; {nearest_key(key, there)}")


def checkpoint_seconds(config: DictConfig) -> float:
    """Return after how many seconds a run is saved; raises ConfigError where that is no number."""
    seconds = OmegaConf.select(config, "checkpoint.every_seconds")
    return float(read(seconds, Param("number", minimum=0), {}, "checkpoint.every_seconds"))  # type: ignore[arg-type]


def _within_budget(model: dict[str, Any], budget: Any) -> dict[str, Any]:
    """Return a model with the run's `budget`: parameters, or a kind of cost with its limit, as in {macs: 40M}."""
    if budget is None:
        return model
    if model.get("budget") is not None:
        raise ConfigError("budget", f"the model has one of its own, {model['budget']}; leave out one of them")
    return {**model, "budget": budget if isinstance(budget, dict) else {"params": budget}}


def recipe_settings(settings: dict[str, Any], processes: int = 1) -> dict[str, Any]:
    """Return how a network is trained, without what it is trained on, on which machine, and from which seed.

    Several processes are named: a step is of so many times `batch_size` images.
    """
    trainer = {
        key: value
        for key, value in settings["trainer"].items()
        if key not in _MACHINE and not key.startswith("enable_")
    }
    kept = ("augment", "optimizer", "schedule", "batch_size", "label_smoothing", "ema", "init", "freeze",
            "whiten", "whiten_bias_epochs", "norm_bias_lr")  # fmt: skip
    several = {"processes": processes} if processes > 1 else {}
    return {**{key: settings[key] for key in kept}, "trainer": trainer, "callbacks": settings["callbacks"], **several}
