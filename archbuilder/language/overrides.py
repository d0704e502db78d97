"""Overrides of a model in the command line's grammar, applied to plain configuration."""

from __future__ import annotations

from typing import Any

from archbuilder.errors import ConfigError, suggestion


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


def _apply_one(config: Any, override: Any) -> None:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    key = override.key_or_group
    if not key.startswith("model."):
        hint = f"write model.{key}=..." if "." in key else suggestion(key, ["model"], "the key to start with")
        raise ConfigError(key, f"only the model can be overridden here; {hint}")
    if override.is_sweep_override():
        raise ConfigError(key, "one value is needed here, not a sweep over several")
    try:
        if override.is_delete():
            _delete(config, key)
        else:
            OmegaConf.update(config, key, override.value(), merge=True, force_add=True)
    except (OmegaConfBaseException, ValueError, TypeError, AttributeError) as error:
        raise ConfigError(key, " ".join(str(error).split())) from None


def _delete(config: Any, key: str) -> None:
    from omegaconf import OmegaConf

    parent, _, name = key.rpartition(".")
    inside = OmegaConf.select(config, parent)
    if inside is None or name not in inside:
        known = [str(other) for other in inside] if inside is not None else []
        raise ConfigError(key, f"cannot be removed: it is not there; {suggestion(name, known)}")
    del inside[name]
