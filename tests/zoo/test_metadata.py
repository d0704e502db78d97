"""Metadata of a package are looked at before anything in them is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from archbuilder.errors import PackageError
from archbuilder.zoo.metadata import check_metadata
from archbuilder.zoo.preprocess import Preprocess
from tests.zoo.packages import metadata

PATH = Path("metadata.json")


@pytest.mark.parametrize(
    ("mean", "std"), [(0.5, 1e-45), (0.5, 5e-324), (0.5, 1e-39), (1e30, 1e-9), (-1e39, 1.0), (0.0, 2.9e-39)]
)
def test_pictures_that_would_overflow_are_refused(mean: float, std: float) -> None:
    told: dict[str, Any] = metadata(preprocessing={"shape": [1, 8, 8], "mean": [mean], "std": [std]})
    with pytest.raises(PackageError, match="a deviation so small that pixels overflow"):
        check_metadata(told, PATH)


@pytest.mark.parametrize(("mean", "std"), [(0.5, 1e-37), (1e37, 1.0), (0.0, 1e30), (0.5, 0.25)])
def test_what_is_loaded_prepares_every_pixel(mean: float, std: float) -> None:
    told = check_metadata(metadata(preprocessing={"shape": [1, 16, 16], "mean": [mean], "std": [std]}), PATH)
    levels = torch.arange(256, dtype=torch.uint8).view(1, 16, 16)
    assert Preprocess(**told["preprocessing"])(levels).isfinite().all()
