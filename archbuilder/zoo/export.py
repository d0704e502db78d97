"""From a finished run to its package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from archbuilder.compare.labels import budget_label
from archbuilder.data.folder import INTERPOLATION
from archbuilder.data.images import Dataset
from archbuilder.errors import RecordError
from archbuilder.evaluation.report import percent
from archbuilder.evaluation.subject import read_subject
from archbuilder.files import write_bytes, write_json
from archbuilder.graph_json import to_json
from archbuilder.record import ARCHITECTURE_FILE, WEIGHTS_FILE, Data, Record, read_record
from archbuilder.zoo.card import measured
from archbuilder.zoo.command import training_command
from archbuilder.zoo.evidence import kept_weights, load_data, reevaluate
from archbuilder.zoo.facts import read_facts
from archbuilder.zoo.files import INT8_FILE, ONNX_FILE, PT2_FILE, inert
from archbuilder.zoo.license import license_id
from archbuilder.zoo.package import Loaded
from archbuilder.zoo.program import to_pt2
from archbuilder.zoo.signing import check_key
from archbuilder.zoo.weights import write_weights
from archbuilder.zoo.writing import new_path, plain_name, write_package


def export(
    run: Path,
    zoo: Path,
    name: str = "",
    *,
    license: str | None = None,
    int8: bool = False,
    pt2: bool = False,
    data: Sequence[str] = (),
    key: Path | None = None,
    force: bool = False,
) -> Path:
    """Write a finished run's package into the folder `zoo` and return the package's path.

    First the weights are evaluated again on the images that the record tells of; `data`, such as `data.root=DIR`,
    says where these lie if no longer where they did. With `int8` and `pt2` the package also holds the network in 8
    bits, calibrated on training images, and as a program of torch; with a private `key` it is signed. It appears whole
    or not at all. Raises RecordError for a run that is unfinished or whose files do not fit one another, PackageError
    where the weights do not give the recorded accuracy and loss, the data cannot be had, the key is none, or a package
    of that name is there already, unless `force` replaces it.
    """
    stated = None if license is None else license_id(license)
    if key is not None:
        check_key(key)
    subject = read_subject(run)
    if subject.kind != "run":
        raise RecordError(f"{run}: is a package already; name the folder of a finished run")
    record = read_record(run)
    dataset = load_data(subject, data)
    target = new_path(zoo, name or _default_name(record), force)
    evidence = reevaluate(subject, record, dataset)

    def fill(folder: Path) -> None:
        # What was evaluated, not what lies in the run's folder by now.
        write_json(folder / ARCHITECTURE_FILE, to_json(subject.net.graph))
        write_weights(subject.net, folder / WEIGHTS_FILE)

    def add(folder: Path, net: Loaded) -> dict[str, Any]:
        told: dict[str, Any] = {}
        if int8:
            told["int8"] = _write_int8(folder, net, dataset)
        if pt2:
            write_bytes(folder / PT2_FILE, to_pt2(net))
            told["pt2"] = {"bytes": (folder / PT2_FILE).stat().st_size}
        return told

    metadata = {**_metadata(record), "command": inert(training_command(run)), "reevaluation": evidence}
    return write_package(target, metadata, fill, str(run), license=stated, add=add, key=key, force=force)


def made(package: Path) -> Iterator[str]:
    """Yield what a new package is worth and what it takes: each accuracy, then the files."""
    facts = read_facts(package)
    for split, weights, found in measured(dict(facts.metadata)):
        yield f"{split}: {percent(found.value)} ({found.count:,} of {found.n:,}), {weights}"
    yield from (f"{told['size']:>12,} bytes  {name}" for name, told in facts.files.items())


def _write_int8(folder: Path, net: Loaded, dataset: Dataset) -> dict[str, Any]:
    """Write the network in 8 bits and return what the metadata say of it, its accuracy on val among it."""
    from archbuilder.zoo.quantize import accuracy, quantize

    model, calibrated_on = quantize(folder / ONNX_FILE, net.preprocess, dataset.splits["train"])
    write_bytes(folder / INT8_FILE, model)
    found = accuracy(model, net.preprocess, dataset.splits["val"])
    return {
        "split": "val",
        "accuracy": found.value,
        "n": found.n,
        "calibrated_on": calibrated_on,
        "bytes": len(model),
    }


def _default_name(record: Record) -> str:
    """Return network, budget, data and seed."""
    budget = [plain_name(budget_label(record.architecture.budget))[:30]] if record.architecture.budget else []
    # A package's name has at most 100 characters.
    network = plain_name(record.architecture.name)[: 40 if budget else None].rstrip("-.")
    return "-".join([network, *budget, record.data.name[:20], f"seed{record.seed}"])


def _metadata(record: Record) -> dict[str, Any]:
    """Return what a package says about its network: the results of the weights that it holds, others apart."""
    data, weights = vars(record.data), kept_weights(record)
    others = [vars(result) for result in record.results if result.weights != weights]
    return {
        "network": record.architecture.name,
        "budget": record.architecture.budget,
        "cost": vars(record.cost),
        "weights": weights,
        "results": [vars(result) for result in record.results if result.weights == weights],
        **({"results_of_other_weights": others} if others else {}),
        "labels": data["labels"],
        "preprocessing": _preprocessing(record.data),
        "data": {key: data[key] for key in ("name", "fingerprint", "splits")},
        "recipe": {"hash": record.recipe.hash, "settings": inert(record.recipe.settings)},
        "seed": record.seed,
        "training": vars(record.training),
        "versions": record.versions,
        "git": record.git,
        "finished_at": record.finished_at,
    }


def _preprocessing(data: Data) -> dict[str, Any]:
    """Return how the training prepared pictures: those from files were cut to size."""
    told = {"shape": data.shape, "mean": data.mean, "std": data.std}
    return told | ({"resize": data.shape[1], "interpolation": INTERPOLATION} if data.name == "folder" else {})
