"""Writing a package: from an architecture with its weights to the whole folder, which appears at once."""

from __future__ import annotations

import os
import platform
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import archbuilder
from archbuilder.errors import PackageError
from archbuilder.files import write_bytes, write_json, write_text
from archbuilder.zoo.card import card
from archbuilder.zoo.files import (
    CARD_FILE,
    GOLDEN_FILE,
    INT8_FILE,
    METADATA_FILE,
    ONNX_FILE,
    SCHEMA,
    write_manifest,
)
from archbuilder.zoo.golden import make_golden, write_golden
from archbuilder.zoo.making import check_name, check_replaceable, making, taken
from archbuilder.zoo.onnx import OPSET, PACKAGES, check_installed, check_onnx, to_onnx
from archbuilder.zoo.onnx_rules import check_rules
from archbuilder.zoo.package import Loaded, load_package, read_network
from archbuilder.zoo.signing import sign

Step = Callable[[Path], None]
Addition = Callable[[Path, Loaded], dict[str, Any]]


def write_package(
    target: Path,
    metadata: dict[str, Any],
    fill: Step,
    source: str = "",
    *,
    license: str | None = None,
    add: Addition | None = None,
    key: Path | None = None,
    force: bool = False,
) -> Path:
    """Write the package `target`, which `new_path` gave; it appears whole or not at all.

    `fill` puts the architecture and the weights into the folder that it is given. `add` puts optional files there,
    beside the ONNX, and returns what the metadata say of them. With a private `key` the package is signed. Raises
    PackageError where there is a package of that name by now and `force` does not replace it, the disk does not take
    it, or the files do not fit one another: told of `source`, where they come from.
    """
    with _nothing_left(target.parent), making(target, replace=force) as folder:
        try:
            fill(folder)
            told = {"schema": SCHEMA, "name": target.name, **metadata}
            net = read_network(folder, told)
            golden = make_golden(net)
            write_golden(golden, folder / GOLDEN_FILE)
            model = to_onnx(net)
            told["onnx"] = {"opset": OPSET, "largest_difference": check_onnx(model, net, golden)}
            write_bytes(folder / ONNX_FILE, model)
            _check_rules(folder / ONNX_FILE, net)
            told |= add(folder, net) if add else {}
            if (folder / INT8_FILE).is_file():
                _check_rules(folder / INT8_FILE, net)
            told |= {"license": license, "exported_with": exported_with(), "created": now()}
            write_json(folder / METADATA_FILE, told)
            write_text(folder / CARD_FILE, card(told))
            write_manifest(folder)
            if key is not None:
                sign(folder, key)
            load_package(folder)
        except PackageError as error:
            raise PackageError(str(error).replace(str(folder), source or str(target))) from None
    return target


def new_path(zoo: Path, name: str, force: bool = False) -> Path:
    """Return where a new package of that name goes; raises PackageError where none can be made of that name.

    That is no name, one that is taken (with `force`, by something else than a package), or what writing needs is not
    there: a folder that takes files, a time, the libraries.
    """
    zoo = zoo.expanduser()
    target = zoo / check_name(name)
    if os.path.lexists(target) and not force:
        raise PackageError(f"{taken(target)}, or replace it with --force")
    check_replaceable(target)
    check_installed()
    now()
    if zoo.exists() and not zoo.is_dir():
        raise PackageError(f"--to: {zoo} is a file; name a folder")
    with _nothing_left(zoo, always=True):
        zoo.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=zoo).close()
    return target


def _check_rules(path: Path, net: Loaded) -> None:
    """Check an ONNX file that was made as `verify` will; raises PackageError, telling what to do about it."""
    try:
        check_rules(path, net.graph)
    except PackageError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise PackageError(
            f"{net.graph.name}: its {path.name} would be refused by `archbuilder zoo verify`: {reason}; take another "
            "layer in place of the one that becomes this, or make the module of that primitive of other operations"
        ) from None


@contextmanager
def _nothing_left(zoo: Path, always: bool = False) -> Iterator[None]:
    """Tell what a disk refuses to do by the name of the folder, and remove that again where it was not there before."""
    missing = [folder for folder in (zoo, *zoo.parents) if not folder.exists()]
    done = False
    try:
        yield
        done = True
    except OSError as error:
        raise PackageError(f"--to: {zoo} takes no package ({error.strerror or error})") from None
    finally:
        for folder in missing if always or not done else ():
            with suppress(OSError):
                folder.rmdir()


def plain_name(text: str) -> str:
    """Return the part of a text that a package's name may be made of."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:60]


def exported_with() -> dict[str, str]:
    """Return the versions of what wrote the package; what trained the network may have been others."""
    packages = {name: version(name) for name in ("torch", *PACKAGES)}
    return {"python": platform.python_version(), **packages, "archbuilder": archbuilder.__version__}


def now() -> str:
    """Return the time in UTC, the one thing in which two packages of a run differ; or SOURCE_DATE_EPOCH, if it is set.

    See https://reproducible-builds.org/docs/source-date-epoch. Raises PackageError where that is no time.
    """
    told = os.environ.get("SOURCE_DATE_EPOCH", "")
    seconds = int(told) if told.isdecimal() else time.time()
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        raise PackageError(f"SOURCE_DATE_EPOCH: {told:.30} is no number of seconds since 1970") from None
