"""Out of memory: told with a batch that fits."""

from __future__ import annotations

import gc

import torch

from archbuilder.errors import TrainingError
from archbuilder.training.datamodule import EVALUATION_BATCH, EVALUATION_TIMES, Batches
from archbuilder.training.module import Classifier

# How torch, the libraries below it and C++ say on the CPU that there is no more.
_WORDS = ("can't allocate memory", "could not create a primitive", "could not create a memory", "bad_alloc")


# How torch says that a norm in training has nothing to take a deviation of.
ONE_VALUE = "Expected more than 1 value per channel"


def is_out_of_memory(error: RuntimeError) -> bool:
    """Tell whether torch ran out of memory, on a GPU or on the CPU."""
    return isinstance(error, torch.OutOfMemoryError) or any(word in str(error) for word in _WORDS)


def out_of_memory(module: Classifier, batches: Batches) -> TrainingError:
    """Return what to tell: the first half, quarter, ... of the batch for which one step fits, if any."""
    device = _device(batches)
    size = batches.batch_size // 2
    while size >= 1 and not _fits(module, batches, size, device):
        size //= 2
    advice = (
        f"batch_size={size} fits, with trainer.accumulate_grad_batches={batches.batch_size // size} for the same steps"
        if size
        else "no smaller batch fits: use a smaller network or smaller images"
    )
    return TrainingError(f"{_place(device)} has too little memory for batch_size={batches.batch_size}; {advice}")


def too_little_to_evaluate(batches: Batches) -> TrainingError:
    """Return what to tell where an evaluation did not fit."""
    return TrainingError(
        f"{_place(_device(batches))} has too little memory to evaluate {batches.evaluation_batch} images at once; use "
        f"a smaller batch_size: evaluation takes {EVALUATION_TIMES} times as many, up to {EVALUATION_BATCH}"
    )


def _device(batches: Batches) -> torch.device:
    return batches.train.device if batches.train is not None else torch.device("cpu")


def _place(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "this machine"


def _fits(module: Classifier, batches: Batches, size: int, device: torch.device) -> bool:
    """Tell whether a step with so many images goes through."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    try:
        net = module.net.to(device).train()
        made = net(torch.zeros(size, *batches.dataset.shape, device=device))
        outputs = made if isinstance(made, tuple) else (made,)
        torch.stack([output.float().sum() for output in outputs]).sum().backward()  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return False
    except ValueError as error:
        if ONE_VALUE not in str(error):
            raise
        return False
    finally:
        module.zero_grad(set_to_none=True)
    return True
