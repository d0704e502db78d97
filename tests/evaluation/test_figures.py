"""The figures agree with slow, plain references, with scikit-learn and scipy, and keep their laws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, log_loss, top_k_accuracy_score

from archbuilder.evaluation.figures import BINS, calibration_bins, calibration_error, confusion, figures, share, top

Array = NDArray[Any]


@st.composite
def answered(draw: st.DrawFn) -> tuple[Array, Array]:
    """Logits and labels of a few images; some logits equal, some labels never seen."""
    classes, n = draw(st.integers(1, 8)), draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    logits = random.normal(scale=draw(st.sampled_from([0.1, 3.0, 300.0])), size=(n, classes))
    if draw(st.booleans()):
        logits = logits.round()
    return logits.astype(np.float32), random.integers(0, classes, n)


def example(n: int = 500, classes: int = 10) -> tuple[Array, Array]:
    random = np.random.default_rng(3)
    labels = random.integers(0, classes, n)
    return random.normal(size=(n, classes)) + 2 * np.eye(classes)[labels], labels


@pytest.mark.parametrize(("count", "n"), [(0, 1), (1, 1), (0, 50), (50, 50), (1, 3), (353, 359), (9412, 10000)])
def test_the_interval_is_wilsons(count: int, n: int) -> None:
    made, known = share(count, n), binomtest(count, n).proportion_ci(method="wilson")
    assert (made.count, made.n, made.value) == (count, n, count / n)
    assert (made.low, made.high) == pytest.approx((known.low, known.high), abs=1e-12)


@given(st.integers(1, 10**6).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_value_and_stays_between_0_and_1(pair: tuple[int, int]) -> None:
    made = share(*pair)
    assert 0 <= made.low <= made.value <= made.high <= 1
    assert made.low < made.high


def test_loss_accuracy_top5_and_confusions_are_scikit_learns() -> None:
    logits, labels = example()
    made = figures(logits, labels)
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert made.loss == pytest.approx(log_loss(labels, probabilities, labels=range(10)))
    assert made.accuracy.value == np.mean(logits.argmax(1) == labels)
    assert made.top5 is not None
    assert made.top5.value == top_k_accuracy_score(labels, logits, k=5)
    assert made.accuracy.value < made.top5.value < 1
    assert np.array_equal(made.confusion, confusion_matrix(labels, logits.argmax(1)))
    assert made.confidence == pytest.approx(probabilities.max(1).mean())


def test_top5_is_left_out_where_five_classes_are_all() -> None:
    assert figures(*example(classes=5)).top5 is None
    assert figures(*example(classes=6)).top5 is not None


def test_of_equal_logits_the_first_counts_as_the_larger() -> None:
    logits, labels = np.zeros((7, 7)), np.arange(7)
    assert top(logits, labels, 1).count == 1
    assert top(logits, labels, 5).count == 5


def test_each_class_has_its_accuracy_and_its_most_frequent_confusion() -> None:
    answers = np.array([0, 0, 1, 2, 2, 1, 1])
    labels = np.array([0, 0, 0, 0, 0, 1, 1])
    logits = np.eye(4)[answers]
    first, second, third, fourth = figures(logits, labels).classes
    assert first.accuracy == share(2, 5)
    assert first.taken_for == (2, 2)
    assert second.accuracy == share(2, 2)
    assert second.taken_for is None
    assert third.accuracy is None, "a class without images has no accuracy"
    assert fourth.taken_for is None


def slow_error(confidence: Array, correct: Array) -> float:
    """Guo et al. 2017, equations 2 and 3, bin by bin with loops."""
    total = 0.0
    for m in range(1, 16):
        inside = [i for i, value in enumerate(confidence) if (m - 1) / 15 < value <= m / 15]
        if inside:
            accuracy = sum(bool(correct[i]) for i in inside) / len(inside)
            mean = sum(float(confidence[i]) for i in inside) / len(inside)
            total += len(inside) / len(confidence) * abs(accuracy - mean)
    return total


def test_the_calibration_error_is_that_of_the_definition() -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(0.01, 1, 1000)
    correct = random.uniform(size=1000) < confidence**2
    made = calibration_error(calibration_bins(confidence, correct))
    assert made == pytest.approx(slow_error(confidence, correct))
    assert 0.1 < made < 0.3


def test_a_bin_is_open_below_and_closed_above() -> None:
    bins = calibration_bins(np.array([1 / 15, 0.2, 1.0]), np.array([True, False, True]))
    assert [place for place, each in enumerate(bins) if each.n] == [0, 2, 14]
    assert [bins[0].low, bins[0].high, bins[-1].high] == pytest.approx([0, 1 / 15, 1])
    assert bins[1].accuracy is None
    assert len(bins) == BINS == 15


def test_confident_and_always_wrong_is_an_error_of_one_and_honest_doubt_of_none() -> None:
    sure = np.ones(20)
    assert calibration_error(calibration_bins(sure, np.zeros(20, dtype=bool))) == 1
    assert calibration_error(calibration_bins(sure, np.ones(20, dtype=bool))) == 0
    # Of 20 answers given with 75%, 15 are right; of 10 with 50%, 5.
    confidence = np.array([0.75] * 20 + [0.5] * 10)
    correct = np.array([True] * 15 + [False] * 5 + [True, False] * 5)
    assert calibration_error(calibration_bins(confidence, correct)) == 0


def test_a_perfectly_calibrated_network_has_no_error_and_its_logits_are_read_as_probabilities() -> None:
    # Three classes, answered with 60%, and right in 6 of 10.
    logits = np.log(np.tile([0.6, 0.3, 0.1], (10, 1)))
    made = figures(logits, np.array([0] * 6 + [1] * 3 + [2]))
    assert made.calibration_error == pytest.approx(0, abs=1e-12)
    assert made.confidence == pytest.approx(0.6)
    assert made.loss == pytest.approx(-(0.6 * math.log(0.6) + 0.3 * math.log(0.3) + 0.1 * math.log(0.1)))


@given(answered())
def test_laws_of_all_figures(case: tuple[Array, Array]) -> None:
    logits, labels = case
    n, classes = logits.shape
    made = figures(logits, labels)
    assert made.confusion.shape == (classes, classes)
    assert made.confusion.sum() == n
    assert np.array_equal(made.confusion.sum(1), np.bincount(labels, minlength=classes))
    assert made.accuracy.value == made.confusion.trace() / n
    assert made.accuracy.value == np.mean(logits.argmax(1) == labels)
    assert sum(each.accuracy.count for each in made.classes if each.accuracy) == made.accuracy.count
    assert sum(each.n for each in made.bins) == n
    assert 0 <= made.calibration_error <= 1
    assert 1 / classes <= made.confidence + 1e-9 <= 1 + 2e-9
    assert made.loss >= 0
    if made.top5:
        assert made.top5.count >= made.accuracy.count
    for own, each in enumerate(made.classes):
        if each.taken_for:
            other, count = each.taken_for
            assert other != own
            assert count == max(np.delete(made.confusion[own], own)) > 0


@given(answered(), st.randoms(use_true_random=False))
def test_the_order_of_the_images_does_not_matter(case: tuple[Array, Array], random: Any) -> None:
    logits, labels = case
    order = list(range(len(labels)))
    random.shuffle(order)
    one, other = figures(logits, labels), figures(logits[order], labels[order])
    assert one.accuracy == other.accuracy
    assert one.classes == other.classes
    assert one.loss == pytest.approx(other.loss)
    assert one.calibration_error == pytest.approx(other.calibration_error, abs=1e-9)


def test_confusion_counts_rows_by_label_and_columns_by_answer() -> None:
    assert confusion(np.array([1, 1, 0]), np.array([0, 0, 1]), 2).tolist() == [[0, 2], [1, 0]]
