"""Time to build, expand and describe networks, as ratios to torchvision's constructors in the same run.

python -m benchmarks.build [--rounds N]
"""

from __future__ import annotations

import argparse
from statistics import median

import torchvision

import archbuilder
from archbuilder.language.source import read_source
from benchmarks.timing import alternating, seconds

NETWORKS = ("resnet50", "mobilenet_v2", "densenet121")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print(f"{'network':14} {'build':>9} {'torchvision':>12} {'ratio':>6}   expand + describe")
    for name in NETWORKS:
        source = read_source(f"imagenet/{name}", [])
        theirs = getattr(torchvision.models, name)
        archbuilder.build(source), theirs()
        ours, peer, ratio = alternating(lambda s=source: archbuilder.build(s), theirs, rounds)  # type: ignore[misc]
        described = median(seconds(lambda s=source: archbuilder.describe(s)) for _ in range(rounds))  # type: ignore[misc]
        by_name = median(seconds(lambda n=name: archbuilder.describe(f"imagenet/{n}")) for _ in range(rounds))  # type: ignore[misc]
        print(
            f"{name:14} {ours * 1e3:7.1f}ms {peer * 1e3:10.1f}ms {ratio:6.2f}   "
            f"{described * 1e3:.1f} ms from its mapping, {by_name * 1e3:.1f} ms by name"
        )


if __name__ == "__main__":
    main()
