"""Where a model comes from: a name, a file, a mapping; with Hydra's inheritance and overrides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from archbuilder.errors import ConfigError, suggestion
from archbuilder.graph import Graph
from archbuilder.language.blocks import Library
from archbuilder.language.interpolation import resolve
from archbuilder.language.model import SECTIONS
from archbuilder.language.plain import plain
from archbuilder.paths import conf_dir

Source = str | Path | Mapping[str, Any] | Graph


def expand(source: Source, overrides: Iterable[str] = ()) -> Graph:
    """Return the Graph of a model: a shipped one's name, a YAML file's path, a mapping, or a Graph.

    `overrides` are those of the command line, such as `model.stages.stage2.ratio=2`. Beside the shipped blocks a
    YAML file may use those in a folder `block` next to it, or next to the folder it is in. Raises ConfigError.
    """
    from archbuilder.language.expand import expand_model

    overrides = list(overrides)
    if isinstance(source, Graph):
        if overrides:
            raise ConfigError(overrides[0], "a Graph is finished: there is nothing left to override")
        return source
    return expand_model(read_source(source, overrides), library(_folders_near(source)), _name(source))


def _name(source: str | Path | Mapping[str, Any]) -> str:
    """Return what the network of a source is called: its name, its file's, or just `model`."""
    if isinstance(source, Mapping):
        return "model"
    return source if isinstance(source, str) and not _is_file(source) else Path(source).stem


def library(own: Iterable[Path] = ()) -> Library:
    """Return the blocks in folders of one's own, and behind them the shipped ones."""
    return Library((*own, conf_dir() / "block"), {})


def _folders_near(source: str | Path | Mapping[str, Any]) -> list[Path]:
    """Return the folders of blocks that belong to a YAML file of one's own."""
    if isinstance(source, Mapping) or (isinstance(source, str) and not _is_file(source)):
        return []
    folder = Path(source).resolve().parent
    return [folder / "block", folder.parent / "block"]


def models() -> list[str]:
    """Return the names of all shipped models."""
    folder = conf_dir() / "model"
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def read_source(source: str | Path | Mapping[str, Any], overrides: list[str]) -> Any:
    """Return a model as plain data, inherited keys merged and overrides applied; raises ConfigError."""
    from archbuilder.language.overrides import apply

    try:
        content = plain(source, "model") if isinstance(source, Mapping) else _compose(source)
        if overrides:
            content = plain(apply(content, overrides), "model")
        return resolve({"model": content}, "model")["model"]
    except RecursionError:
        raise ConfigError("model", "the mappings and lists are nested too deeply to be read") from None


def _is_file(source: str) -> bool:
    """Tell a file's path from a model's name."""
    return source.endswith((".yaml", ".yml")) or _exists(Path(source))


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, for one
        return False


def _compose(source: str | Path) -> Any:
    """Return the content of a model's file with what it inherits; raises ConfigError."""
    if isinstance(source, Path) or _is_file(source):
        path = Path(source)
        if not _exists(path):
            raise ConfigError(str(path), "there is no such file")
    else:
        path = conf_dir() / "model" / f"{source}.yaml"
        if source not in models():
            raise ConfigError("model", f"there is no model '{source}'; {suggestion(source, models(), 'models')}")
    from archbuilder.language.yaml import load_unresolved

    content = load_unresolved(path)
    if isinstance(content, Mapping) and "defaults" in content:
        return plain(_inherit(path.resolve(), content), "model")
    return resolve(content, str(path))


def _inherit(path: Path, content: Mapping[str, Any]) -> Any:
    """Return a file that names others in `defaults`, composed by Hydra."""
    bases = _bases(path, content, {})
    merged = _merged_by_hydra(path)
    if isinstance(merged, dict) and "model" in merged:
        raise ConfigError(str(path), "write @_here_ behind what it inherits, as in /model/resnet20@_here_")
    if bases is not None:
        _check_nulls(content, bases, str(path))
    return merged


def _bases(path: Path, content: Mapping[str, Any], seen: dict[Path, Any]) -> list[Mapping[str, Any]] | None:
    """Return the content of all files that one inherits from, or None where Hydra alone can tell which they are.

    Reading them here refuses what is too large before Hydra reads it.
    """
    from archbuilder.language.yaml import load_unresolved

    entries = content.get("defaults")
    known = isinstance(entries, list)
    for entry in entries if isinstance(entries, list) else []:
        name = entry.partition("@")[0] if isinstance(entry, str) else None
        if name == "_self_":
            continue
        base = _find_base(path, name) if name else None
        if base is None:
            known = False
        elif base not in seen:
            seen[base] = inner = load_unresolved(base)
            if isinstance(inner, Mapping) and "defaults" in inner:
                known = _bases(base, inner, seen) is not None and known
    return [base for base in seen.values() if isinstance(base, Mapping)] if known else None


def _find_base(path: Path, name: str) -> Path | None:
    """Return the file that an entry of `defaults` names: `/model/resnet20` in conf, others beside the file."""
    folder = conf_dir() if name.startswith("/") else path.parent
    base = folder / f"{name.strip('/').removesuffix('.yaml')}.yaml"
    return base if _exists(base) else None


def _check_nulls(content: Mapping[str, Any], bases: list[Mapping[str, Any]], where: str) -> None:
    """Refuse to drop a layer that there is none of in what a file inherits: its name is misspelt."""
    for section in (*SECTIONS, "outputs"):
        layers = content.get(section)
        known = [name for base in bases if isinstance(base.get(section), Mapping) for name in base[section]]
        for name, spec in layers.items() if isinstance(layers, Mapping) else ():
            if spec is None and name not in known:
                hint = suggestion(str(name), map(str, known), "layers there")
                raise ConfigError(f"{where}:{section}.{name}", f"nothing to drop: it inherits no such layer; {hint}")


def _merged_by_hydra(path: Path) -> Any:
    """Return what Hydra makes of a file and the files in its `defaults`."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    # A run composes its own configuration through Hydra's one global state: leave that as it was.
    before = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(path.parent), version_base="1.3"):
            config = compose(path.stem, overrides=[f"hydra.searchpath=[file://{conf_dir()}]"])
        return OmegaConf.to_container(config)
    except RecursionError:
        raise ConfigError(str(path), "inherits from itself") from None
    except (HydraException, OmegaConfBaseException, YAMLError, ValueError) as error:
        raise ConfigError(str(path), " ".join(str(error).split())) from None
    finally:
        GlobalHydra.instance().clear()
        if before is not None:
            GlobalHydra.instance().initialize(before)
