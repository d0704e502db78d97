"""The package format: a folder of plain files, written from a finished run, read without running anything."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from archbuilder.assemble import Block
from archbuilder.description import total_cost
from archbuilder.errors import ArchbuilderError, ConfigError, PackageError
from archbuilder.files import write_json
from archbuilder.graph import Graph, without_auxiliary
from archbuilder.graph_json import from_json, graph_hash
from archbuilder.primitives import check
from archbuilder.record import ARCHITECTURE_FILE, WEIGHTS_FILE, Record, read_record
from archbuilder.zoo.files import METADATA_FILE, SCHEMA, check_files, inert, read_json, write_manifest
from archbuilder.zoo.metadata import check_metadata
from archbuilder.zoo.preprocess import Preprocess
from archbuilder.zoo.weights import read_weights


class Loaded(Block):
    """A network from a package, in evaluation mode: [N, C, H, W], as `preprocess` gives them, to logits [N, K].

    `labels` names the classes in the order of the logits; `metadata` tells cost, results and provenance.
    """

    def __init__(self, graph: Graph, metadata: dict[str, Any]) -> None:
        super().__init__(graph)
        self.metadata = metadata
        self.labels: list[str] = list(metadata["labels"])
        self.preprocess = Preprocess(**metadata["preprocessing"])


def export(run: Path, zoo: Path, name: str = "") -> Path:
    """Write a finished run's package into the folder `zoo` and return the package's path.

    The package appears whole or not at all. Raises RecordError for an unfinished run, PackageError where a
    package of that name is there already or the run's files do not fit one another.
    """
    record = read_record(run)
    if _hash(run / ARCHITECTURE_FILE) != record.architecture.hash:
        raise PackageError(
            f"{run / ARCHITECTURE_FILE}: is not the network of the record beside it; train again with force=true"
        )
    name = name or _default_name(record)

    def fill(folder: Path) -> None:
        for file in (ARCHITECTURE_FILE, WEIGHTS_FILE):
            _copy(run / file, folder / file)

    return write_package(zoo, name, _metadata(name, record), fill, str(run))


def write_package(
    zoo: Path, name: str, metadata: dict[str, Any], fill: Callable[[Path], None], source: str = ""
) -> Path:
    """Write a package into the folder `zoo` and return its path; it appears whole or not at all.

    `fill` puts the architecture and the weights into the folder that it is given. Raises PackageError where there
    is a package of that name already, or the files do not fit one another: told of `source`, where they come from.
    """
    target = new_path(zoo, name)
    zoo.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=zoo))
    try:
        fill(making)
        write_json(making / METADATA_FILE, metadata)
        write_manifest(making)
        _check_whole(making, source or str(target))
        making.chmod(0o755)
        os.rename(making, target)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return target


def new_path(zoo: Path, name: str) -> Path:
    """Return where a new package of that name goes; raises PackageError for no name, or one that is taken."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise PackageError(f"{name!r} is no name for a package; use at most 100 letters, digits, '.', '_' and '-'")
    target = zoo / name
    if target.exists():
        raise PackageError(f"{target}: there is a package of that name; choose another with --name")
    return target


def plain_name(text: str) -> str:
    """Return the part of a text that a package's name may be made of."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:60]


def _check_whole(making: Path, source: str) -> None:
    """Load a package in the making; what is wrong with it is told of where its files come from."""
    try:
        load_package(making)
    except PackageError as error:
        raise PackageError(str(error).replace(str(making), source)) from None


def load_package(path: Path) -> Loaded:
    """Return the network of a package in evaluation mode.

    Everything is checked before it is used: sizes and hashes of the files, the architecture against the
    primitives, names, shapes and types of the weights. Raises PackageError naming the file and the reason.
    """
    check_files(path)
    metadata = check_metadata(read_json(path / METADATA_FILE), path / METADATA_FILE)
    try:
        graph = from_json(read_json(path / ARCHITECTURE_FILE))
        check(graph)
        params = total_cost(graph).params
    except ArchbuilderError as error:
        raise PackageError(f"{path / ARCHITECTURE_FILE}: {error}") from None
    # Before any memory is taken: weights of that many parameters need a file of that many bytes.
    if 4 * params > (path / WEIGHTS_FILE).stat().st_size:
        raise PackageError(f"{path / WEIGHTS_FILE}: too small for the {params:,} parameters of the architecture")
    outputs = without_auxiliary(graph).shapes
    if len(graph.inputs) != 1 or outputs != ((len(metadata["labels"]),),):
        raise PackageError(f"{path / METADATA_FILE}: its labels do not fit the outputs of the architecture")
    if next(iter(graph.inputs.values())) != tuple(metadata["preprocessing"]["shape"]):
        raise PackageError(f"{path / METADATA_FILE}: its preprocessing does not fit the input of the architecture")
    # Its weights come from the file: no others are drawn, and no memory is taken for them.
    with torch.device("meta"):
        net = Loaded(graph, metadata)
    read_weights(net, path / WEIGHTS_FILE)
    return net.eval()


def _default_name(record: Record) -> str:
    return f"{plain_name(record.architecture.name)}-{record.data.name[:20]}-seed{record.seed}"


def _hash(path: Path) -> str:
    """Return the hash of the network in an architecture file."""
    try:
        return graph_hash(from_json(read_json(path)))
    except ConfigError as error:
        raise PackageError(f"{path}: {error}") from None


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise PackageError(
            f"{source}: cannot be read ({error.strerror}); train the run again with force=true"
        ) from None


def _metadata(name: str, record: Record) -> dict[str, Any]:
    """Return what a package says about itself; a license is named by whoever publishes it, never assumed."""
    data = vars(record.data)
    return {
        "schema": SCHEMA,
        "name": name,
        "network": record.architecture.name,
        "cost": vars(record.cost),
        "results": [vars(result) for result in record.results],
        "labels": data["labels"],
        "preprocessing": {key: data[key] for key in ("shape", "mean", "std")},
        "data": {key: data[key] for key in ("name", "fingerprint", "splits")},
        "recipe": {"hash": record.recipe.hash, "settings": inert(record.recipe.settings)},
        "seed": record.seed,
        "training": vars(record.training),
        "versions": record.versions,
        "git": record.git,
        "finished_at": record.finished_at,
    }
