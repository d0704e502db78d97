"""That the weights of a run still give what its record says, on the images that it was evaluated on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archbuilder.data import load
from archbuilder.data.images import Dataset
from archbuilder.errors import ArchbuilderError, ConfigError, PackageError
from archbuilder.evaluation.choice import chosen_data
from archbuilder.evaluation.evaluate import BATCH
from archbuilder.evaluation.figures import Share, figures
from archbuilder.evaluation.logits import logits, pick_device
from archbuilder.evaluation.subject import Subject
from archbuilder.record import RECORD_FILE, WEIGHTS_FILE, Record, Result

PRECISION = "32-true"
CHANGED = 0.005
"""Share of answers that change from bfloat16 to 32 bits: measured with a ResNet-20 on 15,000 images of CIFAR-10."""
DEVIATIONS = 3
APART = "they do not belong together: train the run again with force=true"


def kept_weights(record: Record) -> str:
    """Return which weights a run's folder holds: the averaged ones where there are, else the raw ones."""
    kinds = [result.weights for result in record.results]
    if not kinds:
        raise PackageError(f"the record has no results, so that nothing tells whether its {WEIGHTS_FILE} are whole")
    # Those that count come last.
    return kinds[-1]


def load_data(subject: Subject, overrides: Sequence[str] = ()) -> Dataset:
    """Return the images that a run was trained on; `overrides`, such as `data.root=DIR`, say where they lie now.

    Raises ConfigError for overrides that do not fit, PackageError where the images cannot be had, or are others than
    then.
    """
    settings = chosen_data(subject.settings, overrides, trained_on=subject.data)
    how = "say where they lie with --data data.KEY=VALUE"
    try:
        dataset = load(settings)
    except ConfigError as error:
        if overrides:
            raise ConfigError(f"--data {error.where}", error.what) from None
        raise
    except ArchbuilderError as error:
        raise PackageError(
            f"{subject.path}: the images of {subject.data} cannot be had, and without them the weights cannot be "
            f"checked before they are packaged: {error}; {how}"
        ) from None
    if dataset.fingerprint != subject.fingerprint:
        raise PackageError(
            f"{subject.path}: the images of {dataset.name} are not those of the training (fingerprint "
            f"{dataset.fingerprint[:8]}, recorded {subject.fingerprint[:8]}); {how}"
        )
    return dataset


def reevaluate(subject: Subject, record: Record, dataset: Dataset) -> dict[str, Any]:
    """Return what the weights of a run give on every split that the record tells of, in 32 bits, single view.

    On the CPU, the accuracy of a training in 32 bits there must be met exactly, and the loss to within rounding; any
    other may differ by a few images, of which it is told how many may, and how many do. Raises PackageError where more
    do, or the loss is another.
    """
    on_cpu = record.training.device.startswith("cpu")
    exact = on_cpu and record.training.precision == PRECISION
    device = pick_device("cpu" if on_cpu else "auto")
    weights = kept_weights(record)
    splits = {}
    for result in record.results:
        if result.weights != weights:
            continue
        if result.split not in dataset.splits:
            raise PackageError(f"{subject.path / RECORD_FILE}: the data have no split '{result.split}'")
        content = dataset.splits[result.split]
        answers, _ = logits(subject, content, batch_size=BATCH, device=device)
        found = figures(answers, content.labels.numpy())
        allowed = 0 if exact else images_allowed(len(content))
        apart = _images_apart(result, found.accuracy)
        if apart > allowed:
            raise PackageError(_refusal(subject.path, record, result, found.accuracy, allowed))
        if not abs(found.loss - result.loss) <= loss_allowed(result.loss, exact):
            raise PackageError(
                f"{subject.path / WEIGHTS_FILE}: give a loss of {found.loss:.6g} on {result.split}, but {RECORD_FILE} "
                f"says {result.loss:.6g} for the {result.weights} weights; {APART}"
            )
        splits[result.split] = {
            "accuracy": found.accuracy.value,
            "loss": found.loss,
            "n": found.accuracy.n,
            "images_apart": apart,
            "images_allowed": allowed,
        }
    return {"weights": weights, "device": str(device), "precision": PRECISION, "splits": splits}


def loss_allowed(loss: float, exact: bool) -> float:
    """Return by how much a mean loss may differ: by rounding, that of other processors, or of a GPU or 16 bits."""
    return 1e-4 * loss + 1e-5 if exact else 0.02 * loss + 0.005


def images_allowed(n: int) -> int:
    """Return by how many of n images a count may differ where a GPU or 16 bits counted before.

    Some answers change with the rounding, for better or worse as by chance; this is three standard deviations of that.
    """
    return math.ceil(DEVIATIONS * math.sqrt(CHANGED * n))


def _images_apart(result: Result, found: Share) -> int:
    """Return by how many images a result differs from what was found; all of them where it is of other images."""
    if result.n != found.n:
        return max(result.n, found.n)
    recorded = result.accuracy * result.n
    # What is no share of so many images was not counted: it meets nothing exactly.
    return max(abs(round(recorded) - found.count), int(abs(recorded - round(recorded)) > 1e-6))


def _refusal(run: Path, record: Record, result: Result, found: Share, allowed: int) -> str:
    def told(accuracy: float, n: int) -> str:
        return f"{100 * accuracy:.2f}% ({round(accuracy * n):,} of {n:,})"

    others = [r for r in record.results if (r.split, r.n) == (result.split, found.n) and r.weights != result.weights]
    which = next((r.weights for r in others if round(r.accuracy * r.n) == found.count), "")
    return (
        f"{run / WEIGHTS_FILE}: give {told(found.value, found.n)} on {result.split}, but {RECORD_FILE} says "
        f"{told(result.accuracy, result.n)} for the {result.weights} weights"
        + (f" (it is what the record says of the {which} ones)" if which else "")
        + (f", and at most {allowed:,} of {found.n:,} images may be counted otherwise" if allowed else "")
        + f"; {APART}"
    )
