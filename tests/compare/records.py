"""Records and folders of runs for tests: everything has a value, and a test says only what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archbuilder.compare.find import Run
from archbuilder.record import (
    Architecture,
    Cost,
    Data,
    Recipe,
    Record,
    Result,
    Training,
    content_hash,
    write_record,
)


def result(accuracy: float, split: str = "val", weights: str = "raw", n: int = 5000) -> Result:
    """Return one evaluation."""
    return Result(split=split, weights=weights, accuracy=accuracy, loss=1.0 - accuracy, n=n)


def record(
    accuracy: float = 0.9,
    *,
    name: str = "net",
    architecture_hash: str = "",
    budget: dict[str, int] | None = None,
    params: int = 1000,
    seed: int = 1,
    settings: dict[str, Any] | None = None,
    data: str = "digits",
    fingerprint: str = "",
    splits: dict[str, int] | None = None,
    results: Sequence[Result] | None = None,
    finished_at: str = "2030-01-01T00:00:00+00:00",
    device: str = "cpu",
    epochs: int = 10,
    images_per_second: float = 7317.25,
    latency: float = 0.002,
) -> Record:
    """Return a finished run's record; hashes follow from names and settings where none are given."""
    chosen = {"epochs": 10} if settings is None else settings
    return Record(
        architecture=Architecture(name, architecture_hash or content_hash([name, params]), budget or {}),
        cost=Cost(params=params, trainable_params=params, macs=40 * params, peak_activations=4096),
        recipe=Recipe(content_hash(chosen), chosen),
        data=Data(
            name=data,
            fingerprint=fingerprint or content_hash(data),
            splits=splits or {"train": 45000, "val": 5000, "test": 10000},
            labels=["a", "b"],
            shape=[3, 32, 32],
            mean=[0.5, 0.5, 0.5],
            std=[0.2, 0.2, 0.2],
        ),
        seed=seed,
        training=Training(
            epochs=epochs,
            steps=351 * epochs,
            seconds=61.5,
            images_per_second=images_per_second,
            latency=latency,
            device=device,
            precision="bf16",
        ),
        results=[result(accuracy)] if results is None else list(results),
        versions={"python": "3.11", "torch": "2.11"},
        git={"commit": "0" * 40, "dirty": False},
        finished_at=finished_at,
    )


def runs(*records: Record) -> list[Run]:
    """Return runs that lie in folders run0, run1, ... which need not exist."""
    return [Run(Path(f"run{i}"), each) for i, each in enumerate(records)]


def save(folder: Path, *records: Record) -> list[Path]:
    """Write each record into a new folder 0, 1, ... below `folder`, and return these folders."""
    folders = [folder / str(i) for i in range(len(records))]
    for place, each in zip(folders, records, strict=True):
        write_record(each, place)
    return folders
