"""The program of torch in a package: for others to load, without a word about the machine, and the same each time."""

from __future__ import annotations

import io
import zipfile

import torch

import archbuilder
from archbuilder.zoo.program import to_pt2
from tests.zoo.test_onnx import BLOCKS, lively


def test_torch_loads_it_and_gives_the_same_logits_at_any_batch_size() -> None:
    net = lively(archbuilder.build(BLOCKS))
    made = to_pt2(net)
    assert to_pt2(net) == made
    loaded = torch.export.load(io.BytesIO(made)).module()
    for size in (1, 2, 7, 2000):
        images = torch.randn(size, 3, 8, 8)
        with torch.inference_mode():
            assert torch.equal(loaded(images), net(images))


def test_it_names_no_file_of_the_machine() -> None:
    made = to_pt2(lively(archbuilder.build(BLOCKS)))
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            assert b"assemble.py" not in content, name
            assert b"site-packages" not in content, name
