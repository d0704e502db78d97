"""Which data to evaluate on: that of the run, or what was chosen in the grammar of the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archbuilder.errors import ConfigError, suggestion
from archbuilder.paths import choices, conf_dir


def chosen_data(
    settings: Mapping[str, Any] | None,
    overrides: Sequence[str],
    config_dir: Path | None = None,
    *,
    trained_on: str = "",
) -> dict[str, Any]:
    """Return the data's settings: `settings`, or those of `data=NAME` from conf/data, with `data.KEY=VALUE` applied.

    In `config_dir`, the folder `data` holds choices of one's own, before the shipped ones. Raises ConfigError, which
    tells of `trained_on`, the name of the training's data, where nothing was chosen.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    names, values = _parsed(overrides)
    if names:
        settings = _composed(names[-1], config_dir)
    if not settings:
        known = ", ".join(sorted(set(_choices(config_dir))))
        was = f"the training's was {trained_on}; " if trained_on else ""
        raise ConfigError(
            "data",
            f"the folder does not say where it lies; choose it with data=NAME data.KEY=VALUE ({was}known: {known})",
        )
    config = OmegaConf.create({"data": dict(settings)})
    try:
        for key, value in values:
            OmegaConf.update(config, key, value, merge=True, force_add=True)
        return dict(OmegaConf.to_container(config.data, resolve=True))  # type: ignore[arg-type]
    except (OmegaConfBaseException, ValueError, TypeError, AttributeError) as error:
        raise ConfigError("data", " ".join(str(error).split())) from None


def _parsed(overrides: Sequence[str]) -> tuple[list[str], list[tuple[str, Any]]]:
    """Return the names given to `data`, and the keys below it with their values."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except HydraException as error:
        raise ConfigError("overrides", " ".join(str(error).split())) from None
    names: list[str] = []
    values: list[tuple[str, Any]] = []
    for override in parsed:
        key, value = override.key_or_group, override.value()
        if key != "data" and not key.startswith("data."):
            raise ConfigError(key, "a finished network is only given data: write data=NAME or data.KEY=VALUE")
        if override.is_sweep_override():
            raise ConfigError(key, "one value is needed here, not a sweep over several")
        if override.is_delete() or override.package is not None:
            raise ConfigError(key, f"is written plainly: {key}=VALUE")
        if key != "data":
            values.append((key, value))
        elif isinstance(value, str):
            names.append(value)
        else:
            raise ConfigError("data", "needs the name of one of the choices; as in data=cifar10 data.root=FOLDER")
    return names, values


def _composed(name: str, config_dir: Path | None) -> Any:
    """Return the choice `name` of the group conf/data as Hydra composes it."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    known = _choices(config_dir)
    if name not in known:
        raise ConfigError("data", f"there is no data '{name}'; {suggestion(name, known)}")
    places = f"'file://{config_dir.resolve()}'" if config_dir else ""
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            config = compose(None, overrides=[f"+data={name}", f"hydra.searchpath=[{places}]"])
        return OmegaConf.to_container(config.data)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError("data", " ".join(str(error).split())) from None


def _choices(config_dir: Path | None) -> list[str]:
    folders = [conf_dir() / "data", *([config_dir / "data"] if config_dir else [])]
    if config_dir and not folders[-1].is_dir():
        raise ConfigError("config_dir", f"{folders[-1]} is no folder; it holds choices of data as YAML files")
    return choices(folders)
