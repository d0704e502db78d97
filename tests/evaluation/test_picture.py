"""The confusion matrix is drawn readably from one class to a thousand, and takes any name."""

from __future__ import annotations

import io

import matplotlib.image
import numpy as np
import pytest

from archbuilder.evaluation.picture import DPI, LARGEST, draw

LONG = "a very long name of a class with many words in it number"


def pixels(content: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    image = matplotlib.image.imread(io.BytesIO(content), format="png")
    return np.asarray(image)[..., :3]


def drawn(classes: int, label: str = "class") -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    confusion = np.eye(classes, dtype=np.int64) * 900 + 3
    return pixels(draw(confusion, [f"{label} {i}" for i in range(classes)], "net on data, split val"))


@pytest.mark.parametrize(("classes", "label"), [(1, "class"), (2, LONG), (10, LONG), (100, "class"), (100, LONG)])
def test_nothing_touches_the_edge_and_the_picture_is_not_larger_than_it_need_be(classes: int, label: str) -> None:
    made = drawn(classes, label)
    frame = np.concatenate([made[0], made[-1], made[:, 0], made[:, -1]])
    assert (frame == 1).all(), "a white frame: no name is cut off"
    assert made.std() > 0.05
    assert max(made.shape) < (LARGEST + 5) * DPI


def test_the_matrix_grows_with_its_classes_up_to_a_limit() -> None:
    sides = [drawn(classes).shape[0] for classes in (2, 10, 20, 400)]
    assert sides == sorted(set(sides))
    assert sides[-1] < (LARGEST + 3) * DPI


def test_a_rare_confusion_can_be_seen_where_cells_hold_no_counts() -> None:
    confusion = np.eye(40, dtype=np.int64) * 100
    names = [str(i) for i in range(40)]
    before = pixels(draw(confusion, names, "t"))
    confusion[10, 30] = 2
    after = pixels(draw(confusion, names, "t"))
    assert np.abs(before - after).max() > 0.08


def test_a_class_without_images_is_grey_not_white() -> None:
    confusion = np.array([[5, 0], [0, 0]])
    made = pixels(draw(confusion, ["a", "b"], "t"))
    grey = np.isclose(made, 0xDD / 255, atol=0.01).all(-1)
    assert grey.mean() > 0.1


def test_dollars_and_line_breaks_in_names_are_only_letters(recwarn: pytest.WarningsRecorder) -> None:
    draw(np.eye(2, dtype=np.int64), ["$x_1", "two\nlines $y$"], "costs $5 & {more}_$")
    assert not [str(w.message) for w in recwarn if "mathtext" in str(w.message)]
