"""The lines on a package's card do what they say: with archbuilder, and where there is neither it nor torch."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import archbuilder
from archbuilder.assemble import assemble
from archbuilder.files import write_json
from archbuilder.graph_json import to_json
from archbuilder.zoo.golden import allowed, difference
from archbuilder.zoo.weights import write_weights
from archbuilder.zoo.writing import write_package
from tests.zoo.test_onnx import lively

SAVE = "\nnp.save('logits.npy', logits)"
ALONE = "import sys\nsys.modules['torch'] = sys.modules['archbuilder'] = None\n"


def lines(package: Path, telling: str) -> str:
    """Return the Python of a card that has a word in it."""
    found: list[str] = re.findall(r"```python\n(.*?)\n```", (package / "README.md").read_text(), re.DOTALL)
    [wanted] = [code for code in found if telling in code]
    return wanted


def python(folder: Path, code: str, program: str = sys.executable) -> str:
    """Run Python in a folder, without the folders that the tests import from, and return what it prints."""
    done = subprocess.run([program, "-I", "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def picture(package: Path, size: tuple[int, int]) -> torch.Tensor:
    """Put a picture beside a package's folder and return the logits that the package gives for it."""
    net = archbuilder.load(package)
    channels = net.preprocess.shape[0]
    random = np.random.default_rng(3)
    pixels = random.integers(0, 256, (*size[::-1], channels), np.uint8)
    if channels == 2:
        np.save(package.parent / "picture.npy", pixels)
    else:
        Image.fromarray(pixels.squeeze()).save(package.parent / "picture.png")
    with torch.inference_mode():
        made: torch.Tensor = net(
            net.preprocess(pixels if channels == 2 else Image.open(package.parent / "picture.png"))
        )
    return made


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Makes a package of a small network for pictures of some channels, resized in a given way."""

    def made(channels: int, **resizing: object) -> Path:
        source = {
            "input": [channels, 12, 8],
            "classes": 3,
            "stem": {"conv": {"block": "conv", "out": 4}},
            "head": {"pool": {"block": "adaptive_pool", "size": 2}, "classifier": {"block": "linear", "out": 3}},
        }
        net = lively(assemble(archbuilder.expand(source)))

        def fill(folder: Path) -> None:
            write_json(folder / "architecture.json", to_json(net.graph))
            write_weights(net, folder / "weights.safetensors")

        preprocessing = {"shape": [channels, 12, 8], "mean": [0.4] * channels, "std": [0.2] * channels, **resizing}
        cost = {"params": 1, "trainable_params": 1, "macs": 1, "peak_activations": 1}
        origin = {"origin": {"source": "here"}, "comparison": {"largest_difference": 0.0}}
        labels = {"labels": ["a", "b", "c"], "network": "small", "cost": cost}
        return write_package(tmp_path / "made", {**labels, **origin, "preprocessing": preprocessing}, fill)

    return made


def test_the_lines_with_archbuilder_name_the_class(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = picture(package, (16, 16))
    monkeypatch.chdir(package)
    there: dict[str, object] = {}
    exec(lines(package, "import archbuilder"), there)
    assert torch.equal(there["logits"], expected)  # type: ignore[arg-type]


def test_ten_lines_do_without_torch_and_archbuilder(package: Path) -> None:
    code = lines(package, "onnxruntime")
    assert len([line for line in code.splitlines() if line and "import" not in line]) <= 10
    expected = picture(package, (16, 16))
    label = python(package, ALONE + code + SAVE)
    assert difference(np.load(package / "logits.npy"), expected) <= allowed(expected)
    labels = json.loads((package / "metadata.json").read_text())["labels"]
    assert label == labels[int(expected.argmax())]


@pytest.mark.parametrize(
    ("channels", "resizing", "size"),
    [
        (3, {"resize": 13, "interpolation": "bilinear"}, (40, 31)),
        (3, {"resize": 15, "interpolation": "bicubic"}, (21, 50)),
        (1, {"resize": 12, "interpolation": "bilinear"}, (12, 12)),
        (1, {}, (8, 12)),
        (2, {}, (8, 12)),
    ],
)
def test_they_prepare_pictures_of_any_kind_as_the_package_does(
    make: Callable[..., Path], channels: int, resizing: dict[str, object], size: tuple[int, int]
) -> None:
    package = make(channels, **resizing)
    code = lines(package, "onnxruntime")
    expected = picture(package, size)
    python(package, ALONE + code + SAVE)
    assert difference(np.load(package / "logits.npy"), expected) <= allowed(expected)


@pytest.mark.slow
def test_in_an_environment_that_has_neither(package: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    program = str(tmp_path / "venv" / "bin" / "python")
    wanted = ["onnxruntime", "numpy", "pillow"]
    subprocess.run([program, "-m", "pip", "install", "--quiet", *wanted], check=True, capture_output=True)
    for name in ("torch", "archbuilder"):
        with pytest.raises(AssertionError, match="ModuleNotFoundError"):
            python(package, f"import {name}", program)
    expected = picture(package, (16, 16))
    python(package, lines(package, "onnxruntime") + SAVE, program)
    assert difference(np.load(package / "logits.npy"), expected) <= allowed(expected)
