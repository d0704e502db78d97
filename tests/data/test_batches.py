from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder.data.augment import Augment
from archbuilder.data.batches import BatchSource, scale_and_offset
from archbuilder.data.images import Dataset, Images, checked
from archbuilder.errors import ConfigError, DataError
from tests.data.examples import numbered, random_images

AUGMENT = Augment(flip=True, translate=2, cutout=2)
EVERYTHING = Augment(
    flip="alternating",
    translate=2,
    trivial=True,
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    cutout=2,
    mixup=0.2,
    cutmix=1,
)


def colourful(n: int = 40) -> Dataset:
    return checked("colourful", {"train": random_images(n), "val": random_images(7, seed=1)}, ["a", "b", "c"])


def labels_of(source: BatchSource) -> list[int]:
    return [int(label) for _, labels in source for label in labels]


def pixels_of(source: BatchSource) -> torch.Tensor:
    return torch.cat([images for images, _ in source])


def test_a_batch_is_normalised_float32_with_int64_labels() -> None:
    dataset = colourful()
    images, labels = next(iter(BatchSource(dataset, "val", 5)))
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (dataset.mean, dataset.std))
    expected = (dataset.splits["val"].images[:5] / 255 - mean) / std
    torch.testing.assert_close(images, expected)
    assert labels.dtype == torch.int64


def test_scale_and_offset_are_the_normalisation_in_one_step() -> None:
    scale, offset = scale_and_offset([0.5], [0.25])
    assert (scale * 255 + offset).item() == pytest.approx(2.0)
    assert offset.item() == -2.0


def test_channels_last_is_the_same_in_another_order_of_memory() -> None:
    plain, other = (BatchSource(colourful(), "val", 5, channels_last=flag) for flag in (False, True))
    images = next(iter(other))[0]
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images, next(iter(plain))[0])


def test_evaluation_gives_every_image_once_in_order_and_untouched() -> None:
    source = BatchSource(numbered(10), "val", 4, augment=AUGMENT)
    assert [len(labels) for _, labels in source] == [4, 4, 2]
    assert labels_of(source) == list(range(10))
    assert torch.equal(pixels_of(source), pixels_of(BatchSource(numbered(10), "val", 10)))


def test_images_and_labels_stay_together() -> None:
    dataset = numbered(12)
    scale, offset = scale_and_offset(dataset.mean, dataset.std)
    for images, labels in BatchSource(dataset, "train", 4, train=True, augment=Augment(flip=True, translate=3)):
        torch.testing.assert_close(images, (labels.view(-1, 1, 1, 1) * scale + offset).expand(images.shape))


def test_cutout_hides_behind_the_mean_colour() -> None:
    # The mean colour is 0 once normalised, which no grey level of these images is exactly.
    source = BatchSource(numbered(12), "train", 12, train=True, augment=Augment(cutout=1))
    images, _ = next(iter(source))
    assert ((images == 0).sum((1, 2, 3)) == 1).all()


def test_training_drops_the_ragged_last_batch() -> None:
    source = BatchSource(numbered(10), "train", 4, train=True)
    drawn = labels_of(source)
    assert len(source) == 2
    assert len(drawn) == len(set(drawn)) == 8


def test_a_batch_larger_than_the_split_is_one_batch_of_all() -> None:
    for train in (True, False):
        source = BatchSource(numbered(10), "train", 64, train=train)
        assert len(source) == 1
        assert sorted(labels_of(source)) == list(range(10))


def test_the_same_seed_gives_the_same_epochs_and_another_seed_others() -> None:
    first, same, other = (
        BatchSource(colourful(), "train", 8, train=True, augment=AUGMENT, seed=seed) for seed in (3, 3, 4)
    )
    for _ in range(2):
        drawn = pixels_of(first)
        assert torch.equal(drawn, pixels_of(same))
        assert not torch.equal(drawn, pixels_of(other))


def test_epochs_differ_and_each_can_be_had_on_its_own() -> None:
    source = BatchSource(colourful(), "train", 8, train=True, augment=AUGMENT)
    first, second = pixels_of(source), pixels_of(source)
    assert not torch.equal(first, second)
    later = BatchSource(colourful(), "train", 8, train=True, augment=AUGMENT)
    later.set_epoch(1)
    assert torch.equal(pixels_of(later), second)
    source.set_epoch(0)
    assert torch.equal(pixels_of(source), first)
    assert torch.equal(pixels_of(source), second)


def test_the_next_seed_does_not_repeat_this_seeds_next_epoch() -> None:
    source, neighbour = (BatchSource(numbered(30), "train", 30, train=True, seed=seed) for seed in (0, 1))
    source.set_epoch(1)
    assert labels_of(source) != labels_of(neighbour)


def test_an_iterator_that_is_never_used_does_not_count() -> None:
    source, other = (BatchSource(colourful(), "train", 8, train=True) for _ in range(2))
    iter(source)
    assert torch.equal(pixels_of(source), pixels_of(other))


def test_an_epoch_can_be_set_until_its_first_batch() -> None:
    source, other = (BatchSource(colourful(), "train", 8, train=True) for _ in range(2))
    iterator = iter(source)
    source.set_epoch(3)
    other.set_epoch(3)
    assert torch.equal(next(iterator)[0], next(iter(other))[0])


def test_an_epoch_left_early_does_not_disturb_the_next() -> None:
    whole, broken = (BatchSource(colourful(), "train", 8, train=True, augment=AUGMENT) for _ in range(2))
    pixels_of(whole)
    next(iter(broken))
    assert torch.equal(pixels_of(whole), pixels_of(broken))


@pytest.mark.parametrize("limit", [None, 0])
@settings(deadline=None, max_examples=25)
@given(st.integers(1, 40), st.integers(1, 12), st.integers(1, 3), st.integers(0, 4), st.data())
def test_an_epoch_can_be_begun_anywhere_and_goes_on_as_it_would_have(
    limit: int | None, n: int, batch: int, world: int, epoch: int, data: st.DataObject
) -> None:
    rank = data.draw(st.integers(0, world - 1))
    options: dict[str, Any] = {"train": True, "augment": EVERYTHING, "seed": 5, "rank": rank, "world": world}
    dataset = colourful(max(n, world))
    whole, resumed = (BatchSource(dataset, "train", batch, limit=limit, **options) for _ in range(2))
    begun = data.draw(st.integers(0, len(whole)))
    whole.set_epoch(epoch)
    expected = [*list(whole)[begun:], *whole]
    resumed.set_position(epoch, begun)
    produced = [*resumed, *resumed]
    assert len(produced) == len(expected) == 2 * len(whole) - begun
    for ours, theirs in zip(produced, expected, strict=True):
        assert torch.equal(ours[0], theirs[0])
        assert torch.equal(ours[1], theirs[1])


def test_a_position_can_be_set_until_the_first_batch() -> None:
    source, whole = (BatchSource(colourful(), "train", 8, train=True, augment=AUGMENT) for _ in range(2))
    whole.set_epoch(2)
    iterator = iter(source)
    source.set_position(2, 3)
    assert torch.equal(next(iterator)[0], list(whole)[3][0])


@pytest.mark.parametrize("batch", [-1, 6])
def test_a_position_that_the_epoch_does_not_have_is_refused(batch: int) -> None:
    source = BatchSource(colourful(), "train", 8, train=True)
    with pytest.raises(ConfigError, match=f"batch: there is no batch {batch} in an epoch of 5; go on with"):
        source.set_position(0, batch)


def test_no_two_batches_are_augmented_alike() -> None:
    dataset = colourful()
    dataset.splits["train"].images.copy_(random_images(1).images.expand(40, 3, 8, 8))
    drawn = [
        images for epoch in range(2) for images, _ in BatchSource(dataset, "train", 10, train=True, augment=AUGMENT)
    ]
    assert all(not torch.equal(one, other) for i, one in enumerate(drawn[:4]) for other in drawn[:i])


def test_alternating_flips_show_each_image_both_ways_in_two_epochs_whoever_gets_it() -> None:
    left = torch.zeros(60, 1, 4, 4, dtype=torch.uint8)
    left[..., 0] = 255
    split = Images(left, torch.arange(60))
    dataset = checked("left", {"train": split, "val": split}, [str(i) for i in range(60)])
    shown = []
    for epoch in range(4):
        seen = torch.full((60,), -1)
        for rank in range(2):
            source = BatchSource(
                dataset, "train", 7, train=True, augment=Augment(flip="alternating"), rank=rank, world=2
            )
            source.set_epoch(epoch)
            for images, labels in source:
                seen[labels] = (images[:, 0, 0, 0] < 0).long()
        shown.append(seen)
    for one, following in itertools.pairwise(shown):
        both = (one >= 0) & (following >= 0)
        assert both.sum() > 40
        assert torch.equal(one[both], 1 - following[both])
    assert 15 < (shown[0] == 1).sum() < 45


def test_mixed_labels_are_probabilities_and_evaluation_is_never_mixed() -> None:
    dataset = colourful()
    for _, labels in BatchSource(dataset, "train", 8, train=True, augment=Augment(mixup=0.2)):
        assert (labels.shape, labels.dtype) == ((8, 3), torch.float32)
        torch.testing.assert_close(labels.sum(1), torch.ones(8))
    for _, labels in BatchSource(dataset, "val", 8, augment=EVERYTHING):
        assert labels.dtype == torch.int64


def test_no_state_of_torchs_own_generator_is_used_or_changed() -> None:
    before = torch.get_rng_state()
    pixels_of(BatchSource(colourful(), "train", 8, train=True, augment=AUGMENT))
    assert torch.equal(torch.get_rng_state(), before)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 5), st.integers(0, 3))
def test_training_shares_are_disjoint_equal_and_cover_all_but_the_dropped_rest(
    n: int, batch: int, world: int, epoch: int
) -> None:
    if n < world:
        return
    dataset, shares = numbered(n), []
    for rank in range(world):
        source = BatchSource(dataset, "train", batch, train=True, rank=rank, world=world)
        source.set_epoch(epoch)
        sizes = [len(labels) for _, labels in source]
        source.set_epoch(epoch)
        shares.append(labels_of(source))
        assert len(sizes) == len(source) >= 1
        assert all(size == sizes[0] for size in sizes)
    drawn = [label for share in shares for label in share]
    assert len({len(share) for share in shares}) == 1
    assert len(drawn) == len(set(drawn))
    assert n - len(drawn) < world * batch


@settings(deadline=None, max_examples=40)
@given(st.integers(5, 60), st.integers(1, 20), st.integers(1, 5))
def test_evaluation_shares_are_disjoint_and_complete(n: int, batch: int, world: int) -> None:
    sources = [BatchSource(numbered(n), "val", batch, rank=rank, world=world) for rank in range(world)]
    assert [label for source in sources for label in labels_of(source)] == list(range(n))
    assert all(len(source) == len(list(source)) for source in sources)


def test_ranks_augment_differently() -> None:
    same = random_images(1).images.expand(40, 3, 8, 8).contiguous()
    dataset = colourful()
    dataset.splits["train"].images.copy_(same)
    first, second = (
        BatchSource(dataset, "train", 20, train=True, augment=AUGMENT, rank=rank, world=2) for rank in (0, 1)
    )
    assert not torch.equal(pixels_of(first), pixels_of(second))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_on_a_gpu_the_batches_are_made_there() -> None:
    source = BatchSource(colourful(), "train", 8, train=True, augment=AUGMENT, device="cuda")
    for images, labels in source:
        assert images.is_cuda
        assert labels.is_cuda
    evaluation = BatchSource(colourful(), "val", 4, device="cuda")
    torch.testing.assert_close(pixels_of(evaluation).cpu(), pixels_of(BatchSource(colourful(), "val", 4)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_on_a_gpu_resident_and_streamed_batches_are_the_same_and_those_of_the_cpu() -> None:
    resident, streamed, cpu = (
        BatchSource(colourful(400), "train", 8, train=True, augment=EVERYTHING, device=device, limit=limit)
        for device, limit in (("cuda", None), ("cuda", 0), ("cpu", None))
    )
    for here, sent, there in zip(resident, streamed, cpu, strict=True):
        assert all(torch.equal(*pair) for pair in zip(here, sent, strict=True))
        torch.testing.assert_close(here[1].cpu(), there[1])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch_size": 0}, "batch_size: 0 images; use at least 1"),
        ({"seed": -1}, "seed: -1 is negative"),
        ({"rank": 2, "world": 2}, r"rank: 2 of 2 processes; ranks are 0..1"),
        ({"augment": Augment(translate=8)}, "augment.translate: 8 pixels on images of 8x8"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BatchSource(colourful(), "train", **{"batch_size": 4, **values})


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(DataError, match="colourful: no split 'test'; there: train, val"):
        BatchSource(colourful(), "test", 4)


def test_fewer_images_than_processes_are_refused() -> None:
    for split in ("train", "val"):
        with pytest.raises(DataError, match=f"numbered, split {split}: 2 images are too few for 3 processes"):
            BatchSource(numbered(2), split, 4, train=split == "train", world=3)
