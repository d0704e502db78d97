"""A network of torchvision and its YAML twin, holding the same random weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

import archbuilder
from archbuilder.assemble import Block
from archbuilder.weights import transfer

NAMES = tuple(
    name
    for name in torchvision.models.list_models(module=torchvision.models)
    if not name.startswith(("vit", "swin", "maxvit"))
)
# A second or two each; one of every kind of block that is cheap to run.
QUICK = (
    "resnet18", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_small", "mnasnet0_5", "shufflenet_v2_x0_5", "googlenet",
)  # fmt: skip
AUXILIARY = ("googlenet", "inception_v3")
SIZES = (97, 128)


def reference(name: str) -> nn.Module:
    """Return torchvision's network, with the auxiliary heads that it has."""
    options: dict[str, Any] = {"aux_logits": True, "init_weights": False} if name in AUXILIARY else {}
    made: nn.Module = getattr(torchvision.models, name)(**options)
    return made


def randomise(net: nn.Module) -> None:
    """Give a network random weights and norm statistics under which its outputs stay finite and differ."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, (2 / parameter[0].numel()) ** 0.5, generator=generator)
            else:
                low, high = (0.5, 1.5) if name.endswith("weight") else (-0.2, 0.2)
                parameter.uniform_(low, high, generator=generator)
        for name, buffer in net.named_buffers():
            if name.endswith("running_mean"):
                buffer.uniform_(-0.5, 0.5, generator=generator)
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 1.5, generator=generator)


def twins(name: str, size: int = SIZES[0]) -> tuple[nn.Module, Block]:
    """Return torchvision's network and ours with the same random weights."""
    theirs = reference(name)
    ours = archbuilder.build(f"imagenet/{name}", [f"model.input=[3,{size},{size}]"])
    randomise(theirs)
    transfer(theirs, ours)
    return theirs, ours


def images(size: int, batch: int = 2) -> Tensor:
    """Return random images [batch, 3, size, size], always the same."""
    return torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(1))


def outline(name: str) -> nn.Module:
    """Return torchvision's network without memory behind its weights."""
    from torchvision.models.regnet import BlockParams

    plan = BlockParams.from_init_params

    def on_cpu(*arguments: Any, **options: Any) -> Any:
        # RegNet computes its widths with tensors, which need to have values.
        with torch.device("cpu"):
            return plan(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch, torch.device("meta"):
        patch.setattr(BlockParams, "from_init_params", on_cpu)
        return reference(name)
