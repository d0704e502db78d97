"""What a recipe adds around the network: how its weights begin, and what happens to them between the steps."""

from __future__ import annotations

from typing import Any

import lightning

from archbuilder.assemble import Block
from archbuilder.data.images import Dataset
from archbuilder.training.ema import Ema
from archbuilder.training.whiten import HoldBias, dirac, whiten


def prepare(net: Block, settings: dict[str, Any], dataset: Dataset) -> None:
    """Give the weights of `net` the beginning that the settings ask for; raises ConfigError where that does not fit."""
    if settings["init"] == "dirac":
        dirac(net)
    if settings["whiten"]:
        whiten(net, settings["whiten"], dataset)


def recipe_callbacks(settings: dict[str, Any]) -> list[lightning.Callback]:
    """Return the callbacks that the settings ask for."""
    made: list[lightning.Callback] = []
    if settings["ema"]:
        made.append(Ema(settings["ema"]))
    if settings["whiten"]:
        made.append(HoldBias(settings["whiten"], settings["whiten_bias_epochs"]))
    return made
