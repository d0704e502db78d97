"""Three of timm's networks from YAML alone: the same parameters, MACs and outputs."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archbuilder
from archbuilder.weights import transfer
from tests.imagenet.twins import SIZES, images, randomise

NAMES = ("mobilenetv1_100", "ghostnet_100", "ese_vovnet19b_dw")
# Of their families, those that differ in width alone.
WIDTHS = (
    ("mobilenetv1_100", 1.25, "mobilenetv1_125"),
    ("ghostnet_100", 0.5, "ghostnet_050"),
    ("ghostnet_100", 1.3, "ghostnet_130"),
)


def parameters(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_timms(name: str) -> None:
    theirs = timm.create_model(name)
    ours = archbuilder.build(f"imagenet/{name}", [f"model.input=[3,{SIZES[0]},{SIZES[0]}]"])
    randomise(theirs)
    transfer(theirs, ours)
    theirs.eval(), ours.eval()
    for size in SIZES:
        with torch.inference_mode():
            expected, made = theirs(images(size)), ours(images(size))
        assert expected.isfinite().all()
        assert expected.std() > 0
        # timm means over the pixels, and adds and clamps for its hard sigmoid, where torch has one operation.
        torch.testing.assert_close(made, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", SIZES)
def test_macs_agree_with_torchs_own_counter(name: str, size: int) -> None:
    description = archbuilder.describe(f"imagenet/{name}", [f"model.input=[3,{size},{size}]"])
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        timm.create_model(name).eval()(torch.empty(1, 3, size, size))
    assert description.macs * 2 == counter.get_total_flops()


@pytest.mark.parametrize(("name", "width", "timms"), [*((name, 1.0, name) for name in NAMES), *WIDTHS])
def test_parameters_are_timms_at_every_width(name: str, width: float, timms: str) -> None:
    with torch.device("meta"):
        theirs = timm.create_model(timms)
    assert archbuilder.describe(f"imagenet/{name}", [f"model.scale.width={width}"]).params == parameters(theirs)


def test_a_ghost_module_of_an_odd_width_is_refused_rather_than_made_narrower() -> None:
    model = {"input": [3, 8, 8], "stages": {"ghost": {"block": "ghost", "out": 9}}}
    with pytest.raises(archbuilder.ConfigError, match=r"block/ghost\.yaml:layers\.reduce\.out: .* 4\.5"):
        archbuilder.describe(model)
