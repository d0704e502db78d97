"""What an answer about cost takes: `archbuilder show` as a process, and the width for a budget.

python -m benchmarks.describe [--rounds N]

The peer of `show` is a process that imports torchvision, makes the same network and counts its parameters, the least
that a summary of a torch module has to do.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from functools import partial
from statistics import median

from archbuilder.language.source import models, resolve
from benchmarks.timing import alternating, seconds

OURS = [sys.executable, "-c", "from archbuilder.cli import main; main()", "show", "imagenet/resnet50"]
THEIRS = [
    sys.executable,
    "-c",
    "import torchvision; print(sum(p.numel() for p in torchvision.models.resnet50().parameters()))",
]


def process(command: list[str]) -> None:
    """Run a command to its end."""
    subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--budget", default="300k")
    options = parser.parse_args()
    ours, theirs, ratio = alternating(partial(process, OURS), partial(process, THEIRS), options.rounds)
    print(
        f"archbuilder show imagenet/resnet50: {ours:.2f} s; torchvision, parameters alone: {theirs:.2f} s ({ratio:.2f})"
    )
    print(f"budget of {options.budget} parameters:")
    for name in models():
        if "/" not in name:
            solve = partial(resolve, name, [f"model.budget.params={options.budget}"])
            solve()
            taken = median(seconds(solve) for _ in range(options.rounds))
            print(f"  {name:18} {taken * 1e3:6.0f} ms  width {solve().content['scale']['width']:.4f}")


if __name__ == "__main__":
    main()
