"""Your own images as files, a folder for each class; decoded once and kept."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from archbuilder.data.cache import Splits, cached
from archbuilder.data.images import Array, Dataset, checked, from_numpy
from archbuilder.data.images import holdout as hold_out
from archbuilder.data.pictures import MODES, cut, opened, quiet
from archbuilder.errors import ConfigError, DataError

SPLITS = ("train", "val", "test")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pnm"})
MOST_TOLD = 10  # of the files that cannot be read
INTERPOLATION = "bilinear"
VERSION = 2  # of how files become images; another one makes every cache anew

Classes = dict[str, list[Path]]  # the files of each class


def folder(
    root: str,
    size: int = 32,
    channels: int = 3,
    holdout: int | float = 0.1,
    cache: str | None = "datasets",
) -> Dataset:
    """Return the images in `root`/train/CLASS, and in val/ and test/ beside it; or those in `root`/CLASS.

    Without val/, `holdout` (a fraction or count) of the training images becomes val. Each image is turned as its
    camera said, made `channels` deep (1: grey, 3: colour), resized so that its shorter side is `size` pixels, and
    cut to the square in its middle: as a package of the network does it later. The outcome is kept in the folder
    `cache` until a file is added, removed or changed; null keeps nothing. Other files than images are left alone.
    Raises DataError, naming the file or folder, for whatever cannot be used.
    """
    if not 1 <= size <= 1024:
        raise ConfigError("data.size", f"{size} pixels; use 1..1024")
    if channels not in MODES:
        raise ConfigError("data.channels", f"{channels} channels; use 1 for grey or 3 for colour")
    base = Path(os.path.expanduser(root))
    found = _splits(base)
    names = list(found["train"])
    for split, classes in found.items():
        _check_classes(base, split, classes, names)
    make = partial(_decoded, found, names, size, channels)
    if cache is None:
        splits = make()
    else:
        key = _key(base, found, size, channels)
        splits = cached(Path(os.path.expanduser(cache)) / f"folder-{key[:16]}.npz", key, make)
    if "val" not in splits:
        kept, held = hold_out(splits["train"], holdout)
        splits = {**splits, "train": kept, "val": held}
    return checked("folder", splits, names, str(base))


def _splits(base: Path) -> dict[str, Classes]:
    """Return the files of each split and class, all in sorted order."""
    if not base.is_dir():
        what = "is a file, not a folder" if base.exists() else f"no such folder, seen from {Path.cwd()}"
        raise DataError(f"{base}: {what}; data.root names the one with a folder for each class in it")
    # A class may be called train, too: only a folder of folders is a split.
    if not _subfolders(base / "train"):
        return {"train": _classes(base)}
    for other in _subfolders(base):
        if other.name not in SPLITS and other.name.lower().startswith(("val", "dev", "test", "train")):
            raise DataError(f"{other}: lies beside train, but the splits are called train, val and test; rename it")
    return {split: _classes(base / split) for split in SPLITS if (base / split).is_dir()}


def _classes(place: Path) -> Classes:
    folders = _subfolders(place)
    if not folders:
        raise DataError(f"{place}: holds no folders; put the images of each class into a folder of their own in it")
    return {folder.name: _images(folder) for folder in folders}


def _subfolders(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    return sorted(path for path in place.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))


def _images(place: Path) -> list[Path]:
    """Return all images below a folder."""
    files = (path for path in place.rglob("*") if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    return sorted(path for path in files if path.is_file())


def _check_classes(base: Path, split: str, classes: Classes, names: list[str]) -> None:
    for name, files in classes.items():
        place = next(path for path in (base / split / name, base / name) if path.is_dir())
        if name not in names:
            raise DataError(f"{place}: train has no class '{name}'; it has {', '.join(names)}")
        if not files:
            raise DataError(
                f"{place}: there are no images for this class ({', '.join(sorted(SUFFIXES))}); "
                "add some, or remove the folder"
            )


def _key(base: Path, found: dict[str, Classes], size: int, channels: int) -> str:
    """Return a hash of the files, their sizes and times of change, and of what is made of them."""
    files = [
        [split, name, path.relative_to(base).as_posix(), path.stat().st_size, path.stat().st_mtime_ns]
        for split, classes in found.items()
        for name, paths in classes.items()
        for path in paths
    ]
    content = [VERSION, str(base.resolve()), size, channels, files]
    return hashlib.sha256(json.dumps(content).encode(errors="surrogateescape")).hexdigest()


def _decoded(found: dict[str, Classes], names: list[str], size: int, channels: int) -> Splits:
    """Return every split's images, decoded by as many threads as there are cores."""
    total = sum(len(paths) for classes in found.values() for paths in classes.values())
    print(f"decoding {total:,} images", file=sys.stderr)
    splits, broken = {}, list[str]()
    with quiet(), ThreadPoolExecutor(os.cpu_count()) as threads:
        for split, classes in found.items():
            files = [path for paths in classes.values() for path in paths]
            labels = [names.index(name) for name, paths in classes.items() for _ in paths]
            images = np.empty((len(files), size, size, channels), dtype=np.uint8)
            for i, image in enumerate(threads.map(partial(_attempt, size=size, channels=channels), files)):
                if isinstance(image, DataError):
                    broken.append(str(image))
                    if len(broken) == MOST_TOLD:
                        threads.shutdown(cancel_futures=True)
                        raise DataError("; ".join([*broken, "and maybe more"]))
                else:
                    images[i] = image
            if not broken:
                splits[split] = from_numpy(images, np.array(labels), split)
    if broken:
        raise DataError("; ".join(broken))
    return splits


def _attempt(path: Path, size: int, channels: int) -> Array | DataError:
    try:
        return decode(path, size, channels)
    except DataError as error:
        return DataError(f"{error}; mend or remove it")


def decode(path: Path, size: int, channels: int) -> Array:
    """Return one file's image as uint8 [size, size, channels]; raises DataError that names the file."""
    image = opened(path, MODES[channels])
    try:
        return np.asarray(cut(image, size, (size, size), INTERPOLATION)).reshape(size, size, channels)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
