"""Seconds and memory of `archbuilder compare` over many runs: how they grow with the number of records.

python -m benchmarks.compare [--records 100 1000 10000] [--seeds N]

The records are made up, each in a folder as a run leaves it, with a network's architecture.json and a learning curve.
"""

from __future__ import annotations

import argparse
import math
import random
import shutil
import tempfile
from pathlib import Path

import archbuilder
from archbuilder.description import describe_graph
from archbuilder.files import write_json
from archbuilder.graph import Graph
from archbuilder.graph_json import to_json
from archbuilder.record import (
    ARCHITECTURE_FILE,
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
from benchmarks.timing import command

SETTINGS = {"optimizer": {"lr": 0.1, "momentum": 0.9}, "schedule": "cosine", "trainer": {"max_epochs": 30}}
EPOCHS = 30


def networks(count: int) -> list[Graph]:
    """Return so many networks of different sizes, from a few shipped ones."""
    models = ("resnet20", "fire_small", "plain", "mobilenet_small")
    return [
        archbuilder.expand(models[i % len(models)], [f"model.scale.width={0.3 + 2 * i / count:.5f}"])
        for i in range(count)
    ]


def make(folder: Path, count: int, seeds: int) -> None:
    """Write so many runs."""
    chance = random.Random(0)
    for i, graph in enumerate(networks(math.ceil(count / seeds))):
        cost = describe_graph(graph)
        for seed in range(min(seeds, count - i * seeds)):
            accuracy = min(0.5 + 0.08 * math.log10(cost.params) + chance.gauss(0, 0.003), 1.0)
            run = folder / f"{graph.name}-{i}-seed{seed}"
            write_json(run / ARCHITECTURE_FILE, to_json(graph))
            rows = "".join(f"{e},{351 * e},0.1,0.9,0.3,{accuracy * e / EPOCHS},0.4\n" for e in range(1, EPOCHS + 1))
            (run / "metrics.csv").write_text(
                f"epoch,step,lr,train/accuracy,train/loss,val/accuracy,val/loss\n{rows}", encoding="utf-8"
            )
            write_record(
                Record(
                    architecture=Architecture(f"{graph.name} {i}", f"{i:064x}", {}),
                    cost=Cost(cost.params, cost.params, cost.macs, cost.peak_activations),
                    recipe=Recipe(content_hash(SETTINGS), SETTINGS),
                    data=Data("cifar10", "f" * 64, {"train": 45000, "val": 5000}, [str(c) for c in range(10)],
                              [3, 32, 32], [0.5] * 3, [0.2] * 3),
                    seed=seed,
                    training=Training(EPOCHS, 351 * EPOCHS, 100.0, chance.uniform(5e3, 6e3), chance.uniform(1e-3, 2e-3),
                                      "cpu", "32-true"),
                    results=[Result("val", "raw", accuracy, 1 - accuracy, 5000)],
                    versions={"python": "3.11", "torch": "2.14"},
                    git={"commit": "0" * 40, "dirty": False},
                    finished_at="2030-01-01T00:00:00+00:00",
                ),
                run,
            )  # fmt: skip


def main() -> None:
    """Print a line per number of records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for count in options.records:
        folder = Path(tempfile.mkdtemp())
        try:
            make(folder / "runs", count, options.seeds)
            taken = sorted(
                command("compare", str(folder / "runs"), "--to", str(folder / "report")) for _ in range(options.rounds)
            )
            seconds, megabytes = taken[len(taken) // 2]
            written = {path.suffix: path.stat().st_size / 1e6 for path in sorted((folder / "report").iterdir())}
            sizes = ", ".join(f"{suffix} {size:.2f} MB" for suffix, size in written.items())
            print(f"{count:>7,} records: {seconds:.2f} s, {megabytes:,.0f} MB; {sizes}", flush=True)
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
