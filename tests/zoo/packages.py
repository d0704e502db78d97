"""Packages for tests that only look at them: made up, with files that nobody opens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from archbuilder.zoo.files import METADATA_FILE, NEEDED, write_manifest


def metadata(**changed: Any) -> dict[str, Any]:
    """Return metadata of a network on digits, with what a test is about changed; None leaves a key out."""
    told = {
        "schema": 1,
        "network": "plain",
        "labels": [str(digit) for digit in range(10)],
        "preprocessing": {"shape": [1, 8, 8], "mean": [0.5], "std": [0.2]},
        "data": {"name": "digits", "fingerprint": "f" * 64, "splits": {"train": 1000, "val": 400}},
        "cost": {"params": 1000, "trainable_params": 1000, "macs": 5000, "peak_activations": 64},
        "results": [{"split": "val", "weights": "raw", "accuracy": 0.9, "loss": 0.3, "n": 400}],
        "license": "MIT",
        **changed,
    }
    return {key: value for key, value in told.items() if value is not None}


def made_up(zoo: Path, name: str = "made-up", **changed: Any) -> Path:
    """Write a package whose files have the right names, sizes and hashes, and metadata to be looked at."""
    folder = zoo / name
    folder.mkdir(parents=True)
    for file in NEEDED:
        (folder / file).write_text(name)
    return rewrite(folder, metadata(**changed))


def rewrite(folder: Path, told: dict[str, Any]) -> Path:
    """Give a package other metadata, and a manifest that agrees."""
    (folder / METADATA_FILE).write_text(json.dumps(told))
    write_manifest(folder)
    return folder
