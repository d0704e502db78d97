"""Every network for 32x32 pictures goes from a run to a package and back: the same logits, in onnxruntime as well."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import archbuilder
from archbuilder.data import load
from archbuilder.zoo.export import export
from archbuilder.zoo.onnx import run, session
from tests.training.runs import trained

NETWORKS = [name for name in archbuilder.models() if "/" not in name]
QUICK = ("fire_small", "resnet20")
# After two batches the norms' statistics of the deepest are so far from the activations that logits go into the
# hundreds and millions, whose last digits are larger than 1e-4.
BATCHES = {"resnet32": 45, "resnet56": 45}


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS]
)
def test_a_network_comes_back_as_it_was_trained(name: str, tmp_path: Path) -> None:
    size = ("data.size=32", "model.input=[3,32,32]")
    limit = f"+trainer.limit_train_batches={BATCHES.get(name, 2)}"
    trained(tmp_path / "run", f"model={name}", *size, "batch_size=32", limit)
    package = export(tmp_path / "run", tmp_path / "zoo", "mine")
    net = archbuilder.load(package)
    before = archbuilder.build(name).eval()
    before.load_state_dict(load_file(tmp_path / "run" / "weights.safetensors"))
    running = session(package / "model.onnx")
    images = net.preprocess(load({"name": "digits"}).splits["val"].images)
    for batch in (images[:1], images[1:3], images[3:10]):
        with torch.inference_mode():
            logits = net(batch)
            assert torch.equal(logits, before(batch))
        made = torch.from_numpy(run(running, batch))
        torch.testing.assert_close(made, logits, rtol=0, atol=1e-4)
        assert torch.equal(made.argmax(1), logits.argmax(1))
