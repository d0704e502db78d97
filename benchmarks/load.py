"""Loading a package of resnet50's size against torchvision, and onnxruntime against eager PyTorch, in the same run.

python -m benchmarks.load [--rounds N]

Loading: `archbuilder.load`, which checks every byte of the package, against torchvision's constructor and
`load_state_dict` of the same number of tensors from a safetensors file. Memory is the peak of a fresh process that
does one of both, beyond what it holds once its modules are imported. Latency: the package's `model.onnx` against its
network in torch, one picture at a time, with as many threads (OMP_NUM_THREADS). Medians, in turns; the ratio is the
median of the ratios round by round.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import onnxruntime
import torch
import torchvision

import archbuilder
from archbuilder.description import describe_graph
from archbuilder.files import write_json
from archbuilder.graph import Graph
from archbuilder.graph_json import to_json
from archbuilder.record import ARCHITECTURE_FILE, WEIGHTS_FILE, Cost
from archbuilder.zoo.files import ONNX_FILE
from archbuilder.zoo.onnx import INPUT, OUTPUT
from archbuilder.zoo.weights import write_weights
from archbuilder.zoo.writing import write_package
from benchmarks.timing import alternating

NETWORKS = ("resnet20", "imagenet/resnet50")
OURS = "import sys, archbuilder, archbuilder.zoo.package; go = lambda: archbuilder.load(sys.argv[1])"
THEIRS = "import sys; from benchmarks.load import torchvision_load; go = lambda: torchvision_load(sys.argv[1])"
PEAK = """
import safetensors.torch
from pathlib import Path
def most():
    return next(int(line.split()[1]) for line in Path('/proc/self/status').read_text().split('\\n') if 'VmHWM' in line)
before = most(); kept = go(); print(most() - before)
"""


def package(name: str, folder: Path) -> Path:
    """Write a package of a shipped network with random weights, and return its path."""
    graph = archbuilder.expand(name)

    def fill(making: Path) -> None:
        write_json(making / ARCHITECTURE_FILE, to_json(graph))
        write_weights(archbuilder.build(graph), making / WEIGHTS_FILE)

    return write_package(folder / name.replace("/", "-"), _metadata(graph), fill)


def _metadata(graph: Graph) -> dict[str, object]:
    cost = describe_graph(graph)
    shape = next(iter(graph.inputs.values()))
    return {
        "network": graph.name,
        "cost": vars(Cost(cost.params, cost.params, cost.macs, cost.peak_activations)),
        "labels": [f"class {number}" for number in range(*graph.shapes[0])],
        "preprocessing": {"shape": list(shape), "mean": [0.5] * shape[0], "std": [0.5] * shape[0]},
        "origin": {"source": "random numbers"},
        "comparison": {"largest_difference": 0.0},
    }


def torchvision_load(path: Path | str) -> torch.nn.Module:
    """Return torchvision's resnet50 with the tensors of a safetensors file, checked by names and shapes alone."""
    from safetensors.torch import load_file

    net: torch.nn.Module = torchvision.models.resnet50()
    net.load_state_dict(load_file(path))
    net.eval()
    return net


def peak(program: str, path: Path) -> int:
    """Return the most kB that a fresh process holds while it loads `path`, beyond its modules."""
    command = [sys.executable, "-c", program + PEAK, str(path)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def latency(path: Path, rounds: int) -> tuple[float, float, float]:
    """Return the seconds that onnxruntime and torch need for one picture, and the ratio."""
    net = archbuilder.load(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    running = onnxruntime.InferenceSession(path / ONNX_FILE, options, providers=["CPUExecutionProvider"])
    image = torch.randn(1, *net.preprocess.shape)

    def eager() -> object:
        with torch.inference_mode():
            return net(image)

    def onnx() -> object:
        return running.run([OUTPUT], {INPUT: image.numpy()})

    eager(), onnx()
    return alternating(onnx, eager, rounds)


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        packages = {name: package(name, Path(folder)) for name in NETWORKS}
        ours, theirs = packages["imagenet/resnet50"], Path(folder) / "torchvision.safetensors"
        write_weights(torchvision.models.resnet50(), theirs)
        torchvision_load(theirs), archbuilder.load(ours)
        one, other, ratio = alternating(lambda: archbuilder.load(ours), lambda: torchvision_load(theirs), rounds)
        print(f"load of resnet50: {one * 1e3:.0f} ms, torchvision {other * 1e3:.0f} ms, ratio {ratio:.2f}")
        held, needed = peak(OURS, ours), peak(THEIRS, theirs)
        print(f"peak memory: {held / 1e3:.0f} MB, torchvision {needed / 1e3:.0f} MB, ratio {held / needed:.2f}")
        for name, path in packages.items():
            one, other, ratio = latency(path, rounds)
            print(f"{name}: onnxruntime {one * 1e3:.2f} ms, eager torch {other * 1e3:.2f} ms, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
