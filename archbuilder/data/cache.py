"""Splits that were dear to make, kept in one checked npz file."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from archbuilder.data.images import Array, Images, from_numpy
from archbuilder.errors import DataError
from archbuilder.files import write_bytes

Splits = dict[str, Images]


def cached(path: Path, key: str, make: Callable[[], Splits]) -> Splits:
    """Return what `make` makes, from the file at `path` where that holds it for the same `key`.

    A file that is damaged or made for another key is made anew, and one line on standard error says so; so it
    does where the file cannot be written, which costs only time.
    """
    if path.exists():
        try:
            return _read(path, key)
        # Damage surfaces as whatever zipfile, zlib, struct or numpy's header parser happen to raise.
        except Exception as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            print(f"{path}: damaged ({reason:.200}), made anew", file=sys.stderr)
    splits = make()
    try:
        _write(path, key, splits)
    except OSError as error:
        print(f"{path}: cannot be kept ({error.strerror or error}); data.cache names another folder", file=sys.stderr)
    return splits


def _write(path: Path, key: str, splits: Splits) -> None:
    members: dict[str, Array] = {"key": np.array(key)}
    for name, split in splits.items():
        members[f"{name}_images"] = split.images.permute(0, 2, 3, 1).numpy()
        members[f"{name}_labels"] = split.labels.numpy()
    buffer = io.BytesIO()
    np.savez(buffer, **members)  # type: ignore[arg-type]
    write_bytes(path, buffer.getvalue())


def _read(path: Path, key: str) -> Splits:
    """Read a file whole, which checks every member's sum; nothing in it is ever unpickled."""
    with np.load(path, allow_pickle=False) as content:
        members = {name: content[name] for name in content.files}
    if str(members.pop("key")) != key:
        raise DataError("made from other files or settings")
    names = [name.removesuffix("_images") for name in members if name.endswith("_images")]
    return {name: from_numpy(members[f"{name}_images"], members[f"{name}_labels"], str(path)) for name in names}
