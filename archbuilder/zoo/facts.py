"""What a package tells about itself beyond what loading needs: believed only where it has the right form."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archbuilder.record import LARGEST, Cost, Result
from archbuilder.zoo.files import METADATA_FILE, SIGNATURE_FILE, damaged, entry, read_json, read_manifest
from archbuilder.zoo.metadata import check_metadata

UNCHECKED = "not checked; `archbuilder zoo verify --key PUBLIC.pem` tells by whom it is"
"""What is said of a signature that was not looked at."""


@dataclass(frozen=True)
class Facts:
    """What is known of a package without opening its weights: its metadata, and size and sha256 of each file.

    `signature` is the size in bytes of a signature that nobody has checked, None where there is none.
    """

    path: Path
    metadata: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]]
    signature: int | None

    @property
    def network(self) -> str:
        """The network's name, empty where it is not told."""
        return text(self.metadata.get("network"))

    @property
    def data(self) -> str:
        """The name of the data that it was trained on, empty where it is not told."""
        return text(mapping(self.metadata.get("data")).get("name"))

    @property
    def license(self) -> str:
        """The license that the package states, empty where none: its source's, if any, stands in `origin`."""
        return text(self.metadata.get("license"))

    @property
    def cost(self) -> Cost | None:
        """What the metadata say that one image costs, or None."""
        told = mapping(self.metadata.get("cost"))
        numbers = {field.name: count(told.get(field.name)) for field in dataclasses.fields(Cost)}
        return None if None in numbers.values() else Cost(**numbers)  # type: ignore[arg-type]

    @property
    def size(self) -> int:
        """Bytes of all files that the manifest tells of."""
        return sum(told["size"] for told in self.files.values())

    def result(self, split: str = "") -> Result | None:
        """Return the result on a split, or on the first that there is, by the weights that the package holds."""
        found = results(self.metadata)
        split = split or (found[0].split if found else "")
        # Results of averaged weights, which are handed on where there are any, come behind those of raw ones.
        return next((result for result in reversed(found) if result.split == split), None)


def read_facts(path: Path) -> Facts:
    """Return what a package tells about itself.

    All files are there and of the right size, and the metadata are what the manifest says; what the others hold is for
    `check_files` to find out. Raises PackageError.
    """
    files = read_manifest(path)
    if entry(path / METADATA_FILE) != files[METADATA_FILE]:
        raise damaged(path / METADATA_FILE)
    metadata = check_metadata(read_json(path / METADATA_FILE), path / METADATA_FILE)
    signature = path / SIGNATURE_FILE
    return Facts(path, metadata, files, signature.stat().st_size if signature.is_file() else None)


def results(metadata: Mapping[str, Any]) -> list[Result]:
    """Return the evaluations that metadata tell of, those without a usable number left out."""
    listed = metadata.get("results")
    found = []
    for each in map(mapping, listed if isinstance(listed, list) else []):
        accuracy, loss = (_number(each.get(key)) for key in ("accuracy", "loss"))
        n, split, weights = count(each.get("n")), text(each.get("split")), text(each.get("weights"))
        if n and split and weights and loss is not None and accuracy is not None and 0 <= accuracy <= 1:
            found.append(Result(split, weights, accuracy, loss, n))
    return found


def mapping(content: Any) -> Mapping[str, Any]:
    """Return a mapping, empty for anything else."""
    return content if isinstance(content, dict) else {}


def text(content: Any) -> str:
    """Return a text, empty for anything else."""
    return content if isinstance(content, str) else ""


def count(content: Any) -> int | None:
    """Return a whole number of things, None for anything else."""
    return content if type(content) is int and 0 <= content <= LARGEST else None


def _number(content: Any) -> float | None:
    usable = type(content) in (int, float) and abs(content) <= LARGEST  # so written that NaN is left out
    return float(content) if usable else None
