"""Overrides of a model in the command line's grammar, applied to plain configuration."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from archbuilder.errors import ConfigError, suggestion
from archbuilder.language.model import KEYS, SECTIONS


def apply(config: Any, overrides: list[str]) -> None:
    """Change `config` (a DictConfig with the key `model`) as the overrides say: `model.x=1`, `+`, `++`, `~`.

    A key that the model left unsaid is added: what it means, the expansion checks. Raises ConfigError.
    """
    if not overrides:
        return
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
    except HydraException as error:
        raise ConfigError("overrides", " ".join(str(error).split())) from None
    for override in parsed:
        _apply_one(config, override)


def quoted(text: str) -> str:
    """Return text as one value in the command line's grammar."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _apply_one(config: Any, override: Any) -> None:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    key = override.key_or_group
    if not key.startswith("model."):
        raise ConfigError(key or "overrides", f"only the model can be overridden here; {_hint(key)}")
    if override.package is not None:
        raise ConfigError(key, f"'@{override.package}' has no meaning here; leave it out")
    if override.is_sweep_override():
        raise ConfigError(key, "one value is needed here, not a sweep over several")
    try:
        if override.is_delete():
            _delete(config, key)
        else:
            OmegaConf.update(config, key, override.value(), merge=True, force_add=True)
    except (OmegaConfBaseException, ValueError, TypeError, AttributeError) as error:
        raise ConfigError(key, " ".join(str(error).split())) from None


def _hint(key: str) -> str:
    """Return how to mend an override that does not start with `model.`."""
    first = key.partition(".")[0]
    if first in KEYS:
        return f"write model.{key}=..."
    if get_close_matches(first, ["model"]):
        return f"did you mean 'model{key.removeprefix(first)}'?" if first != "model" else "say which of its keys"
    return f"start with model, as in model.{SECTIONS[1]}.{key}=..."


def _delete(config: Any, key: str) -> None:
    from omegaconf import DictConfig

    inside = config
    for name in key.split("."):
        known = [str(other) for other in inside] if isinstance(inside, DictConfig) else []
        if name not in known:
            raise ConfigError(key, f"cannot be removed: there is no '{name}'; {suggestion(name, known)}")
        parent, inside = inside, inside[name]
    del parent[name]
