"""Your own images from npz files, each with `images` uint8 [N, H, W, C] or [N, H, W] and `labels` [N]."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from archbuilder.data.images import Array, Dataset, Images, check_labels, checked, from_numpy
from archbuilder.data.images import holdout as hold_out
from archbuilder.errors import ConfigError, DataError, suggestion

Files = dict[Path, Images]


def arrays(
    train: str | Sequence[str],
    val: str | Sequence[str] | None = None,
    test: str | Sequence[str] | None = None,
    holdout: int | float = 0.1,
    labels: Sequence[str] | None = None,
) -> Dataset:
    """Return the data of npz files; each split is a path, a glob or a list of those, read in sorted order.

    Without `val`, `holdout` (a fraction or count) of the training images becomes val. `labels` names the
    classes, which are otherwise "0", "1", ... as the training labels need.
    Raises DataError, naming the file, for whatever cannot be used.
    """
    chosen = {"train": train, "val": val, "test": test}
    paths = {split: _paths(split, wanted) for split, wanted in chosen.items() if wanted is not None}
    _refuse_shared(paths)
    files = {split: {path: _read(path) for path in found} for split, found in paths.items()}
    names = list(labels) if labels is not None else _class_names(files["train"])
    if not names:
        raise ConfigError("data.labels", "the list is empty; name every class, or give null")
    for found in files.values():
        _check_files(found, len(names))
    splits = {split: _joined(found) for split, found in files.items()}
    if "val" not in splits:
        kept, held = hold_out(splits["train"], holdout)
        splits = {**splits, "train": kept, "val": held}
    return checked("arrays", splits, names)


def _paths(split: str, wanted: str | Sequence[str]) -> list[Path]:
    """Return the files that a path, a glob or a list of those names: sorted, each once."""
    patterns = [wanted] if isinstance(wanted, str) else list(wanted)
    if not patterns:
        raise ConfigError(f"data.{split}", "the list of files is empty; name at least one npz file")
    found: set[Path] = set()
    for pattern in patterns:
        path = Path(os.path.expanduser(pattern))
        # A file of that very name comes first: names may hold brackets.
        matches = [path] if path.is_file() else [Path(match) for match in glob.glob(str(path), recursive=True)]
        matches = [match for match in matches if match.is_file()]
        if not matches and path.is_dir():
            raise DataError(f"{pattern}: is a folder; name the files in it: data.{split}={path / '*.npz'}")
        if not matches:
            raise DataError(
                f"{pattern}: no such file for data.{split}, seen from {Path.cwd()}; "
                "name npz files that exist, by path or by glob"
            )
        found.update(matches)
    return sorted(found)


def _refuse_shared(paths: dict[str, list[Path]]) -> None:
    """A file in two splits would mean training on the images that are evaluated."""
    owners: dict[Path, str] = {}
    for split, found in paths.items():
        for path in found:
            owner = owners.setdefault(path.resolve(), split)
            if owner != split:
                raise DataError(f"{path}: is both in {owner} and in {split}; leave it out of one of them")


def _read(path: Path) -> Images:
    """Read one file; nothing in it is ever unpickled."""
    images, labels = _members(path)
    return from_numpy(images, labels, str(path))


def _members(path: Path) -> tuple[Array, Array]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise DataError(f"{path}: holds one array without a name; save it with numpy.savez")
        with loaded as content:
            for key in ("images", "labels"):
                if key not in content.files:
                    raise DataError(
                        f"{path}: the array '{key}' is missing; {suggestion(key, content.files, 'there')}; "
                        f"save with numpy.savez(path, images=..., labels=...)"
                    )
            return content["images"], content["labels"]
    except DataError:
        raise
    # Damage surfaces as whatever zipfile, zlib, struct or numpy's header parser happen to raise.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{path}: cannot be read as an npz file without unpickling ({reason:.200}); "
            "it is damaged or holds Python objects: save plain arrays again with numpy.savez"
        ) from None


def _class_names(files: Files) -> list[str]:
    """Return "0", "1", ... up to the largest training label."""
    total = sum(len(images) for images in files.values())
    path, largest = max(((p, int(i.labels.max())) for p, i in files.items()), key=lambda pair: pair[1])
    if largest >= total:
        raise DataError(
            f"{path}: the label {largest} asks for {largest + 1} classes, more than the {total} training "
            "images; number the classes 0, 1, 2, ..."
        )
    return [str(label) for label in range(largest + 1)]


def _check_files(files: Files, classes: int) -> None:
    first, reference = next(iter(files.items()))
    for path, images in files.items():
        check_labels(images, classes, str(path))
        here, there = list(images.images.shape[1:]), list(reference.images.shape[1:])
        if here != there:
            raise DataError(
                f"{path}: images are {here} (channels, height, width) but those of {first} are {there}; "
                "resize one of them"
            )


def _joined(files: Files) -> Images:
    parts = list(files.values())
    return Images(torch.cat([p.images for p in parts]), torch.cat([p.labels for p in parts]))
