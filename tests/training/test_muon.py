"""Muon: orthogonal steps for matrices, the fallback's for everything else, in one optimizer."""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import nn

import archbuilder
from archbuilder.paths import conf_dir
from archbuilder.training.muon import Muon, orthogonal
from archbuilder.training.weights import make_optimizer, matrices

SGD = functools.partial(torch.optim.SGD, lr=0.1, momentum=0.9)


def small() -> nn.Module:
    """Return a small network with dense, depthwise and 1x1 kernels, norms and a head."""
    torch.manual_seed(0)
    return archbuilder.build("mobilenet_small", ["model.scale.width=0.25", "model.input=[3,8,8]"])


def muon(net: nn.Module) -> torch.optim.Optimizer:
    """Return the shipped Muon for a network."""
    return make_optimizer(OmegaConf.load(conf_dir() / "optimizer" / "muon.yaml"), net)


def train(net: nn.Module, optimizer: torch.optim.Optimizer, steps: int, seed: int = 1) -> list[float]:
    """Train on fixed noise and return the losses."""
    generator = torch.Generator().manual_seed(seed)
    images, labels = torch.randn(16, 3, 8, 8, generator=generator), torch.arange(16) % 10
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("shape", [(4, 4), (8, 3), (3, 8)])
@pytest.mark.parametrize("nesterov", [True, False])
def test_on_a_matrix_it_steps_like_the_muon_of_torch(shape: tuple[int, int], nesterov: bool) -> None:
    torch.manual_seed(0)
    ours = nn.Parameter(torch.randn(shape))
    theirs = nn.Parameter(ours.detach().clone())
    options = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2, "nesterov": nesterov}
    a = Muon([{"params": [ours], "matrix": True}], SGD, **options)  # type: ignore[arg-type]
    b = torch.optim.Muon([theirs], **options)  # type: ignore[arg-type]
    before = ours.detach().clone()
    for _ in range(5):
        ours.grad = torch.randn(shape)
        theirs.grad = ours.grad.clone()
        a.step()
        b.step()  # type: ignore[no-untyped-call]
    assert (ours - before).abs().max() > 0.05
    torch.testing.assert_close(ours, theirs, atol=5e-3, rtol=0)


def test_a_first_step_on_a_kernel_is_the_nearest_orthogonal_matrix_of_its_gradient() -> None:
    torch.manual_seed(0)
    kernel = nn.Parameter(torch.zeros(8, 4, 3, 3).to(memory_format=torch.channels_last))
    kernel.grad = torch.randn(8, 4, 3, 3).to(memory_format=torch.channels_last)
    Muon([{"params": [kernel], "matrix": True}], SGD, lr=1.0, weight_decay=0.0, rounds=12).step()
    u, _, v = torch.linalg.svd(kernel.grad.flatten(1), full_matrices=False)
    step = -kernel.detach().flatten(1)
    # The iteration leaves singular values within about 0.3 of 1, along the same singular vectors.
    along = u.T @ step @ v.T
    assert ((along.diagonal() - 1).abs() < 0.35).all()
    assert (along - along.diagonal().diag()).abs().max() < 0.1


def test_tall_kernels_take_longer_steps() -> None:
    tall, square = (nn.Parameter(torch.zeros(rows, 4, 1, 1)) for rows in (16, 4))
    for kernel in (tall, square):
        kernel.grad = torch.eye(4).repeat(len(kernel) // 4, 1)[..., None, None].clone()
    Muon([{"params": [tall, square], "matrix": True}], SGD, lr=1.0, weight_decay=0.0).step()
    lengths = [torch.linalg.matrix_norm(kernel.detach().flatten(1), 2) for kernel in (tall, square)]
    assert float(lengths[0] / lengths[1]) == pytest.approx(2, rel=0.02)


def test_a_batch_of_matrices_is_made_orthogonal_one_by_one() -> None:
    torch.manual_seed(0)
    some = torch.randn(3, 5, 7) * torch.tensor([1.0, 100.0, 0.01])[:, None, None]
    together = orthogonal(some)
    for one, among in zip(some, together, strict=True):
        torch.testing.assert_close(orthogonal(one[None])[0], among, atol=0.02, rtol=0)
        values = torch.linalg.svdvals(among.float())
        assert ((values > 0.5) & (values < 1.3)).all()


def test_the_fallback_steps_exactly_as_it_does_alone() -> None:
    torch.manual_seed(0)
    matrix, ours = nn.Parameter(torch.randn(4, 4)), nn.Parameter(torch.randn(4))
    theirs = nn.Parameter(ours.detach().clone())
    a, b = Muon([{"params": [matrix], "matrix": True}, {"params": [ours]}], SGD), SGD([theirs])
    for _ in range(3):
        matrix.grad, ours.grad = torch.randn(4, 4), torch.randn(4)
        theirs.grad = ours.grad.clone()
        a.step()
        b.step()
    assert torch.equal(ours, theirs)


def test_dense_and_1x1_kernels_are_matrices_and_nothing_else_is() -> None:
    net = small()
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    chosen = {names[id(parameter)] for parameter in matrices(net)}
    modules = dict(net.named_modules())
    dense = {
        f"{name}.weight"
        for name, module in modules.items()
        if isinstance(module, nn.Conv2d) and module.groups == 1 and not name.startswith("head.")
    }
    assert chosen == dense
    assert any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in modules.values())
    optimizer = muon(net)
    for group in optimizer.param_groups:
        members = {names[id(parameter)] for parameter in group["params"]}
        assert (members <= chosen) == group["matrix"]
        if not group["matrix"]:
            decays = all(modules[name.rsplit(".", 1)[0]].weight.dim() > 1 for name in members)
            decays = decays and all(name.endswith(".weight") for name in members)
            assert (group["weight_decay"] > 0) == decays
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(names)


def test_fully_connected_1x1s_are_matrices_the_head_is_none() -> None:
    layers = {"a": {"block": "pointwise", "out": 8, "via": "linear"}}
    head = {"pool": {"block": "global_pool"}, "last": {"block": "conv", "out": 10, "kernel": 1}}
    net = archbuilder.build({"input": [3, 8, 8], "classes": 10, "stages": layers, "head": head})
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    assert [names[id(parameter)] for parameter in matrices(net)] == ["stages.a.conv.linear.weight"]


def test_it_learns() -> None:
    net = small()
    losses = train(net, muon(net), 20)
    assert losses[-1] < 0.3 * losses[0]


def test_a_schedule_moves_every_group() -> None:
    net = small()
    optimizer = muon(net)
    before = [group["lr"] for group in optimizer.param_groups]
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (step + 1))
    train(net, optimizer, 1)
    schedule.step()
    assert len(before) >= 3
    assert [group["lr"] for group in optimizer.param_groups] == [rate / 2 for rate in before]


def test_the_rate_of_the_moment_is_the_one_that_is_used() -> None:
    net = small()
    optimizer = muon(net)
    train(net, optimizer, 1)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    before = [parameter.detach().clone() for parameter in net.parameters()]
    train(net, optimizer, 1)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))


def test_what_is_resumed_goes_on_exactly(tmp_path: object) -> None:
    net = small()
    optimizer = muon(net)
    train(net, optimizer, 3)
    saved = copy.deepcopy({"net": net.state_dict(), "optimizer": optimizer.state_dict()})
    path = f"{tmp_path}/saved.ckpt"
    torch.save(saved, path)
    on = train(net, optimizer, 3)
    other = small()
    again = muon(other)
    loaded = torch.load(path, weights_only=True)
    other.load_state_dict(loaded["net"])
    again.load_state_dict(loaded["optimizer"])
    assert train(other, again, 3) == on
    for a, b in zip(net.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_the_loss_of_a_closure_is_returned_and_its_gradient_used() -> None:
    weight = nn.Parameter(torch.ones(2, 2))

    def closure() -> float:
        loss = weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    assert Muon([{"params": [weight], "matrix": True}], SGD).step(closure) == 4.0
    assert (weight < 1).all()


@pytest.mark.parametrize("wrong", [{"lr": -1}, {"momentum": 1.0}, {"weight_decay": -1}, {"rounds": 0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    factory = instantiate(OmegaConf.load(conf_dir() / "optimizer" / "muon.yaml"))
    with pytest.raises(ValueError, match="at least"):
        factory([{"params": [nn.Parameter(torch.ones(2, 2))], "matrix": True}], **wrong)
