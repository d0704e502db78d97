"""The answers of a network to all images of a split."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from archbuilder.data.images import Images
from archbuilder.errors import ArchbuilderError, ConfigError

if TYPE_CHECKING:
    from archbuilder.evaluation.subject import Subject

Array = npt.NDArray[Any]


def pick_device(name: str) -> torch.device:
    """Return the device of that name, or with "auto" the best there is; raises ConfigError where it cannot be used."""
    if name == "auto":
        found = torch.accelerator.current_accelerator(check_available=True)
        return found or torch.device("cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    # What torch raises differs by device and build: RuntimeError, AssertionError, NotImplementedError.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError("device", f"'{name}' cannot be used here ({reason}); try auto or cpu") from None
    if device.type == "meta":
        raise ConfigError("device", "'meta' holds no numbers; try auto or cpu")
    return device


def logits(
    subject: Subject, split: Images, *, batch_size: int, device: torch.device, flips: bool = False
) -> tuple[Array, Array | None]:
    """Return float32 logits [N, K] of all images, single view, and with `flips` their mean with the mirror image's.

    Raises ArchbuilderError where an answer is not finite, ConfigError where the device has not the memory for a batch.
    """
    try:
        return _logits(subject, split, batch_size, device, flips)
    except torch.OutOfMemoryError:
        raise ConfigError("batch_size", f"{batch_size} images at once are too many for {device}; use fewer") from None


def _logits(
    subject: Subject, split: Images, batch_size: int, device: torch.device, flips: bool
) -> tuple[Array, Array | None]:
    form = torch.channels_last if subject.channels_last else torch.contiguous_format
    net, preprocess = subject.net.to(device).to(memory_format=form), subject.preprocess
    plain, both = [], []
    with torch.inference_mode():
        for start in _progress(len(split), batch_size):
            images = preprocess(split.images[start : start + batch_size].to(device)).contiguous(memory_format=form)
            made = net(images)
            plain.append(made.float().cpu())
            if flips:
                both.append(((made + net(images.flip(3).contiguous(memory_format=form))) / 2).float().cpu())
    return _finite(plain), _finite(both) if flips else None


def _progress(n: int, step: int) -> Any:
    """Return where each batch starts; in a terminal, a bar on standard error shows how far it is."""
    from rich.console import Console
    from rich.progress import track

    starts, shown = range(0, n, step), sys.stderr.isatty()
    return track(starts, "evaluating", console=Console(stderr=True), transient=True, disable=not shown)


def _finite(parts: list[torch.Tensor]) -> Array:
    answers: Array = torch.cat(parts).numpy()
    bad = int((~np.isfinite(answers).all(1)).sum())
    if bad:
        raise ArchbuilderError(
            f"the network's answers to {bad} of {len(answers)} images are not finite numbers, so there is nothing to "
            "count: its weights are damaged, or its training diverged"
        )
    return answers
