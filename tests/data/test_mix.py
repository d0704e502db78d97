from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder.data.images import Array
from archbuilder.data.mix import mixed, shares
from tests.data import slow
from tests.data.examples import any_images, draws_for

ALPHAS = st.sampled_from([0.0, 0.2, 1, 2.5])
CLASSES = 5


def slowly(i: int, images: Array, draws: dict[str, Array], mixup: float, cutmix: float) -> tuple[Array, int, float]:
    """Return image i mixed, its partner, and the share that is its own."""
    partner = int(np.argsort(draws["partner"], kind="stable")[i])
    _, height, width = images[i].shape
    if not cutmix or (mixup and draws["either"][i] >= 0.5):
        share = float(shares(torch.tensor([draws["mixup"][i]]), mixup))
        return share * images[i] + (1 - share) * images[partner], partner, share
    # In single precision, where a side of 2.9999999 pixels is one of 3.
    side = np.sqrt(np.float32(1) - shares(torch.tensor([draws["cutmix"][i]]), cutmix).numpy()[0])
    row, column = int(draws["box_row"][i] * height), int(draws["box_column"][i] * width)
    outside = slow.hidden(
        np.ones((1, height, width)), row, column, int(side * np.float32(height)), int(side * np.float32(width))
    )
    return outside * images[i] + (1 - outside) * images[partner], partner, float(outside.mean())


@settings(deadline=None, max_examples=80)
@given(any_images(), st.integers(0, 10_000), ALPHAS, ALPHAS)
def test_each_image_is_mixed_with_another_and_its_label_in_the_same_proportion(
    images: torch.Tensor, seed: int, mixup: float, cutmix: float
) -> None:
    if not mixup and not cutmix:
        mixup = 0.2
    content, draws = images.float() / 128 - 1, draws_for(images, seed)
    labels = torch.arange(len(images)) % CLASSES
    result, probabilities = mixed(content, labels, draws, CLASSES, mixup, cutmix)
    assert (result.shape, result.dtype) == (content.shape, torch.float32)
    assert (probabilities.shape, probabilities.dtype) == ((len(images), CLASSES), torch.float32)
    assert (probabilities >= 0).all()
    torch.testing.assert_close(probabilities.sum(1), torch.ones(len(images)))
    plain = {name: value.numpy() for name, value in draws._asdict().items()}
    for i in range(len(images)):
        image, partner, share = slowly(i, content.numpy().astype(float), plain, mixup, cutmix)
        expected = np.zeros(CLASSES)
        expected[labels[i]] += share
        expected[labels[partner]] += 1 - share
        np.testing.assert_allclose(result[i].numpy(), image, atol=1e-5)
        np.testing.assert_allclose(probabilities[i].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1, 4])
def test_shares_follow_the_beta_distribution(alpha: float) -> None:
    drawn = shares(torch.rand(20_000, generator=torch.Generator().manual_seed(0)), alpha)
    for point in (0.001, 0.1, 0.3, 0.5, 0.8, 0.99):
        assert (drawn < point).float().mean().item() == pytest.approx(
            scipy.stats.beta.cdf(point, alpha, alpha), abs=0.015
        )
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.01)


def test_with_both_a_coin_decides_for_each_image() -> None:
    # Zeros and ones: a blend is in between, a rectangle is not.
    images = (torch.arange(400) % 2).float().view(-1, 1, 1, 1).expand(-1, 1, 8, 8).contiguous()
    result, _ = mixed(images, torch.zeros(400, dtype=torch.long), draws_for(images), 2, 2.5, 2.5)
    blended = ((result > 0) & (result < 1)).flatten(1).any(1)
    cut = (result.flatten(1).amin(1) == 0) & (result.flatten(1).amax(1) == 1)
    assert blended.sum() > 50
    assert cut.sum() > 50
    assert not (blended & cut).any()


def test_nobody_is_the_partner_of_two() -> None:
    images = torch.zeros(40, 1, 4, 4)
    _, probabilities = mixed(images, torch.arange(40), draws_for(images), 40, 1, 0)
    others = probabilities.fill_diagonal_(0) > 0
    assert others.sum(0).max() == others.sum(1).max() == 1
    assert others.sum() > 30
