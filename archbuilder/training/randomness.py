"""The state of all random numbers that a network may draw, as plain data and tensors."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def mixed(seed: int, rank: int) -> int:
    """Return a seed for one of several processes: not their sum, which would be the next seed's."""
    return int(np.random.SeedSequence([seed, rank]).generate_state(1)[0])


def random_state() -> dict[str, Any]:
    """Return the state of torch's (CPU and every GPU), numpy's and Python's generators."""
    kind, keys, position, has_gauss, gauss = np.random.get_state()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [str(kind), torch.from_numpy(np.array(keys).astype(np.int64)), position, has_gauss, gauss],
        "python": [list(part) if isinstance(part, tuple) else part for part in random.getstate()],
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Put everything back that `random_state` returned; GPUs that are not there are left out."""
    torch.set_rng_state(state["torch"])
    for index, one in enumerate(state["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(one, index)
    kind, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, gauss))
    version, inner, last = state["python"]
    random.setstate((version, tuple(inner), last))
