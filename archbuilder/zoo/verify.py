"""Whether a package is what it says: its files, weights, costs and answers, each checked anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from archbuilder.description import describe_graph
from archbuilder.errors import ArchbuilderError, PackageError
from archbuilder.record import Result
from archbuilder.show.text import count_of
from archbuilder.zoo.evidence import ROUNDING
from archbuilder.zoo.facts import read_facts, results
from archbuilder.zoo.files import GOLDEN_FILE, INT8_FILE, METADATA_FILE, ONNX_FILE, check_files
from archbuilder.zoo.golden import allowed, difference, read_golden
from archbuilder.zoo.package import Loaded, load_package

COSTS = ("params", "macs", "peak_activations")


@dataclass(frozen=True)
class Check:
    """One thing that was checked: whether it holds, None where it could not be tried, and what was found or is wrong."""

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
            checks.append(Check("network", True, f"{tensors} of the architecture's names, shapes and types, all finite"))
            checks += _answers(package, net)
            checks += [_check(f"accuracy on {result.split}", lambda result=result: _accuracy(package, result, data, config_dir))
                       for result in results(net.metadata) if data]
            if data and not results(net.metadata):
                checks.append(Check("accuracy", None, "the metadata tell of no evaluation"))
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


def _compare(path: Path, what: str, made: object, expected: object) -> str:
    apart, most = difference(made, expected), allowed(expected)
    if not apart <= most:
        raise PackageError(f"{path}: {what} differ by {apart:.2g}, which is more than rounding ({most:.2g})")
    return f"{what} differ by {apart:.1e} at most"
