"""Names of runs and sweeps, made from what they are: the same configuration always gives the same folder."""

from __future__ import annotations

import re
import sys
from typing import Any

from omegaconf import DictConfig, OmegaConf

from archbuilder.record import content_hash

# What changes neither the network nor how it is trained, so that two runs that differ in it are one run.
INCIDENTAL = ("hydra", "force", "folder", "sweep", "logger", "callbacks", "experiment", "resume", "checkpoint")
CHECKPOINT = "ModelCheckpoint"


def register() -> None:
    """Give Hydra's configuration the resolvers `network_name`, `run_name` and `sweep_name`."""
    OmegaConf.register_new_resolver("network_name", _network_name, replace=True)
    OmegaConf.register_new_resolver("run_name", _run_name, replace=True)
    # Cached, so that it is asked for once, in the process that was given the command, and goes with the jobs.
    OmegaConf.register_new_resolver("sweep_name", _sweep_name, use_cache=True, replace=True)


def _network_name() -> str:
    """Return the chosen model with the overrides that change it: `resnet20 stages.stage1.repeat=2`."""
    from hydra.core.hydra_config import HydraConfig

    hydra: Any = HydraConfig.get()
    # What a budget is, a record tells apart from the name, so that a network has one name under all of them.
    changes = [text.lstrip("+") for text in hydra.overrides.task if re.match(r"[+~]*model\.(?!budget\b)", text)]
    return " ".join([str(hydra.runtime.choices.model), *(text.replace("model.", "", 1) for text in changes)])


def _run_name(*, _root_: DictConfig) -> str:
    """Return network, data, seed and a short hash of all settings that matter."""
    from hydra.core.hydra_config import HydraConfig

    settings = run_settings(_root_)
    hydra: Any = HydraConfig.get()
    model = str(hydra.runtime.choices.model).replace("/", "-")
    budget = [] if settings.get("budget") is None else [str(settings["budget"])]
    plain = "-".join([model, *budget, str((settings.get("data") or {}).get("name")), f"seed{settings['seed']}"])
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '_', plain)[:100]}-{content_hash(settings)[:8]}"


# Words of a command that say where, how often or how visibly its jobs run, not what they are.
_INCIDENTAL_WORD = re.compile(
    r"-m$|--multirun$|[+~]*(force|logger|resume|checkpoint|folder)\b"
    r"|[+~]*hydra[/.](launcher\b|sweeper\.(n_|max_batch_size)|verbose\b|job_logging\b)"
)


def _sweep_name() -> str:
    """Return a name for a sweep that stays the same when the same command is given again.

    In another order, with another launcher or tracker, or by a search for more trials, it is still the same sweep.
    """
    words = sorted(word for word in sys.argv[1:] if not _INCIDENTAL_WORD.match(word))
    return f"sweep-{content_hash(words)[:8]}"


def run_settings(config: DictConfig) -> dict[str, Any]:
    """Return the resolved settings that make a run what it is."""
    settings: dict[str, Any] = {}
    for key in config:
        if key not in INCIDENTAL:
            node = config._get_node(key)
            settings[str(key)] = (
                OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else config[key]
            )
    # Callbacks may change what is learned, all but the one that saves it. Unresolved, since they may name the
    # folder, which is named after these settings.
    callbacks = OmegaConf.to_container(config.callbacks, resolve=False) if config.get("callbacks") else {}
    settings["callbacks"] = {
        name: node
        for name, node in dict(callbacks).items()  # type: ignore[arg-type]
        if node and not (isinstance(node, dict) and str(node.get("_target_", "")).endswith(CHECKPOINT))
    }
    return settings
