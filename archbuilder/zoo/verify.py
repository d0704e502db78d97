"""Whether a package is what it says: its files, weights, costs and answers, each checked anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from archbuilder.compare.words import at_most
from archbuilder.description import Description, describe_graph
from archbuilder.errors import ArchbuilderError, PackageError
from archbuilder.evaluation.evaluate import BATCH
from archbuilder.evaluation.figures import Share
from archbuilder.evaluation.report import percent
from archbuilder.record import ARCHITECTURE_FILE, Result
from archbuilder.show.text import count_of, printable
from archbuilder.zoo.evidence import images_allowed
from archbuilder.zoo.facts import count, mapping, read_facts, results, text
from archbuilder.zoo.files import GOLDEN_FILE, INT8_FILE, METADATA_FILE, ONNX_FILE, check_files
from archbuilder.zoo.golden import allowed, difference, read_golden
from archbuilder.zoo.onnx import BATCHES, answers, compare, random_batches
from archbuilder.zoo.onnx_rules import check_rules
from archbuilder.zoo.package import Loaded, load_package
from archbuilder.zoo.signing import check_public_key, check_signature

MOST_ACTIVATIONS = 2 * 2**30
"""Bytes: networks whose activations take more, for the largest batch, are not run; 605 MB of those shipped."""


@dataclass(frozen=True)
class Check:
    """One thing that was checked: whether it holds, None where it was not tried, and what was found or is wrong."""

    what: str
    passed: bool | None
    told: str


def verify(
    package: Path, data: Sequence[str] = (), *, key: Path | None = None, config_dir: Path | None = None
) -> list[Check]:
    """Check a package from its files up, as far as each step lets the next one be tried.

    With `data`, overrides such as `data=cifar10 data.root=DIR`, it is evaluated again on the splits that its metadata
    tell of; with a public `key`, the signature must be by its holder, or nothing but the hashes is looked at.
    """
    if key is not None:
        check_public_key(key)
    checks = [_check("files", lambda: _files(package))]
    if key is not None and checks[0].passed:
        checks.append(_check("signature", lambda: _signature(package, key)))
    if not checks[-1].passed:
        return checks
    try:
        net = load_package(package)
    except PackageError as error:
        return [*checks, Check("network", False, str(error))]
    tensors = count_of(len(net.state_dict()), "tensor")
    checks.append(Check("network", True, f"{tensors} with the architecture's names, shapes, types"))
    cost = describe_graph(net.graph)
    checks.append(_check("cost", lambda: _cost(package, cost)))
    if 4 * max(BATCHES) * cost.peak_activations > MOST_ACTIVATIONS:
        told = f"{package / ARCHITECTURE_FILE}: its activations take more than {MOST_ACTIVATIONS:,} bytes"
        return [*checks, Check("golden, torch", False, f"{told} for {max(BATCHES)} pictures, so it is not run")]
    checks += _answers(package, net)
    return checks + (_accuracies(package, net, data, config_dir) if data else [])


def refuse_failed(checks: Iterable[Check]) -> None:
    """Raise PackageError with what the first failed check found."""
    for check in checks:
        if check.passed is False:
            raise PackageError(check.told)


def _check(what: str, action: Callable[[], str]) -> Check:
    try:
        return Check(what, True, action())
    except ArchbuilderError as error:
        return Check(what, False, str(error))
    except (MemoryError, RuntimeError) as error:  # from torch, which may lack memory where the network asks for much
        return Check(what, False, f"cannot be run: {printable(' '.join(str(error).split()))}")


def _files(package: Path) -> str:
    files = check_files(package)
    size = sum(told["size"] for told in files.values())
    return f"{count_of(len(files), 'file')}, {size:,} bytes, sizes and hashes as the manifest says"


def _answers(package: Path, net: Loaded) -> list[Check]:
    checks = [_check("golden, torch", lambda: _golden(package, net))]
    missing = [each for each in ("onnx", "onnxruntime") if find_spec(each) is None]
    for name, runs in ((ONNX_FILE, _onnx), (INT8_FILE, _int8)):
        what = f"golden, {name}"
        if not (package / name).is_file():
            continue
        if missing:
            how = f'{" and ".join(missing)} not installed; pip install "archbuilder[zoo]"'
            checks.append(Check(what, None, how))
        else:
            checks.append(_check(what, partial(runs, package / name, net)))
    return checks


def _accuracies(package: Path, net: Loaded, data: Sequence[str], config_dir: Path | None) -> list[Check]:
    recorded = results(net.metadata)
    if not recorded:
        return [Check("accuracy", None, "the metadata tell of no evaluation")]
    at_once = min(BATCH, MOST_ACTIVATIONS // max(1, 4 * describe_graph(net.graph).peak_activations))
    checks = [
        _check(f"accuracy on {each.split}", partial(_accuracy, package, each, data, config_dir, at_once))
        for each in recorded
    ]
    if (package / INT8_FILE).is_file() and find_spec("onnxruntime") is not None:
        checks.append(_check(f"accuracy, {INT8_FILE}", lambda: _int8_accuracy(package, net, data, config_dir)))
    return checks


def _cost(package: Path, cost: Description) -> str:
    told = read_facts(package).cost
    if told is None:
        raise PackageError(f"{package / METADATA_FILE}: does not tell the cost")
    for name in ("params", "macs", "peak_activations"):
        if getattr(told, name) != getattr(cost, name):
            raise PackageError(
                f"{package / METADATA_FILE}: tells {getattr(told, name):,} {name}, but the architecture has "
                f"{getattr(cost, name):,}"
            )
    return f"{cost.params:,} params and {cost.macs:,} MACs, as the architecture has"


def _golden(package: Path, net: Loaded) -> str:
    golden = read_golden(net, package / GOLDEN_FILE)
    with torch.inference_mode():
        inputs = net.preprocess(golden.pictures)
        made = net(golden.inputs)
    _compare(package / GOLDEN_FILE, "inputs", inputs, golden.inputs)
    return _compare(package / GOLDEN_FILE, "logits", made, golden.logits)


def _onnx(path: Path, net: Loaded) -> str:
    """Check an ONNX file by its rules, and only then by its answers: to golden pictures, and to some unknown before."""
    check_rules(path, net.graph)
    golden, random = read_golden(net, path.parent / GOLDEN_FILE), torch.Generator()
    random.seed()
    apart = compare(path, net, golden, random_batches(golden, random), str(path))
    return f"logits differ by {at_most(apart)} at most"


def _int8(path: Path, net: Loaded) -> str:
    """Check an ONNX file in 8 bits likewise; its answers may be others, but have to be finite."""
    recorded, size = count(mapping(net.metadata.get("int8")).get("bytes")), path.stat().st_size
    if recorded != size:
        raise PackageError(f"{path}: has {size:,} bytes, but {METADATA_FILE} says {recorded}")
    check_rules(path, net.graph)
    golden = read_golden(net, path.parent / GOLDEN_FILE)
    made = answers(path, [golden.inputs, *random_batches(golden, torch.Generator().manual_seed(0))], str(path))
    for logits in made:
        if logits.shape[1:] != golden.logits.shape[1:] or not np.isfinite(logits).all():
            raise PackageError(f"{path}: its logits are not finite, or of another shape")
    agreeing = int((made[0].argmax(1) == golden.logits.argmax(1).numpy()).sum())
    told = f"finite; {agreeing or 'none'} of {len(made[0])} answers are those of the float32 network"
    return told if agreeing else f"{told}; --data tells what it is worth"


def _compare(path: Path, what: str, made: object, expected: object) -> str:
    apart, most = difference(made, expected), allowed(expected)
    if not apart <= most:
        raise PackageError(f"{path}: {what} differ by {apart:.2g}, which is more than rounding ({most:.2g})")
    return f"{what} differ by {at_most(apart)} at most"


def _accuracy(package: Path, result: Result, data: Sequence[str], config_dir: Path | None, batch_size: int) -> str:
    """Evaluate on a split again."""
    from archbuilder.evaluation import evaluate

    found = evaluate(package, data, split=result.split, batch_size=batch_size, config_dir=config_dir)
    if found.fingerprint != found.trained_on[1]:
        raise _other_data(found.data, found.fingerprint, found.trained_on[1])
    return _as_recorded(package, found.figures.accuracy, result.accuracy, result.n)


def _int8_accuracy(package: Path, net: Loaded, data: Sequence[str], config_dir: Path | None) -> str:
    """Evaluate the network in 8 bits again."""
    from archbuilder.data import load
    from archbuilder.evaluation.choice import chosen_data
    from archbuilder.zoo.quantize import accuracy

    told, trained_on = mapping(net.metadata.get("int8")), mapping(net.metadata.get("data"))
    recorded = next(iter(results({"results": [{"weights": "int8", "loss": 0.0, **told}]})), None)
    dataset = load(chosen_data(None, data, config_dir))
    if recorded is None or recorded.split not in dataset.splits:
        raise PackageError(f"{package / METADATA_FILE}: does not tell its accuracy on a split that there is")
    if dataset.fingerprint != trained_on.get("fingerprint"):
        raise _other_data(dataset.name, dataset.fingerprint, text(trained_on.get("fingerprint")))
    found = accuracy((package / INT8_FILE).read_bytes(), net.preprocess, dataset.splits[recorded.split])
    return _as_recorded(package, found, recorded.accuracy, recorded.n)


def _as_recorded(package: Path, found: Share, accuracy: float, n: int) -> str:
    """Compare what was found with what is recorded; another machine may count a few images otherwise."""
    right = round(accuracy * n)
    told = f"{percent(found.value)} ({found.count:,} of {found.n:,})"
    recorded = f"{percent(accuracy)} ({right:,} of {n:,}) is recorded"
    apart, most = abs(found.count - right), images_allowed(found.n)
    if n != found.n or apart > most:
        raise PackageError(f"{package / METADATA_FILE}: {recorded}, but {told} found")
    rounding = f": {count_of(apart, 'image')} apart, where rounding may change {most}" if apart else ""
    return f"{told}; {recorded}{rounding}"


def _other_data(name: str, fingerprint: str, recorded: str) -> PackageError:
    prints = f"fingerprint {fingerprint[:8]}, recorded {recorded[:8]}"
    return PackageError(f"{name}: is not the data that the package was evaluated on ({prints})")


def _signature(package: Path, key: Path) -> str:
    check_signature(package, key)
    return f"all files are signed by the holder of {key}"
