"""One evaluation from end to end: read the network, choose the data, run, count, and say what to know about it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from archbuilder.errors import ConfigError, DataError, suggestion
from archbuilder.evaluation.choice import chosen_data
from archbuilder.evaluation.figures import Array, Share, figures, top
from archbuilder.evaluation.report import Evaluation, percent

if TYPE_CHECKING:
    from archbuilder.data.images import Dataset
    from archbuilder.evaluation.subject import Subject
    from archbuilder.record import Result

BATCH = 512
"""As training evaluates; the figure does not change a result."""


def evaluate(
    path: str | Path,
    overrides: Sequence[str] = (),
    *,
    split: str = "val",
    flips: bool = False,
    batch_size: int = BATCH,
    device: str = "auto",
    config_dir: str | Path | None = None,
) -> Evaluation:
    """Evaluate a finished run's folder or a package on one split of data.

    Without overrides it is the data of the run; `data=NAME data.KEY=VALUE` chooses another, and must for a package.
    Images are prepared with the mean and deviation of the training, whatever the data. With `flips`, the accuracy
    of logits averaged over each image and its mirror image comes as a figure of its own. Raises ArchbuilderError.
    """
    from archbuilder.data import load
    from archbuilder.evaluation.fit import check_shape, class_order
    from archbuilder.evaluation.logits import logits, pick_device
    from archbuilder.evaluation.subject import read_subject

    if batch_size < 1:
        raise ConfigError("batch_size", f"{batch_size} images; use at least 1")
    subject = read_subject(Path(path))
    own_choices = Path(config_dir) if config_dir else None
    settings = chosen_data(subject.settings, overrides, own_choices, trained_on=subject.data)
    place = pick_device(device)
    dataset = load(settings)
    if split not in dataset.splits:
        raise DataError(f"{dataset.name}: no split '{split}'; {suggestion(split, dataset.splits, 'there')}")
    check_shape(subject.preprocess, dataset.name, dataset.shape, settings)
    order = class_order(subject.labels, dataset.labels, dataset.name, settings)
    content = dataset.splits[split]
    answers, mirrored = logits(subject, content, batch_size=batch_size, device=place, flips=flips)
    labels: Array = np.array(order)[content.labels.numpy()]
    found = figures(answers, labels)
    known = subject.fingerprint == dataset.fingerprint
    recorded = tuple(result for result in subject.results if known and result.split == split)
    moved = order != list(range(len(order)))
    return Evaluation(
        path=subject.path,
        kind=subject.kind,
        network=subject.name,
        data=dataset.name,
        fingerprint=dataset.fingerprint,
        trained_on=(subject.data, subject.fingerprint),
        split=split,
        labels=tuple(subject.labels),
        device=str(place),
        figures=found,
        flips=None if mirrored is None else top(mirrored, labels, 1),
        recorded=recorded,
        notes=(
            *_data_notes(subject, dataset, split, own=not overrides),
            *(["The data has the classes in another order: they were matched by name."] if moved else []),
            *_record_notes(subject, recorded, found.accuracy, str(place)),
        ),
    )


def _data_notes(subject: Subject, dataset: Dataset, split: str, own: bool) -> list[str]:
    """Return how the data stands to that of the training, where a reader of the figures must know."""
    if subject.fingerprint == dataset.fingerprint:
        if split == "train":
            return ["The network was trained on these very images: this does not tell how it does on others."]
        return []
    if not subject.fingerprint:
        return ["Which images the network was trained on is not known: some of these may be among them."]
    prints = f"fingerprint {dataset.fingerprint[:8]}, recorded {subject.fingerprint[:8]}"
    if own:
        return [f"The data has changed since the training ({prints}): what was recorded then is of other images."]
    return [
        f"This is not the data of the training, {subject.data} ({prints}): if the two share images, the network may "
        "have been trained on some of these."
    ]


def _record_notes(subject: Subject, recorded: Sequence[Result], measured: Share, device: str) -> list[str]:
    """Return that what was recorded for the same images is not what was measured, where that is so."""
    if not recorded or any(result.accuracy == measured.value and result.n == measured.n for result in recorded):
        return []
    told = ", ".join(f"{percent(result.accuracy)} ({result.weights} weights, n={result.n:,})" for result in recorded)
    gap = min(abs(round(result.accuracy * measured.n) - measured.count) for result in recorded)
    then = f"; then on {subject.circumstances}, now on {device}" if subject.circumstances else ""
    return [f"The record says {told}, measured is {percent(measured.value)}: {gap:,} of {measured.n:,} images{then}."]
