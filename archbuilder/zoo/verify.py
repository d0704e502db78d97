"""Whether a package is what it says: its files, weights, costs and answers, each checked anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from archbuilder.compare.words import at_most
from archbuilder.description import describe_graph
from archbuilder.errors import ArchbuilderError, PackageError
from archbuilder.evaluation.report import percent
from archbuilder.record import Result
from archbuilder.show.text import count_of
from archbuilder.zoo.evidence import images_allowed
from archbuilder.zoo.facts import read_facts, results
from archbuilder.zoo.files import GOLDEN_FILE, INT8_FILE, METADATA_FILE, ONNX_FILE, check_files
from archbuilder.zoo.golden import allowed, difference, read_golden
from archbuilder.zoo.onnx_rules import UnboundedError, check_rules
from archbuilder.zoo.package import Loaded, load_package

COSTS = ("params", "macs", "peak_activations")


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
    tell of; with a public `key`, the signature must be by its holder.
    """
    checks = [_check("files", lambda: _files(package))]
    if checks[0].passed:
        try:
            net = load_package(package)
        except PackageError as error:
            checks.append(Check("network", False, str(error)))
        else:
            tensors = count_of(len(net.state_dict()), "tensor")
            checks.append(Check("network", True, f"{tensors} with the architecture's names, shapes, types"))
            checks += _answers(package, net)
            checks += _accuracies(package, net, data, config_dir) if data else []
    if key is not None:
        checks.append(_check("signature", lambda: _signature(package, key)))
    return checks


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


def _files(package: Path) -> str:
    files = check_files(package)
    size = sum(told["size"] for told in files.values())
    return f"{count_of(len(files), 'file')}, {size:,} bytes, sizes and hashes as the manifest says"


def _answers(package: Path, net: Loaded) -> list[Check]:
    checks = [_check("cost", lambda: _cost(package, net)), _check("golden, torch", lambda: _golden(package, net))]
    for name in (ONNX_FILE, INT8_FILE):
        if (package / name).is_file():
            checks.append(_onnx(package, name, net))
    return checks


def _accuracies(package: Path, net: Loaded, data: Sequence[str], config_dir: Path | None) -> list[Check]:
    recorded = results(net.metadata)
    if not recorded:
        return [Check("accuracy", None, "the metadata tell of no evaluation")]
    return [
        _check(f"accuracy on {each.split}", partial(_accuracy, package, each, data, config_dir)) for each in recorded
    ]


def _cost(package: Path, net: Loaded) -> str:
    told, cost = read_facts(package).cost, describe_graph(net.graph)
    if told is None:
        raise PackageError(f"{package / METADATA_FILE}: does not tell the cost")
    for name in COSTS:
        if getattr(told, name) != getattr(cost, name):
            raise PackageError(
                f"{package / METADATA_FILE}: tells {getattr(told, name):,} {name}, but the architecture has "
                f"{getattr(cost, name):,}"
            )
    return f"{cost.params:,} params and {cost.macs:,} MACs, as the architecture has"


def _golden(package: Path, net: Loaded) -> str:
    import torch

    golden = read_golden(net, package / GOLDEN_FILE)
    with torch.inference_mode():
        inputs = net.preprocess(golden.pictures)
        made = net(golden.inputs)
    _compare(package / GOLDEN_FILE, "inputs", inputs, golden.inputs)
    return _compare(package / GOLDEN_FILE, "logits", made, golden.logits)


def _onnx(package: Path, name: str, net: Loaded) -> Check:
    """Check an ONNX file by its rules, and only then by its answers."""
    what = f"golden, {name}"
    missing = [each for each in ("onnx", "onnxruntime") if find_spec(each) is None]
    if missing:
        return Check(what, None, f'{" and ".join(missing)} not installed; pip install "archbuilder[zoo]"')
    try:
        check_rules(package / name, net.graph)
        return Check(what, True, _runs(package, name, net))
    except UnboundedError as error:
        return Check(what, None, f"not run: {error}")
    except PackageError as error:
        return Check(what, False, str(error))


def _runs(package: Path, name: str, net: Loaded) -> str:
    from archbuilder.zoo.onnx import run, session

    golden = read_golden(net, package / GOLDEN_FILE)
    try:
        made = run(session(package / name), golden.inputs)
    except Exception as error:  # what onnxruntime raises is of its own
        raise PackageError(f"{package / name}: onnxruntime cannot run it ({' '.join(str(error).split())})") from None
    if name != INT8_FILE:
        return _compare(package / name, "logits", made, golden.logits)
    if not math.isfinite(difference(made, golden.logits)):
        raise PackageError(f"{package / name}: its logits are not finite, or of another shape")
    agreeing = int((made.argmax(1) == golden.logits.argmax(1).numpy()).sum())
    return f"finite; {agreeing} of {len(made)} answers are those of the float32 network"


def _compare(path: Path, what: str, made: object, expected: object) -> str:
    apart, most = difference(made, expected), allowed(expected)
    if not apart <= most:
        raise PackageError(f"{path}: {what} differ by {apart:.2g}, which is more than rounding ({most:.2g})")
    return f"{what} differ by {at_most(apart)} at most"


def _accuracy(package: Path, result: Result, data: Sequence[str], config_dir: Path | None) -> str:
    """Evaluate on a split again; a few images may be counted otherwise on another device."""
    from archbuilder.evaluation import evaluate

    found = evaluate(package, data, split=result.split, config_dir=config_dir)
    if found.fingerprint != found.trained_on[1]:
        prints = f"fingerprint {found.fingerprint[:8]}, recorded {found.trained_on[1][:8]}"
        raise PackageError(f"{found.data}: is not the data that the package was evaluated on ({prints})")
    count, n = found.figures.accuracy.count, found.figures.accuracy.n
    told = f"{percent(found.figures.accuracy.value)} ({count:,} of {n:,})"
    recorded = f"{percent(result.accuracy)} ({round(result.accuracy * result.n):,} of {result.n:,}) is recorded"
    if n != result.n or abs(count - round(result.accuracy * result.n)) > images_allowed(n):
        raise PackageError(f"{package / METADATA_FILE}: {recorded}, but {told} found")
    return f"{told}; {recorded}"


def _signature(package: Path, key: Path) -> str:
    from archbuilder.zoo.signing import check_signature

    check_signature(package, key)
    return f"all files are signed by the holder of {key}"
