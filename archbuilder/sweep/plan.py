"""What a sweep was asked to do: how many jobs, since when. Written when it starts."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from archbuilder.files import write_json

PLAN_FILE = "sweep.json"


@dataclass(frozen=True)
class Plan:
    """The number of jobs, None where the sweeper alone knows, and when they began in seconds since 1970.

    The time is that of the file, by the same clock as those of the runs' files.
    """

    jobs: int | None
    began: float


def write_plan(folder: Path, config: DictConfig) -> Plan:
    """Write down what a sweep that begins now is to do."""
    jobs = _jobs(config)
    write_json(folder / PLAN_FILE, {"jobs": jobs})
    return Plan(jobs, (folder / PLAN_FILE).stat().st_mtime)


def read_plan(folder: Path) -> Plan | None:
    """Return what the last command in a sweep's folder was to do, or None where that is not known."""
    path = folder / PLAN_FILE
    try:
        jobs, began = json.loads(path.read_text(encoding="utf-8"))["jobs"], path.stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Plan(jobs, began) if jobs is None or type(jobs) is int else None


def _jobs(config: DictConfig) -> int | None:
    """Return how many jobs Hydra's sweeper makes of a command."""
    sweeper: Any = config.hydra.sweeper
    if str(sweeper.get("_target_")).endswith("BasicSweeper"):
        stated = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
        return _combinations([*stated, *config.hydra.overrides.task])
    trials = sweeper.get("n_trials")
    return int(trials) if trials is not None else None


def _combinations(overrides: list[str]) -> int | None:
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    hydra = GlobalHydra.instance().hydra
    choices: dict[str, int] = {}
    try:
        for one in OverridesParser.create(hydra.config_loader if hydra else None).parse_overrides(overrides):
            # What is said last wins, and what is said twice is one run.
            sweep = one.is_sweep_override()
            choices[one.get_key_element()] = len(set(one.sweep_string_iterator())) if sweep else 1
    except HydraException:
        return None  # the sweeper will say what is wrong
    return math.prod(choices.values())
