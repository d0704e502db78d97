"""All 68 convolutional classifiers of torchvision from YAML: the same parameters, outputs and gradients.

Outputs of most are slow to compare: `pytest tests/imagenet -m "slow or not slow"` runs all 68.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

import archbuilder
from archbuilder.paths import conf_dir
from tests.imagenet.twins import NAMES, QUICK, SIZES, images, outline, twins

MODELS = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
# Inception-v3's auxiliary head needs a map of 17x17 to begin with.
SMALLEST = {"inception_v3": 299}
TRAINED = (
    "alexnet", "resnet18", "resnext50_32x4d", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_small",
    "mnasnet0_5", "shufflenet_v2_x0_5", "efficientnet_b0", "googlenet", "regnet_y_400mf", "inception_v3",
)  # fmt: skip


def test_the_list_is_all_of_torchvisions_convolutional_classifiers() -> None:
    assert len(NAMES) == 68
    shipped = {path.stem for path in (conf_dir() / "model" / "imagenet").glob("*.yaml")}
    assert set(NAMES) <= shipped


@pytest.mark.parametrize("name", MODELS)
def test_outputs_are_torchvisions_bit_for_bit(name: str) -> None:
    theirs, ours = twins(name, SMALLEST.get(name, SIZES[0]))
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())
    theirs.eval(), ours.eval()
    for size in SIZES:
        with torch.inference_mode():
            expected, made = theirs(images(size)), ours(images(size))
        assert expected.isfinite().all()
        assert expected.std() > 0
        if name.startswith("convnext"):
            # Its reference keeps [N, H, W, C] between norm and product, which adds up in another order.
            torch.testing.assert_close(made, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))
        else:
            assert torch.equal(made, expected)


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in TRAINED])
def test_training_outputs_and_all_gradients_are_torchvisions_bit_for_bit(name: str) -> None:
    size = SMALLEST.get(name, SIZES[0])
    theirs, ours = twins(name, size)
    losses = []
    for net in (theirs, ours):
        net.train()
        torch.manual_seed(3)
        made = net(images(size))
        # torchvision names its auxiliary outputs backwards: the last one first.
        logits, *heads = (made,) if isinstance(made, torch.Tensor) else tuple(made)
        heads = heads[::-1] if net is theirs else heads
        labels = torch.tensor([1, 2])
        loss = functional.cross_entropy(logits, labels)
        for head in heads:
            loss = loss + 0.3 * functional.cross_entropy(head, labels)
        loss.backward()  # type: ignore[no-untyped-call]
        losses.append(loss.detach())
        assert len(heads) == {"googlenet": 2, "inception_v3": 1}.get(name, 0)
    assert torch.equal(*losses)
    # Order of execution is the same, so the gradients of equal shapes come in the same order.
    from archbuilder.weights import executed

    inputs = [images(size)]
    for mine, other in zip(executed(ours, inputs), executed(theirs, inputs), strict=True):
        for (_, a), (_, b) in zip(mine.tensors, other.tensors, strict=True):
            if a.requires_grad:
                assert a.grad is not None
                assert b.grad is not None
                assert torch.equal(a.grad.view_as(b.grad), b.grad), mine.path


@pytest.mark.parametrize("name", NAMES)
def test_macs_agree_with_torchs_own_counter(name: str) -> None:
    size = SMALLEST.get(name, SIZES[0])
    description = archbuilder.describe(f"imagenet/{name}", [f"model.input=[3,{size},{size}]"])
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        outline(name).eval()(torch.empty(1, 3, size, size))
    assert description.inference_macs * 2 == counter.get_total_flops()


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_torchvisions_without_building(name: str) -> None:
    theirs = outline(name)
    assert archbuilder.describe(f"imagenet/{name}").params == sum(p.numel() for p in theirs.parameters())


@pytest.mark.parametrize("path", sorted((conf_dir() / "model" / "imagenet").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_family_fits_a_page_and_a_variant_states_only_its_differences(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= (12 if text.startswith("defaults:") else 60)
    assert "doc:" in text


@pytest.mark.parametrize("name", ["efficientnet_b0", "efficientnet_b3", "efficientnet_v2_s", "convnext_tiny"])
def test_drop_path_rates_are_torchvisions(name: str) -> None:
    from archbuilder.graph import flatten

    theirs = outline(name)
    kind = torchvision.ops.StochasticDepth
    graph = archbuilder.expand(f"imagenet/{name}")
    ours = [float(call.leaf.attributes["rate"]) for call in flatten(graph).calls if call.leaf.op == "drop_path"]  # type: ignore[arg-type]
    # torchvision makes the layer everywhere, but uses it only where the block adds its input.
    used = [
        inner.p
        for module in theirs.modules()
        for inner in module.children()
        if isinstance(inner, kind) and getattr(module, "use_res_connect", True)
    ]
    assert ours == pytest.approx(used)
