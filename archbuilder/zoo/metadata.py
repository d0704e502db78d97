"""The metadata of a package: checked before anything in it is used."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from archbuilder.data.pictures import INTERPOLATIONS
from archbuilder.errors import PackageError
from archbuilder.zoo.files import SCHEMA, is_schema

NORMALISING = ("shape", "mean", "std")
RESIZING = ("resize", "interpolation")
LONGEST_LABEL = 500
LARGEST_SIDE = 4096
"""Of a resized picture's shorter side, in pixels."""
LARGEST_FLOAT = (2 - 2**-23) * 2.0**127
"""Of 32 bits, in which pictures are normalised."""


def check_metadata(metadata: Any, path: Path) -> dict[str, Any]:
    """Return the metadata; raises PackageError naming `path` where what loading needs is not there."""
    if not isinstance(metadata, dict) or not is_schema(metadata.get("schema")):
        raise PackageError(f"{path}: not metadata of schema {SCHEMA}")
    labels = metadata.get("labels")
    if not isinstance(labels, list) or not labels or not all(isinstance(label, str) for label in labels):
        raise PackageError(f"{path}: its labels are no list of names")
    for label in labels:
        if not label or len(label) > LONGEST_LABEL or "\n" in label or "\t" in label:
            raise PackageError(f"{path}: its label {label!r:.60} is no line of 1 to {LONGEST_LABEL} letters")
    _check_preprocessing(metadata.get("preprocessing"), path)
    return metadata


def _check_preprocessing(preprocessing: Any, path: Path) -> None:
    if not isinstance(preprocessing, dict) or set(preprocessing) not in ({*NORMALISING}, {*NORMALISING, *RESIZING}):
        raise PackageError(
            f"{path}: its preprocessing is not {', '.join(NORMALISING)}, or those and {' and '.join(RESIZING)}"
        )
    shape, mean, std = (preprocessing[key] for key in NORMALISING)
    lists = all(isinstance(values, list) for values in (shape, mean, std))
    if not lists or not len(shape) == 3 or not all(type(side) is int for side in shape) or len(mean) != shape[0]:
        raise PackageError(f"{path}: its preprocessing has no shape [C, H, W] with a mean for each channel")
    numbers = all(type(number) is float and math.isfinite(number) for number in (*mean, *std))
    if not numbers or len(std) != len(mean) or not all(number > 0 for number in std):
        raise PackageError(f"{path}: its preprocessing has means or deviations that are no usable numbers")
    if any((1 + abs(m)) / s > LARGEST_FLOAT for m, s in zip(mean, std, strict=True)):
        raise PackageError(
            f"{path}: its preprocessing has a deviation so small that pixels overflow when divided by it"
        )
    if preprocessing.get("interpolation", INTERPOLATIONS[0]) not in INTERPOLATIONS:
        raise PackageError(f"{path}: its preprocessing has an interpolation other than {', '.join(INTERPOLATIONS)}")
    resize = preprocessing.get("resize")
    if resize is not None and not (type(resize) is int and max(shape[1:]) <= resize <= LARGEST_SIDE):
        raise PackageError(
            f"{path}: its preprocessing has a resize that is no whole number from {max(shape[1:])}, the longer side "
            f"of what is cut out, to {LARGEST_SIDE}"
        )
