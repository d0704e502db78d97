"""Where a model comes from: a name, a file, a mapping; with Hydra's inheritance and overrides."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archbuilder.errors import ConfigError, like
from archbuilder.graph import Graph
from archbuilder.language.blocks import Library
from archbuilder.language.interpolation import resolve as interpolated
from archbuilder.language.model import SECTIONS
from archbuilder.language.plain import plain
from archbuilder.paths import conf_dir, is_file

Source = str | Path | Mapping[str, Any] | Graph


@dataclass(frozen=True)
class Resolved:
    """What a source says in the end: its name, plain data, and the blocks it may use.

    `budget` is what it stated; in the content, that has become a `scale`.
    """

    name: str
    content: Any
    library: Library
    budget: Mapping[str, Any]

    def expand(self) -> Graph:
        """Return the Graph; raises ConfigError."""
        from archbuilder.language.expand import expand_model

        return expand_model(self.content, self.library, self.name)


def expand(source: Source, overrides: Iterable[str] = (), *, config_dir: str | Path | None = None) -> Graph:
    """Return the Graph of a model: a name, a YAML file's path, a mapping, or a Graph.

    `overrides` are those of the command line, such as `model.stages.stage2.ratio=2`. In `config_dir`, the folders
    `model` and `block` hold networks and blocks of one's own, before the shipped ones. A YAML file may also use the
    blocks in a folder `block` next to it, or next to the folder it is in. Raises ConfigError.
    """
    if not isinstance(source, str | Path | Mapping | Graph):
        raise ConfigError(
            "source", f"{source!r:.60} is no model: give one name, a YAML file's path, a mapping or a Graph"
        )
    overrides = read_texts(overrides, "overrides", "model.classes=3")
    if isinstance(source, Graph):
        if overrides:
            raise ConfigError(overrides[0], "a Graph is finished: there is nothing left to override")
        return source
    return resolve(source, overrides, config_dir).expand()


def resolve(
    source: str | Path | Mapping[str, Any], overrides: Iterable[str] = (), config_dir: str | Path | None = None
) -> Resolved:
    """Return a model with inherited keys merged, overrides applied, and its budget turned into a width.

    Raises ConfigError.
    """
    from archbuilder.language.budget import resolve_budget

    blocks = library(_folders_near(source), config_dir=config_dir)
    content = read_source(source, list(overrides), _checked(config_dir))
    budget = content.get("budget") if isinstance(content, Mapping) else None
    return Resolved(_name(source), resolve_budget(content, blocks), blocks, budget or {})


def read_texts(texts: Any, where: str, example: str) -> list[str]:
    """Return several texts as a list; raises ConfigError for anything else."""
    if isinstance(texts, str):
        raise ConfigError(where, f"'{texts}' is one string; write a list: [{texts!r}]")
    if not isinstance(texts, Iterable) or isinstance(texts, Mapping):
        raise ConfigError(where, f"{texts!r:.60} is no list of strings such as [{example!r}]")
    listed = list(texts)
    for text in listed:
        if not isinstance(text, str):
            raise ConfigError(where, f"{text!r:.60} is no string; write one such as {example!r}")
    return listed


def _checked(config_dir: str | Path | None) -> Path | None:
    if config_dir is None:
        return None
    if not isinstance(config_dir, str | Path):
        raise ConfigError("config_dir", f"{config_dir!r:.60} is no path of a folder")
    folder = Path(config_dir).resolve()
    if not folder.is_dir():
        raise ConfigError("config_dir", f"{config_dir} is no folder; name the one that holds model/ and block/")
    return folder


def _name(source: str | Path | Mapping[str, Any]) -> str:
    """Return what the network of a source is called: its name, its file's, or just `model`."""
    if isinstance(source, Mapping):
        return "model"
    return source if isinstance(source, str) and not _is_file(source) else Path(source).stem


def library(own: Iterable[Path] = (), *, config_dir: str | Path | None = None) -> Library:
    """Return the blocks in folders of one's own, those of `config_dir` last among them, and then the shipped ones."""
    folder = _checked(config_dir)
    return Library((*own, *([folder / "block"] if folder else []), conf_dir() / "block"), {})


def _folders_near(source: str | Path | Mapping[str, Any]) -> list[Path]:
    """Return the folders of blocks that belong to a YAML file of one's own."""
    if isinstance(source, Mapping) or (isinstance(source, str) and not _is_file(source)):
        return []
    folder = Path(source).resolve().parent
    return [folder / "block", folder.parent / "block"]


def models(config_dir: str | Path | None = None) -> list[str]:
    """Return the names of all shipped models, and of those in `config_dir`."""
    folder = _checked(config_dir)
    return sorted(_models(folder))


def _models(config_dir: Path | None) -> dict[str, Path]:
    """Return every model's file by name; one's own before a shipped one."""
    files: dict[str, Path] = {}
    for folder in (conf_dir() / "model", *([config_dir / "model"] if config_dir else [])):
        files |= {path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.yaml")}
    return files


def read_source(source: str | Path | Mapping[str, Any], overrides: list[str], config_dir: Path | None = None) -> Any:
    """Return a model as plain data, inherited keys merged and overrides applied; raises ConfigError."""
    from archbuilder.language.overrides import apply

    try:
        content = plain(source, "model") if isinstance(source, Mapping) else _compose(source, config_dir)
        if overrides:
            content = plain(apply(content, overrides), "model")
        return interpolated({"model": content}, "model")["model"]
    except RecursionError:
        raise ConfigError("model", "the mappings and lists are nested too deeply to be read") from None


def _is_file(source: str) -> bool:
    """Tell a file's path from a model's name."""
    return source.endswith((".yaml", ".yml")) or is_file(Path(source))


def _model_meant(source: str, known: Iterable[str]) -> str:
    """Return which model a name that is none may stand for."""
    for ending in (".yaml", ".yml"):
        if source and is_file(Path(f"{source}{ending}")):
            return f"did you mean the file '{source}{ending}'?"
    if source and os.path.isdir(source):
        return f"the folder '{source}' is no model: archbuilder show takes those of runs and packages, too"
    near = like(source, known)
    return f"did you mean '{near[0]}'?" if near else "archbuilder models lists them; of your own, give the file's path"


def _compose(source: str | Path, config_dir: Path | None) -> Any:
    """Return the content of a model's file with what it inherits, not resolved yet; raises ConfigError."""
    if isinstance(source, Path) or _is_file(source):
        path = Path(source)
        if not is_file(path):
            raise ConfigError(str(path), "there is no such file")
    else:
        known = _models(config_dir)
        if source not in known:
            raise ConfigError("model", f"there is no model '{source}'; {_model_meant(source, known)}")
        path = known[source]
    from archbuilder.language.yaml import load_unresolved

    content = load_unresolved(path)
    if isinstance(content, Mapping) and "layers" in content and not any(section in content for section in SECTIONS):
        how = f"a layer of a model uses it: {{block: {path.stem}}}"
        raise ConfigError(str(path), f"this is the file of a block, not of a model; {how}")
    if not isinstance(content, Mapping) or "defaults" not in content:
        return content
    from archbuilder.language.inherit import inherit

    return plain(inherit(path.resolve(), content, [*([config_dir] if config_dir else []), conf_dir()]), "model")
