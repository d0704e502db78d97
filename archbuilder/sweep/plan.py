"""What a sweep was asked to do: how many jobs, since when. Written when it starts."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from archbuilder.files import write_json

PLAN_FILE = "sweep.json"


@dataclass(frozen=True)
class Plan:
    """The number of jobs, None where the sweeper alone knows, and when they began in seconds since 1970."""

    jobs: int | None
    began: float


def write_plan(folder: Path, config: DictConfig) -> Plan:
    """Write down what a sweep that begins now is to do."""
    plan = Plan(_jobs(config), time.time())
    write_json(folder / PLAN_FILE, asdict(plan))
    return plan


def read_plan(folder: Path) -> Plan | None:
    """Return what the last command in a sweep's folder was to do, or None where that is not known."""
    try:
        content = json.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))
        jobs, began = content["jobs"], content["began"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    whole = jobs is None or type(jobs) is int
    return Plan(jobs, float(began)) if whole and isinstance(began, int | float) else None


def _jobs(config: DictConfig) -> int | None:
    """Return how many jobs Hydra's sweeper makes of a command."""
    sweeper: Any = config.hydra.sweeper
    if str(sweeper.get("_target_")).endswith("BasicSweeper"):
        stated = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
        return _combinations([*stated, *config.hydra.overrides.task])
    trials = sweeper.get("n_trials")
    return int(trials) if trials is not None else None


def _combinations(overrides: list[str]) -> int:
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser

    hydra = GlobalHydra.instance().hydra
    parsed = OverridesParser.create(hydra.config_loader if hydra else None).parse_overrides(overrides)
    # What is said last wins.
    choices = {
        one.get_key_element(): len(list(one.sweep_string_iterator())) if one.is_sweep_override() else 1
        for one in parsed
    }
    return math.prod(choices.values())
