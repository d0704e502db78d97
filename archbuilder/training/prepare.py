"""What a recipe adds around the network: how its weights begin, and what happens to them between the steps."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import lightning

from archbuilder.assemble import Block
from archbuilder.data.images import Dataset
from archbuilder.errors import ConfigError, suggestion
from archbuilder.training.ema import Ema
from archbuilder.training.whiten import HoldBias, dirac, whiten


def prepare(net: Block, settings: dict[str, Any], dataset: Dataset) -> None:
    """Give the weights of `net` the beginning that the settings ask for; raises ConfigError where that does not fit."""
    if settings["init"] == "dirac":
        dirac(net)
    if settings["whiten"]:
        whiten(net, settings["whiten"], dataset)
    for pattern in settings["freeze"]:
        _freeze(net, pattern)
    if settings["freeze"] and not any(weight.requires_grad for weight in net.parameters()):
        raise ConfigError("freeze", f"{settings['freeze']} leaves no weight that is trained; name fewer")


def _freeze(net: Block, pattern: str) -> None:
    """Leave the weights whose names fit a pattern as they begin; `*` stands for any part of a name."""
    found = {name: weight for name, weight in net.named_parameters() if fnmatchcase(name, pattern)}
    if not found:
        names = [name for name, _ in net.named_parameters()]
        raise ConfigError("freeze", f"no weight is called '{pattern}'; {suggestion(pattern, names)}")
    for weight in found.values():
        weight.requires_grad_(False)


def recipe_callbacks(settings: dict[str, Any]) -> list[lightning.Callback]:
    """Return the callbacks that the settings ask for."""
    made: list[lightning.Callback] = []
    if settings["ema"]:
        made.append(Ema(settings["ema"]))
    if settings["whiten"]:
        made.append(HoldBias(settings["whiten"], settings["whiten_bias_epochs"]))
    return made
