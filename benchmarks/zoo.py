"""Seconds and memory of `archbuilder zoo list` over many packages.

python -m benchmarks.zoo [--packages 1000] [--labels 10 1000]

The packages are made up: the metadata of a run with so many classes, and small files in the place of the large ones,
which a listing does not open.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

from archbuilder.files import write_json
from archbuilder.zoo.files import METADATA_FILE, NEEDED, write_manifest
from benchmarks.timing import command


def metadata(number: int, labels: int) -> dict[str, Any]:
    """Return what a package of a trained run tells."""
    settings = {f"group{i}": {"name": "a word", "rate": 0.1 * i, "on": True} for i in range(20)}
    return {
        "schema": 1,
        "name": f"net-{number}",
        "network": "resnet20",
        "labels": [f"class number {i}" for i in range(labels)],
        "preprocessing": {"shape": [3, 32, 32], "mean": [0.5] * 3, "std": [0.2] * 3},
        "data": {"name": "cifar10", "fingerprint": "f" * 64, "splits": {"train": 45000, "val": 5000}},
        "cost": {
            "params": 272_474 + number,
            "trainable_params": 272_474,
            "macs": 40_813_184,
            "peak_activations": 49_152,
        },
        "results": [{"split": "val", "weights": "raw", "accuracy": 0.5 + number / 1e5, "loss": 0.4, "n": 5000}],
        "recipe": {"hash": "a" * 64, "settings": settings},
        "license": "Apache-2.0",
    }


def make(zoo: Path, count: int, labels: int) -> None:
    """Write so many packages."""
    for number in range(count):
        folder = zoo / f"net-{number}"
        folder.mkdir(parents=True)
        for name in NEEDED:
            (folder / name).write_bytes(b"x" * 100)
        write_json(folder / METADATA_FILE, metadata(number, labels))
        write_manifest(folder)


def main() -> None:
    """Print a line per number of classes: the median of a few rounds, against the start of Python itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=int, default=1000)
    parser.add_argument("--labels", type=int, nargs="+", default=[10, 1000])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for labels in options.labels:
        folder = Path(tempfile.mkdtemp())
        try:
            make(folder, options.packages, labels)
            taken = sorted(command("zoo", "list", str(folder), "--sort", "accuracy") for _ in range(options.rounds))
            start = sorted(command("--help") for _ in range(options.rounds))[options.rounds // 2][0]
            seconds, megabytes = taken[len(taken) // 2]
            print(
                f"{options.packages:,} packages of {labels:,} classes: {seconds:.2f} s, {megabytes:,.0f} MB "
                f"(archbuilder --help: {start:.2f} s)",
                flush=True,
            )
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
