"""Overrides of a model in the command line's grammar, applied to plain configuration."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from archbuilder.errors import ConfigError, suggestion
from archbuilder.language.model import KEYS, SECTIONS
from archbuilder.paths import conf_dir

LONGEST = 10_000
"""Characters in all overrides together; the command line's grammar is slow on long ones."""


def apply(content: Any, overrides: list[str]) -> Any:
    """Return a model's plain data changed as the overrides say: `model.x=1`, `+`, `++`, `~`.

    A key that the model left unsaid is added: what it means, the expansion checks. Raises ConfigError.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException
    from omegaconf import OmegaConf

    length = sum(map(len, overrides))
    if length > LONGEST:
        raise ConfigError("overrides", f"they have {length:,} characters, more than {LONGEST:,}; write a YAML file")
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
    except HydraException as error:
        raise ConfigError("overrides", " ".join(str(error).split())) from None
    config = OmegaConf.create({"model": content})
    for override in parsed:
        _apply_one(config, override)
    return OmegaConf.to_container(config.model)


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
            if "=" in str(override.input_line):
                raise ConfigError(key, f"~ removes the key, whatever its value: write ~{key} alone, or {key}=...")
            _delete(config, key)
        else:
            _check_nulls(config, key, override.value())
            if not (override.is_add() or override.is_force_add()):
                _check_params(config, key, override.value())
            OmegaConf.update(config, key, override.value(), merge=True, force_add=True)
    except (OmegaConfBaseException, ValueError, TypeError, AttributeError) as error:
        raise ConfigError(key, " ".join(str(error).split())) from None


def _check_nulls(config: Any, key: str, value: Any) -> None:
    """Refuse to drop a layer that is not there: its name is misspelt."""
    names = key.split(".")
    if len(names) < 3 and isinstance(value, dict):
        for name, inner in value.items():
            _check_nulls(config, f"{key}.{name}", inner)
    elif len(names) == 3 and names[1] in (*SECTIONS, "outputs") and value is None:
        section = config.model.get(names[1]) if isinstance(config.model, Mapping) else None
        known = [str(name) for name in section] if isinstance(section, Mapping) else []
        if names[2] not in known:
            raise ConfigError(key, f"nothing to drop: there is no '{names[2]}'; {suggestion(names[2], known)}")


def _check_params(config: Any, key: str, value: Any) -> None:
    """Refuse a value for a parameter that the model does not declare: nothing would use it."""
    names = key.split(".")
    if names[:2] != ["model", "params"] or not isinstance(config.model, Mapping):
        return
    declared = config.model.get("params")
    known = [str(name) for name in declared] if isinstance(declared, Mapping) else []
    for name in names[2:3] or (value if isinstance(value, dict) else ()):
        if str(name) not in known:
            hint = suggestion(str(name), known, "parameters")
            if not known:
                hint = f"it has none; write + before it to declare one: +model.params.{name}=..."
            raise ConfigError(f"model.params.{name}", f"the model has no parameter '{name}'; {hint}")


def _hint(key: str) -> str:
    """Return how to mend an override that does not start with `model.`."""
    first = key.partition(".")[0]
    if first in KEYS:
        return f"write model.{key}{'.params' if key == 'budget' else ''}=..."
    if get_close_matches(first, ["model"]):
        return f"did you mean 'model{key.removeprefix(first)}'?" if first != "model" else "say which of its keys"
    if first in _settings():
        return f"'{first}' is a setting of train.py"
    return f"start with model, as in model.{SECTIONS[1]}.{key}=..."


def _settings() -> set[str]:
    """Return what the configuration of a run holds beside the model."""
    from archbuilder.language.yaml import load_unresolved

    groups = {path.name for path in conf_dir().iterdir() if path.is_dir()} - {"model", "block"}
    return groups | {*load_unresolved(conf_dir() / "train.yaml")} - {"defaults"}


def _delete(config: Any, key: str) -> None:
    from omegaconf import DictConfig

    inside = config
    for name in key.split("."):
        known = [str(other) for other in inside] if isinstance(inside, DictConfig) else []
        if name not in known:
            raise ConfigError(key, f"cannot be removed: there is no '{name}'; {suggestion(name, known)}")
        parent, inside = inside, inside[name]
    del parent[name]
