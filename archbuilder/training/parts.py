"""Making the parts of a run from its configuration, and errors that say which key was at fault."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import lightning

from archbuilder.errors import ConfigError

T = TypeVar("T")


def make(config: Any, where: str, **extra: Any) -> Any:
    """Return what a node with `_target_` describes; raises ConfigError, naming the node and the cause."""
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        return instantiate(config, **extra)
    except InstantiationException as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        raise ConfigError(where, " ".join(str(cause).split())) from None


def call(factory: Callable[..., T], where: str, *arguments: Any) -> T:
    """Return what a partly described thing makes of the rest; raises ConfigError where its settings do not fit."""
    try:
        return factory(*arguments)
    except (TypeError, ValueError, IndexError) as error:
        for key, value in getattr(factory, "keywords", {}).items():
            if isinstance(error, TypeError) and (isinstance(value, str) or (value is None and "None" in str(error))):
                shown = "null" if value is None else f"'{value}'"
                raise ConfigError(f"{where}.{key}", f"{shown} is not a number") from None
            if isinstance(error, IndexError) and isinstance(value, Sequence) and not isinstance(value, str):
                raise ConfigError(f"{where}.{key}", f"{list(value)} has too few entries") from None
        raise ConfigError(where, " ".join(str(error).split())) from None


def make_all(config: Mapping[str, Any] | None, where: str) -> list[Any]:
    """Return what every entry of a group describes; entries that are null are left out."""
    return [make(node, f"{where}.{name}") for name, node in (config or {}).items() if node is not None]


def make_callbacks(config: Mapping[str, Any] | None) -> list[lightning.Callback]:
    """Return the callbacks that the group describes; raises ConfigError for anything that is none."""
    made = make_all(config, "callbacks")
    for callback in made:
        if not isinstance(callback, lightning.Callback):
            raise ConfigError("callbacks", f"{type(callback).__name__} is no callback of Lightning")
    return made


def quiet() -> None:
    """Keep Lightning's notices about its own surroundings away from what a person reads here."""
    for library in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(library).setLevel(logging.ERROR)
    for notice in (
        # The batches are on the device already: there are no worker processes to have more of.
        ".*does not have many workers.*",
        ".*The number of training batches.*",
        # What is logged is summed over all processes already.
        ".*sync_dist=True.*",
        # The batches begin where the checkpoint says.
        ".*your dataloader is not resumable.*",
        # A run's folder is made by Hydra and named by its settings, so it may well exist.
        ".*exists and is not empty.*",
        # Lightning 2.6 asks torch in a way that torch 2.15 no longer likes.
        ".*isinstance.treespec, LeafSpec.*",
    ):
        warnings.filterwarnings("ignore", message=notice)
