"""Checkpoints on disk: written whole or not at all, checked before they are read, the last good one kept."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from archbuilder.errors import TrainingError
from archbuilder.files import write_bytes

KEPT = 2
"""How many stay: where the newest is damaged, the one before it is still there."""

_NAME = re.compile(r"step(\d{9})-([0-9a-f]{16})\.ckpt")


def write(folder: Path, step: int, content: dict[str, Any]) -> Path:
    """Write plain data and tensors as the checkpoint of a step, and remove all others but the newest.

    The name holds the content's hash, so that a file that was cut off or changed is known for what it is.
    Raises TrainingError where the disk takes no more; what was there before is then still there.
    """
    data = _serialised(content)
    path = folder / f"step{step:09d}-{_digest(data)}.ckpt"
    _write(path, data)
    for old in listed(folder)[KEPT:]:
        if old != path:  # which takes the place of later ones when a run starts anew
            old.unlink()
    return path


def write_file(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint under a name of one's own, atomically; raises TrainingError where the disk takes no more."""
    _write(path, _serialised(content))


def _serialised(content: dict[str, Any]) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def _write(path: Path, data: bytes) -> None:
    try:
        write_bytes(path, data)
    except OSError as error:
        raise TrainingError(
            f"{path}: the checkpoint of {len(data):,} bytes cannot be written ({error.strerror}); {_left(path.parent)}"
        ) from None


def newest(folder: Path) -> tuple[Path | None, list[Path]]:
    """Return the newest whole checkpoint of a folder, or None, and the damaged ones that are newer."""
    damaged: list[Path] = []
    for path in listed(folder):
        if is_whole(path):
            return path, damaged
        damaged.append(path)
    return None, damaged


def is_whole(path: Path) -> bool:
    """Tell whether a checkpoint's content is what was written."""
    found = _NAME.fullmatch(path.name)
    return found is not None and path.is_file() and _digest(path.read_bytes()) == found.group(2)


def read(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint, tensors on the CPU; nothing in it is run.

    Raises TrainingError for what is damaged or no checkpoint of archbuilder.
    """
    content: dict[str, Any] = plain(path)
    if not isinstance(content, dict) or not isinstance(content.get("archbuilder"), dict):
        raise TrainingError(f"{path}: is no checkpoint of archbuilder")
    return content


def plain(path: Path) -> Any:
    """Return what a file of torch's holds, as long as it is plain data and tensors; raises TrainingError."""
    import pickle

    import torch

    if not path.is_file():
        raise TrainingError(f"{path}: there is no such checkpoint")
    if _NAME.fullmatch(path.name) and not is_whole(path):
        raise TrainingError(f"{path}: the checkpoint is damaged: its content does not fit the hash in its name")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, EOFError, KeyError, ValueError) as error:
        reason = str(error).strip().split("\n")[0][:200]
        raise TrainingError(f"{path}: cannot be read as a checkpoint of plain data ({reason})") from None


def remove(paths: Iterable[Path], folder: Path) -> None:
    """Remove checkpoints of a folder, and what a killed process left half-written there."""
    for path in (*paths, *folder.glob(".step*.ckpt.*")):
        path.unlink(missing_ok=True)


def listed(folder: Path) -> list[Path]:
    """Return the checkpoints of a folder, newest first."""
    found = [path for path in folder.glob("step*.ckpt") if _NAME.fullmatch(path.name)]
    return sorted(found, key=lambda path: (path.name.partition("-")[0], path.stat().st_mtime_ns), reverse=True)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _left(folder: Path) -> str:
    path, _ = newest(folder)
    return f"{path.name} is whole, and the same command goes on from there" if path else "there is none before it"
