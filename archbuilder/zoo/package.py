"""The package format: a folder of four files, written from a finished run, read without running anything."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from archbuilder.assemble import Block
from archbuilder.description import describe_graph
from archbuilder.errors import ArchbuilderError, PackageError
from archbuilder.files import write_json
from archbuilder.graph import Graph
from archbuilder.graph_json import from_json
from archbuilder.primitives import check
from archbuilder.record import ARCHITECTURE_FILE, WEIGHTS_FILE, Record, read_record
from archbuilder.zoo.preprocess import Preprocess
from archbuilder.zoo.weights import read_weights

SCHEMA = 1
MANIFEST_FILE = "manifest.json"
METADATA_FILE = "metadata.json"
CONTENT = (ARCHITECTURE_FILE, METADATA_FILE, WEIGHTS_FILE)
# JSON of a package is small; what is larger is not read at all.
LARGEST_JSON = 64 * 2**20


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
    name = name or _default_name(record)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise PackageError(f"{name!r} is no name for a package; use letters, digits, '.', '_' and '-'")
    target = zoo / name
    if target.exists():
        raise PackageError(f"{target}: there is a package of that name; choose another with --name")
    zoo.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=zoo))
    try:
        for file in (ARCHITECTURE_FILE, WEIGHTS_FILE):
            _copy(run / file, making / file)
        write_json(making / METADATA_FILE, _metadata(name, record))
        write_json(
            making / MANIFEST_FILE, {"schema": SCHEMA, "files": {file: _entry(making / file) for file in CONTENT}}
        )
        load_package(making)
        making.chmod(0o755)
        os.rename(making, target)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return target


def load_package(path: Path) -> Loaded:
    """Return the network of a package in evaluation mode.

    Everything is checked before it is used: sizes and hashes of the files, the architecture against the
    primitives, names, shapes and types of the weights. Raises PackageError naming the file and the reason.
    """
    if not path.is_dir():
        raise PackageError(f"{path}: there is no such folder")
    _check_files(path, _read_json(path / MANIFEST_FILE))
    metadata = _checked_metadata(_read_json(path / METADATA_FILE), path / METADATA_FILE)
    try:
        graph = from_json(_read_json(path / ARCHITECTURE_FILE))
        check(graph)
        params = describe_graph(graph).params
    except ArchbuilderError as error:
        raise PackageError(f"{path / ARCHITECTURE_FILE}: {error}") from None
    # Before any memory is taken: weights of that many parameters need a file of that many bytes.
    if 4 * params > (path / WEIGHTS_FILE).stat().st_size:
        raise PackageError(f"{path / WEIGHTS_FILE}: too small for the {params:,} parameters of the architecture")
    if len(graph.inputs) != 1 or graph.shapes[0] != (len(metadata["labels"]),):
        raise PackageError(f"{path / METADATA_FILE}: its labels do not fit the outputs of the architecture")
    net = Loaded(graph, metadata)
    read_weights(net, path / WEIGHTS_FILE)
    return net.eval()


def _default_name(record: Record) -> str:
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", record.architecture.name).strip("-.")
    return f"{plain}-{record.data.name}-seed{record.seed}"


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
        "recipe": vars(record.recipe),
        "seed": record.seed,
        "training": vars(record.training),
        "versions": record.versions,
        "git": record.git,
        "finished_at": record.finished_at,
    }


def _entry(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256") if hasattr(hashlib, "file_digest") else hashlib.sha256(file.read())
    return {"size": path.stat().st_size, "sha256": digest.hexdigest()}


def _read_json(path: Path) -> Any:
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise PackageError(f"{path}: larger than {LARGEST_JSON:,} bytes")
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PackageError(f"{path}: is missing, so this is no package") from None
    except (OSError, ValueError, RecursionError) as error:
        raise PackageError(f"{path}: cannot be read as JSON ({error})") from None


def _check_files(folder: Path, manifest: Any) -> None:
    """Check that exactly the files of the format are there, of the sizes and hashes in the manifest."""
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        raise PackageError(f"{folder / MANIFEST_FILE}: not a manifest of schema {SCHEMA}")
    if not isinstance(manifest.get("files"), dict) or set(manifest["files"]) != set(CONTENT):
        raise PackageError(f"{folder / MANIFEST_FILE}: a package holds exactly {', '.join(CONTENT)}")
    for file in CONTENT:
        path = folder / file
        if path.is_symlink() or not path.is_file():
            raise PackageError(f"{path}: is missing, or no plain file")
        if manifest["files"][file] != _entry(path):
            raise PackageError(f"{path}: differs from what the manifest says; the package is damaged")


def _checked_metadata(metadata: Any, path: Path) -> dict[str, Any]:
    """Return the metadata; raises PackageError where what loading needs is not there."""
    try:
        labels, preprocessing = metadata["labels"], metadata["preprocessing"]
        known = metadata["schema"] == SCHEMA and all(isinstance(label, str) for label in labels)
        width = preprocessing["shape"][0]
        numbers = [*preprocessing["mean"], *preprocessing["std"]]
        fits = len(preprocessing["mean"]) == len(preprocessing["std"]) == width and set(preprocessing) == {
            "shape",
            "mean",
            "std",
        }
        sound = all(type(number) is float for number in numbers) and all(type(s) is int for s in preprocessing["shape"])
    except (TypeError, KeyError, IndexError):
        raise PackageError(f"{path}: labels or preprocessing are missing") from None
    if not (known and fits and sound):
        raise PackageError(f"{path}: labels or preprocessing are malformed, or of another schema than {SCHEMA}")
    return dict(metadata)
