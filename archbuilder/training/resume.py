"""Where a run goes on from: the newest whole checkpoint that is its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from archbuilder.data.images import Dataset
from archbuilder.errors import ConfigError, TrainingError
from archbuilder.graph import Graph
from archbuilder.graph_json import graph_hash
from archbuilder.record import content_hash
from archbuilder.training import checkpoints

CHECKPOINTS = "checkpoints"
MACHINE = "machine"

Identity = dict[str, str]


def identity(graph: Graph, dataset: Dataset, settings: dict[str, Any]) -> Identity:
    """Return what a run is, by hashes: its network, its data, its settings, as they were given.

    What a machine makes of `auto` is no part of it: a run may go on on another one.
    """
    return {"network": graph_hash(graph), "data": dataset.fingerprint, "settings": content_hash(settings)}


def on_machine(own: Identity, trainer: dict[str, Any]) -> Identity:
    """Return an identity with where and how precisely it is trained, which a checkpoint tells but need not share."""
    return {**own, MACHINE: f"{trainer['accelerator']}, {trainer['precision']}"}


def starting_point(wanted: Any, folder: Path, own: Identity) -> Path | None:
    """Return the checkpoint to go on from, or None to start anew; tells in a line which.

    `wanted` is `auto` (whatever the run's own folder holds that fits), a checkpoint's path or a run's folder, or
    null. Raises TrainingError for a path that leads to nothing whole, or to another network's checkpoint; ConfigError
    for what is neither.
    """
    if wanted in (None, False):
        return None
    if not isinstance(wanted, str):
        raise ConfigError("resume", f"{wanted!r:.60} is neither auto, null, a checkpoint's path nor a run's folder")
    return _automatic(folder / CHECKPOINTS, own) if wanted == "auto" else _named(Path(wanted), own)


def _automatic(folder: Path, own: Identity) -> Path | None:
    path, damaged = checkpoints.newest(folder)
    for one in damaged:
        print(f"{os.path.relpath(one)}: is damaged and left aside")
    if path is None:
        return None
    content = checkpoints.read(path)
    changed = differences(content, own)
    if changed:
        print(f"{os.path.relpath(path)}: the {' and the '.join(changed)} changed since; starting anew")
        return None
    _tell(os.path.relpath(path), content, own)
    return path


def _named(path: Path, own: Identity) -> Path:
    if path.is_dir():
        inside = path / CHECKPOINTS if (path / CHECKPOINTS).is_dir() else path
        found, _ = checkpoints.newest(inside)
        if found is None:
            raise TrainingError(f"{path}: there is no whole checkpoint in this folder")
        path = found
    content = checkpoints.read(path)
    changed = differences(content, own)
    if "network" in changed:
        raise TrainingError(f"{path}: is the checkpoint of another network; go on with the one it was saved from")
    for what in changed:
        print(f"{path}: was saved with other {what}")
    _tell(str(path), content, own)
    return path


def differences(content: dict[str, Any], own: Identity) -> list[str]:
    """Return what a checkpoint's run was that this one is not: another network, data, settings."""
    saved = content["archbuilder"]["identity"]
    return [what for what in own if what != MACHINE and saved.get(what) != own[what]]


def _tell(path: str, content: dict[str, Any], own: Identity) -> None:
    saved = content["archbuilder"]["identity"].get(MACHINE)
    where = f", which was saved on {saved}; this is {own[MACHINE]}" if saved != own.get(MACHINE) else ""
    print(f"going on from {path}{where}")
