"""Options with which a benchmark would have nothing to measure are refused."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from benchmarks import input_source, reduction, training


@pytest.mark.parametrize(
    ("benchmark", "options", "told"),
    [
        (training, ["--epochs", "1"], "--epochs: the first one is not counted; use 2 or more"),
        (training, ["--images", "300", "--batch", "512"], "--images: a batch has 512; use as many or more"),
        (reduction, ["--rounds", "0"], "--batch, --rounds: nothing would be measured; use at least 1"),
        (reduction, ["--batch", "0"], "--batch, --rounds: nothing would be measured; use at least 1"),
        (input_source, ["--images", "300"], "--images: a batch has 512; use as many or more"),
    ],
)
def test_what_would_measure_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    benchmark: ModuleType,
    options: list[str],
    told: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmark", *options])
    with pytest.raises(SystemExit):
        benchmark.main()
    assert told in capsys.readouterr().err
