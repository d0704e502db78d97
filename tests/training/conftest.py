"""What several tests of the training need."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from archbuilder.training.module import Classifier


@pytest.fixture
def stop_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A list of steps, counted over all sittings, during which the process is sent SIGTERM."""
    wanted: list[int] = []
    real = Classifier.training_step

    def step(self: Classifier, batch: Any) -> torch.Tensor:
        if self.trainer.global_step + 1 in wanted:
            wanted.remove(self.trainer.global_step + 1)
            os.kill(os.getpid(), signal.SIGTERM)
        return real(self, batch)

    monkeypatch.setattr(Classifier, "training_step", step)
    yield wanted
    assert not wanted
