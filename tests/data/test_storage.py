from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder.data.batches import BatchSource
from archbuilder.data.images import checked
from archbuilder.data.storage import Storage, _bytes
from tests.data.examples import random_images


def test_on_the_cpu_images_stay_where_they_are_without_a_copy() -> None:
    content = random_images(10)
    storage = Storage(content, "cpu")
    assert storage.images.data_ptr() == content.images.data_ptr()
    assert storage.where == "resident on cpu (1.9 kB)"


def test_what_is_larger_than_the_limit_is_streamed_and_says_so() -> None:
    content = random_images(10)
    assert Storage(content, "cpu", 1920).where == "resident on cpu (1.9 kB)"
    assert Storage(content, "cpu", 1919).where == "streamed to cpu (1.9 kB, more than the limit of 1.9 kB)"
    dataset = checked("d", {"train": content, "val": content}, ["a", "b", "c"])
    assert BatchSource(dataset, "val", 4, limit=0).where == "streamed to cpu (1.9 kB, more than the limit of 0 B)"


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6), max_size=5))
def test_streamed_chunks_are_the_resident_ones_in_the_same_order(places: list[list[int]]) -> None:
    content = random_images(10)
    chosen = [torch.tensor(part) for part in places]
    resident, streamed = (list(Storage(content, "cpu", limit).chunks(chosen)) for limit in (None, 0))
    assert len(resident) == len(streamed) == len(places)
    for part, here, sent in zip(chosen, resident, streamed, strict=True):
        for ours in (here, sent):
            assert torch.equal(ours[0], content.images[part])
            assert torch.equal(ours[1], content.labels[part])


def test_the_next_chunk_is_sent_before_this_one_is_used_and_no_more() -> None:
    asked = []

    def places() -> object:
        for i in range(4):
            asked.append(i)
            yield torch.tensor([i])

    chunks = Storage(random_images(10), "cpu", 0).chunks(places())  # type: ignore[arg-type]
    assert asked == []
    next(chunks)
    assert asked == [0, 1]
    next(chunks)
    assert asked == [0, 1, 2]


def test_on_a_gpu_half_of_the_free_memory_is_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    from archbuilder.data.storage import _too_large

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10_000_000_000, 20_000_000_000))
    device = torch.device("cuda:0")
    assert _too_large(5_000_000_000, device, None) == ""
    assert _too_large(5_000_000_001, device, None) == "more than 50% of the 10 GB free there"
    assert _too_large(5_000_000_001, device, 6_000_000_000) == "", "a limit that is given counts alone"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (153_600_000, "154 MB"), (12_345_678_901, "12 GB")],
)
def test_sizes_for_people(count: int, text: str) -> None:
    assert _bytes(count) == text
