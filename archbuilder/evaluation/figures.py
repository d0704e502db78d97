"""From logits and labels to figures: accuracy with its interval, loss, classes, confusions, calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
BINS = 15
"""Of confidence, as in Guo et al. 2017."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Share:
    """How many of n images, as a fraction (0..1) with its 95% interval."""

    count: int
    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassFigures:
    """One class: the share of its images that were recognised, and what the others were mostly taken for.

    `accuracy` is None where it has no images; `taken_for` is the index of another class and how many images of
    this one were given to it, or None where there was no mistake.
    """

    accuracy: Share | None
    taken_for: tuple[int, int] | None


@dataclass(frozen=True)
class Bin:
    """The images whose confidence lies in (low, high]: how many, their mean confidence and their accuracy (0..1)."""

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True, eq=False)
class Figures:
    """All figures of one evaluation; `top5` is None up to five classes.

    `confusion` is int64 [K, K]: images of class i (row) that were taken for class j (column). `confidence` is the
    mean probability of the answers; `calibration_error` the expected calibration error over `bins`.
    """

    accuracy: Share
    top5: Share | None
    loss: float
    classes: tuple[ClassFigures, ...]
    confusion: Array
    confidence: float
    calibration_error: float
    bins: tuple[Bin, ...]


def figures(logits: Array, labels: Array) -> Figures:
    """Return the figures of finite logits [N, K] and integer labels [N] in 0..K-1, N at least 1."""
    logits = logits.astype(np.float64)
    classes = logits.shape[1]
    log_probabilities = _log_softmax(logits)
    answers, own = logits.argmax(1), np.arange(len(labels))
    confidence = np.exp(log_probabilities[own, answers])
    matrix = confusion(answers, labels, classes)
    bins = calibration_bins(confidence, answers == labels)
    return Figures(
        accuracy=top(logits, labels, 1),
        top5=top(logits, labels, 5) if classes > 5 else None,
        loss=float(-log_probabilities[own, labels].mean()),
        classes=tuple(_class_figures(row, i) for i, row in enumerate(matrix)),
        confusion=matrix,
        confidence=float(confidence.mean()),
        calibration_error=calibration_error(bins),
        bins=bins,
    )


def share(count: int, n: int) -> Share:
    """Return `count` of `n`, n at least 1, with Wilson's score interval (Wilson 1927) of 95%."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    value, total = count / n, n + z * z
    centre = (count + z * z / 2) / total
    half = z / total * math.sqrt(n * value * (1 - value) + z * z / 4)
    # At the ends the formula gives 0 and 1, but for rounding.
    low = 0.0 if count == 0 else centre - half
    high = 1.0 if count == n else centre + half
    return Share(count, n, value, low, high)


def top(logits: Array, labels: Array, k: int) -> Share:
    """Return the share of images whose label is among the k largest logits; of equal ones the first counts."""
    own = logits[np.arange(len(labels)), labels][:, None]
    earlier = np.arange(logits.shape[1]) < labels[:, None]
    ahead = (logits > own) | ((logits == own) & earlier)
    return share(int((ahead.sum(1) < k).sum()), len(labels))


def confusion(answers: Array, labels: Array, classes: int) -> Array:
    """Return int64 [K, K]: how many images of class i (row) were answered with class j (column)."""
    counts = np.bincount(labels * classes + answers, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def calibration_bins(confidence: Array, correct: Array) -> tuple[Bin, ...]:
    """Return 15 bins of equal width of the confidence [N], in (0, 1], with the accuracy of `correct` [N] in each."""
    edges = np.linspace(0, 1, BINS + 1)
    # Rounding may leave a probability a little above 1.
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, BINS - 1)
    made = []
    for i in range(BINS):
        inside = place == i
        n = int(inside.sum())
        means = (float(confidence[inside].mean()), float(correct[inside].mean())) if n else (None, None)
        made.append(Bin(float(edges[i]), float(edges[i + 1]), n, *means))
    return tuple(made)


def calibration_error(bins: tuple[Bin, ...]) -> float:
    """Return the expected calibration error (Guo et al. 2017): mean gap of confidence and accuracy, by images."""
    gaps = [
        each.n * abs(each.confidence - each.accuracy)
        for each in bins
        if each.confidence is not None and each.accuracy is not None
    ]
    return math.fsum(gaps) / sum(each.n for each in bins)


def _class_figures(row: Array, own: int) -> ClassFigures:
    n, right = int(row.sum()), int(row[own])
    wrong = row.copy()
    wrong[own] = 0
    other = int(wrong.argmax())
    return ClassFigures(share(right, n) if n else None, (other, int(wrong[other])) if n > right else None)


def _log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(1, keepdims=True)
    normalised: Array = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return normalised
