"""Choosing where and how precisely to train, from what the machine has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archbuilder.errors import ConfigError

AUTO = "auto"


@dataclass(frozen=True)
class Available:
    """What a machine has: the names of its CUDA or ROCm cards, whether they compute in bfloat16, an Apple GPU."""

    cards: tuple[str, ...] = ()
    bfloat16: bool = False
    mps: bool = False


@dataclass(frozen=True)
class Choice:
    """Settings for the trainer with nothing left open, and in words why; `why` is empty where nothing was."""

    accelerator: str
    devices: Any
    precision: str
    why: str


def available() -> Available:
    """Return what this machine has."""
    import torch

    if torch.cuda.is_available():
        names = tuple(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
        # Older cards only emulate it, slower than they compute in 32 bits.
        return Available(names, torch.cuda.is_bf16_supported(including_emulation=False))
    return Available(mps=torch.backends.mps.is_available())


def choose(settings: Mapping[str, Any], machine: Available) -> Choice:
    """Return the settings of a trainer with every `auto` decided; what was said stays as it was said.

    One card, since a network that is small trains fastest on one; with a `strategy` for several, all of them.
    bfloat16 on cards that have it, else 32 bits.
    """
    accelerator = str(settings.get("accelerator", AUTO))
    devices = settings.get("devices", AUTO)
    precision = str(settings.get("precision", AUTO))
    several = str(settings.get("strategy", AUTO)) != AUTO
    reasons = []
    if accelerator == AUTO:
        accelerator = "gpu" if machine.cards else "mps" if machine.mps else "cpu"
        reasons.append(_place(machine))
    if devices == AUTO and not several:
        devices = 1
        if accelerator in ("gpu", "cuda") and len(machine.cards) > 1:
            reasons.append(f"one of {len(machine.cards)}, trainer=ddp uses all")
    if precision == AUTO:
        fast = accelerator in ("gpu", "cuda") and bool(machine.cards) and machine.bfloat16
        precision = "bf16-mixed" if fast else "32-true"
        if fast:
            reasons.append("which computes in bfloat16")
        elif accelerator in ("gpu", "cuda") and machine.cards:
            reasons.append("which has no bfloat16")
    return Choice(accelerator, devices, precision, ", ".join(reasons))


def _place(machine: Available) -> str:
    if machine.cards:
        return f"there is {machine.cards[0]}"
    return "there is an Apple GPU" if machine.mps else "there is no GPU"


def decided(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a trainer with every `auto` decided for this machine; prints what was, and why.

    Raises ConfigError for a GPU that is not there.
    """
    machine = available()
    choice = choose(settings, machine)
    there = {"gpu": bool(machine.cards) or machine.mps, "cuda": bool(machine.cards), "mps": machine.mps}
    if not there.get(choice.accelerator, True):
        raise ConfigError("trainer", f"there is no {choice.accelerator} here; write trainer=auto, or trainer=cpu")
    if choice.why:
        print(f"trainer: {choice.accelerator}, {choice.precision} ({choice.why})", flush=True)
    return {
        **settings,
        "accelerator": choice.accelerator,
        "devices": choice.devices,
        "precision": choice.precision,
    }
