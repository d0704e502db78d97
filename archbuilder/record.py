"""The record of a run: the one file that training writes and that compare and zoo read."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import math
import reprlib
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archbuilder.errors import RecordError, suggestion
from archbuilder.files import write_json

SCHEMA = 1
RECORD_FILE = "record.json"
CONFIG_FILE = "config.yaml"
ARCHITECTURE_FILE = "architecture.json"
WEIGHTS_FILE = "weights.safetensors"
METRICS_FILE = "metrics.csv"
PROGRESS_FILE = ".progress"
"""Written when training begins or goes on: how many epochs it has behind it then."""
FAILURE_FILE = "failure.txt"

LARGEST = 10**18
"""Of whole numbers in a record, and of times and speeds: more than any network has of anything."""
SMALLEST = 1e-12
"""Of times and speeds that are not 0."""
DEEPEST = 50
"""Levels inside one of a recipe's settings."""


@dataclass(frozen=True)
class Architecture:
    """Which network: its name and the hash of its Graph, which lies beside as `architecture.json`.

    `budget` is what its width was chosen for, such as {"params": 300000}; empty where its width was stated.
    """

    name: str
    hash: str
    budget: dict[str, int]


@dataclass(frozen=True)
class Cost:
    """Exact cost for one image: parameters (elements), multiply-accumulates, peak activation elements."""

    params: int
    trainable_params: int
    macs: int
    peak_activations: int


@dataclass(frozen=True)
class Recipe:
    """How it was trained, without the seed: the resolved settings and their hash."""

    hash: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Data:
    """What it was trained on: name, sha256 fingerprint, split sizes, labels, and how images are prepared.

    `shape` is [channels, height, width]; `mean` and `std` are per channel, of images scaled to 0..1.
    """

    name: str
    fingerprint: str
    splits: dict[str, int]
    labels: list[str]
    shape: list[int]
    mean: list[float]
    std: list[float]


@dataclass(frozen=True)
class Training:
    """What the training took: epochs, optimizer steps, wall seconds, training images per second.

    `latency` is of the trained network on the same device: the median seconds from one image to its logits.
    """

    epochs: int
    steps: int
    seconds: float
    images_per_second: float
    latency: float
    device: str
    precision: str


@dataclass(frozen=True)
class Result:
    """One evaluation at the last epoch, single view: top-1 accuracy (0..1) and mean loss over n images.

    `weights` tells raw weights from averaged ones.
    """

    split: str
    weights: str
    accuracy: float
    loss: float
    n: int


@dataclass(frozen=True)
class Record:
    """One finished run.

    `weights_sha256` is of the file with its weights, empty in records from before it was kept.
    """

    architecture: Architecture
    cost: Cost
    recipe: Recipe
    data: Data
    seed: int
    training: Training
    results: list[Result]
    versions: dict[str, str]
    git: dict[str, Any]
    finished_at: str
    schema: int = SCHEMA
    weights_sha256: str = ""

    def result(self, split: str, weights: str = "raw") -> Result | None:
        """Return the evaluation on `split` with `weights`, or None where there is none."""
        return next((r for r in self.results if r.split == split and r.weights == weights), None)


def write_record(record: Record, folder: Path) -> Path:
    """Write `record.json` into a run's folder, atomically, and return its path."""
    path = folder / RECORD_FILE
    write_json(path, dataclasses.asdict(record))
    return path


def read_record(folder: Path) -> Record:
    """Read the record of a run's folder (or the record file itself).

    Raises RecordError, naming the file, where there is none, or it is damaged or of another schema.
    """
    path = folder / RECORD_FILE if folder.is_dir() else folder
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecordError(
            f"{folder}: there is no {RECORD_FILE} here, so this is no finished run; "
            "name the folder of a finished run, or train it to the end first"
        ) from None
    except (ValueError, OSError, RecursionError) as error:
        raise RecordError(f"{path}: cannot be read ({error}); train the run again with force=true") from None
    return decode_record(content, str(path))


def decode_record(content: Any, where: str) -> Record:
    """Return the record that plain data are; raises RecordError, naming `where` they come from."""
    if isinstance(content, dict) and content.get("schema") != SCHEMA:
        raise RecordError(f"{where}: schema {content.get('schema')!r} is not known here, only {SCHEMA}")
    record = typing.cast(Record, _decode(Record, content, where))
    _check_figures(record, where)
    return record


def content_hash(content: Any) -> str:
    """Return the sha256 of plain data, independent of the order of keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _decode(kind: Any, value: Any, where: str) -> Any:
    """Check plain JSON data against a type made of dataclasses, lists, dicts and scalars."""
    if kind in (str, int, float):
        return _decode_scalar(kind, value, where)
    origin, arguments = _parts(kind)
    if kind is Any:
        _check_free(value, where)
        return value
    if dataclasses.is_dataclass(kind):
        return _decode_fields(kind, value, where)
    if origin is list and isinstance(value, list):
        return [_decode(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        for key in value:
            _check_text(key, where)
        return {key: _decode(arguments[1], item, f"{where}:{key}") for key, item in value.items()}
    raise _mistyped(kind, value, where)


def _decode_scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is float and type(value) in (int, float):
        return _finite(value, where)
    if type(value) is not kind:
        raise _mistyped(kind, value, where)
    if kind is int and abs(value) > LARGEST:
        raise RecordError(f"{where}: {reprlib.repr(value)} is beyond {LARGEST:,}")
    if kind is str:
        _check_text(value, where)
    return value


def _mistyped(kind: Any, value: Any, where: str) -> RecordError:
    return RecordError(f"{where}: {reprlib.repr(value):.60} is not of type {getattr(kind, '__name__', kind)}")


def _check_free(value: Any, where: str, levels: int = DEEPEST) -> None:
    """Check what may be anything that JSON can say, but for texts that are none and endless nesting."""
    if isinstance(value, str):
        _check_text(value, where)
    elif isinstance(value, dict | list):
        if not levels:
            raise RecordError(f"{where}: nested deeper than {DEEPEST} levels")
        for item in value:
            _check_free(item, where, levels - 1)
        if isinstance(value, dict):
            for item in value.values():
                _check_free(item, where, levels - 1)


def _check_text(value: str, where: str) -> None:
    # JSON may hold halves of characters, which no file takes.
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise RecordError(f"{where}: {reprlib.repr(value)} is no text") from None


def _check_figures(record: Record, where: str) -> None:
    """Refuse numbers that no run can have, and that a logarithm or an axis could not take."""
    counts = {
        "cost": vars(record.cost),
        "data:splits": record.data.splits,
        "architecture:budget": record.architecture.budget,
    }
    for part, each in counts.items():
        for key, count in each.items():
            if count < 0:
                raise RecordError(f"{where}:{part}:{key}: {count} is less than 0")
    for key, figure in vars(record.training).items():
        if not isinstance(figure, str) and figure and not SMALLEST <= figure <= LARGEST:
            raise RecordError(f"{where}:training:{key}: {figure} is neither 0 nor within {SMALLEST:g} and {LARGEST:g}")
    for i, result in enumerate(record.results):
        if not 0 <= result.accuracy <= 1:
            raise RecordError(f"{where}:results[{i}]:accuracy: {result.accuracy} is not within 0 and 1")
        if result.n < 1:
            raise RecordError(f"{where}:results[{i}]:n: {result.n} is less than 1")


def _finite(value: float, where: str) -> float:
    # JSON as Python reads it may hold NaN, infinities and integers of any length.
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise RecordError(f"{where}: {reprlib.repr(value)} is not a finite number")
    return number


@functools.cache
def _parts(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    return typing.get_origin(kind), typing.get_args(kind)


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _decode_fields(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise RecordError(f"{where}: {reprlib.repr(value):.60} is not a mapping")
    hints = _hints(kind)
    for key in value:
        if key not in hints:
            raise RecordError(f"{where}: unknown key '{key}'; {suggestion(key, hints)}")
    # A field with a default is an attribute of its class.
    missing = [key for key in hints if key not in value and not hasattr(kind, key)]
    if missing:
        raise RecordError(f"{where}: the key '{missing[0]}' is missing")
    return kind(**{key: _decode(hint, value[key], f"{where}:{key}") for key, hint in hints.items() if key in value})
