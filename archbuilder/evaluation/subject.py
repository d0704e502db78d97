"""What is evaluated: a finished run's folder or a package, read into the same form."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archbuilder.assemble import Block, assemble
from archbuilder.errors import ArchbuilderError, ConfigError, RecordError
from archbuilder.graph import Graph
from archbuilder.graph_json import from_json, graph_hash
from archbuilder.language.yaml import load as load_yaml
from archbuilder.primitives import check
from archbuilder.record import (
    ARCHITECTURE_FILE,
    CONFIG_FILE,
    FAILURE_FILE,
    RECORD_FILE,
    WEIGHTS_FILE,
    Data,
    Record,
    Result,
    read_record,
)
from archbuilder.show.text import printable
from archbuilder.zoo.facts import count, mapping, results, text
from archbuilder.zoo.files import MANIFEST_FILE, METADATA_FILE, entry
from archbuilder.zoo.package import Loaded, load_package
from archbuilder.zoo.preprocess import Preprocess
from archbuilder.zoo.weights import read_weights

# What tells a run that was not finished, or a package that is not whole, from any other folder.
_OF_A_RUN = (".hydra", CONFIG_FILE, "checkpoints", "metrics.csv")
_OF_A_PACKAGE = (METADATA_FILE, WEIGHTS_FILE)


@dataclass(frozen=True, eq=False)
class Subject:
    """A network in evaluation mode, how it wants pictures and names classes, and what is known of its training.

    `kind` is "run" or "package". `data` and `fingerprint` are of the data that it was trained on, empty where that
    is not known; `results` what was recorded then; `circumstances` the device and precision. `settings` are those of
    a run's data, None for a package, unless its data lie nowhere and are always there.
    """

    path: Path
    kind: str
    name: str
    net: Block
    preprocess: Preprocess
    labels: list[str]
    data: str
    fingerprint: str
    results: list[Result]
    circumstances: str
    settings: Mapping[str, Any] | None
    channels_last: bool


def read_subject(path: Path) -> Subject:
    """Return the network of a run's folder or of a package; nothing that lies there is executed.

    Raises RecordError or PackageError, naming the file, where it is neither, unfinished or damaged.
    """
    if (path / MANIFEST_FILE).is_file():
        return _of_package(path, load_package(path))
    if (path / RECORD_FILE).is_file():
        return _of_run(path, read_record(path))
    raise RecordError(f"{path}: {_why_neither(path)}")


def _of_package(path: Path, net: Loaded) -> Subject:
    # Of the metadata only what loading needs was checked; the rest is believed where it has the right form.
    data, training = (mapping(net.metadata.get(key)) for key in ("data", "training"))
    return Subject(
        path=path,
        kind="package",
        name=text(net.metadata.get("network")) or net.graph.name,
        net=net,
        preprocess=net.preprocess,
        labels=net.labels,
        data=text(data.get("name")),
        fingerprint=text(data.get("fingerprint")),
        results=results(net.metadata),
        circumstances=", ".join(filter(None, (text(training.get(key)) for key in ("device", "precision")))),
        settings=_embedded(data, net.preprocess.shape),
        channels_last=False,
    )


def _embedded(data: Mapping[str, Any], shape: Sequence[int]) -> dict[str, Any] | None:
    """Return the settings of the data that a package was trained on where scikit-learn brings them along."""
    if data.get("name") != "digits":
        return None
    held_out = count(mapping(data.get("splits")).get("val"))
    return {"name": "digits", "size": shape[1], "channels": shape[0], **({"holdout": held_out} if held_out else {})}


def _of_run(folder: Path, record: Record) -> Subject:
    net = _network(folder, record)
    config = load_yaml(folder / CONFIG_FILE) if (folder / CONFIG_FILE).is_file() else {}
    settings = mapping(mapping(config).get("data"))
    return Subject(
        path=folder,
        kind="run",
        name=record.architecture.name,
        net=net,
        preprocess=Preprocess(record.data.shape, record.data.mean, record.data.std),
        labels=record.data.labels,
        data=record.data.name,
        fingerprint=record.data.fingerprint,
        results=record.results,
        circumstances=f"{record.training.device}, {record.training.precision}",
        settings=settings,
        channels_last=mapping(config).get("channels_last") is True,
    )


def _network(folder: Path, record: Record) -> Block:
    """Return a run's network with its weights, having checked that record, architecture and weights belong together."""
    path = folder / ARCHITECTURE_FILE
    try:
        graph = from_json(json.loads(path.read_text(encoding="utf-8")))
        check(graph)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror}); train the run again with force=true") from None
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path}: is damaged ({error}); train the run again with force=true") from None
    except ConfigError as error:
        raise RecordError(f"{path}: {error}") from None
    if graph_hash(graph) != record.architecture.hash:
        raise RecordError(f"{path}: is not the network of the record beside it; train the run again with force=true")
    if not _fits(graph, record.data):
        raise RecordError(
            f"{folder / RECORD_FILE}: what it says of the data does not fit the network beside it; "
            "train the run again with force=true"
        )
    net = assemble(graph)
    weights = folder / WEIGHTS_FILE
    if record.weights_sha256 and weights.is_file() and entry(weights)["sha256"] != record.weights_sha256:
        raise RecordError(
            f"{weights}: is not the file that the training wrote, since its sha256 is another: damaged or changed; "
            "train the run again with force=true"
        )
    try:
        read_weights(net, weights)
    except ArchbuilderError as error:
        raise RecordError(f"{error}; train the run again with force=true") from None
    return net.eval()


def _fits(graph: Graph, data: Data) -> bool:
    sides = len(data.shape) == 3 and len(data.mean) == len(data.std) == data.shape[0] and min(data.std) > 0
    inputs, outputs = list(graph.inputs.values()), graph.shapes[:1]
    return sides and inputs == [tuple(data.shape)] and outputs == ((len(data.labels),),)


def _why_neither(path: Path) -> str:
    """Return why a path is neither a finished run nor a package, and what to name instead."""
    if not path.is_dir():
        return "is a file; name the folder it lies in" if path.exists() else "there is no such folder"
    found = {each.name for each in path.iterdir()}
    if FAILURE_FILE in found:
        return f"this run failed ({_reason(path / FAILURE_FILE)}); train it to the end first"
    if found.intersection(_OF_A_RUN):
        return f"this run is not finished: there is no {RECORD_FILE}; train it to the end first"
    if found.intersection(_OF_A_PACKAGE):
        return f"{MANIFEST_FILE} is missing, so this is no whole package"
    # Those of a sweep lie a level deeper.
    marks = [f"{depth}/{file}" for depth in ("*", "*/*") for file in (RECORD_FILE, MANIFEST_FILE)]
    inside = sorted(found.parent for mark in marks for found in path.glob(mark))
    if inside:
        more = f" (and {len(inside) - 1} more)" if len(inside) > 1 else ""
        return f"holds runs or packages but is none itself; name one: {inside[0]}{more}"
    return f"neither a finished run (no {RECORD_FILE}) nor a package (no {MANIFEST_FILE}); name the folder of one"


def _reason(failure: Path) -> str:
    """Return what a failed run has left of its error."""
    try:
        words = failure.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        words = []
    return printable(f"{' '.join(words):.500}") or f"{FAILURE_FILE} does not say why"
